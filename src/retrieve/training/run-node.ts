/**
 * Training a retriever and a ranker: DPR's warm-up, rankers over mined candidates, distillation, and AR2's loop, in which
 * the ranker learns to tell the right passage from what the retriever finds, and the retriever from the ranker.
 */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, writeFileSafely } from "../../base/files-node.ts";
import { randomAt, shuffle } from "../../base/rng.ts";
import { fail } from "../../errors.ts";
import type { NdArray } from "../../graph/array.ts";
import { latestCheckpoint, listCheckpoints, removeLeftovers, saveCheckpoint } from "../../learn/checkpoint-node.ts";
import { openMetrics } from "../../learn/metrics-node.ts";
import { openRunFolder } from "../../learn/run-folder-node.ts";
import { writeCheckpoint } from "../../weights/safetensors-node.ts";
import { openJudged } from "../evaluation/judged-node.ts";
import type { RetrieverConfig } from "./config.ts";
import { type Learner, openRankerToTrain, openRetriever } from "./models-node.ts";
import type { OutputTrainer } from "./outputs.ts";
import { createStage, type Side, type StageRow, type StageRun } from "./stage-node.ts";

/** A row of metrics.jsonl: `ranker` is 1 for its steps. */
const numbersOf = ({ stage, ...numbers }: StageRow) => ({ ...numbers, ranker: Number(stage === "ranker") });

export type Stage = "warmup" | "mine" | "ranker" | "distil" | "ar2";

export interface StageResult {
  readonly retriever?: string;
  readonly ranker?: string;
  readonly mined?: string;
  readonly loss?: number;
}

const need = (value: string | undefined, key: string, why: string): string =>
  value ?? fail("bad_input", `"${key}" is missing: ${why}`, { hint: "docs/search.md lists every key" });

/** What decides a stage's steps. */
function identityOf(
  stage: Stage,
  { save_every: _, threads: __, part: ___, out: ____, ...rest }: RetrieverConfig,
): string {
  return createHash("sha256")
    .update(JSON.stringify([stage, rest]))
    .digest("hex")
    .slice(0, 16);
}

/**
 * Do a stage as its configuration says; folders that are made are `out` itself, of ar2 and distil `out/retriever` and
 * `out/ranker`. A run that was stopped goes on bit for bit as if it had not been: of ar2 after its last whole iteration.
 * @throws bad_input, not_found, corrupt_file, interrupted; bad_input also where nothing is learnt
 */
export async function trainStage(stage: Stage, c: RetrieverConfig, run: StageRun = {}): Promise<StageResult> {
  const { resume = false, signal, events = {}, now = Date.now } = run;
  const { out } = c;
  const data = await openJudged(c.data, c.split);
  for (const warning of data.warnings) events.warned?.(warning);
  const judged = [...data.judgements.keys()];
  const order = shuffle(
    judged.map((_, i) => i),
    randomAt(c.seed, 0, 5),
  );
  const ids = order.slice(0, c.questions ?? order.length).map((i) => judged[i]!);
  const kit = createStage(c, data, ids, run);
  makeFolder(out);
  await using _folder = await openRunFolder(out, { signal });
  const identity = identityOf(stage, c);
  const existing = await listCheckpoints(out);
  if (existing.length > 0 && !resume) {
    fail("bad_input", `there is a training in this folder already (step ${existing[0]})`, {
      where: out,
      hint: "add --resume, or give another out folder",
    });
  }
  await removeLeftovers(out);
  const checkpoint = resume ? await latestCheckpoint(out, identity) : undefined;
  const batch = Math.min(c.batch, ids.length);
  const retriever =
    stage === "ranker" && c.model === undefined
      ? undefined
      : await openRetriever(need(c.model, "model", "the retriever to start from"));
  const takesRanker = stage === "ranker" || stage === "distil" || stage === "ar2";
  const ranker = takesRanker
    ? await openRankerToTrain(need(c.ranker, "ranker", "the ranker to start from"), c.seed)
    : undefined;
  const negatives = c.negatives ?? (stage === "warmup" ? 1 : 7);
  if (takesRanker && negatives < 1) fail("bad_input", `"negatives" is ${negatives}: a list needs one or more`);
  const given = data.negatives && (stage === "warmup" || stage === "ranker") ? "given" : undefined;
  const source = c.mining.source ?? given ?? (stage === "warmup" || !retriever ? "bm25" : "dense");

  const opened: OutputTrainer[] = [];
  const trainerOf = async (learner: Learner, texts: number, salt: number) => {
    const made = await kit.trainerOf(learner, texts, salt);
    opened.push(made);
    return made;
  };
  const pairs = batch * (1 + negatives);
  const own = retriever && { learner: retriever, trainer: await trainerOf(retriever, batch + pairs, 1) };
  const other = ranker && { learner: ranker, trainer: await trainerOf(ranker, pairs, 2) };
  const sides = [
    ["retriever", own],
    ["ranker", other],
  ] as const;

  /** Both models' weights and states under one name each. */
  const joined = (part: "values" | "state") =>
    new Map(
      sides.flatMap(([name, side]) =>
        side ? [...side.trainer.trainer[part]].map(([key, value]): [string, NdArray] => [`${name}:${key}`, value]) : [],
      ),
    );
  // What a stage learns from is found by the models that it starts with, also when it goes on later.
  const begin = stage === "warmup" || stage === "ranker" ? await kit.mine(negatives, source, 0, own) : [];
  if (checkpoint) {
    for (const [name, side] of sides) {
      if (!side) continue;
      const mine = (map: ReadonlyMap<string, NdArray>) =>
        new Map(
          [...map]
            .filter(([key]) => key.startsWith(`${name}:`))
            .map(([key, value]) => [key.slice(name.length + 1), value]),
        );
      for (const [key, value] of mine(checkpoint.values))
        (side.trainer.trainer.values.get(key)!.data as Float32Array).set(value.data as Float32Array);
      // Steps of each are kept in the two numbers of a checkpoint.
      side.trainer.trainer.restore(
        mine(checkpoint.optimizer),
        name === "retriever" ? checkpoint.position : checkpoint.tokens,
      );
    }
  }
  const done = () => ({ position: own?.trainer.trainer.steps ?? 0, tokens: other?.trainer.trainer.steps ?? 0 });
  await using metrics = await openMetrics(out, checkpoint?.step ?? 0, now);
  let base = 0;
  const row = (one: StageRow) => metrics.write({ ...numbersOf(one), step: base + one.step });
  const save = async (step: number) => {
    await metrics.flush();
    await saveCheckpoint(
      out,
      { step, ...done(), fingerprint: identity },
      joined("state"),
      async (draft) => void (await writeCheckpoint(draft, joined("values"))),
    );
  };
  const finish = async () => {
    for (const step of await listCheckpoints(out))
      rmSync(join(out, `checkpoint-${step}`), { recursive: true, force: true });
  };

  /** All steps of one model, which is written where the run's folder is; gives the loss. */
  async function alone(
    name: "retriever" | "ranker",
    { learner, trainer }: Side,
    { step, program }: Awaited<ReturnType<typeof kit.ranking>>,
    how: { readonly lr: number; readonly candidates: number; readonly salt: number },
  ): Promise<number> {
    await using _program = program;
    const steps = { from: trainer.trainer.steps, to: c.steps, total: c.steps };
    const loss = await kit.steps({ stage: name, trainer, ...steps, ...how, mined: begin, step, row, save });
    await learner.save(out);
    await finish();
    return loss;
  }

  try {
    if (stage === "mine") {
      const mined = await kit.mine(negatives, source, 0, own);
      if (c.mining.format === "dpr") {
        const { dprJson } = await import("../evaluation/dpr-json-node.ts");
        const path = join(out, "mined.json");
        await writeFileSafely(path, dprJson(data, mined));
        return { mined: path };
      }
      const path = join(out, "mined.jsonl");
      const idsOf = (rows: readonly number[]) => rows.map((at) => data.corpus[at]!.id);
      const lines = mined.map((one) =>
        JSON.stringify({
          query_id: one.question,
          query_text: one.text,
          positive_document_ids: idsOf(one.positives),
          negative_document_ids: idsOf(one.negatives),
        }),
      );
      await writeFileSafely(path, `${lines.join("\n")}\n`);
      return { mined: path };
    }
    if (stage === "warmup") {
      const step = await kit.contrastive(own!.learner, own!.trainer, negatives);
      return { retriever: out, loss: await alone("retriever", own!, step, { lr: c.lr, candidates: pairs, salt: 1 }) };
    }
    if (stage === "ranker") {
      const step = await kit.ranking(other!.learner, other!.trainer, negatives);
      const how = { lr: c.ranker_lr, candidates: 1 + negatives, salt: 2 };
      return { ranker: out, loss: await alone("ranker", other!, step, how) };
    }
    const iterations = stage === "distil" ? 1 : c.iterations;
    const perIteration =
      stage === "distil" ? { ranker: 0, retriever: c.steps } : { ranker: c.ranker_steps, retriever: c.steps };
    const listing = await kit.listwise(own!.learner, own!.trainer, other!, negatives);
    const ranking = await kit.ranking(other!.learner, other!.trainer, negatives);
    let loss = Number.NaN;
    const begun = Math.floor(own!.trainer.trainer.steps / perIteration.retriever);
    for (let iteration = begun; iteration < iterations; iteration++) {
      const mined = await kit.mine(negatives, source, iteration, own);
      const at = (name: "ranker" | "retriever") => ({
        from: iteration * perIteration[name],
        to: (iteration + 1) * perIteration[name],
        total: iterations * perIteration[name],
      });
      base = iteration * perIteration.retriever;
      await kit.steps({
        stage: "ranker",
        trainer: other!.trainer,
        ...at("ranker"),
        lr: c.ranker_lr,
        mined,
        candidates: 1 + negatives,
        salt: 2,
        step: ranking.step,
        row,
      });
      await kit.accuracies(mined, negatives, own!, other!);
      base = (iteration + 1) * perIteration.ranker;
      loss = await kit.steps({
        stage: "retriever",
        trainer: own!.trainer,
        ...at("retriever"),
        lr: c.lr,
        mined,
        candidates: 1 + negatives,
        salt: 1,
        step: listing.step,
        row,
      });
      await save((iteration + 1) * (perIteration.ranker + perIteration.retriever));
    }
    for (const program of listing.programs.values()) await (await program)[Symbol.asyncDispose]();
    await ranking.program[Symbol.asyncDispose]();
    const [retrieverOut, rankerOut] = [join(out, "retriever"), join(out, "ranker")];
    await own!.learner.save(retrieverOut);
    await other!.learner.save(rankerOut);
    await finish();
    return { retriever: retrieverOut, ranker: rankerOut, loss };
  } finally {
    for (const trainer of opened) await trainer[Symbol.asyncDispose]();
  }
}

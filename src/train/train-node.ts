/** Training from a configuration to a model folder: files, resuming, metrics. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { makeFolder, writeFileSafely } from "../base/files-node.ts";
import { fail } from "../errors.ts";
import { countOf } from "../graph/array.ts";
import type { Graph } from "../graph/graph.ts";
import { latestCheckpoint, listCheckpoints, removeLeftovers, saveCheckpoint } from "../learn/checkpoint-node.ts";
import { type StepMetrics, trainLoop } from "../learn/loop.ts";
import { openMetrics } from "../learn/metrics-node.ts";
import { openRunFolder } from "../learn/run-folder-node.ts";
import { scheduleFactor } from "../learn/schedules.ts";
import { createTrainer } from "../learn/trainer.ts";
import type { MixtureSettings } from "../prompts/open-mixture-node.ts";
import { compile } from "../runtime/compile-node.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { writeCheckpoint } from "../weights/safetensors-node.ts";
import type { TrainingConfig } from "./config.ts";
import { openTrainingData, type TrainingData } from "./data-node.ts";
import { heldOutLoss } from "./held-out.ts";
import { freshValues, groupOf, optimizerOf, trainingModel } from "./model.ts";
import { loaded, openStart, type Start, startingEmbeddings } from "./start-node.ts";

export interface TrainEvents {
  /** Once, before the first step. */
  started?(info: {
    parameters: number;
    trained: number;
    rows: number;
    skipped: number;
    mixture: TrainingData["mixture"];
    step: number;
    steps: number;
  }): void;
  step?(metrics: StepMetrics & { readonly total: number }): void;
  evaluated?(row: { readonly step: number; readonly eval_loss: number }): void;
  saved?(path: string): void;
}

export interface TrainOptions {
  /** Continue from the latest checkpoint in the run's folder. */
  resume?: boolean;
  signal?: AbortSignal | undefined;
  events?: TrainEvents;
  now?: () => number;
  /** What a mixture needs besides its file. */
  mixture?: MixtureSettings;
}

export interface Trained {
  /** The model's folder. */
  readonly model: string;
  readonly steps: number;
  /** Running mean. */
  readonly loss: number;
  /** Examples this life of the run left out or cut because of their length, and rows a wording gave nothing for. */
  readonly skipped: number;
  readonly cut: number;
  readonly dropped: number;
}

/** Ids of T5's sentinels, <extra_id_0>, <extra_id_1>, …, as far as the tokenizer has them. */
function sentinelsOf(tokenizer: Tokenizer): number[] {
  const sentinels: number[] = [];
  for (;;) {
    const id = tokenizer.tokenId(`<extra_id_${sentinels.length}>`);
    if (id === undefined) return sentinels;
    sentinels.push(id);
  }
}

/** Fingerprint of what decides a run's steps: the configuration without what may change on resuming, and the data. */
function fingerprintOf(c: TrainingConfig, digest: string): string {
  const { steps: _, out: __, save_every: ___, eval_every: ____, threads: _____, ...identity } = c;
  return createHash("sha256").update(JSON.stringify(identity)).update(digest).digest("hex").slice(0, 16);
}

/** Writes the model as it is now into a folder; config.json comes last. */
function modelWriter({ carried, tokenizerConfig }: Start, c: TrainingConfig, values: ReturnType<typeof loaded>) {
  // How prompts ended in training, so that they end like that when the model is evaluated.
  const settings = `${JSON.stringify({ ...tokenizerConfig, add_eos_token: c.prompt_end }, null, 2)}\n`;
  return async (folder: string): Promise<void> => {
    await writeCheckpoint(folder, values);
    await writeFileSafely(join(folder, "tokenizer_config.json"), settings);
    for (const { name, content } of carried) await writeFileSafely(join(folder, name), content);
  };
}

/** Train as configured; the result is a model folder at `out`. */
export async function train(c: TrainingConfig, options: TrainOptions = {}): Promise<Trained> {
  const { events = {}, now = Date.now, signal, mixture } = options;
  const start = await openStart(c);
  const { architecture, tokenizer } = start;
  const base = {
    encoder: tokenizer,
    maxInput: c.max_input,
    maxTarget: c.max_target,
    tooLong: c.too_long,
    promptEnd: c.prompt_end,
    seed: c.seed,
    end: "ends" in architecture ? architecture.ends[0] : undefined,
    begin: architecture.kind === "decoder" ? architecture.begin : undefined,
    mask: tokenizer.tokenId("[MASK]") ?? tokenizer.tokenId("<mask>"),
    vocabulary: "vocabulary" in architecture ? architecture.vocabulary : 0,
    labels: "labels" in architecture ? architecture.labels : undefined,
    sentinels: sentinelsOf(tokenizer),
  };
  const model = trainingModel(architecture, c);
  await using data = await openTrainingData(c, base, { ...mixture, signal });
  const fresh = start.weights ? undefined : startingEmbeddings(c);
  const values = start.weights ? loaded(start.weights, model.all) : freshValues(model, c.seed, fresh);
  const fingerprint = fingerprintOf(c, data.digest);
  await using _folder = await openRunFolder(c.out, { signal });
  const existing = await listCheckpoints(c.out);
  if (existing.length > 0 && !options.resume) {
    fail("bad_input", `there is a run in this folder already (step ${existing[0]})`, {
      where: c.out,
      hint: "add --resume to continue it, or give another out folder",
    });
  }
  const checkpoint = options.resume ? await latestCheckpoint(c.out, fingerprint) : undefined;
  for (const [name, value] of checkpoint?.values ?? []) {
    (values.get(name)?.data as Float32Array | undefined)?.set(value.data as Float32Array);
  }
  makeFolder(c.out);
  await removeLeftovers(c.out);
  await writeFileSafely(join(c.out, "training_config.json"), `${JSON.stringify(c, null, 2)}\n`);

  const moving = new Set(model.trained.map(({ name }) => name));
  const compileFor = (trained: (name: string) => boolean) => (graph: Graph) =>
    compile(graph, {
      ...(c.threads ? { threads: c.threads } : {}),
      // Frozen weights come from the checkpoint's files; from scratch nothing is frozen on disk.
      ...(start.weights ? { weights: start.weights } : {}),
      trained: (name) => trained(name) || !start.weights,
      // Measured: the engine's own rewriting makes a training step slower and opening it much slower.
      optimize: "disabled",
      spin: false,
    });
  await using trainer = await createTrainer({
    loss: model.loss,
    parameters: start.weights ? model.trained : model.all,
    values,
    optimizer: optimizerOf(c),
    group: groupOf(c),
    clip: c.clip,
    accumulate: c.accumulate,
    recompute: model.recompute,
    compile: compileFor((name) => moving.has(name)),
  });
  if (checkpoint) trainer.restore(checkpoint.optimizer, checkpoint.step);
  await using metrics = await openMetrics(c.out, trainer.steps, now);

  const { feed } = data;
  if (checkpoint) feed.position = checkpoint.position;
  let total = checkpoint?.tokens ?? 0;
  let smooth = Number.NaN;
  const schedule = typeof c.schedule === "string" ? { name: c.schedule, warmup: 0 } : c.schedule;
  const saveModel = modelWriter(start, c, values);
  events.started?.({
    parameters: countOf(model.all),
    trained: countOf(model.trained),
    rows: data.rows,
    skipped: data.counts().skipped,
    mixture: data.mixture,
    step: trainer.steps,
    steps: c.steps,
  });

  const evaluate =
    data.held.length === 0
      ? undefined
      : await heldOutLoss(
          architecture,
          c,
          data.held,
          values,
          compileFor(() => true),
        );
  try {
    await trainLoop({
      trainer,
      steps: c.steps,
      saveEvery: c.save_every,
      evalEvery: c.eval_every,
      signal,
      now,
      lr: (step) => (c.optimizer.lr ?? 0) * scheduleFactor(schedule, step, c.steps),
      async data(step) {
        const micro: Awaited<ReturnType<typeof feed.next>>[] = [];
        while (micro.length < c.accumulate) micro.push(await feed.next());
        const examples = micro.flat(2);
        const labels = examples.reduce((sum, example) => sum + model.labels(example), 0);
        const feeds = micro.map((rows, i) => ({
          ...model.collate(c.pack ? rows : rows.flat().map((example) => [example]), labels, c.pack),
          ...model.extra(c.seed, step, i),
        }));
        const tokens = examples.reduce((sum, { input, target }) => sum + input.length + target.length, 0);
        return { micro: feeds, tokens };
      },
      report(row) {
        total += row.tokens;
        smooth = Number.isNaN(smooth) ? row.loss : 0.98 * smooth + 0.02 * row.loss;
        if (!Number.isFinite(row.loss)) {
          fail("bad_input", `the loss of step ${row.step} is ${row.loss}`, {
            hint: "lower the learning rate or set clip; the last checkpoint is untouched, --resume continues from it",
          });
        }
        metrics.write({ ...row });
        events.step?.({ ...row, total });
      },
      async save(step) {
        // Rows of steps that the checkpoint holds are never computed again: they must be on disk before it is.
        await metrics.flush();
        const path = await saveCheckpoint(
          c.out,
          { step, tokens: total, position: feed.position, fingerprint },
          trainer.state,
          saveModel,
        );
        events.saved?.(path);
      },
      ...(evaluate
        ? {
            async evaluate(step: number) {
              const eval_loss = await evaluate.run(signal);
              if (eval_loss === undefined) return;
              const row = { step, eval_loss };
              metrics.write(row);
              events.evaluated?.(row);
            },
          }
        : {}),
    });
  } finally {
    await evaluate?.close();
  }
  await saveModel(c.out);
  return { model: c.out, steps: trainer.steps, loss: smooth, ...data.counts() };
}

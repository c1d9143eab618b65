/** Training from a configuration to a model folder: files, resuming, metrics. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import { type JsonObject, jsonLimits, parseJsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import { openModelFolder } from "../folders/open-node.ts";
import { float32, type NdArray } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import { findModel } from "../hub/find-node.ts";
import { collate } from "../learn/batches.ts";
import { latestCheckpoint, listCheckpoints, removeLeftovers, saveCheckpoint } from "../learn/checkpoint-node.ts";
import { type StepMetrics, trainLoop } from "../learn/loop.ts";
import { openMetrics } from "../learn/metrics-node.ts";
import type { Example } from "../learn/objectives.ts";
import { collatePacked } from "../learn/packing.ts";
import { openRunFolder } from "../learn/run-folder-node.ts";
import { scheduleFactor } from "../learn/schedules.ts";
import { createTrainer } from "../learn/trainer.ts";
import { parseT5Config, type T5Config, t5ConfigText } from "../models/t5-config.ts";
import { canonicalWeights, t5ConfigFor } from "../models/t5-model.ts";
import type { MixtureSettings } from "../prompts/open-mixture-node.ts";
import { compile } from "../runtime/compile-node.ts";
import { inPrecision } from "../text/precision-node.ts";
import { createTokenizer } from "../tokenizers/tokenizer.ts";
import { toFloat32 } from "../weights/convert.ts";
import { readStored, writeCheckpoint } from "../weights/safetensors-node.ts";
import { isQuantized, type Weights } from "../weights/weights.ts";
import type { TrainingConfig } from "./config.ts";
import { openTrainingData, type TrainingData } from "./data-node.ts";
import { freshValues, groupOf, optimizerOf, t5Training } from "./optimizer.ts";

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

interface Start {
  readonly config: T5Config;
  readonly tokenizerJson: string;
  readonly tokenizerConfig: JsonObject | undefined;
  readonly weights: Weights | undefined;
}

async function readStart(c: TrainingConfig): Promise<Start> {
  const text = (path: string) => readFile(path, "utf8").catch(() => fail("not_found", "no such file", { where: path }));
  if (c.model !== undefined) {
    const folder = openModelFolder(findModel(c.model).path);
    // A product with a matrix in few bits has no gradient, so what is frozen is read as numbers too.
    const weights = inPrecision(canonicalWeights(folder.weights), "float32", isQuantized);
    const tokenizer = join(c.tokenizer ?? folder.path, c.tokenizer ? "" : "tokenizer.json");
    return {
      config: t5ConfigFor(folder.config, weights),
      tokenizerJson: await text(tokenizer),
      tokenizerConfig: folder.tokenizerConfig,
      weights,
    };
  }
  const tokenizerJson = await text(c.tokenizer!);
  const config = parseT5Config({ model_type: c.architecture, ...c.sizes });
  return { config, tokenizerJson, tokenizerConfig: newTokenizerConfig(tokenizerJson, config), weights: undefined };
}

/** tokenizer_config.json of a new model: other programs do not open a tokenizer without it. */
function newTokenizerConfig(tokenizerJson: string, { pad, eos }: T5Config): JsonObject {
  const tokenizer = createTokenizer(parseJsonObject(tokenizerJson, "tokenizer.json"));
  const special = { pad_token: tokenizer.piece(pad), eos_token: tokenizer.piece(eos) };
  return { tokenizer_class: "PreTrainedTokenizerFast", ...special, clean_up_tokenization_spaces: false };
}

const targetTokens = (examples: readonly Example[]) => examples.reduce((sum, { target }) => sum + target.length, 0);

/** Train as configured; the result is a model folder at `out`. */
export async function train(c: TrainingConfig, options: TrainOptions = {}): Promise<Trained> {
  const { events = {}, now = Date.now, signal, mixture } = options;
  const start = await readStart(c);
  const { config } = start;
  const tokenizer = createTokenizer(
    parseJsonObject(start.tokenizerJson, "tokenizer.json", jsonLimits.tokenizer),
    start.tokenizerConfig,
  );
  const sentinels: number[] = [];
  for (
    let i = 0, id = tokenizer.tokenId("<extra_id_0>");
    id !== undefined;
    id = tokenizer.tokenId(`<extra_id_${++i}>`)
  ) {
    sentinels.push(id);
  }
  const base = {
    encoder: tokenizer,
    maxInput: c.max_input,
    maxTarget: c.max_target,
    tooLong: c.too_long,
    promptEnd: c.prompt_end,
    seed: c.seed,
    eos: config.eos,
    sentinels,
  };
  const model = t5Training(config, c);
  await using data = await openTrainingData(c, base, { ...mixture, signal });
  const fresh = start.weights ? undefined : await startingEmbeddings(c);
  const values = start.weights ? loaded(start.weights, model.all) : freshValues(model, c.seed, fresh);
  const { steps: _, out: __, save_every: ___, eval_every: ____, threads: _____, ...identity } = c;
  const fingerprint = createHash("sha256")
    .update(JSON.stringify(identity))
    .update(data.digest)
    .digest("hex")
    .slice(0, 16);
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
  await mkdir(c.out, { recursive: true });
  await removeLeftovers(c.out);
  await writeFileSafely(join(c.out, "training_config.json"), `${JSON.stringify(c, null, 2)}\n`);

  const moving = new Set(model.trained.map(({ name }) => name));
  const compileFor = (trained: (name: string) => boolean) => (graph: Parameters<typeof compile>[0]) =>
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
  // How prompts ended in training, so that they end like that when the model is evaluated.
  const settings = { ...start.tokenizerConfig, add_eos_token: c.prompt_end };
  const saveModel = async (folder: string) => {
    await writeCheckpoint(folder, values);
    await writeFileSafely(join(folder, "tokenizer.json"), start.tokenizerJson);
    await writeFileSafely(join(folder, "tokenizer_config.json"), `${JSON.stringify(settings, null, 2)}\n`);
    await writeFileSafely(join(folder, "config.json"), t5ConfigText(config));
  };
  const count = (list: readonly { shape: readonly number[] }[]) =>
    list.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  events.started?.({
    parameters: count(model.all),
    trained: count(model.trained),
    rows: data.rows,
    skipped: data.counts().skipped,
    mixture: data.mixture,
    step: trainer.steps,
    steps: c.steps,
  });

  const evaluate =
    data.held.length === 0
      ? undefined
      : await evaluator(
          config,
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
        const tokens = targetTokens(examples);
        const about = { pad: config.pad, start: config.start, tokens };
        const feeds = micro.map((rows, i) => ({
          ...(c.pack ? collatePacked(rows, about) : collate(rows.flat(), about)),
          ...model.extra(c.seed, step, i),
        }));
        return { micro: feeds, tokens: tokens + examples.reduce((sum, { input }) => sum + input.length, 0) };
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

function loaded(weights: Weights, specs: readonly { name: string }[]): Map<string, NdArray> {
  return new Map(
    specs.map(({ name }): [string, NdArray] => {
      const stored = weights.get(name) ?? fail("corrupt_file", `there is no tensor "${name}" among the weights`);
      return [name, float32(stored.shape, (toFloat32(readStored(stored)).data as Float32Array).slice())];
    }),
  );
}

async function startingEmbeddings(c: TrainingConfig): Promise<Float32Array | undefined> {
  if (!c.embeddings) return undefined;
  const bytes = await readFile(c.embeddings).catch(() => fail("not_found", "no such file", { where: c.embeddings! }));
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** Mean cross-entropy of held-out rows without dropout. */
async function evaluator(
  config: T5Config,
  held: TrainingData["held"],
  values: ReadonlyMap<string, NdArray>,
  compileAll: (graph: Parameters<typeof compile>[0]) => ReturnType<typeof compile>,
) {
  const quiet = t5Training(config, { recompute: false }, true);
  const program = await compileAll(graph({ loss: quiet.loss }));
  return {
    /** Undefined when it was stopped on the way: a mean of some rows is not the mean of all. */
    async run(signal: AbortSignal | undefined): Promise<number | undefined> {
      let [loss, tokens] = [0, 0];
      for (const batch of held) {
        if (signal?.aborted) return undefined;
        const examples = batch();
        const feeds: Record<string, NdArray> = collate(examples, { pad: config.pad, start: config.start, tokens: 1 });
        for (const name of program.inputs) if (values.has(name)) feeds[name] = values.get(name)!;
        loss += Number((await program.run(feeds)).loss!.data[0]);
        tokens += targetTokens(examples);
      }
      return loss / Math.max(1, tokens);
    },
    close: () => program[Symbol.asyncDispose](),
  };
}

/** The data of a training configuration: files of rows held as ids, or a mixture that is read as it is needed. */
import { createHash } from "node:crypto";
import { plainRow } from "../data/cli-rows-node.ts";
import { openRows } from "../data/stream-node.ts";
import { fail, ZerothError } from "../errors.ts";
import { type PlanOptions, planEpoch } from "../learn/batches.ts";
import type { Example } from "../models/kinds/loss.ts";
import { type MixtureSettings, type OpenMixture, openMixture } from "../prompts/open-mixture-node.ts";
import type { TrainingConfig } from "./config.ts";
import {
  type ExampleOptions,
  exampleOf,
  labelledSource,
  pairSource,
  type Row,
  type TextSource,
  textSource,
} from "./examples.ts";
import { type BatchSize, type Feed, sourceFeed, streamFeed, windowFeed } from "./feed.ts";

export interface TrainingData extends AsyncDisposable {
  readonly feed: Feed;
  /** Batches of held-out pairs, the same each time. */
  readonly held: readonly (() => readonly Example[])[];
  /** Another digest, other data. */
  readonly digest: string;
  /** Rows to train on. */
  readonly rows: number;
  /** Tasks of a mixture, and data sets of one by name that are not here. */
  readonly mixture?: { readonly tasks: number; readonly missing: readonly string[] };
  /** So far: examples left out or cut because they are longer than the limits, rows a wording gave nothing for. */
  counts(): { readonly skipped: number; readonly cut: number; readonly dropped: number };
}

export interface DataOptions extends MixtureSettings {
  readonly signal?: AbortSignal | undefined;
}

type Base = Omit<ExampleOptions, "file" | "objective">;

function sourceOf(rows: Iterable<Row>, weight: number, options: ExampleOptions): TextSource {
  const { objective } = options;
  if (objective === "seq2seq") return pairSource(rows, weight, options);
  if (objective === "classify") return labelledSource(rows, weight, options);
  return textSource(rows, weight, { ...options, objective });
}

/** All rows of a file. @throws as reading it does, and for the first row that is none */
async function readRows(file: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of await openRows(file)) {
    if (row instanceof ZerothError) throw row;
    rows.push(plainRow(row));
  }
  return rows;
}

type DataSource = Exclude<NonNullable<TrainingConfig["data"]["train"]>, unknown[]>;

async function readSources(entries: readonly DataSource[], c: TrainingConfig, base: Base) {
  const hash = createHash("sha256");
  const sources: TextSource[] = [];
  for (const entry of entries) {
    const { file, weight, objective = c.objective } = typeof entry === "string" ? { file: entry, weight: 1 } : entry;
    const rows = await readRows(file);
    for (const row of rows) hash.update(JSON.stringify(row));
    const options = { ...base, file, objective };
    sources.push(sourceOf(rows, weight, options));
  }
  return { sources, digest: hash.digest("hex") };
}

const batchSize = (c: TrainingConfig): BatchSize => ({
  ...(c.batch_tokens ? { tokens: c.batch_tokens } : { rows: c.batch ?? 8 }),
  ...(c.pack ? { pack: { maxInput: c.max_input, maxTarget: c.max_target } } : {}),
});

async function fromFiles(c: TrainingConfig, base: Base): Promise<TrainingData> {
  const { sources, digest } = await readSources([c.data.train!].flat(), c, base);
  const validation = c.data.validation === undefined ? [] : [c.data.validation].flat();
  const held = (await readSources(validation, c, base)).sources;
  const plan: PlanOptions<Example> & BatchSize = { sources, shuffle: c.shuffle, seed: c.seed, ...batchSize(c) };
  const sum = (of: (source: TextSource) => number) => sources.reduce((total, source) => total + of(source), 0);
  const batches =
    held.length === 0 ? [] : planEpoch({ sources: held, rows: c.batch ?? 16, shuffle: false, seed: 0 }, 0);
  return {
    feed: sourceFeed(plan),
    held: batches.map((places) => () => places.map(([source, row]) => held[source]!.example(row, 0))),
    digest,
    rows: sum(({ size }) => size),
    counts: () => ({ skipped: sum(({ skipped }) => skipped), cut: sum(({ cut }) => cut), dropped: 0 }),
    async [Symbol.asyncDispose]() {},
  };
}

/** Pairs that may be left out for their length before a run is taken to have none that fits. */
const patience = 10_000;

/** Held-out pairs of a mixture: the first places of its validation files' stream. */
async function heldPairs(mixture: OpenMixture, c: TrainingConfig, options: ExampleOptions): Promise<Example[][]> {
  const rows = c.pack ? 1 : (c.batch ?? 16);
  const batches: Example[][] = [];
  let batch: Example[] = [];
  for (let place = 0; place < mixture.file.validation_examples; place++) {
    const { prompt, target } = await mixture.at(place);
    const { example } = exampleOf(prompt, target, { ...options, tooLong: "cut" }, `validation pair ${place}`);
    if (batch.push(example!) < rows) continue;
    batches.push(batch);
    batch = [];
  }
  return batch.length > 0 ? [...batches, batch] : batches;
}

async function fromMixture(file: string, c: TrainingConfig, base: Base, options: DataOptions): Promise<TrainingData> {
  const settings: ExampleOptions = { ...base, file, objective: "seq2seq" };
  const mixture = await openMixture(file, { ...options, seed: c.seed });
  try {
    let held: Example[][] = [];
    const validates =
      c.eval_every > 0 && Object.values(mixture.file.tasks).some((task) => task.validation !== undefined);
    if (validates) {
      await using other = await openMixture(file, { ...options, seed: c.seed, split: "validation" });
      held = await heldPairs(other, c, settings);
    }
    const counts = { skipped: 0, cut: 0 };
    let inVain = 0;
    const at = async (place: number): Promise<Example | undefined> => {
      const { prompt, target, task, row } = await mixture.at(place);
      const { example, was } = exampleOf(prompt, target, settings, `${task.name}, row ${row + 1}`);
      if (was) counts[was]++;
      inVain = example ? 0 : inVain + 1;
      if (inVain > patience) {
        fail("too_long", `${patience} pairs, one after the other, are longer than max_input or max_target`, {
          where: file,
          hint: `max_input is ${c.max_input}, max_target ${c.max_target}: raise them, or set too_long to "cut"`,
        });
      }
      return example;
    };
    const { digest, rows, missing, tasks } = mixture;
    return {
      feed: c.pack || !c.shuffle ? streamFeed(at, batchSize(c)) : windowFeed(at, batchSize(c), c.seed),
      held: held.map((batch) => () => batch),
      digest,
      rows,
      mixture: { tasks: tasks.length, missing },
      counts: () => ({ ...counts, dropped: mixture.dropped }),
      [Symbol.asyncDispose]: () => mixture[Symbol.asyncDispose](),
    };
  } catch (cause) {
    await mixture[Symbol.asyncDispose]();
    throw cause;
  }
}

/** Open what `data` names. @throws as its files do, naming them */
export function openTrainingData(c: TrainingConfig, base: Base, options: DataOptions = {}): Promise<TrainingData> {
  return c.data.mixture === undefined ? fromFiles(c, base) : fromMixture(c.data.mixture, c, base, options);
}

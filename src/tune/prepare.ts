/** What a tuning starts from: the model read for the task, rows as examples, values before the first step. */
import { randomAt, shuffle } from "../base/rng.ts";
import { fail } from "../errors.ts";
import { float32, type NdArray } from "../graph/array.ts";
import type { Source } from "../learn/batches.ts";
import { placesOf } from "../models/adapters/adapter.ts";
import { names } from "../models/adapters/settings.ts";
import type { AdapterFiles } from "../text/adapters/files.ts";
import { type BaseFolder, type ReadBase, readAdaptedAs, readBase } from "../text/adapters/read.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { toFloat32 } from "../weights/convert.ts";
import type { Weights } from "../weights/weights.ts";
import type { TuneHost } from "./host.ts";
import { fresh, poolerOf, roomOf, settingsOf, type TuneModel, tuneModel } from "./model.ts";
import type { Task, TuneOptions } from "./options.ts";
import type { ReadRows, TuneRow } from "./rows.ts";
import { initialOf, observedStarts } from "./starts.ts";
import { examplesOf, headOfTask, inWindows, isChoice, labelsIn, type TuneExample, taskOf } from "./tasks.ts";

/** Rows that are learnt from, and those that are held out. */
function splitRows(rows: readonly TuneRow[], share: number, seed: number): [TuneRow[], TuneRow[]] {
  const count = share === 0 ? 0 : Math.max(1, Math.round(rows.length * share));
  if (count === 0 || count >= rows.length) return [[...rows], []];
  const order = shuffle(
    Uint32Array.from(rows, (_, i) => i),
    randomAt(seed, 0, 11),
  );
  const held = new Set(order.slice(0, count));
  return [rows.filter((_, i) => !held.has(i)), rows.filter((_, i) => held.has(i))];
}

export interface Prepared {
  readonly base: ReadBase;
  readonly data: Data;
  readonly model: TuneModel;
  readonly tokenizer: Tokenizer;
}

export interface Data {
  readonly task: Task;
  readonly train: readonly TuneExample[];
  readonly held: readonly TuneExample[];
  /** Rows that were too long: left out, cut, and read in windows. */
  readonly skipped: number;
  readonly cut: number;
  readonly windowed: number;
  readonly labels: readonly string[] | undefined;
  readonly digest: string;
}

/** Labels in the model's own order where they are the same ones. */
function orderedLabels(found: readonly string[], own: readonly string[] | undefined): readonly string[] {
  const same = own && own.length === found.length && found.every((label) => own.includes(label));
  return same ? own : found;
}

export const lengthOf = (example: TuneExample): number =>
  isChoice(example)
    ? Math.max(...example.texts.map(({ ids }) => ids.length))
    : example.input.length + example.target.length;

export const sourceOf = (examples: readonly TuneExample[]): Source<TuneExample> => ({
  size: examples.length,
  weight: 1,
  length: (i) => lengthOf(examples[i]!),
  example: (i) => examples[i]!,
});

/** Everything that is known before a method is chosen. */
export interface Subject {
  readonly folder: BaseFolder;
  readonly tokenizer: Tokenizer;
  readonly data: ReadRows;
  readonly held: ReadRows | undefined;
  /** An adapter whose numbers are gone on from. */
  readonly from?: AdapterFiles | undefined;
}

/** @throws as reading the model for the task and the rows for the model does */
export function prepare({ folder, tokenizer, data, held }: Subject, o: TuneOptions): Prepared {
  const first = readBase(folder);
  const { kind } = first.architecture;
  if (kind !== "encoder" && kind !== "decoder" && kind !== "encoder-decoder") {
    return fail("unsupported", `${first.architecture.type} reads images: models of text are tuned here`);
  }
  const task = o.task ?? taskOf(data.rows[0]!, kind, data.file);
  const head = headOfTask[task];
  const share = held ? 0 : (o.split ?? (o.shuffle ? 0.1 : 0));
  const [learnt, kept] = splitRows(data.rows, share, o.seed);
  const own = "labels" in first.architecture ? first.architecture.labels : undefined;
  const labels =
    head === "sequence" || head === "tokens" ? orderedLabels(labelsIn(data.rows, task, data.file), own) : undefined;
  const base = readBase(folder, head, labels);
  const settings = settingsOf(o, base.architecture, base.survey);
  const model = tuneModel(base, base.weights, settings, task, o);
  const longest = roomOf(base.architecture, settings, o.maxLength);
  const end = "ends" in base.architecture ? base.architecture.ends[0] : undefined;
  const reading = {
    tokenizer,
    longest,
    taken: placesOf(settings),
    tooLong: o.tooLong ?? (inWindows(task) ? "windows" : "error"),
    stride: o.stride,
    labels,
    end,
  } as const;
  const train = examplesOf(learnt, task, { ...reading, file: data.file });
  const other = held ? held.rows : kept;
  const file = held?.file ?? data.file;
  const heldOut =
    other.length > 0
      ? examplesOf(other, task, { ...reading, file })
      : { examples: [], skipped: 0, cut: 0, windowed: 0 };
  return {
    base,
    model,
    tokenizer,
    data: {
      task,
      train: train.examples,
      held: heldOut.examples,
      skipped: train.skipped + heldOut.skipped,
      cut: train.cut + heldOut.cut,
      windowed: train.windowed + heldOut.windowed,
      labels,
      digest: `${data.digest} ${held?.digest ?? ""}`,
    },
  };
}

/** Stored numbers as float32 in memory of their own. */
const loaded = (weights: Weights, name: string, { read }: Pick<TuneHost, "read">): NdArray => {
  const array = toFloat32(read(weights.get(name)!));
  return float32(array.shape, (array.data as Float32Array).slice());
};

export interface Values {
  /** Of all that moves. */
  readonly values: Map<string, NdArray>;
  /** Of a head's layers that stay as the checkpoint's pooler is. */
  readonly kept: ReadonlyMap<string, NdArray>;
}

export async function startingValues(
  { base, model, data }: Prepared,
  subject: Subject,
  o: TuneOptions,
  host: TuneHost,
): Promise<Values> {
  const { weights } = base;
  const initial = initialOf(o.init);
  const virtual = new Set([names.matrix("prompt"), ...(["encoder", "decoder", "cross"] as const).map(names.matrix)]);
  const specs = model.trained.map((spec) => (initial && virtual.has(spec.name) ? { ...spec, initial } : spec));
  const values = fresh(specs, o.seed);
  const own = ownLabels(subject.folder);
  for (const { name, shape } of model.trained) {
    const stored = weights.get(name);
    if (stored?.shape.join() !== shape.join()) continue;
    const isHead = base.head.some((part) => part.name === name);
    // A head of as many other classes is no start.
    if (isHead && data.labels && data.labels.join("\n") !== own.join("\n")) continue;
    values.set(name, loaded(weights, name, host));
  }
  if (!initial) {
    const seen = await observedStarts(base, weights, model.settings, o, subject.tokenizer, host);
    for (const [name, array] of seen) values.set(name, array);
  }
  const { from } = subject;
  if (from !== undefined) {
    const { adapter } = readAdaptedAs(subject.folder, from);
    for (const { name, shape } of model.trained) {
      const given = adapter.values.get(name);
      if (given?.shape.join() === shape.join()) values.set(name, float32(shape, (given.data as Float32Array).slice()));
      else if (name.startsWith("adapter.") || name.includes(".lora_")) {
        fail("bad_input", `--from: the adapter has no "${name}" of [${shape.join(", ")}]`, {
          where: from.path,
          hint: "go on with the method and the length that it was made with",
        });
      }
    }
  }
  const kept = new Map(
    base.head.flatMap(({ name }): [string, NdArray][] => {
      const pooler = poolerOf(name, weights);
      return pooler === undefined || values.has(name) ? [] : [[name, loaded(weights, pooler, host)]];
    }),
  );
  return { values, kept };
}

/** Labels that the folder's own head tells; none where it has no such head. */
function ownLabels(folder: BaseFolder): readonly string[] {
  const { architecture } = readBase(folder);
  return "labels" in architecture && "head" in architecture && architecture.head ? (architecture.labels ?? []) : [];
}

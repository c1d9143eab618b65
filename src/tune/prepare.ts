/** What a tuning starts from: the model read for the task, rows as examples, values before the first step. */
import { randomAt, shuffle } from "../base/rng.ts";
import { fail } from "../errors.ts";
import { float32, type NdArray } from "../graph/array.ts";
import type { Source } from "../learn/batches.ts";
import type { TrainingHost } from "../learn/fit/host.ts";
import { placesOf } from "../models/adapters/adapter.ts";
import { names } from "../models/adapters/settings.ts";
import { initialValue } from "../nn/initial.ts";
import type { AdapterFiles } from "../text/adapters/files.ts";
import { copied, poolerOf } from "../text/adapters/moving.ts";
import { type BaseFolder, type ReadBase, readAdaptedAs, readBase } from "../text/adapters/read.ts";
import { conversations } from "../text/chat/conversations.ts";
import type { PromptMaker } from "../text/chat/prompt.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { roomOf, settingsOf, type TuneModel, tuneModel } from "./model.ts";
import type { Task, TuneOptions } from "./options.ts";
import type { ReadRows, TuneRow } from "./rows.ts";
import { type NamedSet, namesOf, needApart, type TuneSet } from "./sets.ts";
import { initialOf, observedStarts } from "./starts.ts";
import {
  type Examples,
  examplesOf,
  headOfTask,
  inWindows,
  isChoice,
  labelsIn,
  type TuneExample,
  taskOf,
} from "./tasks.ts";

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

const sourceOf = (examples: readonly TuneExample[]): Source<TuneExample> => ({
  size: examples.length,
  weight: 1,
  length: (i) => lengthOf(examples[i]!),
  example: (i) => examples[i]!,
});

/** A source for each task among the examples. */
export function sourcesOf(examples: readonly TuneExample[]): Source<TuneExample>[] {
  const tasks = new Map<number, TuneExample[]>();
  for (const example of examples) {
    const { task = 0 } = example;
    const own = tasks.get(task);
    if (own) own.push(example);
    else tasks.set(task, [example]);
  }
  return [...tasks.values()].map(sourceOf);
}

/** Everything that is known before a method is chosen. */
export interface Subject {
  readonly folder: BaseFolder;
  readonly tokenizer: Tokenizer;
  readonly data: ReadRows;
  readonly held: ReadRows | undefined;
  /** Further tasks that share what is learnt, each with a head of its own. */
  readonly more?: readonly TuneSet[] | undefined;
  /** An adapter whose numbers are gone on from. */
  readonly from?: AdapterFiles | undefined;
  /** Puts conversations as the model reads them, where rows are such. */
  readonly talk?: (() => PromptMaker) | undefined;
}

/** @throws as reading the model for the task and the rows for the model does */
export function prepare({ folder, tokenizer, data, held, more = [], talk }: Subject, o: TuneOptions): Prepared {
  const first = readBase(folder);
  const { kind } = first.architecture;
  if (kind !== "encoder" && kind !== "decoder" && kind !== "encoder-decoder") {
    return fail("unsupported", `${first.architecture.type} reads images: models of text are tuned here`);
  }
  const given: readonly TuneSet[] = [{ data, held }, ...more];
  const tasks = given.map((set) => o.task ?? taskOf(set.data.rows[0]!, kind, set.data.file));
  const task = tasks[0]!;
  const head = headOfTask[task];
  const other = tasks.findIndex((one) => one !== task);
  if (other > 0) {
    const where = given[other]!.data.file;
    fail("bad_input", `its rows are for ${tasks[other]}, those of ${data.file} for ${task}`, { where });
  }
  if (more.length > 0) needApart(head, o.method);
  if (o.metric && head) fail("wrong_use", `a metric of text, and ${task} is judged by its head`);
  const own = "labels" in first.architecture ? first.architecture.labels : undefined;
  const classed = head === "sequence" || head === "tokens";
  const setNames = namesOf(given.map((set) => set.data.file));
  let from = 0;
  const sets = given.map((set, i): NamedSet => {
    const found = classed ? orderedLabels(labelsIn(set.data.rows, task, set.data.file), own) : [];
    from += found.length;
    return { name: setNames[i]!, labels: found, from: from - found.length };
  });
  const labels = !classed
    ? undefined
    : sets.length === 1
      ? sets[0]!.labels
      : sets.flatMap((set) => set.labels.map((label) => `${set.name}: ${label}`));
  const base = readBase(folder, head, labels);
  const settings = settingsOf(o, base.architecture, base.survey);
  const longest = roomOf(base.architecture, settings, o.maxLength);
  const end = "ends" in base.architecture ? base.architecture.ends[0] : undefined;
  const tooLong = o.tooLong ?? (inWindows(task) ? "windows" : "error");
  const talks = given.some((set) =>
    [set.data, set.held].some((read) => read?.rows.some((row) => row.reply !== undefined)),
  );
  const chat = talks && talk ? conversations(talk(), tokenizer, end) : undefined;
  const common = { tokenizer, longest, taken: placesOf(settings), tooLong, stride: o.stride, end, chat };
  const read = given.map((set, i) => {
    const share = set.held ? 0 : (o.split ?? (o.shuffle ? 0.1 : 0));
    const [learnt, kept] = splitRows(set.data.rows, share, o.seed);
    const examplesIn = (rows: readonly TuneRow[], file: string) =>
      ofSet(examplesOf(rows, task, { ...common, labels: classed ? sets[i]!.labels : undefined, file }), sets, i);
    const judging = set.held?.rows ?? kept;
    return {
      train: examplesIn(learnt, set.data.file),
      held: judging.length > 0 ? examplesIn(judging, set.held?.file ?? set.data.file) : noExamples,
    };
  });
  const train = read.flatMap((set) => set.train.examples);
  const judged = read.flatMap((set) => set.held.examples);
  const model = tuneModel(base, base.weights, settings, task, o, { sets, examples: [...train, ...judged] });
  const sum = (key: "skipped" | "cut" | "windowed") =>
    read.reduce((total, set) => total + set.train[key] + set.held[key], 0);
  return {
    base,
    model,
    tokenizer,
    data: {
      task,
      train,
      held: judged,
      skipped: sum("skipped"),
      cut: sum("cut"),
      windowed: sum("windowed"),
      labels,
      digest: given.map((set) => `${set.data.digest} ${set.held?.digest ?? ""}`).join(" "),
    },
  };
}

const noExamples: Examples = { examples: [], skipped: 0, cut: 0, windowed: 0 };

/** Examples of one of several tasks: their classes are counted from where the task's own begin. */
function ofSet(read: Examples, sets: readonly NamedSet[], task: number): Examples {
  if (sets.length === 1) return read;
  const { from } = sets[task]!;
  const examples = read.examples.map((example): TuneExample => {
    if (isChoice(example)) return { ...example, task };
    const target = from === 0 ? example.target : example.target.map((label) => (label < 0 ? label : label + from));
    return { ...example, target, task };
  });
  return { ...read, examples };
}

export interface Values {
  /** Of all that moves. */
  readonly values: Map<string, NdArray>;
  /** Of a head's layers that stay as the checkpoint's pooler is. */
  readonly kept: ReadonlyMap<string, NdArray>;
}

/** Tokens of the names of the classes, or of the different targets where text is written. */
function labelTokens({ labels, train }: Data, tokenizer: Tokenizer): number[][] {
  const ids = labels
    ? labels.map((label) => tokenizer.encode(label, { addSpecialTokens: false }).ids)
    : train.flatMap((example) => (isChoice(example) || example.passage ? [] : [[...example.target]]));
  return [...new Map(ids.map((one) => [one.join(), one])).values()].filter((one) => one.length > 0);
}

export async function startingValues(
  { base, model, data }: Prepared,
  subject: Subject,
  o: TuneOptions,
  host: TrainingHost,
): Promise<Values> {
  const { weights } = base;
  const initial = initialOf(o.init);
  const virtual = new Set([names.matrix("prompt"), ...(["encoder", "decoder", "cross"] as const).map(names.matrix)]);
  const own = ownLabels(subject.folder);
  // A head of as many other classes is no start.
  const otherHead = data.labels !== undefined && data.labels.join("\n") !== own.join("\n");
  const heads = new Set(base.head.map(({ name }) => name));
  const values = new Map(
    model.trained.map((spec): [string, NdArray] => {
      const { name, shape } = spec;
      const isStored = weights.get(name)?.shape.join() === shape.join();
      // Random numbers for all that a checkpoint has would take seconds of a large model.
      if (isStored && !(heads.has(name) && otherHead)) return [name, copied(weights.get(name)!, host.read)];
      return [name, initialValue(initial && virtual.has(name) ? { ...spec, initial } : spec, o.seed)];
    }),
  );
  if (!initial) {
    const labels = labelTokens(data, subject.tokenizer);
    const seen = await observedStarts(base, weights, model.settings, { ...o, labels }, subject.tokenizer, host);
    for (const [name, array] of seen) values.set(name, array);
  }
  const { from } = subject;
  if (from !== undefined) {
    const { adapter } = readAdaptedAs(subject.folder, from);
    const sameClasses = adapter.labels?.join("\n") === data.labels?.join("\n");
    for (const { name, shape } of model.trained) {
      // A head of as many other classes is no start either.
      if (!sameClasses && base.head.some((part) => part.name === name)) continue;
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
      return pooler === undefined || values.has(name) ? [] : [[name, copied(weights.get(pooler)!, host.read)]];
    }),
  );
  return { values, kept };
}

/** Labels that the folder's own head tells; none where it has no such head. */
function ownLabels(folder: BaseFolder): readonly string[] {
  const { architecture } = readBase(folder);
  return "labels" in architecture && "head" in architecture && architecture.head ? (architecture.labels ?? []) : [];
}

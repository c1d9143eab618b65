/** What a tuning starts from: the model read for the task, rows as examples, values before the first step. */
import { randomAt, shuffle } from "../base/rng.ts";
import { fail } from "../errors.ts";
import { type ModelFolder, openModelFolder, openTokenizer } from "../folders/open-node.ts";
import { float32, type NdArray } from "../graph/array.ts";
import { findModel } from "../hub/find-node.ts";
import type { Source } from "../learn/batches.ts";
import { placesOf } from "../models/adapters/adapter.ts";
import { names } from "../models/adapters/settings.ts";
import { readModel } from "../models/families.ts";
import { readAdapterFiles } from "../text/adapters/files-node.ts";
import { type ReadBase, readAdapted, readBase } from "../text/adapters/read-node.ts";
import { promptMaker } from "../text/chat/prompt.ts";
import { quantizedCopy } from "../text/copies/quantized-node.ts";
import { templatesOf } from "../text/open-node.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { toFloat32 } from "../weights/convert.ts";
import { readStored } from "../weights/safetensors-node.ts";
import { anyQuantized, type Weights } from "../weights/weights.ts";
import { conversations, spreadRows } from "./chat-rows.ts";
import { fresh, poolerOf, roomOf, settingsOf, type TuneModel, tuneModel } from "./model.ts";
import type { Task, TuneOptions } from "./options.ts";
import type { TuneRow } from "./rows.ts";
import { type ReadRows, readRows } from "./rows-node.ts";
import { initialOf, observedStarts } from "./starts-node.ts";
import { examplesOf, headOfTask, isChoice, labelsIn, type TuneExample, taskOf } from "./tasks.ts";

export interface TuneFiles {
  /** A model's folder or name. */
  readonly model: string;
  readonly data: string;
  readonly eval?: string | undefined;
  readonly out: string;
  /** Go on from an adapter's numbers. */
  readonly from?: string | undefined;
  /** The frozen weights in a copy of so many bits, made once and kept. */
  readonly dtype?: "int8" | "int4" | undefined;
}

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
}

export interface Data {
  readonly task: Task;
  readonly train: readonly TuneExample[];
  readonly held: readonly TuneExample[];
  readonly skipped: number;
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
export interface Opened {
  readonly folder: ModelFolder;
  readonly tokenizer: Tokenizer;
  readonly data: ReadRows;
  readonly held: ReadRows | undefined;
  readonly files: TuneFiles;
}

const bits = { int8: 8, int4: 4 } as const;

/** @throws as opening the model and reading the rows does */
export async function openTuning(files: TuneFiles): Promise<Opened> {
  const stored = openModelFolder(findModel(files.model).path);
  if (stored.gguf) {
    fail("unsupported", "a GGUF file is not tuned over as it is", {
      where: files.model,
      hint: "take the model's own folder; --dtype int4 holds it in as little memory",
    });
  }
  const folder =
    files.dtype === undefined || anyQuantized(stored.weights)
      ? stored
      : await quantizedCopy(
          stored,
          readModel(stored.config, stored.weights, stored.path, stored),
          bits[files.dtype],
          {},
        );
  const tokenizer = openTokenizer(stored);
  const rowsOf = async (file: string): Promise<ReadRows> => {
    const read = await readRows(file);
    return { ...read, rows: spreadRows(read.rows, file) };
  };
  const data = await rowsOf(files.data);
  return { folder, tokenizer, data, held: files.eval === undefined ? undefined : await rowsOf(files.eval), files };
}

export function prepare({ folder, tokenizer, data, held }: Opened, o: TuneOptions): Prepared {
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
  const talks = [...data.rows, ...(held?.rows ?? [])].some(({ reply }) => reply !== undefined);
  const chat = talks
    ? conversations(promptMaker({ tokenizer, config: folder.config, templates: templatesOf(folder) }), tokenizer, end)
    : undefined;
  const reading = { tokenizer, longest, taken: placesOf(settings), tooLong: o.tooLong, labels, end, chat };
  const train = examplesOf(learnt, task, { ...reading, file: data.file });
  const other = held ? held.rows : kept;
  const file = held?.file ?? data.file;
  const heldOut = other.length > 0 ? examplesOf(other, task, { ...reading, file }) : { examples: [], skipped: 0 };
  return {
    base,
    model,
    data: {
      task,
      train: train.examples,
      held: heldOut.examples,
      skipped: train.skipped + heldOut.skipped,
      labels,
      digest: `${data.digest} ${held?.digest ?? ""}`,
    },
  };
}

/** Stored numbers as float32 in memory of their own. */
const loaded = (weights: Weights, name: string): NdArray => {
  const array = toFloat32(readStored(weights.get(name)!));
  return float32(array.shape, (array.data as Float32Array).slice());
};

interface Values {
  /** Of all that moves. */
  readonly values: Map<string, NdArray>;
  /** Of a head's layers that stay as the checkpoint's pooler is. */
  readonly kept: ReadonlyMap<string, NdArray>;
}

export async function startingValues({ base, model, data }: Prepared, opened: Opened, o: TuneOptions): Promise<Values> {
  const { weights } = base;
  const initial = initialOf(o.init);
  const virtual = new Set([names.matrix("prompt"), ...(["encoder", "decoder", "cross"] as const).map(names.matrix)]);
  const specs = model.trained.map((spec) => (initial && virtual.has(spec.name) ? { ...spec, initial } : spec));
  const values = fresh(specs, o.seed);
  const own = ownLabels(opened.folder);
  for (const { name, shape } of model.trained) {
    const stored = weights.get(name);
    if (stored?.shape.join() !== shape.join()) continue;
    const isHead = base.head.some((part) => part.name === name);
    // A head of as many other classes is no start.
    if (isHead && data.labels && data.labels.join("\n") !== own.join("\n")) continue;
    values.set(name, loaded(weights, name));
  }
  if (!initial) {
    const seen = await observedStarts(
      base,
      weights,
      model.settings,
      { init: o.init, initText: o.initText, seed: o.seed, threads: o.threads },
      opened.tokenizer,
    );
    for (const [name, array] of seen) values.set(name, array);
  }
  const { from } = opened.files;
  if (from !== undefined) {
    const files = readAdapterFiles(from);
    const { adapter } = readAdapted(opened.folder, files);
    for (const { name, shape } of model.trained) {
      const given = adapter.values.get(name);
      if (given?.shape.join() === shape.join()) values.set(name, float32(shape, (given.data as Float32Array).slice()));
      else if (name.startsWith("adapter.") || name.includes(".lora_")) {
        fail("bad_input", `--from: the adapter has no "${name}" of [${shape.join(", ")}]`, {
          where: from,
          hint: "go on with the method and the length that it was made with",
        });
      }
    }
  }
  const kept = new Map(
    base.head.flatMap(({ name }): [string, NdArray][] => {
      const pooler = poolerOf(name, weights);
      return pooler === undefined || values.has(name) ? [] : [[name, loaded(weights, pooler)]];
    }),
  );
  return { values, kept };
}

/** Labels that the folder's own head tells; none where it has no such head. */
function ownLabels(folder: ModelFolder): readonly string[] {
  const { architecture } = readBase(folder);
  return "labels" in architecture && "head" in architecture && architecture.head ? (architecture.labels ?? []) : [];
}

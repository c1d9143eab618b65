/**
 * The weights of a GGUF file as the engine takes them: blocks as its kernel has them, without loss, and numbers where no
 * kernel does. Written once and kept, so that a model opens from then on as if its file were stored so.
 */
import { createHash } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, writeFileSafely } from "../../base/files-node.ts";
import { shown } from "../../base/json.ts";
import { fail, throwIfAborted } from "../../errors.ts";
import type { OpenedGguf } from "../../folders/gguf/open-node.ts";
import { openWeights } from "../../folders/weights-node.ts";
import { ndarray, sizeOf } from "../../graph/array.ts";
import { dtypes } from "../../graph/dtype.ts";
import type { Architecture } from "../../models/family.ts";
import { type GgufForm, ggufFormsOf } from "../../models/kinds/gguf-forms.ts";
import { formOf, repackedBlocks } from "../../weights/gguf/blocks.ts";
import { readGgufTensor, rowsOf, storedRows } from "../../weights/gguf/rows.ts";
import { type BlockType, type PlainType, plainTypes } from "../../weights/gguf/types.ts";
import { joinQuantized } from "../../weights/quantize.ts";
import { ggufBytes, type Writable, writeSafetensors } from "../../weights/safetensors-node.ts";
import {
  type Activations,
  bitsOfFormat,
  type GgufTensor,
  isGguf,
  isQuantized,
  type PlainTensor,
  partNames,
  type Weights,
} from "../../weights/weights.ts";
import { type CopyOptions, keptCopy } from "./kept-node.ts";

/** Changes whenever the same file would be unpacked to something else. */
const revision = 1;
/** Bytes of a file of the copy: as much is held in memory. */
const shardBytes = 256 << 20;

interface Task {
  readonly name: string;
  readonly stored: GgufTensor | PlainTensor;
  readonly form: GgufForm;
  /** Bytes that it will take. */
  readonly bytes: number;
}

/** Bytes of a tensor in a form: for each block a scale, and an offset at most. */
function bytesOf(stored: GgufTensor | PlainTensor, form: GgufForm): number {
  const elements = sizeOf(stored.shape);
  if (!isGguf(stored)) return "data" in stored ? stored.data.length : stored.length;
  if (form === "float32") return 4 * elements;
  if (form === "stored") return elements * dtypes[plainTypes[stored.gguf as PlainType]].bytes;
  const { group, hasOffset } = formOf(stored.gguf as BlockType);
  return (elements * bitsOfFormat(form as "blocks4")) / 8 + (elements / group) * (hasOffset ? 8 : 4);
}

function tasksOf(weights: Weights, model: Architecture, activations: Activations): Task[] {
  const formOfTensor = ggufFormsOf(model, activations);
  return [...weights].flatMap(([name, stored]): Task[] => {
    if (isQuantized(stored)) return fail("wrong_use", `tensor ${shown(name)} is not of a GGUF file`);
    const form = isGguf(stored) ? formOfTensor(name, stored) : "stored";
    return form === "drop" ? [] : [{ name, stored, form, bytes: bytesOf(stored, form) }];
  });
}

/** A tensor as it is written. */
function written({ name, stored, form }: Task): (readonly [string, Writable])[] {
  if (!isGguf(stored)) return [[name, stored]];
  const { gguf, shape } = stored;
  const { rows, width } = rowsOf(stored);
  if (form === "float32") return [[name, readGgufTensor(stored, ggufBytes)]];
  const bytes = storedRows(stored, ggufBytes, 0, rows);
  if (form === "stored") {
    const { array, bytes: size } = dtypes[plainTypes[gguf as PlainType]];
    const own = new Uint8Array(bytes);
    const data = new array(own.buffer, 0, own.length / size);
    return [[name, ndarray(plainTypes[gguf as PlainType], shape, data)]];
  }
  const { group } = formOf(gguf as BlockType);
  const { values, scales, offsets } = repackedBlocks(gguf as BlockType, bytes, `tensor ${shown(name)}`);
  const blocks = width / group;
  const names = partNames(name, form as "blocks4");
  return [
    [names.values, ndarray("uint8", [rows, blocks, values.length / (rows * blocks)], values)],
    [names.scales, ndarray("float32", [rows, blocks], scales)],
    ...(offsets ? [[names.offsets, ndarray("float32", [rows, blocks], offsets)] as const] : []),
  ];
}

/** Tasks in as many files as keep each below a size. */
function shardsOf(tasks: readonly Task[]): Task[][] {
  const shards: Task[][] = [[]];
  let room = shardBytes;
  for (const task of tasks) {
    if (task.bytes > room && shards.at(-1)!.length > 0) {
      shards.push([]);
      room = shardBytes;
    }
    shards.at(-1)!.push(task);
    room -= task.bytes;
  }
  return shards;
}

async function writeCopy(
  out: string,
  gguf: OpenedGguf,
  tasks: readonly Task[],
  activations: Activations,
  { signal, events = {} }: CopyOptions,
): Promise<void> {
  // What an interrupted run left behind may be of another division into files.
  rmSync(out, { recursive: true, force: true });
  makeFolder(out);
  const shards = shardsOf(tasks);
  const number = (n: number) => String(n).padStart(5, "0");
  const total = tasks.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const [i, shard] of shards.entries()) {
    const tensors: (readonly [string, Writable])[] = [];
    for (const task of shard) {
      throwIfAborted(signal);
      events.progress?.(done, total, task.name);
      tensors.push(...written(task));
      done += task.bytes;
    }
    const file = shards.length === 1 ? "model" : `model-${number(i + 1)}-of-${number(shards.length)}`;
    await writeSafetensors(join(out, `${file}.safetensors`), tensors);
  }
  const config = { ...gguf.config, quantization_config: { quant_method: "zeroth", from: "gguf", activations } };
  await writeFileSafely(join(out, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
}

/** Fingerprint of the files, and of what is made of them: who only reads with a model asks for other tensors. */
function sourceOf(files: readonly string[], tasks: readonly Task[], activations: Activations): string {
  const stats = files.map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [file, size, mtimeMs];
  });
  const forms = tasks.map(({ name, form }) => [name, form]);
  return createHash("sha256")
    .update(JSON.stringify([revision, activations, stats, forms]))
    .digest("hex");
}

/**
 * The weights of a GGUF file that was opened, under the names of the network, from the copy made before or a new one.
 * Files that hold nothing but numbers in their order are taken as they are.
 * @param activations what products with blocks do with what is multiplied; see {@link QuantizedTensor}
 * @throws bad_input where the disk has no room; corrupt_file for scales that are no numbers; interrupted
 */
export async function unpackedCopy(
  gguf: OpenedGguf,
  { architecture, weights }: { readonly architecture: Architecture; readonly weights: Weights },
  activations: Activations,
  options: CopyOptions = {},
): Promise<Weights> {
  if (![...weights.values()].some(isGguf)) return weights;
  const tasks = tasksOf(weights, architecture, activations);
  const out = await keptCopy(
    {
      path: gguf.file,
      form: activations === "fp32" ? "exact" : "int8-activations",
      source: sourceOf(gguf.files, tasks, activations),
      bytes: tasks.reduce((sum, { bytes }) => sum + bytes, 0),
      make: (folder) => writeCopy(folder, gguf, tasks, activations, options),
    },
    options,
  );
  const copied = joinQuantized(openWeights(out).tensors, out);
  return new Map(
    [...copied].map(([name, stored]) => [name, isQuantized(stored) ? { ...stored, activations } : stored]),
  );
}

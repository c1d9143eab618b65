/**
 * A quantised model folder, made as a stream: one matrix at a time, a few rows at a time, into files of bounded size.
 * Every finished file says what it was made from, so an interrupted run goes on where it stopped.
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, linkSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, writeError, writeFileSafely } from "../base/files-node.ts";
import { shown } from "../base/json.ts";
import { fail, throwIfAborted } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { isFloat } from "../graph/dtype.ts";
import { locate } from "../hub/locate-node.ts";
import { fromFloat32, toFloat32 } from "../weights/convert.ts";
import { int4Block, quantizer } from "../weights/quantize.ts";
import { openSafetensors, readStored, type Writable, writable, writeSafetensors } from "../weights/safetensors-node.ts";
import {
  isGguf,
  isQuantized,
  layoutOf,
  partNames,
  type QuantizedFormat,
  type RoundedFormat,
  type StoredTensor,
  type Weights,
} from "../weights/weights.ts";
import { companions, copyCompanions, type NamedPath } from "./companions-node.ts";
import { configText } from "./config-text-node.ts";
import type { ModelFolder } from "./open-node.ts";

/** What to do with a tensor: a format, `keep` it in 16 bits or as it is where it is small, or `drop` it. */
export type Choice = RoundedFormat | "keep" | "drop";

export interface QuantizeOptions {
  readonly out: string;
  readonly bits: 8 | 4;
  /** What a model wants done with each of its tensors; matrices that cannot be in 4 bits are done in 8. */
  readonly choose: (name: string, shape: readonly number[]) => Choice;
  /**
   * The name under which a stored tensor is written: the one its family asks for, where the file has an alias or a
   * prefix. Default: as it is stored.
   */
  readonly nameOf?: (stored: string) => string;
  /** Replace a model that is already there. */
  readonly overwrite?: boolean;
  /** Bytes of quantised weights held in memory before a file is written. Default 256 MiB. */
  readonly shardBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number, name: string) => void;
}

export interface TensorReport {
  readonly tensor: string;
  readonly format: QuantizedFormat | "bfloat16" | "as stored";
  /** Root of the squared error over the squared weights; 0 for what is kept. */
  readonly error: number;
}

export interface Quantized {
  /** Names of the files written. */
  readonly files: readonly string[];
  readonly reports: readonly TensorReport[];
}

/** Losses above these send a matrix to the next better format. Gaussian weights lose 0.8 % in 8 bits, 8 % in 4. */
export const tolerated: Readonly<Record<RoundedFormat, number>> = {
  int8: 0.03,
  int8_rows: 0.03,
  int4: 0.15,
  int8_turned: 0.03,
  int4_turned: 0.15,
};

/** What is kept and has fewer elements stays as precise as it was: it weighs nothing. */
const smallTensor = 1 << 16;

/** Floats converted at once. */
const chunkFloats = 4 << 20;
const working = ".quantizing";
const removed = ".quantizing.removed";

const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** How to read rows `from` to `to` of a stored matrix as float32: out of a file no more than these at a time. */
function rowReader(stored: StoredTensor): (from: number, to: number) => Float32Array {
  const [height, width] = stored.shape as [number, number];
  if (isQuantized(stored) || isGguf(stored) || "data" in stored) {
    const data = toFloat32(readStored(stored)).data as Float32Array;
    return (from, to) => data.subarray(from * width, to * width);
  }
  const bytes = stored.length / height;
  return (from, to) => {
    const part = { shape: [to - from, width], offset: stored.offset + from * bytes, length: (to - from) * bytes };
    return toFloat32(readStored({ ...stored, ...part })).data as Float32Array;
  };
}

/**
 * How to read columns `from` to `to` of a stored matrix as rows of float32. The matrix is gone through in parts each
 * time, so that memory holds one part and the columns asked for.
 */
function columnReader(stored: StoredTensor): (from: number, to: number) => Float32Array {
  const [height, width] = stored.shape as [number, number];
  const rows = rowReader(stored);
  const step = Math.max(1, Math.floor(chunkFloats / width));
  return (from, to) => {
    const columns = new Float32Array((to - from) * height);
    for (let top = 0; top < height; top += step) {
      const part = rows(top, Math.min(height, top + step));
      const count = part.length / width;
      for (let row = 0; row < count; row++) {
        for (let column = from; column < to; column++) {
          columns[(column - from) * height + top + row] = part[row * width + column]!;
        }
      }
    }
    return columns;
  };
}

type Made = { readonly report: TensorReport; readonly parts: readonly (readonly [string, Writable])[] };

/** Refuse numbers that are none: rounded, they would spoil their whole row silently. */
function needFinite(name: string, values: Float32Array): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  fail("corrupt_file", `tensor ${shown(name)} holds ${values[at]}`, {
    hint: "the training that made this model failed; use an earlier checkpoint of it",
  });
}

function inFormat(name: string, stored: StoredTensor, format: RoundedFormat, signal: AbortSignal | undefined): Made {
  const [height, across] = stored.shape as [number, number];
  const { turned } = layoutOf(format);
  const [out, width] = turned ? [across, height] : [height, across];
  const work = quantizer(format, [out, width]);
  const rows = turned ? columnReader(stored) : rowReader(stored);
  const step = Math.max(1, Math.floor(chunkFloats / width));
  for (let row = 0; row < out; row += step) {
    throwIfAborted(signal);
    const values = rows(row, Math.min(out, row + step));
    needFinite(name, values);
    work.rows(values);
  }
  const { values, scales, error } = work.finish();
  const names = partNames(name, format);
  return {
    report: { tensor: name, format, error },
    parts: [
      [names.values, values],
      [names.scales, scales],
    ],
  };
}

/** Large float32 and float64 tensors in 16 bits, everything else as it is. */
function kept(name: string, stored: StoredTensor): Made {
  if (isQuantized(stored)) {
    const { values, scales, offsets } = partNames(name, stored.format);
    return {
      report: { tensor: name, format: stored.format, error: 0 },
      parts: [
        [values, stored.values],
        [scales, stored.scales],
        ...(stored.offsets ? [[offsets, stored.offsets] as const] : []),
      ],
    };
  }
  const wide = stored.dtype === "float32" || stored.dtype === "float64";
  if (!wide || elements(stored.shape) < smallTensor) {
    return { report: { tensor: name, format: "as stored", error: 0 }, parts: [[name, writable(stored)]] };
  }
  const read = (): NdArray => fromFloat32(toFloat32(readStored(stored)), "bfloat16");
  const deferred = { dtype: "bfloat16", shape: stored.shape, read } as const;
  return { report: { tensor: name, format: "bfloat16", error: 0 }, parts: [[name, deferred]] };
}

/** The first of the formats, from the smallest on, in which the matrix loses little enough. */
function quantizedOrKept(name: string, stored: StoredTensor, choice: Choice, signal: AbortSignal | undefined): Made {
  // What is in 8 bits is worth reading again only to make 4 of them.
  const four = choice === "int4" || choice === "int4_turned";
  const numbers = isQuantized(stored) ? four : isFloat(stored.dtype);
  const matrix = stored.shape.length === 2 && numbers && Math.min(...stored.shape) >= 2 * int4Block;
  if (!matrix || choice === "keep" || choice === "drop") return kept(name, stored);
  const turned = layoutOf(choice).turned;
  const eight = turned ? "int8_turned" : "int8";
  const whole = stored.shape[turned ? 0 : 1]! % int4Block === 0;
  const formats: RoundedFormat[] = four ? (whole ? [choice, eight] : [eight]) : [choice];
  for (const format of formats) {
    const made = inFormat(name, stored, format, signal);
    if (made.report.error <= tolerated[format]) return made;
  }
  return kept(name, stored);
}

/**
 * Fingerprint of the source: a run from another source, or to other bits, does not go on with its files. A hash instead
 * of the name, since it stays in the files and these are passed on.
 */
export function sourceOf(folder: ModelFolder, bits: number): string {
  const files = folder.files
    .filter((name) => /\.(safetensors|bin)$/.test(name))
    .flatMap((name) => {
      const path = locate(folder.path, name);
      if (!path) return [];
      const { size, mtimeMs } = statSync(path);
      return [[name, size, mtimeMs]];
    });
  return createHash("sha256")
    .update(JSON.stringify([1, bits, folder.path, files]))
    .digest("hex");
}

interface Part {
  readonly file: string;
  readonly tensors: readonly string[];
  readonly reports: readonly TensorReport[];
}

/** Files an earlier run of the same kind has finished. */
function finishedParts(place: string, source: string): Part[] {
  const parts: Part[] = [];
  for (const name of readdirSync(place).sort()) {
    if (!/^part-\d{5}\.safetensors$/.test(name)) continue;
    const { tensors, metadata } = openSafetensors(join(place, name));
    if (metadata.get("source") !== source)
      fail("bad_input", "holds an unfinished run of another model", {
        where: place,
        hint: "remove it or choose another folder",
      });
    parts.push({ file: name, tensors: [...tensors.keys()], reports: JSON.parse(metadata.get("report") ?? "[]") });
  }
  return parts;
}

const partName = (n: number) => `part-${String(n).padStart(5, "0")}.safetensors`;

/** Give the parts their final names and write what belongs beside them, config.json last. */
async function finish(
  folder: ModelFolder,
  { out, bits }: QuantizeOptions,
  parts: readonly Part[],
  beside: readonly NamedPath[],
): Promise<string[]> {
  const place = join(out, working);
  const number = (n: number) => String(n).padStart(5, "0");
  const names = parts.map((_, i) =>
    parts.length === 1 ? "model.safetensors" : `model-${number(i + 1)}-of-${number(parts.length)}.safetensors`,
  );
  const total = parts.reduce((sum, { file }) => sum + statSync(join(place, file)).size, 0);
  // Removed first: until it is written again there is no model here, whatever happens.
  rmSync(join(out, "config.json"), { force: true });
  for (const name of readdirSync(out)) {
    if (/^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/.test(name)) rmSync(join(out, name));
  }
  const written = [...names];
  if (parts.length > 1) {
    const map = parts.flatMap(({ tensors }, i) => tensors.map((tensor) => [tensor, names[i]!] as const));
    const index = {
      metadata: { total_size: total },
      weight_map: Object.fromEntries(map.sort(([a], [b]) => (a < b ? -1 : 1))),
    };
    await writeFileSafely(join(out, "model.safetensors.index.json"), `${JSON.stringify(index, null, 2)}\n`);
    written.push("model.safetensors.index.json");
  }
  const reports = parts.flatMap((part) => part.reports);
  await writeFileSafely(join(out, "quantization.json"), `${JSON.stringify({ bits, tensors: reports }, null, 2)}\n`);
  written.push("quantization.json");
  written.push(...(await copyCompanions(beside, out)));
  // Linked and not renamed: if this is cut short, the parts are still where the next run looks for them.
  parts.forEach(({ file }, i) => {
    linkOrCopy(join(place, file), join(out, names[i]!));
  });
  const made = { quant_method: "zeroth", bits, block: int4Block, made_by: "zeroth quantize" };
  const config = { ...folder.config, quantization_config: made };
  await writeFileSafely(join(out, "config.json"), configText(folder.path, config));
  // Under another name first: a run that finds some of its parts gone would number the others anew.
  renameSync(place, join(out, removed));
  rmSync(join(out, removed), { recursive: true });
  return [...written, "config.json"];
}

/** The same bytes under another name, also where the disk knows no links. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** 4 bits can be made of 8, which lose a tenth of what they do; nothing is gained the other way, or by doing it twice. */
function needMoreBits(weights: Weights, bits: number, where: string): void {
  const formats = [...weights.values()].flatMap((stored) =>
    isQuantized(stored) ? [layoutOf(stored.format).values] : [],
  );
  const four = formats.includes("int4");
  if (formats.length === 0 || (bits === 4 && !four)) return;
  fail("bad_input", `is in ${four ? 4 : 8} bits already`, {
    where,
    hint: "start from the model's original weights",
  });
}

/** What is to be done with one stored tensor. */
interface Task {
  /** The name it is written under. */
  readonly name: string;
  readonly stored: StoredTensor;
  readonly choice: Choice;
}

/** The tensors that are written, by the names they are written under. */
function tasksOf({ weights, path }: ModelFolder, { choose, nameOf = (name) => name }: QuantizeOptions): Task[] {
  const sources = new Map<string, string>();
  return [...weights].flatMap(([name, stored]): Task[] => {
    const choice = choose(name, stored.shape);
    if (choice === "drop") return [];
    const written = nameOf(name);
    const other = sources.get(written);
    if (other !== undefined) {
      const both = `tensors ${shown(other)} and ${shown(name)}`;
      return fail("bad_input", `${both} would both be written as ${shown(written)}`, { where: path });
    }
    sources.set(written, name);
    return [{ name: written, stored, choice }];
  });
}

/**
 * Quantise a folder into another. Memory stays near `shardBytes` and the largest quantised matrix.
 * @throws bad_input where a model or another unfinished run is in the way, or the folder cannot be made; corrupt_file
 *   for weights that are no numbers; interrupted, to be gone on with
 */
export async function quantizeFolder(folder: ModelFolder, options: QuantizeOptions): Promise<Quantized> {
  try {
    return await quantized(folder, options);
  } catch (cause) {
    throw writeError(cause, options.out);
  }
}

async function quantized(folder: ModelFolder, options: QuantizeOptions): Promise<Quantized> {
  const { out, bits, overwrite = false, shardBytes = 256 << 20, signal, onProgress = () => {} } = options;
  needMoreBits(folder.weights, bits, folder.path);
  if (existsSync(join(out, "config.json")) && !overwrite) {
    fail("bad_input", "holds a model already", { where: out, hint: "choose another folder, or add --overwrite" });
  }
  // Looked for now: a link that leads out must not come up when hours of work are done.
  const beside = companions(folder);
  const todo = tasksOf(folder, options);
  const place = join(out, working);
  rmSync(join(out, removed), { recursive: true, force: true });
  makeFolder(place);
  const source = sourceOf(folder, bits);
  const parts = finishedParts(place, source);
  const done = new Set(parts.flatMap(({ reports }) => reports.map(({ tensor }) => tensor)));
  const total = todo.reduce((sum, { stored }) => sum + elements(stored.shape), 0);
  let seen = 0;
  let held: Made[] = [];
  let bytes = 0;
  const flush = async () => {
    if (held.length === 0) return;
    const file = partName(parts.length + 1);
    const reports = held.map(({ report }) => report);
    const tensors = held.flatMap((made) => made.parts);
    const metadata = { format: "pt", source, report: JSON.stringify(reports) };
    await writeSafetensors(join(place, file), tensors, metadata);
    parts.push({ file, tensors: tensors.map(([name]) => name), reports });
    held = [];
    bytes = 0;
  };
  for (const { name, stored, choice } of todo) {
    throwIfAborted(signal);
    if (!done.has(name)) {
      const made = quantizedOrKept(name, stored, choice, signal);
      held.push(made);
      for (const [, part] of made.parts) if ("data" in part) bytes += part.data.byteLength;
      if (bytes >= shardBytes) await flush();
    }
    seen += elements(stored.shape);
    onProgress(seen, total, name);
  }
  await flush();
  const files = await finish(folder, options, parts, beside);
  return { files, reports: parts.flatMap(({ reports }) => reports) };
}

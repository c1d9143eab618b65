/** The files of an adapter's folder: PEFT's, and those that say in a file of their own what PEFT has no word for. */
import { type JsonObject, jsonLimits, parseJsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { NdArray } from "../../graph/array.ts";
import { isFloat } from "../../graph/dtype.ts";
import type { Adapter } from "../../models/adapters/adapter.ts";
import { type Base, beyondPeft, toPeft } from "../../models/adapters/peft.ts";
import { type PeftConfig, parsePeftConfig } from "../../models/adapters/peft-config.ts";
import { toFloat32 } from "../../weights/convert.ts";
import { encodeSafetensors, safetensorsInMemory } from "../../weights/safetensors-memory.ts";
import { readInMemory } from "../../weights/stored.ts";
import { isQuantized, type StoredTensor, type Weights } from "../../weights/weights.ts";
import { parseSidecar, type Sidecar, sidecarName, sidecarText, sidecarWeights } from "./sidecar.ts";

export interface AdapterFiles {
  readonly path: string;
  /** PEFT's configuration, where the folder is one of PEFT's. */
  readonly peft?: PeftConfig | undefined;
  readonly sidecar?: Sidecar | undefined;
  readonly tensors: ReadonlyMap<string, NdArray>;
  /** The file that the tensors lie in. */
  readonly file: string;
  readonly warnings: readonly string[];
}

export interface StoredFile {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Where the files of a folder are had from. */
export interface AdapterPlace {
  readonly path: string;
  /** A file of it, where it is there. */
  json(name: string): JsonObject | undefined;
  tensors(name: string): StoredFile | undefined;
  read(stored: StoredTensor): NdArray;
}

/** Most bytes of an adapter's tensors: it is read into memory. */
const mostBytes = 2 ** 32;

function readTensors(
  { file, tensors }: StoredFile,
  readStored: (stored: StoredTensor) => NdArray,
): Map<string, NdArray> {
  const read = new Map<string, NdArray>();
  let bytes = 0;
  for (const [name, stored] of tensors) {
    if (isQuantized(stored) || !isFloat(stored.dtype)) {
      fail(
        "corrupt_file",
        `tensor ${shown(name)} is of ${isQuantized(stored) ? stored.format : stored.dtype}, not of floats`,
        {
          where: file,
        },
      );
    }
    bytes += stored.shape.reduce((a, b) => a * b, 4);
    if (bytes > mostBytes) fail("unsupported", "an adapter of more than 4 GiB", { where: file });
    const array = toFloat32(readStored(stored));
    const data = array.data as Float32Array;
    if (!data.every(Number.isFinite)) {
      fail("corrupt_file", `tensor ${shown(name)} holds values that are no numbers`, { where: file });
    }
    read.set(name, { ...array, data: data.slice() } as NdArray);
  }
  return read;
}

/**
 * The files of an adapter's folder, read.
 * @throws not_found where the folder is none of an adapter; corrupt_file naming file and key or tensor; unsupported for
 *   adapters that compute what is not computed here
 */
export function readAdapterPlace({ path, json, tensors, read }: AdapterPlace): AdapterFiles {
  const own = json(sidecarName);
  const sidecar = own ? parseSidecar(own, `${path}/${sidecarName}`) : undefined;
  const ownWeights = sidecar?.settings && tensors(sidecarWeights);
  if (ownWeights) return { path, sidecar, tensors: readTensors(ownWeights, read), file: ownWeights.file, warnings: [] };
  const given = json("adapter_config.json");
  if (!given) {
    return fail("not_found", "no adapter_config.json, so this is no folder of an adapter", {
      where: path,
      hint: "give the folder that zeroth tune or PEFT wrote",
    });
  }
  const { config, warnings } = parsePeftConfig(given, `${path}/adapter_config.json`);
  const stored =
    tensors("adapter_model.safetensors") ??
    tensors("adapter_model.bin") ??
    fail("not_found", "neither adapter_model.safetensors nor adapter_model.bin", { where: path });
  return { path, peft: config, sidecar, tensors: readTensors(stored, read), file: stored.file, warnings };
}

/** Contents of an adapter's files by name. */
export type AdapterContents = ReadonlyMap<string, Uint8Array>;

/** An adapter's files that are in memory. @throws as {@link readAdapterPlace} */
export function readAdapterContents(contents: AdapterContents, path = "the adapter"): AdapterFiles {
  return readAdapterPlace({
    path,
    json(name) {
      const bytes = contents.get(name);
      return bytes && parseJsonObject(new TextDecoder().decode(bytes), `${path}/${name}`, jsonLimits.config);
    },
    tensors(name) {
      const bytes = name.endsWith(".safetensors") ? contents.get(name) : undefined;
      const file = `${path}/${name}`;
      return bytes && { file, tensors: safetensorsInMemory(bytes, file) };
    },
    read: readInMemory,
  });
}

/** What tells a base model from others of its shape: its configuration, its first and its last tensor, to be hashed. */
export function fingerprintParts(
  { config, weights }: { readonly config: JsonObject; readonly weights: Weights },
  read: (stored: StoredTensor) => NdArray,
): (string | Uint8Array)[] {
  const parts: (string | Uint8Array)[] = [JSON.stringify(config)];
  const names = [...weights.keys()].sort();
  for (const name of [names[0], names.at(-1)]) {
    const stored = name === undefined ? undefined : weights.get(name);
    if (!stored) continue;
    const { data } = read(stored);
    const begin = new Uint8Array(data.buffer, data.byteOffset, Math.min(data.byteLength, 1 << 20));
    parts.push(name!, stored.shape.join(), begin);
  }
  return parts;
}

/** Hexadecimal digits of a hash that make a fingerprint. */
export const fingerprintDigits = 32;

export interface WriteOptions {
  readonly baseName?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly maxLength?: number | undefined;
}

/** A file to be written: its text, or its tensors. */
export interface AdapterFile {
  readonly name: string;
  readonly content: string | { readonly tensors: ReadonlyMap<string, NdArray>; readonly metadata?: { format: string } };
}

/** An adapter as files, PEFT's where PEFT can hold it, in the order in which they are to be written. */
export function adapterFiles(
  adapter: Adapter,
  base: Base,
  { baseName, fingerprint, maxLength }: WriteOptions = {},
): AdapterFile[] {
  const { settings, head, labels, values } = adapter;
  const about: Sidecar = {
    format: 1,
    head,
    labels: labels ? [...labels] : undefined,
    max_length: maxLength,
    base: { name: baseName, fingerprint },
  };
  if (beyondPeft(adapter, base.architecture)) {
    return [
      { name: sidecarWeights, content: { tensors: values } },
      { name: sidecarName, content: sidecarText({ ...about, settings }) },
    ];
  }
  const peft = toPeft(adapter, base, baseName ?? null);
  return [
    { name: "adapter_model.safetensors", content: { tensors: peft.tensors, metadata: { format: "pt" } } },
    { name: sidecarName, content: sidecarText(about) },
    // Last: a folder that was being written when the power went is none of an adapter.
    { name: "adapter_config.json", content: `${JSON.stringify(peft.config, null, 2)}\n` },
  ];
}

/** The same files as bytes. */
export const adapterContents = (files: readonly AdapterFile[]): Map<string, Uint8Array<ArrayBuffer>> =>
  new Map(
    files.map(({ name, content }) => [
      name,
      typeof content === "string"
        ? new TextEncoder().encode(content)
        : encodeSafetensors(content.tensors, content.metadata),
    ]),
  );

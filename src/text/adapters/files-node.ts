/** Folders of adapters on disk: PEFT's, and those that say in a file of their own what PEFT has no word for. */
import { createHash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import { jsonLimits, shown } from "../../base/json.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import type { ModelFolder } from "../../folders/open-node.ts";
import type { NdArray } from "../../graph/array.ts";
import { isFloat } from "../../graph/dtype.ts";
import { locate } from "../../hub/locate-node.ts";
import type { Adapter } from "../../models/adapters/adapter.ts";
import { type Base, beyondPeft, toPeft } from "../../models/adapters/peft.ts";
import { type PeftConfig, parsePeftConfig } from "../../models/adapters/peft-config.ts";
import { toFloat32 } from "../../weights/convert.ts";
import { openSafetensors, readStored, writeSafetensors } from "../../weights/safetensors-node.ts";
import { openTorch } from "../../weights/torch/torch-node.ts";
import { isQuantized, type StoredTensor } from "../../weights/weights.ts";
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

/** Most bytes of an adapter's tensors: it is read into memory. */
const mostBytes = 2 ** 32;

function readTensors(file: string, tensors: ReadonlyMap<string, StoredTensor>): Map<string, NdArray> {
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
export function readAdapterFiles(folder: string): AdapterFiles {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    fail("not_found", "no such folder of an adapter", { where: folder });
  }
  const path = realpathSync(folder);
  const json = (name: string) => {
    const file = locate(path, name);
    return file === undefined ? undefined : readJsonFile(file, jsonLimits.config, join(path, name));
  };
  const own = json(sidecarName);
  const sidecar = own ? parseSidecar(own, join(path, sidecarName)) : undefined;
  const ownWeights = locate(path, sidecarWeights);
  if (sidecar?.settings && ownWeights) {
    const { tensors } = openSafetensors(ownWeights);
    return { path, sidecar, tensors: readTensors(ownWeights, tensors), file: ownWeights, warnings: [] };
  }
  const given = json("adapter_config.json");
  if (!given) {
    return fail("not_found", "no adapter_config.json, so this is no folder of an adapter", {
      where: path,
      hint: "give the folder that zeroth tune or PEFT wrote",
    });
  }
  const { config, warnings } = parsePeftConfig(given, join(path, "adapter_config.json"));
  const safe = locate(path, "adapter_model.safetensors");
  const torch = safe ? undefined : locate(path, "adapter_model.bin");
  const file =
    safe ?? torch ?? fail("not_found", "neither adapter_model.safetensors nor adapter_model.bin", { where: path });
  const tensors = readTensors(file, safe ? openSafetensors(file).tensors : openTorch(file));
  return { path, peft: config, sidecar, tensors, file, warnings };
}

const fingerprints = new WeakMap<object, string>();

/**
 * What tells a base model from others of its shape: its configuration, its first and its last tensor. Of a folder that is
 * open it is computed once: those tensors may be large.
 */
export function fingerprintOf(folder: Pick<ModelFolder, "config" | "weights">): string {
  const known = fingerprints.get(folder) ?? computedFingerprint(folder);
  fingerprints.set(folder, known);
  return known;
}

function computedFingerprint({ config, weights }: Pick<ModelFolder, "config" | "weights">): string {
  const hash = createHash("sha256").update(JSON.stringify(config));
  const names = [...weights.keys()].sort();
  for (const name of [names[0], names.at(-1)]) {
    const stored = name === undefined ? undefined : weights.get(name);
    if (!stored) continue;
    hash.update(name!).update(stored.shape.join());
    const { data } = readStored(stored);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, Math.min(data.byteLength, 1 << 20)));
  }
  return hash.digest("hex").slice(0, 32);
}

export interface WriteOptions {
  readonly baseName?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly maxLength?: number | undefined;
}

/** Write an adapter's folder: as PEFT's where PEFT can hold it. Each file appears whole or not at all. */
export async function writeAdapter(
  path: string,
  adapter: Adapter,
  base: Base,
  options: WriteOptions = {},
): Promise<string[]> {
  const { baseName, fingerprint, maxLength } = options;
  const { settings, head, labels, values } = adapter;
  const about: Sidecar = {
    format: 1,
    head,
    labels: labels ? [...labels] : undefined,
    max_length: maxLength,
    base: { name: baseName, fingerprint },
  };
  const written: string[] = [];
  const text = async (name: string, content: string) => {
    await writeFileSafely(join(path, name), content);
    written.push(name);
  };
  const tensors = async (name: string, arrays: ReadonlyMap<string, NdArray>, metadata?: Record<string, string>) => {
    await writeSafetensors(join(path, name), arrays, metadata);
    written.push(name);
  };
  if (beyondPeft(adapter, base.architecture)) {
    await tensors(sidecarWeights, values);
    await text(sidecarName, sidecarText({ ...about, settings }));
    return written;
  }
  const peft = toPeft(adapter, base, baseName ?? null);
  await tensors("adapter_model.safetensors", peft.tensors, { format: "pt" });
  await text(sidecarName, sidecarText(about));
  // Last: a folder that was being written when the power went is none of an adapter.
  await text("adapter_config.json", `${JSON.stringify(peft.config, null, 2)}\n`);
  return written;
}

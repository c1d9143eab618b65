/** The engine of `zeroth serve`, in a process of its own, with the models and adapters that were named. */
import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fail } from "../../errors.ts";
import { needAdapterId } from "../../host/adapters/names.ts";
import type { AdapterOptions } from "../../host/adapters/registry-node.ts";
import { childEngine } from "../../host/child-node.ts";
import type { Engine } from "../../host/engine.ts";
import { embedded } from "../../host/library-node.ts";
import { parseModelName } from "../../hub/names.ts";
import { isAdapterFolder } from "../../text/adapters/about-node.ts";
import { needDevice, withAdapter } from "../engine.ts";
import type { Output } from "../output.ts";
import { threadsFor } from "../threads.ts";

export interface EngineStart {
  readonly model?: readonly string[];
  readonly adapters?: string;
  readonly adapter?: readonly string[];
  readonly maxQueue?: number;
  readonly idle?: number;
  readonly download?: boolean;
  readonly device?: "cpu" | "webgpu" | "cuda" | "auto";
  readonly threads?: number;
  readonly dtype?: "fp32" | "bf16" | "int8" | "int4";
  readonly activations?: "fp32" | "int8";
}

/** Models that were named: of the hub by their names, folders and files by the last part of theirs. */
function modelsOf(names: readonly string[]): {
  readonly pinned: readonly string[];
  readonly folders: Record<string, string>;
  /** Adapters that were named with them, as BASE:NAME=FOLDER. */
  readonly tuned: readonly string[];
} {
  const folders: Record<string, string> = {};
  const tuned: string[] = [];
  const pinned = names.map((given) => {
    const { name, adapter } = withAdapter({ model: given });
    const parsed = parseModelName(name);
    const path = parsed.kind === "path" ? resolve(parsed.path) : undefined;
    if (path !== undefined && !existsSync(path)) fail("not_found", "there is no such folder or file", { where: name });
    const id = path === undefined ? name : basename(path).replace(/\.gguf$/i, "");
    if (adapter !== undefined) tuned.push(`${id}:${basename(resolve(adapter))}=${adapter}`);
    if (path === undefined) return id;
    if ((folders[id] ?? path) !== path)
      fail("wrong_use", `two models would be called "${id}"`, { hint: "rename one of their folders" });
    folders[id] = path;
    return id;
  });
  return { pinned: [...new Set(pinned)], folders, tuned };
}

/** Adapters that were named, by `base:name`, and the folder of adapters. */
function adaptersOf(named: readonly string[], folder: string | undefined, base: string): AdapterOptions {
  const adapters: Record<string, string> = {};
  for (const given of named) {
    const at = given.indexOf("=");
    const [name, place] = [given.slice(0, at), given.slice(at + 1)];
    if (at <= 0 || place === "") {
      fail("wrong_use", `--adapter ${given}: expected NAME=FOLDER or BASE:NAME=FOLDER`);
    }
    const path = resolve(place);
    if (!isAdapterFolder(path)) fail("not_found", "no folder of an adapter", { where: place });
    const id = name.includes(":") ? name : `${base}:${name}`;
    needAdapterId(id);
    if (Object.hasOwn(adapters, id)) fail("wrong_use", `two adapters would be called "${id}"`);
    adapters[id] = path;
  }
  if (folder === undefined) return { adapters };
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    fail("not_found", "there is no such folder of adapters", { where: folder });
  }
  return { adapters, adapterFolder: resolve(folder) };
}

export interface StartedEngine {
  readonly engine: Engine;
  /** The model that is meant where none is named. */
  readonly first: string | undefined;
  readonly folders: Readonly<Record<string, string>>;
  readonly threads: number;
  /** Whether adapters were named. */
  readonly hasAdapters: boolean;
}

/** Start its process; it opens the models that were named at once. */
export async function startEngine(flags: EngineStart, output: Output, signal: AbortSignal): Promise<StartedEngine> {
  const { device = "auto", idle, maxQueue } = flags;
  if (device === "webgpu" || device === "cuda") await needDevice(device, signal);
  if (flags.activations === "int8")
    output.say("products of GGUF files round activations to 8 bits: answers differ from the exact ones");
  const { pinned, folders, tuned: named } = modelsOf(flags.model ?? []);
  const tuned = adaptersOf([...named, ...(flags.adapter ?? [])], flags.adapters, pinned[0] ?? embedded);
  const threads = threadsFor(flags.threads, output);
  const engine = childEngine({
    ...{ pinned, folders, download: flags.download !== false, ...tuned },
    device: device === "auto" ? "cpu" : device,
    threads,
    ...(flags.dtype !== undefined && { dtype: flags.dtype }),
    ...(flags.activations !== undefined && { activations: flags.activations }),
    ...(maxQueue !== undefined && { live: { waiting: maxQueue } }),
    ...(idle !== undefined && { closesAfter: idle === 0 ? Number.POSITIVE_INFINITY : idle * 1000 }),
  });
  const hasAdapters = tuned.adapterFolder !== undefined || Object.keys(tuned.adapters ?? {}).length > 0;
  return { engine, first: pinned[0], folders, threads, hasAdapters };
}

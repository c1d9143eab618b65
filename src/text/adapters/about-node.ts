/** What an adapter's folder says of itself, without its numbers. */
import { realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { namesIn } from "../../base/files-node.ts";
import { jsonLimits } from "../../base/json.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import { locate } from "../../hub/locate-node.ts";
import type { TaskHead } from "../../models/adapters/heads.ts";
import { headOf } from "../../models/adapters/peft.ts";
import { parsePeftConfig } from "../../models/adapters/peft-config.ts";
import { parseSidecar, sidecarName, sidecarWeights } from "./sidecar.ts";

export interface AdapterSummary {
  readonly method: "prefix" | "prompt" | "lora" | "head" | "full";
  readonly head?: TaskHead | undefined;
  readonly labels?: readonly string[] | undefined;
  /** Name of the model it was made over, as its maker called it. */
  readonly base?: string | undefined;
  /** Of the files that hold its numbers. */
  readonly bytes: number;
  /** Unix seconds of its newest file. */
  readonly created: number;
}

const configName = "adapter_config.json";
const weightNames = [sidecarWeights, "adapter_model.safetensors", "adapter_model.bin"];

const methods = { PREFIX_TUNING: "prefix", PROMPT_TUNING: "prompt", P_TUNING: "prompt", LORA: "lora" } as const;

/** Whether a folder holds an adapter, by the names of its files. */
export const isAdapterFolder = (path: string): boolean =>
  [configName, sidecarName].some((name) => statSync(join(path, name), { throwIfNoEntry: false })?.isFile() === true);

/** What a folder's files are, as far as it can be told without reading them: another text where one has changed. */
export function adapterStamp(path: string): string {
  const stats = [configName, sidecarName, ...weightNames].map((name) =>
    statSync(join(path, name), { throwIfNoEntry: false }),
  );
  return stats.map((stat) => (stat ? `${stat.mtimeMs} ${stat.size} ${stat.ino}` : "")).join();
}

/** @throws not_found where the folder is none of an adapter; corrupt_file, unsupported as reading it would */
export function aboutAdapter(folder: string): AdapterSummary {
  if (!isAdapterFolder(folder)) fail("not_found", "no folder of an adapter", { where: folder });
  const path = realpathSync(folder);
  const json = (name: string) => {
    const file = locate(path, name);
    return file === undefined ? undefined : readJsonFile(file, jsonLimits.config, join(path, name));
  };
  const own = json(sidecarName);
  const sidecar = own && parseSidecar(own, join(path, sidecarName));
  const given = json(configName);
  const peft = given && parsePeftConfig(given, join(path, configName)).config;
  const method = sidecar?.settings?.method ?? (peft && methods[peft.peft_type]);
  if (method === undefined) {
    fail("not_found", `neither ${configName} nor ${sidecarName} says what the adapter is`, { where: path });
  }
  const stats = namesIn(path).map((name) => ({ name, stat: statSync(join(path, name), { throwIfNoEntry: false }) }));
  return {
    method,
    head: sidecar?.head ?? (peft && headOf(peft)),
    labels: sidecar?.labels,
    base: sidecar?.base?.name ?? peft?.base_model_name_or_path ?? undefined,
    bytes: stats.reduce((sum, { name, stat }) => sum + (weightNames.includes(name) ? (stat?.size ?? 0) : 0), 0),
    created: Math.floor(Math.max(0, ...stats.map(({ stat }) => stat?.mtimeMs ?? 0)) / 1000),
  };
}

/** From what a person typed to what is planned: a folder, a config.json, a well-known name, or a name on the hub. */
import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type JsonObject, jsonLimits, shown } from "../base/json.ts";
import { readJsonFile } from "../base/read-node.ts";
import { fail, ZerothError } from "../errors.ts";
import { ggufFiles } from "../folders/gguf/open-node.ts";
import { openModelFolder } from "../folders/open-node.ts";
import { type PullOptions, pull, settingsHere } from "../hub/download/pull-node.ts";
import { listModels, resolveModel } from "../hub/find-node.ts";
import { nearestNames, parseModelName } from "../hub/names.ts";
import { knownFamily, modelTypes, readModel } from "../models/families.ts";
import { isPlainType, plainTypes } from "../weights/gguf/types.ts";
import { type GgufTensor, isGguf, isQuantized, type Weights } from "../weights/weights.ts";
import { isCounted, shapeOfConfig, tensorsOfConfig } from "./configs.ts";
import { findKnown, knownNames } from "./known.ts";
import { layerNumber } from "./network.ts";
import type { StoredCount, Subject } from "./plan.ts";
import type { Precision } from "./precision.ts";
import type { Shape } from "./shapes.ts";
import type { TensorGroup } from "./tensor-groups.ts";
import { count, elementsOf, tensorsOf, tensorsOfFile } from "./tensors.ts";

export interface OpenSubjectOptions extends PullOptions {
  /** Told before the configuration is fetched from the hub. */
  readonly onFetch?: (name: string) => void;
}

const architectureOf = (config: JsonObject): string => String(config.model_type ?? "unknown");

/** Blocks of GGUF files by the bits that most of their weights are in. */
const storedGguf = ({ gguf }: GgufTensor) =>
  isPlainType(gguf) ? plainTypes[gguf] : /^Q[234]_/.test(gguf) ? "q4" : "q8";

/** The precision that most numbers of a file have. */
function storedPrecision(weights: Weights): Precision {
  const counts: Record<Precision, number> = { fp32: 0, bf16: 0, int8: 0, int4: 0, q8: 0, q4: 0 };
  for (const stored of weights.values()) {
    const name = isGguf(stored) ? storedGguf(stored) : isQuantized(stored) ? stored.format : stored.dtype;
    const precision = name.startsWith("q")
      ? (name as Precision)
      : name.startsWith("int4")
        ? "int4"
        : name.startsWith("int8")
          ? "int8"
          : name.endsWith("16")
            ? "bf16"
            : "fp32";
    counts[precision] += elementsOf(stored.shape);
  }
  return (Object.keys(counts) as Precision[]).reduce((most, next) => (counts[next] > counts[most] ? next : most));
}

/** A file that the first tensor lies in. */
function fileOf(weights: Weights): string | undefined {
  for (const stored of weights.values()) {
    const plain = isGguf(stored) ? stored.place : isQuantized(stored) ? stored.values : stored;
    if ("file" in plain) return plain.file;
  }
  return undefined;
}

const alike = (name: string, shape: Shape | undefined): string =>
  shape === undefined || shape.family === "network"
    ? name.replace(layerNumber, ".*")
    : name.replace(/block\.\d+/, "block.*").replace(/expert_\d+/, "expert_*");

/** The sum over the files' tensors beside the count from the configuration. */
function compareStored(weights: Weights, shape: Shape | undefined, tensors: readonly TensorGroup[]): StoredCount {
  const held = new Map<string, number>();
  for (const [name, { shape: sizes }] of weights) {
    if (!isCounted(name, shape)) continue;
    const group = alike(name, shape);
    held.set(group, (held.get(group) ?? 0) + elementsOf(sizes));
  }
  const parameters = [...held.values()].reduce((sum, n) => sum + n, 0);
  const { total } = count(tensors);
  // Only what is counted from a network is named as the files name it.
  if (shape && shape.family !== "t5" && shape.family !== "network")
    return { parameters, equal: parameters === total, missing: [], extra: [] };
  const counted = new Map<string, number>();
  for (const { name, shape: sizes, times } of tensors) {
    counted.set(name, (counted.get(name) ?? 0) + elementsOf(sizes) * times);
  }
  const differs = (from: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>) =>
    [...from].filter(([name, n]) => n > (other.get(name) ?? 0)).map(([name]) => name);
  const [missing, extra] = [differs(counted, held), differs(held, counted)];
  return {
    parameters,
    equal: missing.length === 0 && extra.length === 0,
    missing: missing.slice(0, 8),
    extra: extra.slice(0, 8),
  };
}

function unknownFamily(config: JsonObject, where: string): never {
  fail(
    "unsupported",
    `the parameters of model_type ${shown(architectureOf(config))} cannot be counted from its config.json`,
    {
      where,
      hint: `counted here: ${modelTypes.join(", ")}; of other families, give a folder with the weights`,
    },
  );
}

function subjectOfConfig(name: string, path: string): Subject {
  const config = readJsonFile(path, jsonLimits.config);
  const shape = shapeOfConfig(config, path);
  if (shape) return { name, architecture: architectureOf(config), shape };
  const tensors = tensorsOfConfig(config, path);
  return tensors ? { name, architecture: architectureOf(config), tensors } : unknownFamily(config, path);
}

/** A folder with its weights; one that has none yet is counted from its configuration. */
function subjectOfFolder(name: string, path: string): Subject {
  const folder = (() => {
    try {
      return openModelFolder(path);
    } catch (error) {
      const bare = error instanceof ZerothError && error.code === "not_found" && existsSync(join(path, "config.json"));
      if (bare) return undefined;
      throw error;
    }
  })();
  if (!folder) return subjectOfConfig(name, join(path, "config.json"));
  const { config } = folder;
  const known = knownFamily(config) !== undefined;
  const weights = known
    ? readModel(config, folder.weights, path, { same: folder.same, incomplete: true }).weights
    : folder.weights;
  const shape = shapeOfConfig(config, join(path, "config.json"), weights, folder.same);
  const weightFile = fileOf(weights);
  const common = {
    name,
    architecture: architectureOf(config),
    stored: storedPrecision(weights),
    ...(weightFile !== undefined && { weightFile }),
  };
  if (shape) return { ...common, shape, files: compareStored(weights, shape, tensorsOf(shape)) };
  const tensors = tensorsOfConfig(config, join(path, "config.json"), weights);
  if (tensors) return { ...common, tensors, files: compareStored(weights, undefined, tensors) };
  const counted = new Map([...weights].filter(([tensor]) => isCounted(tensor, undefined)));
  return { ...common, tensors: tensorsOfFile(counted) };
}

const didYouMean = (name: string): string | undefined => {
  const near = nearestNames(name.replace(/@.*$/, ""), [...new Set([...knownNames, ...listModels()])]);
  return near.length > 0 ? `did you mean ${near.join(" or ")}?` : undefined;
};

/** config.json alone, from the hub into the cache. */
async function fetchConfig(name: string, { onFetch, ...options }: OpenSubjectOptions): Promise<Subject> {
  onFetch?.(name);
  try {
    // A few hundred bytes are worth a short wait, not a long one.
    const times = { tries: 3, ...options.times };
    const { path, repo } = await pull(name, { ...options, times, include: ["config.json"] });
    return subjectOfConfig(repo, join(path, "config.json"));
  } catch (cause) {
    if (!(cause instanceof ZerothError) || cause.code !== "not_found") throw cause;
    const hint = [didYouMean(name), cause.hint].filter(Boolean).join(" or ");
    throw new ZerothError("not_found", `no model ${shown(name)} here or among the well-known ones; ${cause.message}`, {
      hint,
      cause,
    });
  }
}

/**
 * Find what to plan. A folder on this machine (also one in the cache, or shipped) comes first, then a config.json, then
 * the table of well-known models, for which nobody is asked; then config.json alone is fetched from the hub.
 * @throws not_found with the nearest names; corrupt_file, unsupported for what cannot be counted
 */
export async function openSubject(name: string, options: OpenSubjectOptions = {}): Promise<Subject> {
  const { env = process.env } = options;
  const isFile = statSync(name, { throwIfNoEntry: false })?.isFile() === true;
  if (isFile && !name.endsWith(".gguf")) return subjectOfConfig(basename(name), name);
  let missing: ZerothError;
  try {
    const found = resolveModel(name, { env });
    const isModel = found.path.endsWith(".gguf") || ggufFiles(found.path).length > 0;
    if (found.source !== "cache" || isModel || existsSync(join(found.path, "config.json"))) {
      return subjectOfFolder(found.name, found.path);
    }
    missing = new ZerothError("not_found", `${name} is in the cache without config.json`);
  } catch (error) {
    if (!(error instanceof ZerothError) || error.code !== "not_found") throw error;
    missing = error;
  }
  const known = findKnown(name);
  if (known) {
    const { config } = known;
    const shape = config ? shapeOfConfig(config, name) : known.shape;
    const mixture = shape?.family === "t5" && shape.experts ? "switch_transformers" : shape?.family;
    const architecture = config ? architectureOf(config) : mixture;
    return { name, architecture: architecture ?? "not published", known, ...(shape && { shape }) };
  }
  if (parseModelName(name).kind !== "name") throw missing;
  const near = didYouMean(name);
  // A name without an owner that is nearly a well-known one is a slip of the hand, not a model on the hub.
  if (near && !name.includes("/")) fail("not_found", `no model ${shown(name)}`, { hint: near });
  if (settingsHere(env).offline) {
    fail("not_found", missing.message, {
      hint: `${near ?? "zeroth plan knows many by name, such as gpt3-175b"}; HF_HUB_OFFLINE is set, so nothing is fetched`,
    });
  }
  return fetchConfig(name, options);
}

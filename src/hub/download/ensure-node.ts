/** From a name to a folder that is there: found on this machine, or downloaded. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject, jsonLimits, shown } from "../../base/json.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { ZerothError } from "../../errors.ts";
import type { ResolvedModel } from "../find.ts";
import { resolveModel } from "../find-node.ts";
import { cacheFolder, parseModelName } from "../names.ts";
import { repoCache, sizeOf } from "./cache-node.ts";
import { lacking } from "./choose.ts";
import { type PullOptions, pull, settingsHere } from "./pull-node.ts";

/** Weight files that an index names; undefined when it cannot be read, which opening will say better. */
function shardsOf(index: string): string[] | undefined {
  try {
    const map = readJsonFile(index, jsonLimits.index).weight_map;
    return isJsonObject(map)
      ? [...new Set(Object.values(map))].filter((name): name is string => typeof name === "string")
      : undefined;
  } catch {
    return undefined;
  }
}

/** What a snapshot lacks before a run can use it: Python fetches file by file, so a part is common. */
function missingFrom({ path, name, revision = "" }: ResolvedModel, cache: string): string | undefined {
  const repo = repoCache(cache, name);
  const there = readdirSync(path).filter((file) => sizeOf(join(path, file)) !== undefined);
  return lacking(
    new Set(there),
    (index) => shardsOf(join(path, index)),
    (file) => sizeOf(repo.absent(revision, file)) !== undefined,
  );
}

export interface EnsureOptions extends PullOptions {
  /** false where the name comes from a stranger: then only names, never paths. Default true. */
  readonly allowPaths?: boolean;
  /** Told before a download begins, and why. */
  readonly onDownload?: (name: string, lacks: string | undefined) => void;
}

/**
 * Find a model, or download it: a local folder, a whole snapshot in the Hugging Face cache, a model of this package,
 * then the hub. Offline (`HF_HUB_OFFLINE`) only what is here is found.
 * @throws as {@link resolveModel} and {@link pull} do
 */
export async function ensureModel(name: string, options: EnsureOptions = {}): Promise<ResolvedModel> {
  const { env = process.env, onDownload, allowPaths = true, ...rest } = options;
  const cache = cacheFolder(env);
  const { offline } = settingsHere(env);
  let found: ResolvedModel | undefined;
  let missing: unknown;
  try {
    found = resolveModel(name, { env, allowPaths });
  } catch (cause) {
    const elsewhere = cause instanceof ZerothError && cause.code === "not_found";
    if (!elsewhere || parseModelName(name).kind !== "name" || cache === undefined) throw cause;
    if (offline) {
      throw new ZerothError("not_found", cause.message, {
        hint: [cause.hint, "HF_HUB_OFFLINE is set, so nothing is downloaded"].filter(Boolean).join("; "),
        cause,
      });
    }
    missing = cause;
  }
  const parsed = parseModelName(name);
  const file = parsed.kind === "name" ? parsed.file : undefined;
  const lacks = found?.source === "cache" && file === undefined ? missingFrom(found, cache!) : undefined;
  if (found && (lacks === undefined || offline)) return found;
  onDownload?.(name, lacks);
  try {
    const { path, repo, commit } = await pull(name, { ...rest, env });
    return { path: file === undefined ? path : join(path, file), name: repo, revision: commit, source: "cache" };
  } catch (cause) {
    if (!(cause instanceof ZerothError) || cause.code !== "not_found") throw cause;
    const near = missing instanceof ZerothError && missing.hint?.startsWith("did you mean") ? missing.hint : undefined;
    const here = lacks === undefined ? "" : ` (the cache has it without ${lacks})`;
    const hint = [near, cause.hint].filter(Boolean).join(" or ");
    throw new ZerothError("not_found", `no model ${shown(name)} on this machine${here}; ${cause.message}`, {
      ...(hint && { hint }),
      cause,
    });
  }
}

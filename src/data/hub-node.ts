/** Data sets of the Hugging Face hub: found in the cache that Python shares, or downloaded into it. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fail, ZerothError } from "../errors.ts";
import { repoCache, sizeOf } from "../hub/download/cache-node.ts";
import { type PullOptions, pull, settingsHere } from "../hub/download/pull-node.ts";
import { locate } from "../hub/locate-node.ts";
import { cacheFolder, type Environment, parseModelName } from "../hub/names.ts";
import { needInside, readRef } from "../hub/refs-node.ts";
import { chooseSplit, type SplitWanted } from "./split-files.ts";

/** The snapshot of a data set in the cache, and its files. */
function cachedFiles(name: string, env: Environment): { path: string; names: string[] } | undefined {
  const parsed = parseModelName(name, false);
  const cache = cacheFolder(env);
  if (parsed.kind !== "name" || cache === undefined) return undefined;
  const repo = repoCache(cache, parsed.repo, "dataset");
  const { revision = "main" } = parsed;
  const ref = readRef(repo.root, revision);
  if (ref && "problem" in ref) fail("corrupt_file", ref.problem, { where: repo.ref(revision) });
  const path = repo.snapshot(ref?.commit ?? revision);
  if (!existsSync(path)) return undefined;
  needInside(repo.root, path);
  const files = readdirSync(path, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/"));
  return { path, names: files.filter((file) => sizeOf(join(path, file)) !== undefined) };
}

export interface DataSetOptions extends Pick<PullOptions, "env" | "signal" | "events" | "fetch" | "times" | "random"> {
  /** Told before a download begins. */
  readonly onDownload?: (name: string) => void;
}

/**
 * Paths of the files of a split of `name`, `org/name` or either with `@revision`. What the cache holds of it whole is
 * taken from there and nothing is asked; offline (`HF_HUB_OFFLINE`) there is nothing else.
 * @throws not_found with the next step, bad_input when a subset has to be chosen; as {@link pull} does
 */
export async function findDataSet(name: string, wanted: SplitWanted, options: DataSetOptions = {}): Promise<string[]> {
  const { env = process.env, onDownload, ...rest } = options;
  const where = `datasets/${name}`;
  const cached = cachedFiles(name, env);
  if (cached) {
    try {
      return chooseSplit(cached.names, wanted, where).map((file) => {
        // Links within the cache are its way of keeping files; none leads anywhere else.
        locate(realpathSync(cached.path), file);
        return join(cached.path, file);
      });
    } catch (cause) {
      // A part of a repository is what the cache usually holds.
      if (!(cause instanceof ZerothError) || cause.code !== "not_found" || settingsHere(env).offline) throw cause;
    }
  }
  onDownload?.(name);
  let chosen: readonly string[] = [];
  const { path } = await pull(name, {
    ...rest,
    env,
    kind: "dataset",
    choose(names) {
      chosen = chooseSplit(names, wanted, where);
      return chosen;
    },
  });
  return chosen.map((file) => join(path, file));
}

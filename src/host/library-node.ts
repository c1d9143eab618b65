/** The models that can be named: one that comes with this package, folders that were given names, and the hub's cache. */
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { shown } from "../base/json.ts";
import { ZerothError } from "../errors.ts";
import { ggufFiles } from "../folders/gguf/open-node.ts";
import { listCached } from "../hub/download/cached-node.ts";
import { type EnsureOptions, ensureModel } from "../hub/download/ensure-node.ts";
import { listModels, resolveModel } from "../hub/find-node.ts";
import { cacheFolder, type Environment, nearestNames, parseModelName } from "../hub/names.ts";
import { aboutModel } from "./about-node.ts";
import type { ModelAbout } from "./engine.ts";
import { breathe } from "./waiting.ts";

/** The model that comes with this package. */
export const embedded = "zeroth-nano";

export interface LibraryOptions {
  /** Models by the names that they are to have, each a folder or a GGUF file. No other path is ever opened. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Whether a model of the hub that is not on this machine is downloaded; false by default. */
  readonly download?: boolean;
  /** Where `HF_HOME` and its like are read. Default: this process's environment. */
  readonly env?: Environment;
}

export interface Library {
  /** The one name of a model that may be written in several ways. @throws bad_input for what cannot be a name */
  idOf(name: string): string;
  /** Where a model lies that is on this machine. @throws not_found with near names, bad_input */
  pathOf(id: string): string;
  /** Whether it lies on this machine. */
  has(id: string): boolean;
  /** The same as {@link pathOf}, downloaded where that is allowed. */
  ensure(id: string, options?: Pick<EnsureOptions, "signal" | "events" | "onDownload">): Promise<string>;
  /** Those that can be opened, the embedded one first, then those given names, then the cache. */
  list(): Promise<ModelAbout[]>;
}

/** Names of what one cached snapshot holds: itself, or each of its GGUF files where there are several. */
function namesOf(repo: string, ref: string, path: string): string[] {
  const at = ref === "main" ? repo : `${repo}@${ref}`;
  const gguf = existsSync(join(path, "config.json")) ? [] : ggufFiles(path);
  return gguf.length > 1 && ref === "main" ? gguf.map((file) => `${repo}:${file}`) : [at];
}

/**
 * An error of opening a model as strangers may read it: it names the model, and not where this machine keeps it.
 * @returns what is no {@link ZerothError} as it is
 */
export function namedError(error: unknown, id: string, path: string): unknown {
  if (!(error instanceof ZerothError)) return error;
  const real = existsSync(path) ? realpathSync(path) : path;
  const repository = dirname(dirname(real));
  const places = basename(dirname(real)) === "snapshots" ? [path, real, repository] : [path, real];
  const told = (text: string) => places.reduce((now, place) => now.replaceAll(place, id), text);
  const { code, message, where, hint } = error;
  const what = where !== undefined && message.startsWith(`${where}: `) ? message.slice(where.length + 2) : message;
  return new ZerothError(code, told(what), {
    ...(where !== undefined && { where: told(where) }),
    ...(hint !== undefined && { hint: told(hint) }),
    cause: error,
  });
}

export function openLibrary({ folders = {}, download = false, env = process.env }: LibraryOptions = {}): Library {
  const given = new Map(Object.entries(folders));

  const idOf = (name: string): string => {
    if (given.has(name)) return name;
    const parsed = parseModelName(name, false);
    return parsed.kind === "name" && parsed.revision === "main" && parsed.file === undefined ? parsed.repo : name;
  };

  /** Says nothing of where this machine keeps what. */
  const missing = (id: string, cause: ZerothError): ZerothError => {
    const near = nearestNames(id, [...new Set([...given.keys(), ...listModels(env)])]);
    const hint = near.length > 0 ? `did you mean ${near.join(" or ")}?` : "zeroth pull org/name downloads one";
    return new ZerothError("not_found", `no model ${shown(id)} on this machine`, { hint, cause });
  };

  const pathOf = (id: string): string => {
    const folder = given.get(id);
    if (folder !== undefined) return folder;
    try {
      return resolveModel(id, { env, allowPaths: false }).path;
    } catch (cause) {
      throw cause instanceof ZerothError && cause.code === "not_found" ? missing(id, cause) : cause;
    }
  };

  const cached = (): [id: string, path: string][] => {
    const cache = cacheFolder(env);
    if (cache === undefined) return [];
    return listCached(cache).flatMap(({ repo, kind, refs, path, problem }) =>
      kind !== "model" || problem !== undefined
        ? []
        : refs.flatMap((ref) => namesOf(repo, ref, path).map((id): [string, string] => [id, path])),
    );
  };

  return {
    idOf,
    pathOf,
    has(id) {
      try {
        return pathOf(id) !== "";
      } catch (error) {
        if (error instanceof ZerothError && error.code === "not_found") return false;
        throw error;
      }
    },
    async ensure(id, options = {}) {
      if (given.has(id) || !download) return pathOf(id);
      return (await ensureModel(id, { ...options, env, allowPaths: false })).path;
    },
    async list() {
      const all = new Map<string, string>();
      const add = (id: string, path: () => string) => {
        try {
          if (!all.has(id)) all.set(id, path());
        } catch (error) {
          // Gone meanwhile, or broken: it cannot be named.
          if (!(error instanceof ZerothError)) throw error;
        }
      };
      add(embedded, () => pathOf(embedded));
      for (const id of given.keys()) add(id, () => pathOf(id));
      for (const [id] of cached()) add(id, () => pathOf(id));
      const found: ModelAbout[] = [];
      for (const [id, path] of all) {
        // Many models are much to read: answers under way go on meanwhile.
        await breathe();
        try {
          found.push(await aboutModel(id, path));
        } catch (error) {
          // What would not open is not offered: other programs keep models of other kinds in the cache, too.
          if (!(error instanceof ZerothError)) throw error;
        }
      }
      return found;
    },
  };
}

/** From what a person typed to a folder on disk. The disk comes in as an argument. */

import { shown } from "../base/json.ts";
import { fail } from "../errors.ts";
import {
  cacheFolder,
  cacheName,
  type Environment,
  ggufFellows,
  nearestNames,
  parseModelName,
  repoOfCacheName,
} from "./names.ts";

/** The little of a file system that finding a model needs. */
export interface Files {
  kind(path: string): "file" | "folder" | undefined;
  /** Names in a folder; empty when there is none. */
  list(path: string): readonly string[];
  /** What the branch or tag of a cached repository's folder says; undefined when there is none. */
  ref(root: string, revision: string): Ref | undefined;
  /** Whether a path of a repository's folder, links followed, lies elsewhere. */
  leadsOut(root: string, path: string): boolean;
}

/** A branch's or tag's file: the name of a snapshot, which leads nowhere else, or why it is none. */
export type Ref = { readonly commit: string } | { readonly problem: string };

export interface ResolveOptions {
  readonly env: Environment;
  readonly files: Files;
  /** Folder of the models this package ships, each a subfolder. */
  readonly shipped?: string;
  /** false where the name comes from a stranger: then only names, never paths. Default true. */
  readonly allowPaths?: boolean;
}

export interface ResolvedModel {
  readonly path: string;
  /** What to show: the repository's name, the shipped model's name, or the path. */
  readonly name: string;
  readonly source: "path" | "cache" | "shipped";
  /** Commit of a cached snapshot. */
  readonly revision?: string;
}

function cachedSnapshot(
  repo: string,
  revision: string | undefined,
  cache: string,
  files: Files,
): { path: string; revision: string } | undefined {
  const root = `${cache}/${cacheName(repo)}`;
  const wanted = revision ?? "main";
  const ref = files.ref(root, wanted) ?? { commit: wanted };
  if ("problem" in ref) {
    fail("corrupt_file", ref.problem, {
      where: `${root}/refs/${wanted}`,
      hint: `remove it and download again: zeroth pull ${revision === undefined ? repo : `${repo}@${revision}`}`,
    });
  }
  const { commit } = ref;
  const path = `${root}/snapshots/${commit}`;
  if (files.kind(path) !== "folder") return undefined;
  if (files.leadsOut(root, path)) {
    fail("corrupt_file", "is a link that leads out of the cache", {
      where: path,
      hint: "to open a folder that lies elsewhere, give its path",
    });
  }
  return { path, revision: commit };
}

/** Where a file of a snapshot lies below it, its fellows being there; undefined where one of them is not. */
function cachedFile(snapshot: string, repo: string, file: string, cache: string, files: Files): string | undefined {
  for (const name of ggufFellows(file)) {
    const path = `${snapshot}/${name}`;
    if (files.kind(path) !== "file") return undefined;
    if (files.leadsOut(`${cache}/${cacheName(repo)}`, path)) {
      fail("corrupt_file", "is a link that leads out of the cache", { where: path });
    }
  }
  return `/${file}`;
}

/** Names of the models that can be opened without downloading: cached ones and shipped ones. */
export function knownModels(options: Pick<ResolveOptions, "env" | "files" | "shipped">): string[] {
  const cache = cacheFolder(options.env);
  const cached = cache ? options.files.list(cache).flatMap((folder) => repoOfCacheName(folder) ?? []) : [];
  return [...(options.shipped ? options.files.list(options.shipped) : []), ...cached];
}

/**
 * Find a model: a local folder, then a name in the Hugging Face cache, then a model shipped with this package.
 * @throws bad_input for what cannot be a name (before any look at the disk); not_found with where it looked, near
 *   names and the next step
 */
export function locateModel(name: string, options: ResolveOptions): ResolvedModel {
  const { env, files, shipped, allowPaths = true } = options;
  const parsed = parseModelName(name, allowPaths);
  const looked: string[] = [];
  if (allowPaths) {
    const home = env.HOME || env.USERPROFILE;
    const path = parsed.path.startsWith("~/") && home ? home + parsed.path.slice(1) : parsed.path;
    const kind = files.kind(path);
    if (kind === "folder") return { path, name: parsed.kind === "path" ? path : parsed.repo, source: "path" };
    if (kind === "file" && /\.(?:gguf|npz)$/.test(path)) return { path, name: path, source: "path" };
    if (kind === "file") {
      fail("bad_input", "is a file, a model is a folder", {
        where: path,
        hint: "give the folder that holds config.json, a .gguf file, or an original checkpoint of images (.npz)",
      });
    }
    looked.push(path);
  }
  if (parsed.kind === "name") {
    const cache = cacheFolder(env);
    if (cache) {
      const found = cachedSnapshot(parsed.repo, parsed.revision, cache, files);
      const file =
        found && parsed.file !== undefined ? cachedFile(found.path, parsed.repo, parsed.file, cache, files) : "";
      if (found && file !== undefined) return { ...found, path: found.path + file, name: parsed.repo, source: "cache" };
      looked.push(`${cache}/${cacheName(parsed.repo)}${parsed.revision ? ` at ${parsed.revision}` : ""}`);
    }
    if (shipped && !parsed.repo.includes("/") && parsed.revision === undefined && parsed.file === undefined) {
      const path = `${shipped}/${parsed.repo}`;
      if (files.kind(path) === "folder") return { path, name: parsed.repo, source: "shipped" };
      looked.push(path);
    }
  }
  const near = nearestNames(parsed.kind === "name" ? parsed.repo : parsed.path, knownModels(options));
  const hint = near.length > 0 ? `did you mean ${near.join(" or ")}?` : undefined;
  return fail("not_found", `no model ${shown(name)}; looked in ${looked.join(", ")}`, {
    hint: hint ?? "give a folder that holds config.json, or download the model: zeroth pull org/name",
  });
}

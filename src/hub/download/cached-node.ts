/** What the Hugging Face cache holds, and taking things out of it. */
import { existsSync, lstatSync, readlinkSync, rmdirSync, rmSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { filesBelow, namesIn } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import { cacheName, parseModelName, type RepoKind, repoOfCacheName } from "../names.ts";
import { leadsOut, needInside, refsIn } from "../refs-node.ts";
import { diskError } from "./cache-node.ts";

export interface CachedRepo {
  readonly repo: string;
  readonly kind: RepoKind;
  readonly commit: string;
  /** Branches and tags that point to it. */
  readonly refs: readonly string[];
  /** Bytes of its files; those it shares with another snapshot are counted with both. */
  readonly bytes: number;
  /** When one of its files was last read, in milliseconds since 1970. */
  readonly lastUsed: number;
  readonly files: number;
  readonly path: string;
  /** What is wrong with it. A row of a broken branch or tag has no commit, no files, and the path of its file. */
  readonly problem?: string;
}

interface Entry {
  readonly path: string;
  /** Name of the blob it links to; undefined for a file of its own. */
  readonly blob: string | undefined;
  readonly bytes: number;
  readonly used: number;
}

/** What a path leads to; undefined for a link that leads nowhere, or in a circle. */
function targetOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function entriesOf(snapshot: string, blobs: string): Entry[] {
  return filesBelow(snapshot).map((path) => {
    const link = lstatSync(path).isSymbolicLink() ? join(dirname(path), readlinkSync(path)) : undefined;
    const stat = targetOf(path);
    return {
      path,
      blob: link && dirname(link) === blobs ? basename(link) : undefined,
      bytes: stat?.size ?? 0,
      used: Math.max(stat?.atimeMs ?? 0, stat?.mtimeMs ?? 0),
    };
  });
}

const dataSet = "datasets/";

/** What a person calls it: models by their names, data sets as `datasets/org/name`, as in the hub's addresses. */
export const cachedName = ({ repo, kind }: Pick<CachedRepo, "repo" | "kind">): string =>
  kind === "dataset" ? dataSet + repo : repo;

/**
 * Snapshots of all models and data sets in the cache, by name. What is broken is a row with its problem; nothing is
 * opened that is not a file, and no link is followed out of a repository's folder.
 */
export function listCached(cache: string): CachedRepo[] {
  const folders = namesIn(cache);
  return (["model", "dataset"] as const).flatMap((kind) =>
    folders.flatMap((folder) => {
      try {
        const { snapshots, broken } = snapshotsIn(cache, folder, kind);
        return [...snapshots, ...broken];
      } catch (cause) {
        // A folder of somebody else's, or one that is removed meanwhile: the others are listed all the same.
        const { code = "" } = cause as NodeJS.ErrnoException;
        const repo = repoOfCacheName(folder, kind);
        if (repo === undefined || code === "") throw cause;
        return brokenRow({ repo, kind, path: join(cache, folder), problem: `cannot be read (${code})` });
      }
    }),
  );
}

const brokenRow = (
  parts: Partial<CachedRepo> & Pick<CachedRepo, "repo" | "kind" | "path" | "problem">,
): CachedRepo => ({
  commit: "",
  refs: [],
  bytes: 0,
  lastUsed: 0,
  files: 0,
  ...parts,
});

interface Snapshots {
  readonly snapshots: readonly CachedRepo[];
  /** Refs, or snapshots, that are none. */
  readonly broken: readonly CachedRepo[];
}

/** Snapshots in one folder of the cache; none where it is of another kind. */
function snapshotsIn(cache: string, folder: string, kind: RepoKind): Snapshots {
  const repo = repoOfCacheName(folder, kind);
  if (repo === undefined) return { snapshots: [], broken: [] };
  const root = join(cache, folder);
  const refs: { name: string; commit: string }[] = [];
  const broken: CachedRepo[] = [];
  const addBroken = (path: string, problem: string, more: Partial<CachedRepo> = {}) =>
    broken.push(brokenRow({ repo, kind, path, problem, ...more }));
  for (const { name, path, ref } of refsIn(root)) {
    if ("commit" in ref) refs.push({ name, commit: ref.commit });
    else addBroken(path, ref.problem, { refs: [name] });
  }
  const whole = join(root, "snapshots");
  if (leadsOut(root, whole)) addBroken(whole, "is a link that leads out of the cache");
  const commits = leadsOut(root, whole) ? [] : namesIn(whole);
  const snapshots = commits.flatMap((commit) => {
    const path = join(whole, commit);
    const out = leadsOut(root, path);
    if (out || !targetOf(path)?.isDirectory()) {
      addBroken(path, out ? "is a link that leads out of the cache" : "is not a folder", { commit });
      return [];
    }
    const entries = entriesOf(path, join(root, "blobs"));
    const unique = new Map(entries.map((entry) => [entry.blob ?? entry.path, entry]));
    return {
      repo,
      kind,
      commit,
      refs: refs.filter((ref) => ref.commit === commit).map(({ name }) => name),
      bytes: [...unique.values()].reduce((sum, { bytes }) => sum + bytes, 0),
      lastUsed: Math.max(0, ...entries.map(({ used }) => used)),
      files: entries.length,
      path,
    };
  });
  return { snapshots, broken };
}

/**
 * Where Python keeps a blob that several repositories share (`blobs/ab/ab…` in the cache, links to it in their own
 * `blobs`); undefined for a blob of its own.
 */
function sharedTarget(cache: string, blob: string): string | undefined {
  if (!lstatSync(blob, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined;
  const target = join(dirname(blob), readlinkSync(blob));
  const inside = relative(join(cache, "blobs"), target).replaceAll("\\", "/");
  return /^([0-9a-f]{2})\/\1[0-9a-f]{62}$/.test(inside) ? target : undefined;
}

/** Links to shared blobs from all repositories, by target. */
function sharedLinks(cache: string): Map<string, string[]> {
  const links = new Map<string, string[]>();
  if (!existsSync(join(cache, "blobs"))) return links;
  for (const folder of namesIn(cache).filter((name) => /^(models|datasets|spaces|kernels)--/.test(name))) {
    for (const name of namesIn(join(cache, folder, "blobs"))) {
      const blob = join(cache, folder, "blobs", name);
      const target = sharedTarget(cache, blob);
      if (target !== undefined) links.set(target, [...(links.get(target) ?? []), blob]);
    }
  }
  return links;
}

export interface Removal {
  /** What it is called, as it was given without its revision. */
  readonly name: string;
  /** Snapshots that go. */
  readonly snapshots: readonly CachedRepo[];
  /** Bytes that become free. */
  readonly bytes: number;
  remove(): void;
}

/**
 * What removing `org/name` (everything) or `org/name@revision` (a branch, tag, or commit or its beginning) would free:
 * blobs that another snapshot uses stay. Data sets are `datasets/org/name`.
 * @throws not_found when the cache has no such model, data set or revision
 */
export function planRemoval(cache: string, given: string): Removal {
  const kind: RepoKind = given.startsWith(dataSet) ? "dataset" : "model";
  const parsed = parseModelName(kind === "dataset" ? given.slice(dataSet.length) : given, false);
  if (parsed.kind !== "name") return fail("bad_input", "a path is not in the cache; remove the folder itself");
  const { repo, revision } = parsed;
  const name = cachedName({ repo, kind });
  const root = join(cache, cacheName(repo, kind));
  const { snapshots: all } = snapshotsIn(cache, cacheName(repo, kind), kind);
  if (!existsSync(root)) {
    fail("not_found", `${name} is not in the cache`, { where: cache, hint: "zeroth cache list shows what is" });
  }
  const wanted = (one: CachedRepo): boolean =>
    revision === undefined ||
    one.refs.includes(revision) ||
    (/^[0-9a-f]{7,40}$/.test(revision) && one.commit.startsWith(revision));
  const snapshots = all.filter(wanted);
  if (revision !== undefined && snapshots.length === 0) {
    fail("not_found", `${name} is in the cache, but not at ${revision}`, {
      where: root,
      hint: `it has ${all.map(({ refs, commit }) => refs[0] ?? commit.slice(0, 7)).join(", ") || "no snapshot"}`,
    });
  }
  if (lstatSync(root).isSymbolicLink()) {
    fail("bad_input", `${name} lies in another folder, to which the cache has a link`, {
      where: root,
      hint: "remove that folder and the link yourself",
    });
  }
  // What is removed is the cache's own.
  for (const folder of ["blobs", "refs", "snapshots", "trees", ".no_exist"]) needInside(root, join(root, folder));
  const whole = snapshots.length === all.length;
  const blobs = join(root, "blobs");
  const used = (some: readonly CachedRepo[]) =>
    new Set(some.flatMap(({ path }) => entriesOf(path, blobs).flatMap(({ blob }) => blob ?? [])));
  const kept = used(all.filter((one) => !snapshots.includes(one)));
  const going = whole ? namesIn(blobs) : [...used(snapshots)].filter((blob) => !kept.has(blob));
  const leaving = new Set(going.map((blob) => join(blobs, blob)));
  const shared = sharedLinks(cache);
  /** Shared blobs without a link to them afterwards. */
  const unused = [...shared].filter(([, links]) => links.every((link) => leaving.has(link))).map(([target]) => target);
  const staying = new Set([...shared].filter(([target]) => !unused.includes(target)).flatMap(([, links]) => links));
  const size = (path: string) => (staying.has(path) ? 0 : (targetOf(path)?.size ?? 0));
  const own = snapshots.flatMap(({ path }) => entriesOf(path, blobs).filter(({ blob }) => blob === undefined));
  return {
    name,
    snapshots,
    bytes: [...going.map((blob) => size(join(blobs, blob))), ...own.map(({ bytes }) => bytes)].reduce(
      (a, b) => a + b,
      0,
    ),
    remove() {
      const removeUnused = () => {
        for (const target of unused) {
          rmSync(target, { force: true });
          rmSync(`${target}.refs`, { force: true });
        }
      };
      try {
        if (whole) {
          // Refs first: what is half removed must not be found under a name.
          rmSync(join(root, "refs"), { recursive: true, force: true });
          rmSync(root, { recursive: true, force: true });
          rmSync(join(cache, ".locks", basename(root)), { recursive: true, force: true });
          removeUnused();
          return;
        }
        const commits = new Set(snapshots.map(({ commit }) => commit));
        for (const { path, ref } of refsIn(root)) {
          if (!("commit" in ref) || !commits.has(ref.commit)) continue;
          rmSync(path);
          // A name with a slash leaves its folder behind.
          for (let at = dirname(path); at !== join(root, "refs"); at = dirname(at)) {
            if (namesIn(at).length === 0) rmdirSync(at);
          }
        }
        for (const { path, commit } of snapshots) {
          rmSync(path, { recursive: true, force: true });
          rmSync(join(root, ".no_exist", commit), { recursive: true, force: true });
          rmSync(join(root, "trees", `${commit}.json`), { force: true });
        }
        for (const blob of going) rmSync(join(blobs, blob), { force: true });
        removeUnused();
      } catch (cause) {
        throw diskError(cause, root);
      }
    },
  };
}

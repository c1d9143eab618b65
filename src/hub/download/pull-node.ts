/** Download a model, or files of a data set, into the Hugging Face cache. */
import { readFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileSha256, makeFolder } from "../../base/files-node.ts";
import { type LockTimes, lockTimes, takeLock } from "../../base/lock-node.ts";
import { fail, throwIfAborted } from "../../errors.ts";
import { cacheFolder, type Environment, parseModelName, type RepoKind } from "../names.ts";
import { needInside } from "../refs-node.ts";
import {
  createFileHash,
  diskError,
  freeSpace,
  linkFile,
  neededCache,
  openDraft,
  type RepoCache,
  repoCache,
  sizeOf,
  tagCache,
  writeAbsent,
  writeRef,
} from "./cache-node.ts";
import { chooseFiles, chooseGguf, lookedFor } from "./choose.ts";
import { proxiedFetch } from "./fetch-node.ts";
import type { Fetch } from "./http.ts";
import type { RemoteFile } from "./listing.ts";
import { fetchListing } from "./listing-fetch.ts";
import { createMeter, type Progress } from "./progress.ts";
import { type Retry, type RetryTimes, retryTimes } from "./retry.ts";
import { type HubSettings, hubSettings } from "./settings.ts";
import { transfer } from "./transfer.ts";
import { listedNames, takeWanted } from "./wanted.ts";

export interface PulledFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** false when it was in the cache already, or another process fetched it. */
  readonly fetched: boolean;
}

export interface Pulled {
  /** The snapshot's folder. */
  readonly path: string;
  readonly repo: string;
  readonly commit: string;
  readonly files: readonly PulledFile[];
}

/** How far one of the files is. */
export interface FileProgress {
  readonly file: string;
  readonly bytes: number;
  readonly done: number;
}

/** What a download would be. */
export interface PullPlan {
  readonly repo: string;
  readonly commit: string;
  /** Those that a run needs, or that were chosen; `here` are in the cache already. */
  readonly files: readonly { readonly file: string; readonly bytes: number; readonly here: boolean }[];
  readonly bytes: number;
  /** Bytes that are not in the cache yet. */
  readonly missing: number;
  /** Bytes that the cache's disk can still take, where the system says so. */
  readonly free: number | undefined;
}

export interface PullEvents {
  /** Before the first byte: what is to come. `missing` bytes are not in the cache yet. */
  planned?(plan: { repo: string; commit: string; files: number; bytes: number; missing: number }): void;
  /** At most every tenth of a second. */
  progress?(progress: Progress): void;
  /** Before every {@link progress}: the files that were missing, each by itself. */
  files?(files: readonly FileProgress[]): void;
  retry?(retry: Retry): void;
  /** Another process is fetching this file. */
  waiting?(file: string): void;
}

export interface PullOptions {
  /** Default: this process's environment. */
  readonly env?: Environment;
  /** Default: a model. */
  readonly kind?: RepoKind;
  /** Only files that fit one of these patterns, instead of those that a run needs. */
  readonly include?: readonly string[];
  /** Only these of the names that are listed, as the server has them; instead of `include`. */
  readonly choose?: (names: readonly string[]) => readonly string[];
  readonly signal?: AbortSignal;
  readonly events?: PullEvents;
  /** Files at a time. Default 4. */
  readonly parallel?: number;
  readonly fetch?: Fetch;
  /** Milliseconds. */
  readonly now?: () => number;
  /** Milliseconds since 1970, for dates that a server names. Default: this machine's. */
  readonly clock?: () => number;
  readonly random?: () => number;
  readonly times?: Partial<RetryTimes & LockTimes>;
  /** Bytes that a folder's disk can still take. */
  readonly freeSpace?: (folder: string) => Promise<number | undefined>;
}

interface Work {
  readonly cache: RepoCache;
  readonly repo: string;
  readonly commit: string;
  readonly settings: HubSettings;
  readonly options: Required<Pick<PullOptions, "fetch" | "now" | "clock" | "random">> & PullOptions;
  readonly signal: AbortSignal;
  /** More bytes of a file are here. */
  came(file: RemoteFile, bytes: number, from: "network" | "draft"): void;
}

/** The hub's settings of this machine. */
export function settingsHere(env: Environment): HubSettings {
  return hubSettings(env, (path) => {
    const size = sizeOf(path);
    return size !== undefined && size < 10_000 ? readFileSync(path, "utf8") : undefined;
  });
}

function isHere(cache: RepoCache, commit: string, { name, etag, bytes }: RemoteFile): boolean {
  return sizeOf(cache.blob(etag)) === bytes || sizeOf(join(cache.snapshot(commit), name)) === bytes;
}

/** Fetch one file into its blob; "busy" when another process is at it and `wait` is false. */
async function fetchFile(work: Work, file: RemoteFile, wait: boolean): Promise<"fetched" | "here" | "busy"> {
  const { cache, commit, settings, options, signal, came } = work;
  const repo = options.kind === "dataset" ? `datasets/${work.repo}` : work.repo;
  const done = () => isHere(cache, commit, file);
  const times = { ...lockTimes, ...options.times };
  const lock = await takeLock(cache.lock(file.etag), { times, signal, done, wait });
  if (lock === "done") came(file, file.bytes, "draft");
  if (lock === "busy") return "busy";
  if (lock === "done") return "here";
  const path = cache.incomplete(file.etag);
  try {
    const draft = await openDraft(path);
    try {
      const address = `${settings.endpoint}/${repo}/resolve/${commit}/${file.name.split("/").map(encodeURIComponent).join("/")}`;
      const { endpoint, token } = settings;
      const asked = { repo, revision: commit, endpoint, token: token !== undefined, file: file.name };
      await transfer(address, file, asked, draft, {
        ...options,
        settings,
        times: { ...retryTimes, ...options.times },
        signal,
        createHash: createFileHash,
        onRetry: options.events?.retry,
        onBytes: (bytes, from) => came(file, bytes, from),
      });
      await draft.finish();
    } finally {
      await draft.close();
    }
    await rename(path, cache.blob(file.etag));
    return "fetched";
  } finally {
    lock.release();
  }
}

/** Do all, a few at a time; the first failure stops the others. */
async function inParallel<T>(items: readonly T[], width: number, stop: () => void, work: (item: T) => Promise<void>) {
  const rest = items.values();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const item of rest) {
      try {
        await work(item);
      } catch (cause) {
        failures.push(cause);
        stop();
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}

/** All files into blobs. Gives the etags that this process fetched. */
async function fetchAll(work: Work, files: readonly RemoteFile[], stop: () => void): Promise<ReadonlySet<string>> {
  const { options } = work;
  const fetched = new Set<string>();
  const busy: RemoteFile[] = [];
  const width = options.parallel ?? 4;
  await inParallel(files, width, stop, async (file) => {
    const how = await fetchFile(work, file, false);
    if (how === "busy") busy.push(file);
    if (how === "fetched") fetched.add(file.etag);
  });
  // What another process is at comes last, so that two share the work.
  await inParallel(busy, Math.max(1, busy.length), stop, async (file) => {
    options.events?.waiting?.(file.name);
    if ((await fetchFile(work, file, true)) === "fetched") fetched.add(file.etag);
  });
  return fetched;
}

async function checkSpace(cache: RepoCache, missing: readonly RemoteFile[], options: PullOptions): Promise<void> {
  const needed = missing.reduce((sum, { bytes, etag }) => {
    return sum + Math.max(0, bytes - (sizeOf(cache.incomplete(etag)) ?? 0));
  }, 0);
  const free = await (options.freeSpace ?? freeSpace)(cache.root);
  if (free !== undefined && needed > free) {
    fail("bad_input", `${needed} bytes are to come, the disk has room for ${free}`, {
      where: cache.root,
      hint: "free some space (zeroth cache list, zeroth cache remove), or let HF_HOME be a folder on another disk",
    });
  }
}

/** Names a snapshot gets last, so that a folder that is not whole does not look like a model. */
const lastLinked = new Set(["config.json", "adapter_config.json"]);

const sum = (files: readonly { readonly bytes: number }[]): number => files.reduce((all, { bytes }) => all + bytes, 0);

/** What is to be fetched, and with what. */
async function look(name: string, options: PullOptions, signal: AbortSignal) {
  const {
    env = process.env,
    kind = "model",
    include,
    choose,
    events,
    now = () => performance.now(),
    clock = Date.now,
    random = Math.random,
  } = options;
  const parsed = parseModelName(name, false);
  if (parsed.kind !== "name") return fail("bad_input", "a path cannot be downloaded");
  const { repo, revision = "main", file: named } = parsed;
  const settings = settingsHere(env);
  if (settings.offline) {
    fail("not_found", "nothing is downloaded in offline mode", {
      where: repo,
      hint: "zeroth cache list shows what is here; unset HF_HUB_OFFLINE (and TRANSFORMERS_OFFLINE) to download",
    });
  }
  const cache = repoCache(neededCache(cacheFolder(env)), repo, kind);
  const fetch = options.fetch ?? (await proxiedFetch(settings));
  const times = { ...retryTimes, ...options.times };
  const asking = { fetch, settings, times, random, now, clock, signal, onRetry: events?.retry, kind };
  const listing = await fetchListing(repo, revision, asking);
  const { commit } = listing;
  const wanted = choose && new Set(choose(listedNames(listing)));
  const chosen = wanted
    ? takeWanted(listing, repo, (file) => wanted.has(file))
    : named !== undefined && include === undefined
      ? chooseGguf(listing, repo, named)
      : chooseFiles(listing, repo, include);
  const missing = chosen.filter((file) => !isHere(cache, commit, file));
  return { repo, revision, commit, kind, settings, cache, listing, chosen, missing, fetch, now, clock, random };
}

/**
 * What {@link pull} would download, without downloading it.
 * @throws as {@link pull} does before the first byte of a file
 */
export async function planPull(name: string, options: PullOptions = {}): Promise<PullPlan> {
  const { repo, commit, cache, chosen, missing } = await look(name, options, options.signal ?? neverStopped());
  const absent = new Set(missing);
  return {
    ...{ repo, commit },
    files: chosen.map((file) => ({ file: file.name, bytes: file.bytes, here: !absent.has(file) })),
    bytes: sum(chosen),
    missing: sum(missing),
    free: await (options.freeSpace ?? freeSpace)(cache.root),
  };
}

const neverStopped = (): AbortSignal => new AbortController().signal;

/** Counts what comes, of all files and of each, and tells of it at most every tenth of a second. */
function counter(missing: readonly RemoteFile[], events: PullEvents | undefined, now: () => number) {
  const meter = createMeter(sum(missing), now);
  const each = new Map(missing.map(({ etag, name, bytes }) => [etag, { file: name, bytes, done: 0 }]));
  let told = now();
  const tell = () => {
    told = now();
    events?.files?.([...each.values()].map((file) => ({ ...file })));
    events?.progress?.(meter.progress());
  };
  return {
    tell,
    came({ etag }: RemoteFile, bytes: number, from: "network" | "draft"): void {
      if (from === "network") meter.add(bytes);
      else meter.found(bytes);
      each.get(etag)!.done += bytes;
      if (now() - told >= 100) tell();
    },
  };
}

/**
 * Download what a run needs of `org/name`, `org/name@revision` or `org/name:file.gguf` into the cache, as Python's huggingface_hub would lay
 * it out. What is there is not fetched again; what was interrupted goes on where it ended.
 * @throws not_found when the hub is not reached or does not give it; corrupt_file when it gives something else than it
 *   lists, or a link leads out of the cache; bad_input when the disk is too small or refuses; interrupted
 */
export async function pull(name: string, options: PullOptions = {}): Promise<Pulled> {
  const { events } = options;
  const controller = new AbortController();
  const stop = () => controller.abort(options.signal?.reason);
  if (options.signal?.aborted) stop();
  options.signal?.addEventListener("abort", stop, { once: true });
  const { signal } = controller;
  let root: string | undefined;
  try {
    const looked = await look(name, options, signal);
    const { repo, revision, commit, kind, settings, cache, listing, chosen, missing, ...tools } = looked;
    ({ root } = cache);
    events?.planned?.({ repo, commit, files: chosen.length, bytes: sum(chosen), missing: sum(missing) });
    await checkSpace(cache, missing, options);
    let fetched: ReadonlySet<string> = new Set();
    for (const folder of ["blobs", "snapshots", "refs", ".no_exist"]) needInside(cache.root, join(cache.root, folder));
    if (missing.length > 0) {
      makeFolder(join(cache.root, "blobs"));
      await tagCache(dirname(cache.root));
      const { came, tell } = counter(missing, events, tools.now);
      const work = { cache, repo, commit, settings, options: { ...options, ...tools }, signal, came };
      // Files with the same content are one blob.
      const blobs = [...new Map(missing.map((file) => [file.etag, file])).values()];
      fetched = await fetchAll(work, blobs, stop);
      tell();
    }
    throwIfAborted(options.signal);
    const uses = new Map<string, number>();
    for (const { etag } of chosen) uses.set(etag, (uses.get(etag) ?? 0) + 1);
    const rank = ({ name: file }: RemoteFile) => Number(lastLinked.has(file));
    for (const file of [...chosen].sort((a, b) => rank(a) - rank(b))) {
      const fresh = fetched.has(file.etag) && uses.get(file.etag) === 1;
      await linkFile(cache, commit, file, { symlinks: settings.symlinks, fresh });
    }
    const there = new Set(listedNames(listing));
    const absent = kind === "model" ? lookedFor.filter((file) => !there.has(file)) : [];
    await writeAbsent(cache, commit, absent);
    await writeRef(cache, revision, commit);
    const path = cache.snapshot(commit);
    const files: PulledFile[] = [];
    for (const { name: file, bytes, hash, etag } of chosen) {
      const sha256 = hash === "sha256" ? etag : await fileSha256(join(path, file));
      files.push({ file, bytes, sha256, fetched: fetched.has(etag) });
      // Its draft, if another process left one when it finished first.
      await rm(cache.incomplete(etag), { force: true });
    }
    return { path, repo, commit, files };
  } catch (cause) {
    const ofDisk = root !== undefined && (cause as NodeJS.ErrnoException).syscall !== undefined;
    throw ofDisk ? diskError(cause, root!) : cause;
  } finally {
    options.signal?.removeEventListener("abort", stop);
  }
}

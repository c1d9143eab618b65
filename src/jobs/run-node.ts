/** One partition of a job: looked up by its key, else computed, stored, and made the latest of its partition. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalJson } from "../base/canonical.ts";
import { fileSha256, filesBelow, makeFolder, removeEmpty, writeFileSafely } from "../base/files-node.ts";
import { nearest } from "../base/nearest.ts";
import { fail, throwIfAborted } from "../errors.ts";
import { takeAttempt } from "./attempt-node.ts";
import type { Check, JobEvent, Tell } from "./events.ts";
import type { BoundJob, OpenedJob } from "./job.ts";
import type { Backend } from "./store/backend.ts";
import { type Manifest, storedNumber } from "./store/manifest.ts";
import { commit, readRef, readResult, refPath } from "./store/objects-node.ts";

export interface Key {
  readonly key: string;
  /** What it is the hash of. */
  readonly identity: Readonly<Record<string, unknown>>;
}

/** The key of a partition's result. Not in it: machine, threads, time, paths, names of files. */
export async function keyOf(job: BoundJob, partition: string, signal: AbortSignal): Promise<Key> {
  const { inputs, model = null, tokenizer = null, adapter = null } = await job.inputs(partition, signal);
  const { name, version, keyed, seed } = job;
  const identity = {
    schema: 1,
    job: name,
    jobVersion: version,
    partition,
    config: keyed,
    ...{ inputs, model, tokenizer, adapter, seed },
  };
  return { key: createHash("sha256").update(canonicalJson(identity)).digest("hex"), identity };
}

/** The partitions that were asked for. @throws wrong_use with the nearest name */
export async function chosenPartitions(job: BoundJob, wanted: readonly string[] | "all"): Promise<readonly string[]> {
  const all = await job.partitions();
  if (wanted === "all") return all;
  for (const one of wanted) {
    if (all.includes(one)) continue;
    const near = nearest(one, all);
    const some =
      all.length <= 12 ? `there are ${all.join(", ")}` : `there are ${all.length}, from ${all[0]} to ${all.at(-1)}`;
    fail("wrong_use", `the job ${job.name} has no partition "${one}"`, {
      hint: near === undefined ? some : `did you mean "${near}"? ${some}`,
    });
  }
  return wanted;
}

export interface PartitionRun {
  readonly store: Backend;
  /** Folder of unfinished attempts. */
  readonly work: string;
  readonly signal: AbortSignal;
  readonly tell: Tell;
  /** Under which the latest result is noted: the job's name, or an asset's. */
  readonly asset: string;
  /** Of the package, for the manifest. */
  readonly version: string;
  /** The job, opened when it is first asked for. */
  readonly opened: () => Promise<OpenedJob>;
}

export interface Outcome {
  readonly partition: string;
  readonly manifest: Manifest;
  /** Whether it was there already. */
  readonly cached: boolean;
}

/** Note the latest result of a partition; nothing is written where it is noted already. */
async function noteLatest(
  { store, asset }: PartitionRun,
  { key, outputHash, partition }: Manifest,
  draft: string,
): Promise<void> {
  if ((await readRef(store, asset, partition))?.key === key) return;
  await writeFileSafely(draft, `${JSON.stringify({ key, outputHash, at: new Date().toISOString() })}\n`);
  await store.replaceFrom(refPath(asset, partition), draft);
}

/**
 * The result of a partition where it is there and whole, which becomes the latest. What an attempt left that was stored
 * and then ended before it had cleared up is taken away.
 */
export async function knownResult(key: string, run: PartitionRun): Promise<Manifest | undefined> {
  const { store, work, asset } = run;
  const manifest = await readResult(store, key);
  if (!manifest) return undefined;
  const noted = (await readRef(store, asset, manifest.partition))?.key === key;
  // An attempt that was killed while it cleared up may have left its folder, its locks or the folders above them.
  if (noted && !existsSync(join(work, key))) {
    removeEmpty(work);
    return manifest;
  }
  const attempt = await takeAttempt(work, key);
  try {
    await noteLatest(run, manifest, join(attempt.folder, "ref.json"));
  } finally {
    await attempt.end(true);
  }
  return manifest;
}

/** What is kept of the events for whoever reads the result. */
function gathered() {
  const metrics: Record<string, ReturnType<typeof storedNumber>> = {};
  const checks = new Map<string, Check>();
  const rest: Pick<Manifest, "preview" | "table"> = {};
  const note = (event: JobEvent) => {
    if (event.event === "metric") metrics[event.name] = storedNumber(event.value);
    else if (event.event === "check") {
      const { event: _, ...check } = event;
      checks.set(check.name, check);
    } else if (event.event === "preview") rest.preview = event.markdown;
    else if (event.event === "table") rest.table = [...event.rows];
  };
  return { note, of: () => ({ metrics, checks: [...checks.values()], ...rest }) };
}

/**
 * Run a partition.
 * @throws what the job throws; its work is kept, and the next attempt goes on from there
 */
export async function runPartition(job: BoundJob, partition: string, run: PartitionRun): Promise<Outcome> {
  const { store, signal, work, version } = run;
  throwIfAborted(signal);
  const { key, identity } = await keyOf(job, partition, signal);
  const known = await knownResult(key, run);
  if (known) return { partition, manifest: known, cached: true };
  const opened = await run.opened();
  const attempt = await takeAttempt(work, key);
  let done = false;
  try {
    const folder = (name: string) => join(attempt.folder, name);
    const out = folder("out");
    rmSync(out, { recursive: true, force: true });
    makeFolder(out);
    makeFolder(folder("work"));
    const notes = gathered();
    const tell: Tell = (event) => {
      notes.note(event);
      run.tell(event);
    };
    if (attempt.resumed)
      tell({ event: "log", level: "INFO", message: "going on with what an earlier attempt has done" });
    const began = performance.now();
    await opened.run({ partition, work: folder("work"), out, signal, tell });
    const files = [];
    for (const path of filesBelow(out)) {
      const name = relative(out, path).replaceAll("\\", "/");
      files.push({ path: name, bytes: statSync(path).size, sha256: await fileSha256(path) });
    }
    const { name, version: jobVersion } = job;
    const { manifest, first } = await commit(
      store,
      {
        ...{ schema: 1 as const, key, job: name, jobVersion, partition, identity, files },
        ...notes.of(),
        versions: { zeroth: version, node: process.versions.node },
        seconds: (performance.now() - began) / 1000,
      },
      {
        from: out,
        async write(whole) {
          await writeFileSafely(folder("manifest.json"), `${JSON.stringify(whole, null, 1)}\n`);
          return folder("manifest.json");
        },
      },
    );
    if (!first) {
      const own = files.map(({ path, sha256 }) => `${path} ${sha256}`).sort();
      const theirs = manifest.files.map(({ path, sha256 }) => `${path} ${sha256}`).sort();
      run.tell({
        event: "check",
        name: "deterministic",
        passed: own.join() === theirs.join(),
        severity: "WARN",
        about: "another attempt at the same key was stored first, and is the one that counts",
      });
    }
    await noteLatest(run, manifest, folder("ref.json"));
    done = true;
    return { partition, manifest, cached: false };
  } finally {
    await attempt.end(done);
  }
}

/** The package's folder, and its version, of the package.json above. */
function packageHere(): { readonly folder: string; readonly version: string } {
  for (let folder = new URL(".", import.meta.url); ; folder = new URL("..", folder)) {
    try {
      const text = readFileSync(new URL("package.json", folder), "utf8");
      const { name, version } = JSON.parse(text) as Record<string, string>;
      if (name === "zeroth" && version !== undefined) return { folder: fileURLToPath(folder), version };
    } catch {
      // Further up.
    }
    if (folder.pathname === "/") return fail("not_found", "the package's own files are not there");
  }
}

export const packageVersion = (): string => packageHere().version;
export const packageFolder = (): string => packageHere().folder;

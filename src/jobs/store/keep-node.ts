/** Looking after a store: what is in it, whether it is whole, and what may go. */
import { fail } from "../../errors.ts";
import type { Backend } from "./backend.ts";
import type { Manifest } from "./manifest.ts";
import { objectFolder, problemsOf, quarantine, readManifest, refPath } from "./objects-node.ts";

/** Keys of everything that has or had a manifest, in their order. */
async function keysIn(backend: Backend): Promise<Map<string, { manifest: boolean; bytes: number; modified: number }>> {
  const keys = new Map<string, { manifest: boolean; bytes: number; modified: number }>();
  for await (const { path, bytes, modified } of backend.list("objects")) {
    const [, key, rest] = /^objects\/..\/([0-9a-f]{64})\/(.*)$/.exec(path) ?? [];
    if (key === undefined) continue;
    const before = keys.get(key) ?? { manifest: false, bytes: 0, modified: 0 };
    keys.set(key, {
      manifest: before.manifest || rest === "manifest.json",
      bytes: before.bytes + bytes,
      modified: Math.max(before.modified, modified),
    });
  }
  return keys;
}

/** Keys that a partition's latest result has. */
async function referred(backend: Backend): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const { path } of backend.list("refs")) {
    const [, key] = /"key":\s*"([0-9a-f]{64})"/.exec(new TextDecoder().decode(await backend.read(path))) ?? [];
    if (key !== undefined) keys.add(key);
  }
  return keys;
}

export interface Listed {
  readonly key: string;
  readonly job: string;
  readonly partition: string;
  readonly output_hash: string;
  readonly bytes: number;
  readonly seconds: number;
  /** Whether it is the latest of its partition. */
  readonly latest: boolean;
}

/** Every result, by its key. */
export async function* listResults(backend: Backend): AsyncGenerator<Listed> {
  const latest = await referred(backend);
  for (const [key, { manifest, bytes }] of await keysIn(backend)) {
    const found = manifest ? await readManifest(backend, key) : undefined;
    if (!found) continue;
    const { job, partition, outputHash, seconds } = found;
    yield { key, job, partition, output_hash: outputHash, bytes, seconds, latest: latest.has(key) };
  }
}

/** The result that a key, the beginning of one, or JOB PARTITION names. @throws not_found, bad_input */
export async function findResult(backend: Backend, name: string, partition?: string): Promise<Manifest> {
  if (partition !== undefined) {
    const content = await backend.read(refPath(name, partition));
    const [, key] = /"key":\s*"([0-9a-f]{64})"/.exec(new TextDecoder().decode(content)) ?? [];
    const found = key === undefined ? undefined : await readManifest(backend, key);
    return (
      found ?? fail("not_found", `there is no result of ${name}, partition "${partition}"`, { where: backend.where })
    );
  }
  const keys = [...(await keysIn(backend)).keys()].filter((key) => key.startsWith(name));
  if (keys.length > 1) {
    fail("bad_input", `${keys.length} results begin with ${name}`, { hint: `give more of the key: ${keys[0]}` });
  }
  const found = keys[0] === undefined ? undefined : await readManifest(backend, keys[0]);
  return (
    found ??
    fail("not_found", `there is no result ${name}`, {
      where: backend.where,
      hint: "zeroth store ls lists what is there; zeroth store show JOB PARTITION names it by its partition",
    })
  );
}

export interface Verified {
  readonly results: number;
  readonly problems: number;
  /** Objects without a manifest: of attempts that run, or ended before their commit. */
  readonly unfinished: number;
}

/** Read every byte of every result. What is damaged is put aside in objects.bad, so that it is computed again. */
export async function verifyStore(
  backend: Backend,
  found: (problem: { readonly key: string; readonly problem: string }) => void,
): Promise<Verified> {
  let [results, problems, unfinished] = [0, 0, 0];
  for (const [key, { manifest: has }] of await keysIn(backend)) {
    if (!has) {
      unfinished++;
      continue;
    }
    results++;
    let wrong: string[];
    try {
      wrong = await problemsOf(backend, (await readManifest(backend, key))!, true);
    } catch (error) {
      wrong = [(error as Error).message];
    }
    for (const problem of wrong) found({ key, problem });
    if (wrong.length > 0) await quarantine(backend, key);
    problems += wrong.length;
  }
  return { results, problems, unfinished };
}

export interface Collected {
  readonly removed: number;
  readonly bytes: number;
}

/**
 * Remove what nobody can use: files of attempts that ended before their commit more than `hours` ago, and, with
 * `keepRefs`, every result that is not the latest of its partition.
 */
export async function collect(
  backend: Backend,
  { keepRefs, hours, now }: { readonly keepRefs: boolean; readonly hours: number; readonly now: number },
): Promise<Collected> {
  let [removed, bytes] = [0, 0];
  const latest = keepRefs ? await referred(backend) : undefined;
  for (const [key, entry] of await keysIn(backend)) {
    const old = now - entry.modified >= hours * 3_600_000;
    const goes = entry.manifest ? latest !== undefined && !latest.has(key) && old : old;
    if (!goes) continue;
    // The manifest first: whoever reads meanwhile finds no result, not half of one.
    if (entry.manifest) await backend.remove(`${objectFolder(key)}/manifest.json`);
    for await (const { path } of backend.list(objectFolder(key))) await backend.remove(path);
    removed++;
    bytes += entry.bytes;
  }
  return { removed, bytes };
}

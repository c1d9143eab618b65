/**
 * Results by what made them. `objects/ab/KEY/` holds the files of one and, written last, its manifest: a result exists
 * if and only if its manifest does and the sizes agree. `refs/ASSET/PARTITION.json` names the latest of a partition.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { parseJsonObject } from "../../base/json.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { Backend } from "./backend.ts";
import { type Manifest, type ManifestFile, manifestSchema, type Ref, refSchema } from "./manifest.ts";

export const objectFolder = (key: string): string => `objects/${key.slice(0, 2)}/${key}`;
const manifestPath = (key: string): string => `${objectFolder(key)}/manifest.json`;

/** A name that every disk and bucket takes: what is unusual as %XX, what is too long by its hash. */
export function fileName(name: string): string {
  const plain = encodeURIComponent(name).replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  // "." and ".." are folders; a dot at the start hides a file.
  const safe = plain.replace(/^\./, "%2E");
  if (safe.length <= 180) return safe === "" ? "%00" : safe;
  return `${safe.slice(0, 120)}-${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}

export const refPath = (asset: string, partition: string): string =>
  `refs/${asset.split("/").map(fileName).join("/")}/${fileName(partition)}.json`;

/** The hash of a result: of what its files are called and hold, and of nothing else. */
export function outputHash(files: readonly Pick<ManifestFile, "path" | "sha256">[]): string {
  const hash = createHash("sha256");
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const { path, sha256 } of sorted) hash.update(`${path}\n${sha256}\n`);
  return hash.digest("hex").slice(0, 32);
}

/** Where a file of a result lies in the store. */
export const placeOf = (key: string, { path, at }: ManifestFile): string => `${objectFolder(key)}/${at ?? path}`;

function parsed(content: Uint8Array, where: string): Manifest {
  const result = manifestSchema.safeParse(parseJsonObject(new TextDecoder().decode(content), where));
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  return fail("corrupt_file", `${issue.path.join(".") || "the manifest"}: ${issue.message}`, { where });
}

/** A result's manifest as it is, whatever became of its files; undefined where there is none. */
export async function readManifest(backend: Backend, key: string): Promise<Manifest | undefined> {
  const content = await backend.read(manifestPath(key));
  return content && parsed(content, `${backend.where}/${manifestPath(key)}`);
}

/** What is wrong with a result's files. With `hashes` every byte is read. */
export async function problemsOf(backend: Backend, manifest: Manifest, hashes: boolean): Promise<string[]> {
  const problems: string[] = [];
  for (const file of manifest.files) {
    const place = placeOf(manifest.key, file);
    const bytes = await backend.size(place);
    if (bytes === undefined) problems.push(`${place} is not there`);
    else if (bytes !== file.bytes) problems.push(`${place} has ${bytes} bytes, expected ${file.bytes}`);
    else if (hashes && (await backend.hash(place)) !== file.sha256)
      problems.push(`${place} does not have the hash it was stored with`);
  }
  if (outputHash(manifest.files) !== manifest.outputHash) problems.push("the manifest's own hash is another one");
  return problems;
}

/** Put a result that is damaged aside, where it can be looked at, and out of the way of the next attempt. */
export async function quarantine(backend: Backend, key: string): Promise<void> {
  const folder = objectFolder(key);
  // First what makes it a result.
  await backend.move(manifestPath(key), `objects.bad/${key}/manifest.json`);
  for await (const { path } of backend.list(folder))
    await backend.move(path, `objects.bad/${key}/${path.slice(folder.length + 1)}`);
}

/**
 * A result that is whole; undefined where there is none. One that is damaged is put aside and counts as none.
 * @param hashes read every byte, too
 */
export async function readResult(backend: Backend, key: string, hashes = false): Promise<Manifest | undefined> {
  let manifest: Manifest | undefined;
  try {
    manifest = await readManifest(backend, key);
  } catch (error) {
    if (!(error instanceof ZerothError) || error.code !== "corrupt_file") throw error;
    await quarantine(backend, key);
    return undefined;
  }
  if (manifest === undefined || (await problemsOf(backend, manifest, hashes)).length === 0) return manifest;
  await quarantine(backend, key);
  return undefined;
}

export interface Commit {
  readonly manifest: Manifest;
  /** false: another attempt was first, and its result is the one that counts. */
  readonly first: boolean;
}

/**
 * Store a result: its files, then its manifest. Of attempts at the same key the first manifest counts.
 * @param from folder of the files on this machine, where a manifest may be drafted in `draft`
 */
export async function commit(
  backend: Backend,
  manifest: Omit<Manifest, "files" | "outputHash"> & { readonly files: readonly ManifestFile[] },
  { from, write }: { readonly from: string; readonly write: (manifest: Manifest) => Promise<string> },
): Promise<Commit> {
  const { key } = manifest;
  const files: ManifestFile[] = [];
  for (const file of manifest.files) {
    const source = join(from, file.path);
    let stored = file;
    if (!(await backend.createFrom(placeOf(key, file), source))) {
      // Left by an attempt that ended before its commit, or being written by one beside us: usually the same bytes.
      if ((await backend.hash(placeOf(key, file))) !== file.sha256) {
        stored = { ...file, at: `${file.sha256.slice(0, 16)}/${file.path}` };
        await backend.createFrom(placeOf(key, stored), source);
      }
    }
    files.push(stored);
  }
  const whole: Manifest = { ...manifest, files, outputHash: outputHash(files) };
  if (await backend.createFrom(manifestPath(key), await write(whole))) return { manifest: whole, first: true };
  const theirs = await readManifest(backend, key);
  return theirs ? { manifest: theirs, first: false } : fail("busy", "a result was taken away while it was stored");
}

/** The latest result of a partition; undefined where there is none, or what is there says nothing. */
export async function readRef(backend: Backend, asset: string, partition: string): Promise<Ref | undefined> {
  const path = refPath(asset, partition);
  const content = await backend.read(path);
  if (content === undefined) return undefined;
  const result = refSchema.safeParse(parseJsonObject(new TextDecoder().decode(content), `${backend.where}/${path}`));
  return result.success ? result.data : undefined;
}

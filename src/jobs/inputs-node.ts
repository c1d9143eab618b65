/** Hashes of what goes into a job: a file is read once, and known again by its place, size and times. */
import { createHash } from "node:crypto";
import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileSha256, filesBelow, writeFileSafely } from "../base/files-node.ts";
import { readJsonFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { ensureModel } from "../hub/download/ensure-node.ts";
import { zerothHome } from "../text/copies/kept-node.ts";
import type { Inputs } from "./job.ts";

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A file's hash. What was hashed before is not read again as long as size, changes and place are the same. */
async function knownHash(path: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  if (!existsSync(path)) fail("not_found", "is not there (any more)", { where: path });
  const real = realpathSync(path);
  // The hub's cache calls large files by their hash.
  if (/^[0-9a-f]{64}$/.test(basename(real)) && basename(join(real, "..")) === "blobs") return basename(real);
  const { size, mtimeMs, ctimeMs, ino } = statSync(real);
  if (size < 1 << 20) return fileSha256(real);
  const stamp = `${size} ${mtimeMs} ${ctimeMs} ${ino}`;
  const note = join(zerothHome(env), "hashes", `${hashOf(real)}.json`);
  try {
    const known = readJsonFile(note);
    if (known.stamp === stamp && typeof known.sha256 === "string") return known.sha256;
  } catch {
    // Not hashed yet, or somebody else's file.
  }
  const sha256 = await fileSha256(real);
  // Only a help for the next time.
  await writeFileSafely(note, JSON.stringify({ path: real, stamp, sha256 })).catch(() => undefined);
  return sha256;
}

/** Files below a folder as one hash: of their names and what they hold. */
async function folderHash(folder: string, wanted: (name: string) => boolean = () => true): Promise<string> {
  const lines: string[] = [];
  for (const path of filesBelow(folder)) {
    const name = relative(folder, path).replaceAll("\\", "/");
    if (wanted(name)) lines.push(`${name}\n${await knownHash(path)}\n`);
  }
  return hashOf(lines.join(""));
}

/** A file or a folder. @throws not_found */
export async function hashInput(path: string): Promise<string> {
  if (!existsSync(path)) fail("not_found", "no such file or folder", { where: path });
  return statSync(path).isDirectory() ? folderHash(path) : knownHash(path);
}

const tokenizerFile = /(^|\/)(tokenizer|vocab|merges|spiece|sentencepiece|special_tokens|added_tokens|chat_template)/;
const modelFile = /\.(safetensors|bin|pt|pth|gguf|json|txt|jinja|model)$/;

/** A model and the adapter on it, of BASE:FOLDER. */
export function withoutAdapter(name: string): { readonly base: string; readonly adapter: string | undefined } {
  const colon = name.lastIndexOf(":");
  const folder = name.slice(colon + 1);
  if (colon < 1 || existsSync(name) || !existsSync(folder)) return { base: name, adapter: undefined };
  return { base: name.slice(0, colon), adapter: folder };
}

/** Hashes of a model by name; one that is not here is downloaded. @throws as {@link ensureModel} */
export async function hashModel(
  name: string,
  signal?: AbortSignal,
): Promise<Required<Pick<Inputs, "model" | "tokenizer" | "adapter">>> {
  const { base, adapter } = withoutAdapter(name);
  const { path } = await ensureModel(base, { ...(signal && { signal }) });
  const own = adapter === undefined ? undefined : await folderHash(adapter, (file) => modelFile.test(file));
  if (!statSync(path).isDirectory()) return { model: await knownHash(path), tokenizer: undefined, adapter: own };
  const files = filesBelow(path).map((file) => relative(path, file).replaceAll("\\", "/"));
  // Older formats beside safetensors are not opened.
  const safe = files.some((file) => file.endsWith(".safetensors"));
  const counts = (file: string) =>
    modelFile.test(file) && !file.startsWith(".") && !(safe && /\.(bin|pt|pth)$/.test(file));
  return {
    model: await folderHash(path, (file) => counts(file) && !tokenizerFile.test(file)),
    tokenizer: await folderHash(path, (file) => counts(file) && tokenizerFile.test(file)),
    adapter: own,
  };
}

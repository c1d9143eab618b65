/** The embedder of an opened model folder, known by its files' content. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileSha256 } from "../base/files-node.ts";
import { companions } from "../folders/companions-node.ts";
import type { OpenedEncoder } from "../text/open-node.ts";
import { isGguf, isQuantized, type Place, type PlainTensor, type StoredTensor } from "../weights/weights.ts";
import { type Embedder, type EmbedderOptions, embedderFrom } from "./embedder.ts";

export type { Embedder, EmbedderOptions };

const placesOf = (stored: StoredTensor): readonly Place[] => {
  if (isGguf(stored)) return [stored.place];
  if (isQuantized(stored)) return [stored.values, stored.scales];
  return [stored as PlainTensor];
};

/** What decides a model's vectors: files by their real paths. */
function filesOf({ folder, weights, encoder }: OpenedEncoder): string[] {
  const stored = [...weights.values(), ...encoder.embedding.weights.values()].flatMap(placesOf);
  const files = new Set(stored.flatMap((place) => ("file" in place ? [place.file] : [])));
  if (!folder.gguf) {
    for (const [, path] of companions(folder, ["tokenizer", "pooling"])) files.add(path);
    files.add(join(folder.path, "config.json"));
  }
  return [...files].sort();
}

/** Hashes of files by their places, sizes and times: a model of gigabytes is read once a process. */
const hashes = new Map<string, Promise<string>>();

function hashOf(path: string): Promise<string> {
  const { size, mtimeMs } = statSync(path);
  const key = `${path} ${size} ${mtimeMs}`;
  const known = hashes.get(key) ?? fileSha256(path);
  hashes.set(key, known);
  return known;
}

/** The same for the same bytes, wherever they lie. */
export async function modelFingerprint(opened: OpenedEncoder): Promise<string> {
  const all = await Promise.all(filesOf(opened).map(hashOf));
  const { pooling, layers, longest, lowerCase, includePrompt } = opened.encoder.embedding;
  const told = JSON.stringify([pooling, layers, longest ?? null, lowerCase, includePrompt]);
  return createHash("sha256")
    .update([...all].sort().join())
    .update(told)
    .digest("hex")
    .slice(0, 32);
}

/**
 * @throws unsupported for a model whose vectors are compared in a way that is not searched; bad_input for dimensions it
 *   does not have
 */
export async function embedderOf(
  opened: OpenedEncoder,
  name: string,
  options: EmbedderOptions = {},
): Promise<Embedder> {
  const { encoder, tokenizer, model } = opened;
  const fingerprint = await modelFingerprint(opened);
  return embedderFrom({ name, encoder, tokenizer, longest: model.longest, fingerprint }, options);
}

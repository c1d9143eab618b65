/**
 * Files beside an index that hold what the index has in another order: never trusted, but checked by size, by what they
 * were made of and by their hash, and made anew where that does not fit. Losing one loses time alone.
 */
import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { writeFileSafely } from "../../base/files-node.ts";
import { parseJsonObject } from "../../base/json.ts";
import { withFile } from "../../base/read-node.ts";
import { ZerothError } from "../../errors.ts";

/** What a cache was made of: two with the same are the same. */
export interface CacheKey {
  /** `f32`, `int8` or `graph`. */
  readonly kind: string;
  readonly generation: number;
  readonly count: number;
  readonly width: number;
  /** Hash of the model's name for itself, and of the chunks in their order. */
  readonly content: string;
}

const magic = "zeroth index cache 1\n";
/** The header's room: data begins at a place that suits every type. */
export const headerBytes = 4096;

const sha256 = (parts: readonly Uint8Array[]): string => {
  const hash = createHash("sha256");
  // One call takes less than 2 GiB.
  for (const part of parts)
    for (let at = 0; at < part.length; at += 1 << 30) hash.update(part.subarray(at, at + (1 << 30)));
  return hash.digest("hex");
};

/** @throws storage_failed or bad_input where the folder takes no files */
export async function writeCache(path: string, key: CacheKey, parts: readonly Uint8Array[]): Promise<void> {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const header = `${magic}${JSON.stringify({ ...key, bytes, sha256: sha256(parts) })}\n`;
  const begin = new Uint8Array(headerBytes).fill(32);
  begin.set(new TextEncoder().encode(header));
  await writeFileSafely(path, function* () {
    yield begin;
    yield* parts;
  });
}

function readInto(file: number, target: Uint8Array, position: number): boolean {
  for (let done = 0; done < target.length; ) {
    const read = readSync(file, target, done, Math.min(target.length - done, 1 << 30), position + done);
    if (read === 0) return false;
    done += read;
  }
  return true;
}

/** The data of a cache; undefined where there is none, or none of this. */
export function readCache(path: string, key: CacheKey): Uint8Array | undefined {
  try {
    return withFile(path, (file, size) => {
      const begin = new Uint8Array(headerBytes);
      if (size < headerBytes || !readInto(file, begin, 0)) return undefined;
      const text = new TextDecoder().decode(begin);
      if (!text.startsWith(magic)) return undefined;
      const { bytes, sha256: hash, ...found } = parseJsonObject(text.slice(magic.length), path);
      const same = (Object.keys(key) as (keyof CacheKey)[]).every((name) => found[name] === key[name]);
      if (!same || bytes !== size - headerBytes) return undefined;
      const data = new Uint8Array(size - headerBytes);
      return readInto(file, data, headerBytes) && sha256([data]) === hash ? data : undefined;
    });
  } catch (cause) {
    if (cause instanceof ZerothError) return undefined;
    throw cause;
  }
}

/** What the program itself has kept beside the caches: copies of models in few bits, results of evaluations. */
import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeError } from "../hub/files-node.ts";

export interface Kept {
  /** A copy's folder; `evaluations` for the results of all of them. */
  readonly name: string;
  readonly kind: "copy" | "evaluations";
  /** False for a copy that somebody stopped: it is gone on with when it is asked for again. */
  readonly whole: boolean;
  readonly bytes: number;
  readonly files: number;
  /** When one of its files was last read or written, in milliseconds since 1970. */
  readonly lastUsed: number;
  readonly path: string;
}

const names = (folder: string): string[] => {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
};

/** Number, bytes and last use of the files below a folder. */
function below(folder: string): Pick<Kept, "bytes" | "files" | "lastUsed"> {
  const sum = { bytes: 0, files: 0, lastUsed: 0 };
  for (const name of names(folder)) {
    const path = join(folder, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) continue;
    const part = stat.isDirectory()
      ? below(path)
      : { bytes: stat.size, files: 1, lastUsed: Math.max(stat.atimeMs, stat.mtimeMs) };
    sum.bytes += part.bytes;
    sum.files += part.files;
    sum.lastUsed = Math.max(sum.lastUsed, part.lastUsed);
  }
  return sum;
}

/** Everything kept in `home` (see `zerothHome`): copies by name, then evaluations. */
export function listKept(home: string): Kept[] {
  const copies = join(home, "quantized");
  const found = names(copies)
    .filter((name) => !name.endsWith(".lock"))
    .map((name): Kept => {
      const path = join(copies, name);
      return { name, kind: "copy", whole: existsSync(join(path, "config.json")), path, ...below(path) };
    });
  const results = join(home, "evaluations");
  if (names(results).length === 0) return found;
  return [...found, { name: "evaluations", kind: "evaluations", whole: true, path: results, ...below(results) }];
}

/** Remove it. A copy's config.json goes first: what is half removed is no model. */
export function removeKept({ path }: Kept): void {
  try {
    rmSync(join(path, "config.json"), { force: true });
    rmSync(path, { recursive: true, force: true });
    rmSync(`${path}.lock`, { force: true });
  } catch (cause) {
    throw writeError(cause, path);
  }
}

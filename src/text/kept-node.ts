/** What the program itself has kept beside the caches: quantised copies of models, results of evaluations. */
import { existsSync, lstatSync, rmSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, namesIn, writeError } from "../base/files-node.ts";

export interface Kept {
  /** A copy's folder; `evaluations` for the results of all of them. */
  readonly name: string;
  readonly kind: "copy" | "evaluations";
  /** False for a copy that was interrupted: the next use continues it. */
  readonly whole: boolean;
  readonly bytes: number;
  readonly files: number;
  /** When one of its files was last read or written, in milliseconds since 1970. */
  readonly lastUsed: number;
  readonly path: string;
}

/** Number, bytes and last use of the files below a folder. */
function below(folder: string): Pick<Kept, "bytes" | "files" | "lastUsed"> {
  const stats = filesBelow(folder).flatMap((path) => lstatSync(path, { throwIfNoEntry: false }) ?? []);
  return {
    bytes: stats.reduce((sum, { size }) => sum + size, 0),
    files: stats.length,
    lastUsed: stats.reduce((latest, { atimeMs, mtimeMs }) => Math.max(latest, atimeMs, mtimeMs), 0),
  };
}

/** Everything kept in `home` (see `zerothHome`): copies by name, then evaluations. */
export function listKept(home: string): Kept[] {
  const copies = join(home, "quantized");
  const found = namesIn(copies)
    .filter((name) => !name.endsWith(".lock"))
    .map((name): Kept => {
      const path = join(copies, name);
      return { name, kind: "copy", whole: existsSync(join(path, "config.json")), path, ...below(path) };
    });
  const results = join(home, "evaluations");
  if (namesIn(results).length === 0) return found;
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

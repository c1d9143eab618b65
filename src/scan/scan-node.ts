/** Is a model folder safe? Every file of it is looked at, none of them run, none outside of it opened. */
import { lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { systemError } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { allowedRoots } from "../hub/locate-node.ts";
import { type Finding, lookAt, type Verdict } from "./kinds-node.ts";

export interface ScannedFile extends Finding {
  /** Below the folder, with forward slashes. */
  readonly file: string;
  readonly kind: string;
}

const mostDepth = 32;
const deeper = "…";

/** @param called what messages call it, and what tells its kind */
function scanFile(folder: string, name: string, called = name): ScannedFile {
  const path = join(folder, name);
  const row = (kind: string, verdict: Verdict, finding: string, hint: string): ScannedFile => {
    return { file: called, kind, verdict, findings: [finding], hint };
  };
  const odd = (kind: string, finding: string) => row(kind, "unsafe", finding, "remove it");
  if (basename(name) === deeper)
    return row("folder", "unknown", `more than ${mostDepth} folders deep`, "scan it alone");
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return odd("link", "is a link to nothing, or in a circle");
  }
  if (lstatSync(path).isSymbolicLink() && !allowedRoots(folder).some((root) => real.startsWith(root + sep))) {
    return odd("link", "is a link that leads out of the folder");
  }
  if (!statSync(real).isFile()) return odd("special", "is neither a file nor a folder of its own");
  try {
    return { file: called, ...lookAt(real, basename(called)) };
  } catch (cause) {
    return row("other", "unknown", systemError(cause, called).message, "nothing was looked at");
  }
}

function* filesOf(folder: string, below = "", depth = 0): Iterable<string> {
  if (depth > mostDepth) {
    yield join(below, deeper);
    return;
  }
  for (const entry of readdirSync(join(folder, below), { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const name = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* filesOf(folder, name, depth + 1);
    else yield name;
  }
}

/**
 * What every file of a folder, or one file, is and whether it could do harm.
 * @throws not_found where there is nothing; bad_input for a folder that may not be read
 */
export function* scan(path: string): Iterable<ScannedFile> {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT")
      fail("not_found", "no such file or folder", { where: path });
    throw systemError(cause, path);
  }
  if (!statSync(real).isDirectory()) {
    // By the name that was given: files of a cache are links to blobs, which are called by their hash.
    yield scanFile(dirname(real), basename(real), basename(path));
    return;
  }
  try {
    for (const name of filesOf(real)) yield scanFile(real, name);
  } catch (cause) {
    throw systemError(cause, path);
  }
}

/** What was typed: texts, or the names of files that hold them. */
import { statSync } from "node:fs";
import { jsonLimits } from "../../base/json.ts";
import { readTextFile } from "../../base/read-node.ts";

export interface GivenText {
  readonly text: string;
  /** The file that it was read from. */
  readonly file?: string;
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    // A text may be too long for a name, or hold what no name may.
    return false;
  }
}

/** The texts of files where all arguments name one, else the arguments themselves. */
export function textsOf(args: readonly string[]): GivenText[] {
  if (args.length === 0 || !args.every(isFile)) return args.map((text) => ({ text }));
  return args.map((file) => ({ text: readTextFile(file, jsonLimits.config).trim(), file }));
}

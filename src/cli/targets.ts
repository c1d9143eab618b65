/** One rule for every command that writes where it is told to: what is there is replaced only when that is asked for. */
import { readdirSync, statSync } from "node:fs";
import { fail } from "../errors.ts";
import type { OptionSpec } from "./command.ts";

export const overwriting = {
  flags: "--overwrite",
  help: "replace what is there already",
} as const satisfies OptionSpec;

/** @throws bad_input where a file would be replaced without `overwrite` */
export function needFreeFile(path: string, overwrite: boolean | undefined): void {
  if (overwrite || statSync(path, { throwIfNoEntry: false }) === undefined) return;
  fail("bad_input", "is there already", { where: path, hint: "choose another name, or add --overwrite" });
}

/** @throws bad_input where files of a folder could be replaced without `overwrite` */
export function needFreeFolder(path: string, overwrite: boolean | undefined): void {
  if (overwrite || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (readdirSync(path).length === 0) return;
  fail("bad_input", "has files in it already", { where: path, hint: "choose another folder, or add --overwrite" });
}

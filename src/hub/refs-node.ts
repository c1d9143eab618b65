/** Branches and tags in the cache, and the rule that nothing of a repository's folder leads out of it. */
import { lstatSync, readFileSync, realpathSync, type Stats } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { filesBelow } from "../base/files-node.ts";
import { shown } from "../base/json.ts";
import { fail } from "../errors.ts";
import type { Ref } from "./find.ts";

const outside = "is a link that leads out of the cache's folder for this repository";

function realOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** What lies at a path, a link as a link; undefined where nothing does, or where the system does not let us look. */
function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Whether a path of a repository's folder, links followed, lies elsewhere. What is not there yet lies where the folder
 * does that it will be made in; the repository's folder itself may be a link.
 */
export function leadsOut(root: string, path: string): boolean {
  let at = path;
  while (at !== root && dirname(at) !== at && entryAt(at) === undefined) at = dirname(at);
  const home = realOf(root);
  // No repository yet: what will be made there is its own.
  if (home === undefined) return entryAt(root) !== undefined;
  const real = realOf(at);
  return real === undefined || (real !== home && !real.startsWith(home + sep));
}

/** @throws corrupt_file for a path of a repository's folder that leads out of it */
export function needInside(root: string, path: string): void {
  if (!leadsOut(root, path)) return;
  fail("corrupt_file", outside, {
    where: path,
    hint: "remove the link; HF_HOME, or a link in the place of the repository's whole folder, moves it to another disk",
  });
}

/** A commit, or whatever name a snapshot's folder may have: never a way out of it. */
const commitName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/** More than a commit with white space around it. */
const mostBytes = 200;

/** Read a branch or tag of a repository's folder; undefined when there is none. Waits for no pipe, follows no link out. */
export function readRef(root: string, revision: string): Ref | undefined {
  const path = join(root, "refs", revision);
  try {
    lstatSync(path);
    if (leadsOut(root, path)) return { problem: outside };
    // Links within the folder are allowed: what counts is what is opened.
    const stat = lstatSync(realpathSync(path));
    if (!stat.isFile()) return { problem: "is not a file" };
    if (stat.size > mostBytes) return { problem: `holds no commit, but ${stat.size} bytes` };
    const text = readFileSync(path, "utf8").trim();
    return commitName.test(text) ? { commit: text } : { problem: `holds no commit, but ${shown(text)}` };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : { problem: `cannot be read (${code})` };
  }
}

/** All branches and tags of a repository's folder, broken ones too. */
export function refsIn(root: string): { readonly name: string; readonly path: string; readonly ref: Ref }[] {
  const folder = join(root, "refs");
  if (entryAt(folder) === undefined) return [];
  const whole = (problem: string) => [{ name: "refs", path: folder, ref: { problem } }];
  if (leadsOut(root, folder)) return whole(outside);
  if (!entryAt(realpathSync(folder))?.isDirectory()) return whole("is not a folder");
  return filesBelow(folder).flatMap((path) => {
    const name = relative(folder, path).replaceAll("\\", "/");
    const ref = readRef(root, name);
    return ref === undefined ? [] : [{ name, path, ref }];
  });
}

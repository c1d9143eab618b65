/** `zeroth cache`: what the Hugging Face cache holds and what was made of it, and taking things out. */
import { createInterface } from "node:readline/promises";
import { fail } from "../errors.ts";
import { type CachedRepo, cachedName, listCached, planRemoval } from "../hub/download/cached-node.ts";
import { cacheFolder } from "../hub/names.ts";
import { type Kept, listKept, removeKept } from "../text/kept-node.ts";
import { zerothHome } from "../text/quantized-copy-node.ts";
import { bytes, type Output } from "./output.ts";

const date = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10);
const time = (milliseconds: number): string => new Date(milliseconds).toISOString();
const labelOf = ({ refs, commit }: CachedRepo): string => (refs.length > 0 ? refs.join(", ") : commit.slice(0, 7));
const stateOf = ({ kind, whole }: Kept): string =>
  kind === "copy" ? (whole ? "copy" : "copy, unfinished") : "results";

function list(cache: string, home: string, output: Output): number {
  const cached = listCached(cache);
  const kept = listKept(home);
  const lines = [
    ...cached.map((one) => ({ name: cachedName(one), label: labelOf(one), ...one })),
    ...kept.map((one) => ({ label: stateOf(one), ...one })),
  ];
  const width = Math.max(0, ...lines.map(({ name }) => name.length));
  const labels = Math.max(0, ...lines.map(({ label }) => label.length));
  for (const one of cached) {
    const { kind, commit, refs, bytes: size, lastUsed, files, path } = one;
    const revision = refs[0] ?? commit;
    const repo = cachedName(one);
    output.row({ repo, kind, revision, commit, refs, bytes: size, files, last_used: time(lastUsed), path });
  }
  for (const { name, kind, whole, bytes: size, files, lastUsed, path } of kept) {
    output.row({ [kind]: name, whole, bytes: size, files, last_used: time(lastUsed), path });
  }
  for (const { name, label, bytes: size, lastUsed } of lines) {
    const used = output.dim(`used ${date(lastUsed)}`);
    output.text(`${name.padEnd(width)}  ${label.padEnd(labels)}  ${bytes(size).padStart(8)}  ${used}\n`);
  }
  if (cached.length === 0) output.say(`no models in ${cache}`);
  return 0;
}

async function agreed(question: string, signal: AbortSignal): Promise<boolean> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await reader.question(`${question} [y/N] `, { signal })).trim());
  } catch {
    return fail("interrupted", "stopped on request");
  } finally {
    reader.close();
  }
}

/** Something that can go: what it is called, what it frees, the rows that say it went. */
interface Going {
  readonly what: string;
  readonly bytes: number;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  go(): void;
}

function goingKept(kept: Kept): Going {
  const { name, bytes } = kept;
  return {
    what: name,
    bytes,
    rows: [{ removed: name }, { done: true, removed: name, bytes }],
    go: () => removeKept(kept),
  };
}

function goingRepo(cache: string, given: string): Going {
  const { name: repo, snapshots, bytes, remove } = planRemoval(cache, given);
  const labels = snapshots.map(({ refs, commit }) => refs[0] ?? commit.slice(0, 7)).join(", ");
  const rows = snapshots.map(({ commit, refs }) => ({ removed: repo, revision: refs[0] ?? commit, commit }));
  const what = labels === "" ? `${repo} (unfinished)` : `${repo} (${labels})`;
  return { what, bytes, rows: [...rows, { done: true, repo, bytes }], go: remove };
}

async function remove(going: Going, yes: boolean, output: Output, signal: AbortSignal): Promise<number> {
  const { what, bytes: size, rows, go } = going;
  if (!yes) {
    if (!process.stdin.isTTY) {
      fail("wrong_use", `nobody is here to ask whether ${what} may go`, { hint: "say so with --yes" });
    }
    if (!(await agreed(`Remove ${what} and free ${bytes(size)}?`, signal))) {
      output.say("nothing was removed");
      return 0;
    }
  }
  go();
  for (const row of rows) output.row(row);
  output.text(`removed ${what}, ${bytes(size)} are free\n`);
  return 0;
}

export async function cache(
  words: readonly string[],
  flags: { yes?: boolean },
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const [action, name, ...more] = words;
  const folder =
    cacheFolder(process.env) ?? fail("not_found", "there is no home folder with a cache", { hint: "set HF_HOME" });
  const home = zerothHome(process.env);
  if (action === "list" && name === undefined) return list(folder, home, output);
  if (action === "remove" && name !== undefined && more.length === 0) {
    const kept = listKept(home).find((one) => one.name === name);
    return remove(kept ? goingKept(kept) : goingRepo(folder, name), flags.yes === true, output, signal);
  }
  return fail("wrong_use", action === "remove" ? "one name at a time" : "expected list, or remove NAME", {
    hint: "zeroth cache list; zeroth cache remove org/name",
  });
}

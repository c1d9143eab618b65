/** `zeroth cache`: what the Hugging Face cache holds and what was made of it, and taking things out. */
import { fail } from "../../errors.ts";
import type { CachedRepo, Removal } from "../../hub/download/cached-node.ts";
import type { Kept } from "../../text/kept-node.ts";
import { defineCommand } from "../define.ts";
import { modelNames } from "../options.ts";
import { bytes, type Output } from "../output.ts";

const date = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10);
const time = (milliseconds: number): string => new Date(milliseconds).toISOString();
const labelOf = ({ refs, commit }: CachedRepo): string => (refs.length > 0 ? refs.join(", ") : commit.slice(0, 7));
/** What a row says at its end. Of what is broken nothing is known but that. */
const noteOf = (output: Output, { lastUsed, problem }: { lastUsed: number; problem?: string }): string =>
  problem === undefined ? output.dim(`used ${date(lastUsed)}`) : `broken: ${problem}`;
const stateOf = ({ kind, whole }: Kept): string =>
  kind === "copy" ? (whole ? "copy" : "copy, unfinished") : "results";

type Named = CachedRepo & { readonly name: string };

function list(cached: readonly Named[], kept: readonly Kept[], cache: string, output: Output): number {
  const lines = [
    ...cached.map((one) => ({ label: labelOf(one), ...one })),
    ...kept.map((one) => ({ label: stateOf(one), ...one })),
  ];
  const width = Math.max(0, ...lines.map(({ name }) => name.length));
  const labels = Math.max(0, ...lines.map(({ label }) => label.length));
  for (const one of cached) {
    const { name: repo, kind, commit, refs, bytes: size, lastUsed, files, path, problem } = one;
    const revision = refs[0] ?? commit;
    const state = problem === undefined ? { last_used: time(lastUsed) } : { problem };
    output.row({ repo, kind, revision, commit, refs, bytes: size, files, ...state, path });
  }
  for (const { name, kind, whole, bytes: size, files, lastUsed, path } of kept) {
    output.row({ [kind]: name, whole, bytes: size, files, last_used: time(lastUsed), path });
  }
  for (const line of lines) {
    const { name, label, bytes: size } = line;
    output.text(
      `${name.padEnd(width)}  ${label.padEnd(labels)}  ${bytes(size).padStart(8)}  ${noteOf(output, line)}\n`,
    );
  }
  if (cached.length === 0) output.say(`no models in ${cache}`);
  return 0;
}

async function agreed(question: string, signal: AbortSignal): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
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

function goingKept(kept: Kept, removeKept: (kept: Kept) => void): Going {
  const { name, bytes } = kept;
  return {
    what: name,
    bytes,
    rows: [{ removed: name }, { done: true, removed: name, bytes }],
    go: () => removeKept(kept),
  };
}

function goingRepo({ name: repo, snapshots, bytes, remove }: Removal): Going {
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

export default defineCommand({
  group: "models",
  summary: "List cached models, data sets and what was made of them, or remove one",
  arguments: "<list|remove> [name]",
  words: ["list", "remove"],
  names: modelNames,
  options: [{ flags: "-y, --yes", help: "remove without asking" }],
  rows: '`list`: `{"repo","kind":"model"|"dataset","revision","commit","refs","bytes","files","last_used"|"problem","path"}`, of what was made `{"copy"|"evaluations":name,"whole","bytes","files","last_used","path"}`; `remove`: `{"removed",…}`, then `{"done":true,"repo"|"removed","bytes"}`',
  example: "zeroth cache remove google/flan-t5-small",
  async run({ args: [action, name], flags, output, signal }) {
    const { cachedName, listCached, planRemoval } = await import("../../hub/download/cached-node.ts");
    const { cacheFolder } = await import("../../hub/names.ts");
    const { zerothHome } = await import("../../text/copies/kept-node.ts");
    const { listKept, removeKept } = await import("../../text/kept-node.ts");
    const folder =
      cacheFolder(process.env) ?? fail("not_found", "there is no home folder with a cache", { hint: "set HF_HOME" });
    const named = listCached(folder).map((one) => ({ ...one, name: cachedName(one) }));
    const kept = listKept(zerothHome(process.env));
    if (action === "list" && name === undefined) return list(named, kept, folder, output);
    if (action === "remove" && name !== undefined) {
      const own = kept.find((one) => one.name === name);
      const going = own ? goingKept(own, removeKept) : goingRepo(planRemoval(folder, name));
      return remove(going, flags.yes === true, output, signal);
    }
    return fail("wrong_use", "expected list, or remove NAME", {
      hint: "zeroth cache list; zeroth cache remove org/name",
    });
  },
});

/** `zeroth cache`: what the Hugging Face cache holds, and taking models out of it. */
import { createInterface } from "node:readline/promises";
import { fail } from "../errors.ts";
import { type CachedModel, listCached, planRemoval } from "../hub/download/cached-node.ts";
import { cacheFolder } from "../hub/names.ts";
import { bytes, type Output } from "./output.ts";

const date = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10);

function list(cache: string, output: Output): number {
  const models = listCached(cache);
  const label = ({ refs, commit }: CachedModel) => (refs.length > 0 ? refs.join(", ") : commit.slice(0, 7));
  const width = Math.max(0, ...models.map(({ repo }) => repo.length));
  const labels = Math.max(0, ...models.map((model) => label(model).length));
  for (const model of models) {
    const { repo, commit, refs, bytes: size, lastUsed, files, path } = model;
    const revision = refs[0] ?? commit;
    output.row({ repo, revision, commit, refs, bytes: size, files, last_used: new Date(lastUsed).toISOString(), path });
    const used = output.dim(`used ${date(lastUsed)}`);
    output.text(`${repo.padEnd(width)}  ${label(model).padEnd(labels)}  ${bytes(size).padStart(8)}  ${used}\n`);
  }
  if (models.length === 0) output.say(`no models in ${cache}`);
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

async function remove(cache: string, name: string, yes: boolean, output: Output, signal: AbortSignal): Promise<number> {
  const { repo, snapshots, bytes: size, remove: go } = planRemoval(cache, name);
  const labels = snapshots.map(({ refs, commit }) => refs[0] ?? commit.slice(0, 7)).join(", ");
  const what = labels === "" ? `${repo} (unfinished)` : `${repo} (${labels})`;
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
  for (const { commit, refs } of snapshots) output.row({ removed: repo, revision: refs[0] ?? commit, commit });
  output.row({ done: true, repo, bytes: size });
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
  if (action === "list" && name === undefined) return list(folder, output);
  if (action === "remove" && name !== undefined && more.length === 0) {
    return remove(folder, name, flags.yes === true, output, signal);
  }
  return fail("wrong_use", action === "remove" ? "one name at a time" : "expected list, or remove NAME", {
    hint: "zeroth cache list; zeroth cache remove org/name",
  });
}

/** `zeroth study merge`, `import` and `sql`: folders of results. */
import { statSync } from "node:fs";
import { fail } from "../../errors.ts";
import { packageVersion } from "../../jobs/run-node.ts";
import { loadStudy } from "../../study/declare/load-node.ts";
import type { StudySettings } from "../../study/declare/study.ts";
import type { Analysis } from "../../study/report/analysis.ts";
import { importResults } from "../../study/store/import-node.ts";
import { mergeStudies } from "../../study/store/merge-node.ts";
import { readAbout, readRecords, type StudyFolder, studyFolder } from "../../study/store/records-node.ts";
import { askStudy } from "../../study/store/sql-node.ts";
import { aligned, type Output } from "../output.ts";
import type { RowFlags } from "./rows.ts";
import { type StudyFlags, storeOf } from "./study.ts";

export interface FolderFlags extends StudyFlags, RowFlags {
  readonly map?: readonly string[] | undefined;
  readonly us?: string | undefined;
  readonly ds?: string | undefined;
  readonly run?: string | undefined;
  readonly size?: string | undefined;
  readonly labels?: string | undefined;
  readonly score?: string | undefined;
}

export interface FolderCall {
  readonly paths: readonly string[];
  readonly flags: FolderFlags;
  readonly output: Output;
  readonly signal: AbortSignal;
}

export async function merge({ paths, flags: { store }, output, signal }: FolderCall): Promise<number> {
  if (paths.length === 0 || store === undefined) {
    return fail("wrong_use", "which folders, and into which?", { hint: "zeroth study merge ONE OTHER --store WHOLE" });
  }
  const { conflicts, ...counts } = await mergeStudies(paths, store, signal);
  for (const conflict of conflicts) {
    output.row({ conflict: conflict.id, from: conflict.from, difference: conflict.difference });
    output.text(`${conflict.from}: run ${conflict.id} has another result: ${conflict.difference}\n`);
  }
  output.row({ done: true, ...counts, conflicts: conflicts.length });
  output.text(`${counts.added} runs added, ${counts.same} were there: ${counts.runs} in ${store}\n`);
  if (conflicts.length > 0) output.say("what was there first stays");
  return conflicts.length > 0 ? 4 : 0;
}

/** `accuracy=value` pairs. */
function renamed(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1)
        fail("wrong_use", `--map ${pair}`, { hint: "--map accuracy=value: the column value is called accuracy" });
      return [pair.slice(at + 1), pair.slice(0, at)];
    }),
  );
}

export async function importRows({ paths, flags, output, signal }: FolderCall): Promise<number> {
  const [input] = paths;
  const { store, us, ds, group, run, size, labels, score, percent = false } = flags;
  if (input === undefined || store === undefined) {
    return fail("wrong_use", "which results, and into which folder?", {
      hint: "zeroth study import results.csv --store mine.study --us imagenet --ds birds",
    });
  }
  const groups = group === undefined ? {} : { group: [group] };
  const analyses: Analysis[] = [];
  if (us !== undefined && ds !== undefined) analyses.push({ kind: "transfer", us, ds, ...groups });
  if (size !== undefined && labels !== undefined && score !== undefined) {
    analyses.push({ kind: "grid", size, labels, score, ...groups });
  }
  const names = [us, ds, score].filter((name) => name !== undefined);
  if (names.length === 0) {
    fail("wrong_use", "which columns are scores?", { hint: "--us and --ds, or --size, --labels and --score" });
  }
  const metrics = Object.fromEntries(names.map((name) => [name, "max" as const]));
  const name = store.replace(/^.*[\\/]/, "").replace(/\.study$/, "");
  const result = await importResults(input, store, {
    ...{ about: { name, metrics, analyses }, rename: renamed(flags.map ?? []), percent: percent ? names : [], run },
    ...{ made: { zeroth: packageVersion() }, signal, say: output.say },
  });
  output.row({ done: true, store, ...result });
  output.text(`${result.rows} rows: ${result.added} runs added to ${store}, ${result.same} were there\n`);
  return 0;
}

export interface Opened {
  readonly folder: StudyFolder;
  /** As declared; of a folder alone what its `study.json` says. */
  readonly settings: StudySettings;
}

/** What is meant by a declaration's file, or by a folder of results. @throws not_found */
export async function openResults(path: string | undefined, flags: StudyFlags, action: string): Promise<Opened> {
  const given = path ?? flags.store;
  if (given === undefined) {
    return fail("wrong_use", "which study?", {
      hint: `zeroth study ${action} FILE, a declaration or a folder of results`,
    });
  }
  const stat = statSync(given, { throwIfNoEntry: false });
  if (!stat) return fail("not_found", "no such declaration, and no such folder", { where: given });
  if (stat.isDirectory()) {
    const folder = studyFolder(given);
    return { folder, settings: readAbout(folder) };
  }
  const study = await loadStudy(given);
  const folder = studyFolder(storeOf(flags, study));
  readAbout(folder);
  return { folder, settings: study };
}

export async function sql({ paths, flags, output }: FolderCall): Promise<number> {
  const [path, question] = paths.length === 1 ? [undefined, paths[0]] : paths;
  if (question === undefined) {
    return fail("wrong_use", "what is the question?", {
      hint: 'zeroth study sql FOLDER "select * from results limit 5"',
    });
  }
  const { folder } = await openResults(path, flags, "sql");
  const rows = askStudy(
    readRecords(folder, ({ message }) => output.say(`left out: ${message}`)),
    question,
  );
  for (const row of rows) output.row(row);
  const [one] = rows;
  if (!one) return 0;
  const columns = Object.keys(one);
  const cells = [columns, ...rows.map((row) => columns.map((name) => (row[name] === null ? "" : String(row[name]))))];
  output.text(aligned(cells));
  return 0;
}

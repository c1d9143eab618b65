/**
 * The folder of a study. The truth is `runs/ID/record.json`: written once, whole or not there, by whoever did the run, so that
 * folders of several machines are merged by copying. Beside it are the run's kept files (`out/`), what an attempt has done so
 * far (`work/`), and why it failed (`failed.json`).
 */
import { randomBytes } from "node:crypto";
import { existsSync, lstatSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { canonicalJson } from "../../base/canonical.ts";
import { linkOnce, makeFolder, namesIn, writeError, writeFileSafely } from "../../base/files-node.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { ResultRow, StudyRow } from "../declare/study.ts";
import { analysisSchema } from "../report/analysis.ts";

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const row = z.record(z.string(), value);

const recordSchema = z.object({
  schema: z.literal(1),
  id: z.string(),
  study: z.string(),
  stage: z.string(),
  factors: row,
  parent: z.string().nullable(),
  /** Diverged: a metric is no finite number; it is null in the rows. */
  status: z.enum(["done", "diverged"]),
  rows: z.array(row),
  /** How it was made, which is no part of the result. */
  made: z.object({
    seconds: z.number(),
    cpuSeconds: z.number(),
    peakMegabytes: z.number(),
    host: z.string(),
    zeroth: z.string(),
    node: z.string(),
    at: z.string(),
  }),
});
export type RunRecord = z.output<typeof recordSchema>;

const failedSchema = z.object({
  attempts: z.number(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
  at: z.string(),
});
export type FailedRun = z.output<typeof failedSchema>;

const aboutSchema = z.object({
  schema: z.literal(1),
  name: z.string(),
  metrics: z.record(z.string(), z.enum(["max", "min"])),
  analyses: z.array(analysisSchema),
});
/** What a folder's results are of, for whoever has the folder alone. */
export type About = z.output<typeof aboutSchema>;

export interface StudyFolder {
  readonly path: string;
  /** Folder of a run. */
  at(id: string, ...below: string[]): string;
  /** The lock of whoever does a run. */
  claim(id: string): string;
}

export const studyFolder = (path: string): StudyFolder => ({
  path,
  at: (id, ...below) => join(path, "runs", id, ...below),
  claim: (id) => join(path, "claims", id),
});

function parsed<T>(schema: z.ZodType<T>, file: string): T {
  const result = schema.safeParse(readJsonFile(file, 256 << 20));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  return fail("corrupt_file", `${issue!.path.join(".") || "it"}: ${issue!.message}`, {
    where: file,
    hint: "if a newer version of this program wrote it, use that; else remove it, and the run is done again",
  });
}

/** A run's record, undefined where it is not done. @throws corrupt_file */
export function readRecord(folder: StudyFolder, id: string): RunRecord | undefined {
  const file = folder.at(id, "record.json");
  return existsSync(file) ? parsed(recordSchema, file) : undefined;
}

export function readFailed(folder: StudyFolder, id: string): FailedRun | undefined {
  const file = folder.at(id, "failed.json");
  return existsSync(file) ? parsed(failedSchema, file) : undefined;
}

/** Every run that failed and was not done since, by its id. */
export const readAllFailed = (folder: StudyFolder): [string, FailedRun][] =>
  namesIn(join(folder.path, "runs")).flatMap((id) => {
    const failed = readFailed(folder, id);
    return failed && !existsSync(folder.at(id, "record.json")) ? [[id, failed]] : [];
  });

export const noteFailed = (folder: StudyFolder, id: string, failed: FailedRun): Promise<void> =>
  writeFileSafely(folder.at(id, "failed.json"), `${JSON.stringify(failed, null, 1)}\n`);

/** Every record, by the order of ids. @param onBroken what becomes of one that cannot be read; thrown without */
export function readRecords(folder: StudyFolder, onBroken?: (error: ZerothError) => void): RunRecord[] {
  return namesIn(join(folder.path, "runs")).flatMap((id) => {
    try {
      const record = readRecord(folder, id);
      return record ? [record] : [];
    } catch (error) {
      if (!onBroken || !(error instanceof ZerothError)) throw error;
      onBroken(error);
      return [];
    }
  });
}

/** What a result is, apart from how it was made. */
export const resultText = ({ made: _, ...result }: RunRecord): string => canonicalJson(result);

/**
 * Write a record unless there is one: of several writers one succeeds.
 * @returns the record that counts
 */
export async function commitRecord(folder: StudyFolder, record: RunRecord): Promise<RunRecord> {
  const target = folder.at(record.id, "record.json");
  const draft = folder.at(record.id, `.record-${process.pid}-${randomBytes(4).toString("hex")}`);
  await writeFileSafely(draft, `${JSON.stringify(record, null, 1)}\n`);
  try {
    if (!linkOnce(draft, target)) return readRecord(folder, record.id)!;
  } catch (cause) {
    throw writeError(cause, target);
  } finally {
    rmSync(draft, { force: true });
  }
  rmSync(folder.at(record.id, "failed.json"), { force: true });
  return record;
}

/** Put a folder in the place of another that an attempt before left. */
export function replaceFolder(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  if (lstatSync(from, { throwIfNoEntry: false })) renameSync(from, to);
}

const aboutFile = (folder: StudyFolder): string => join(folder.path, "study.json");

/** @throws not_found where the folder is no study's */
export function readAbout(folder: StudyFolder): About {
  const file = aboutFile(folder);
  if (existsSync(file)) return parsed(aboutSchema, file);
  return fail("not_found", "there is no study in it", {
    where: folder.path,
    hint: "zeroth study run FILE --store FOLDER, or zeroth study import FILE --store FOLDER",
  });
}

/** Note what a folder is of. @throws bad_input where it is another study's */
export async function noteAbout(folder: StudyFolder, about: Omit<About, "schema">): Promise<void> {
  makeFolder(folder.path);
  const file = aboutFile(folder);
  const text = `${JSON.stringify({ schema: 1, ...about }, null, 1)}\n`;
  if (existsSync(file)) {
    const before = readAbout(folder);
    if (before.name !== about.name) {
      fail("bad_input", `holds the study "${before.name}", this one is "${about.name}"`, {
        where: folder.path,
        hint: "give another --store",
      });
    }
    if (canonicalJson(before) === canonicalJson({ schema: 1, ...about })) return;
  }
  await writeFileSafely(file, text);
}

/**
 * Every row of results with the factors that it came of, its stage, its run's id, and as `run` the first run that it follows
 * from: what was trained once moves together. By stage as they need each other, then by factors, whoever did them in which
 * order. Rows of diverged runs are left out.
 */
export function studyRows(records: readonly RunRecord[]): StudyRow[] {
  const byId = new Map(records.map((record) => [record.id, record]));
  const lineOf = (record: RunRecord): RunRecord[] => {
    const line = [record];
    for (let above = record.parent; above !== null; ) {
      const next = byId.get(above);
      if (!next || line.includes(next)) break;
      line.unshift(next);
      above = next.parent;
    }
    return line;
  };
  return records
    .filter(({ status }) => status === "done")
    .map((record) => ({ record, line: lineOf(record) }))
    .sort((a, b) => a.line.length - b.line.length || plainly(a, b))
    .flatMap(({ record, line }) => {
      const factors: ResultRow = Object.assign({}, ...line.map((one) => one.factors));
      const own = { study: record.study, stage: record.stage, id: record.id, run: line[0]!.id };
      return record.rows.map((one) => ({ ...own, ...factors, ...one }));
    });
}

type Line = { readonly record: RunRecord; readonly line: readonly RunRecord[] };

/** By factors, numbers by their size. */
function plainly(a: Line, b: Line): number {
  for (const [i, one] of a.line.entries()) {
    const other = b.line[i]!;
    if (one.stage !== other.stage) return one.stage < other.stage ? -1 : 1;
    for (const name of new Set([...Object.keys(one.factors), ...Object.keys(other.factors)])) {
      const [x, y] = [one.factors[name] ?? "", other.factors[name] ?? ""];
      if (x === y) continue;
      if (typeof x === "number" && typeof y === "number") return x - y;
      return String(x) < String(y) ? -1 : 1;
    }
  }
  return a.record.id < b.record.id ? -1 : 1;
}

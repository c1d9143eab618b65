/** Folders of one study, done apart, as one. */
import { cpSync, existsSync, realpathSync } from "node:fs";
import { writeError } from "../../base/files-node.ts";
import { fail, throwIfAborted } from "../../errors.ts";
import {
  commitRecord,
  noteAbout,
  noteFailed,
  readAbout,
  readAllFailed,
  readFailed,
  readRecord,
  readRecords,
  replaceFolder,
  resultText,
  studyFolder,
} from "./records-node.ts";

export interface Merged {
  readonly runs: number;
  readonly added: number;
  readonly same: number;
  /** Runs whose results differ; what was there first stays. */
  readonly conflicts: readonly { readonly id: string; readonly from: string; readonly difference: string }[];
}

/** What differs first between two results, in words. */
function difference(ours: Readonly<Record<string, unknown>>, theirs: Readonly<Record<string, unknown>>): string {
  const rows = (of: typeof ours) => of.rows as readonly Readonly<Record<string, unknown>>[];
  const [a, b] = [rows(ours), rows(theirs)];
  if (a.length !== b.length) return `${a.length} rows against ${b.length}`;
  for (const [i, row] of a.entries()) {
    for (const column of new Set([...Object.keys(row), ...Object.keys(b[i]!)])) {
      if (row[column] !== b[i]![column]) return `row ${i + 1}, ${column}: ${row[column]} against ${b[i]![column]}`;
    }
  }
  return "other factors";
}

/**
 * Copy what others have done into a folder. Nothing that is there is written over.
 * @throws not_found for a folder without a study; bad_input where they are of another study
 */
export async function mergeStudies(from: readonly string[], into: string, signal: AbortSignal): Promise<Merged> {
  const target = studyFolder(into);
  const conflicts: Merged["conflicts"][number][] = [];
  let [added, same] = [0, 0];
  for (const path of from) {
    const source = studyFolder(path);
    const { schema: _, ...about } = readAbout(source);
    if (existsSync(into) && realpathSync(path) === realpathSync(into)) {
      fail("wrong_use", "is merged into itself", { where: path });
    }
    await noteAbout(target, about);
    for (const record of readRecords(source)) {
      throwIfAborted(signal);
      const known = readRecord(target, record.id);
      if (known && resultText(known) === resultText(record)) same++;
      else if (known) conflicts.push({ id: record.id, from: path, difference: difference(known, record) });
      else {
        const out = source.at(record.id, "out");
        if (existsSync(out)) copied(out, target.at(record.id, ".out"), target.at(record.id, "out"));
        await commitRecord(target, record);
        added++;
      }
    }
    for (const [id, failed] of readAllFailed(source)) {
      if (!readRecord(target, id) && !readFailed(target, id)) await noteFailed(target, id, failed);
    }
  }
  return { runs: readRecords(target).length, added, same, conflicts };
}

function copied(from: string, near: string, to: string): void {
  try {
    cpSync(from, near, { recursive: true });
    replaceFolder(near, to);
  } catch (cause) {
    throw writeError(cause, to);
  }
}

/** The report of a study's folder: a page and its rows. */
import { parseHTML } from "linkedom";
import { writeFileSafely } from "../../base/files-node.ts";
import { fail, type ZerothError } from "../../errors.ts";
import type { Claim, StudyRow, StudySettings } from "../declare/study.ts";
import { type RunRecord, readAllFailed, readRecords, type StudyFolder, studyRows } from "../store/records-node.ts";
import { reportPage, rowsCsv } from "./page.ts";
import { draw } from "./plots.ts";
import { type Section, sectionsOf } from "./sections.ts";

export interface StudyReport {
  readonly rows: readonly StudyRow[];
  readonly claims: readonly Claim[];
  readonly sections: readonly Section[];
}

/** What was done, by whom, and for how long. */
function factsOf(records: readonly RunRecord[], failed: number): string[] {
  const seconds = records.reduce((sum, { made }) => sum + made.seconds, 0);
  const diverged = records.filter(({ status }) => status === "diverged").length;
  const hosts = new Set(records.map(({ made }) => made.host).filter((host) => host !== ""));
  const counts = [
    `${records.length - diverged} runs`,
    ...(diverged > 0 ? [`${diverged} diverged and are left out`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
  const [unit, of]: [string, number] =
    seconds >= 5400 ? ["hours", 3600] : seconds >= 90 ? ["minutes", 60] : ["seconds", 1];
  const time = `${(seconds / of).toFixed(1)} ${unit}`;
  const where = hosts.size > 1 ? `, on ${hosts.size} machines` : "";
  return [`${counts.join(", ")}.${seconds > 0 ? ` They took ${time} one after another${where}.` : ""}`];
}

/** @throws bad_input where nothing is done yet, and where the declaration's claims throw */
export async function writeReport(
  folder: StudyFolder,
  { name, metrics, analyses = [], claims }: StudySettings,
  target: { readonly page: string; readonly data: string },
  onBroken: (error: ZerothError) => void,
): Promise<StudyReport> {
  const records = readRecords(folder, onBroken);
  const rows = studyRows(records);
  if (rows.length === 0) fail("bad_input", "there are no results yet", { where: folder.path });
  const tested = claimed(claims, rows);
  const sections = sectionsOf(analyses, Object.keys(metrics), rows);
  const failures = readAllFailed(folder);
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const page = reportPage({
    ...{ name, facts: factsOf(records, failures.length), claims: tested, rows },
    sections: sections.map((section) => ({
      ...section,
      drawn: section.figures.map(({ title, drawing }) => draw(drawing, title, document)),
    })),
    failures: failures.map(([run, { error }]) => ({ run, reason: error.message })),
  });
  await writeFileSafely(target.page, page);
  await writeFileSafely(target.data, rowsCsv(rows));
  return { rows, claims: tested, sections };
}

function claimed(claims: StudySettings["claims"], rows: readonly StudyRow[]): readonly Claim[] {
  try {
    return claims?.(rows) ?? [];
  } catch (cause) {
    return fail("bad_input", `the declaration's claims threw: ${(cause as Error).message}`, { cause });
  }
}

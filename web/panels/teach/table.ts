/** Rows that a person brings: read, their columns guessed, what is wrong named by row. */

import { csvRows } from "../../../src/data/csv.ts";
import type { LessonRow } from "../../client/teach.ts";
import { plural } from "../../parts/numbers.ts";

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly number: number; readonly cells: readonly string[] }[];
  /** Rows that could not be read, in people's words. */
  readonly faults: readonly string[];
}

/** Most rows that a page holds. */
export const mostRows = 20_000;

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value);

/** Lines of JSON objects. */
function jsonTable(text: string): Table {
  const found: { number: number; row: Readonly<Record<string, unknown>> }[] = [];
  const faults: string[] = [];
  for (const [i, line] of text.split(/\r\n|\n|\r/).entries()) {
    if (line.trim() === "") continue;
    try {
      const row: unknown = JSON.parse(line);
      if (typeof row === "object" && row !== null && !Array.isArray(row)) {
        found.push({ number: i + 1, row: row as Readonly<Record<string, unknown>> });
        continue;
      }
    } catch {
      // Said below.
    }
    faults.push(`Line ${i + 1} is no JSON object.`);
  }
  const columns = [...new Set(found.flatMap(({ row }) => Object.keys(row)))];
  const rows = found.map(({ number, row }) => ({ number, cells: columns.map((name) => textOf(row[name])) }));
  return { columns, rows, faults };
}

const fieldCount = /^record (\d+) has (\d+) fields?, the header has (\d+)$/;

/** @throws bad_input of the library where nothing can be read: two columns of one name, a quote that never closes */
export async function readTable(text: string, name = ""): Promise<Table> {
  const clean = text.replace(/^\uFEFF/, "");
  if (/\.(jsonl|ndjson)$/i.test(name) || /^\s*\{/.test(clean)) return jsonTable(clean);
  const [first = ""] = clean.split(/\r\n|\n|\r/, 1);
  const kind = /\.tsv$/i.test(name) || (first.includes("\t") && !first.includes(",")) ? "tsv" : "csv";
  async function* pieces() {
    yield clean;
  }
  let columns: readonly string[] = [];
  const rows: { number: number; cells: readonly string[] }[] = [];
  const faults: string[] = [];
  let number = 0;
  for await (const row of csvRows(pieces(), { kind, where: name || "the table" })) {
    number++;
    if (row instanceof Error) {
      const [, , fields, header] =
        fieldCount.exec(row.message.replace(/ \(.*$/, "").replace(/^.*: (?=record)/, "")) ?? [];
      faults.push(
        fields === undefined
          ? `Row ${number}: ${row.message}`
          : `Row ${number} has ${plural(Number(fields), "field")}, the first line names ${plural(Number(header), "column")}.`,
      );
      continue;
    }
    columns = [...row.keys()];
    rows.push({ number, cells: [...row.values()].map(String) });
  }
  return { columns: columns.length > 0 ? columns : first.split(kind === "tsv" ? "\t" : ","), rows, faults };
}

export interface Columns {
  readonly text: number;
  readonly label: number;
}

const textNames =
  /^(text|message|sentence|review|question|prompt|input|content|body|comment|title|description|mail)s?$/i;
const labelNames =
  /^(labels?|class|category|categories|tag|topic|intent|sentiment|target|answer|output|group|kind|type)$/i;

/** Which column is the text and which the label: by their names, else by what stands in them. */
export function guessColumns({ columns, rows }: Table): Columns {
  const some = rows.slice(0, 500);
  const length = (at: number) => some.reduce((sum, { cells }) => sum + (cells[at]?.length ?? 0), 0);
  const different = (at: number) => new Set(some.map(({ cells }) => cells[at])).size;
  const all = columns.map((_, at) => at);
  const named = (names: RegExp) => all.find((at) => names.test(columns[at]!.trim()));
  // A column that says the same in every row is no label.
  const few = (at: number) => (different(at) < 2 ? Number.POSITIVE_INFINITY : different(at));
  const text = named(textNames) ?? [...all].sort((a, b) => length(b) - length(a))[0] ?? 0;
  const label = named(labelNames) ?? all.filter((at) => at !== text).sort((a, b) => few(a) - few(b))[0] ?? text;
  return { text, label };
}

/** Classes beyond which labels are texts to be written. */
const mostClasses = 50;

export interface Lines {
  readonly rows: readonly LessonRow[];
  /** How often each label comes, the most frequent first. */
  readonly labels: readonly (readonly [label: string, count: number])[];
  /** Labels are few and come again. */
  readonly classes: boolean;
  /** Rows that are left out, and why. */
  readonly faults: readonly string[];
  /** What a person should know before starting; the rows are taken all the same. */
  readonly doubts: readonly string[];
  /** Why it cannot be started. */
  readonly missing?: string;
}

const fewest = 4;

function missingOf(rows: readonly LessonRow[], labels: Lines["labels"], { text, label }: Columns): string | undefined {
  if (text === label) return "The text and the label are one and the same column: choose another one for one of them.";
  if (rows.length < fewest) {
    return `There ${rows.length === 1 ? "is 1 row" : `are ${rows.length} rows`} to learn from: at least ${fewest} are needed, and some dozens of each label do well.`;
  }
  if (labels.length < 2) return `Every row has the label “${labels[0]![0]}”: there is nothing to tell apart.`;
  return undefined;
}

/** The rows of a table as lessons take them. */
export function linesOf(table: Table, columns: Columns): Lines {
  const faults = [...table.faults];
  const rows: LessonRow[] = [];
  const first = new Map<string, { readonly label: string; readonly number: number }>();
  const doubts: string[] = [];
  for (const { number, cells } of table.rows) {
    const [text = "", label = ""] = [cells[columns.text]?.trim(), cells[columns.label]?.trim()];
    if (text === "") faults.push(`Row ${number} has no text.`);
    else if (label === "") faults.push(`Row ${number} has no label.`);
    else if (rows.length === mostRows)
      faults.push(`Row ${number} is beyond the first ${mostRows.toLocaleString("en")}.`);
    else {
      rows.push({ text, label });
      const same = first.get(text);
      if (!same) first.set(text, { label, number });
      else if (same.label !== label && doubts.length < 5) {
        doubts.push(`Rows ${same.number} and ${number} are the same text with different labels.`);
      }
    }
  }
  const counts = new Map<string, number>();
  for (const { label } of rows) counts.set(label, (counts.get(label) ?? 0) + 1);
  const labels = [...counts].sort((a, b) => b[1] - a[1]);
  const classes = labels.length <= mostClasses && labels.length * 2 <= rows.length;
  if (classes) {
    const rare = labels.filter(([, count]) => count < 3).map(([label]) => `“${label}”`);
    if (rare.length > 0) doubts.push(`${rare.slice(0, 5).join(", ")}: fewer than three rows, which is hardly enough.`);
    if (labels[0]![1] > 0.8 * rows.length) {
      doubts.push(
        `Most rows are “${labels[0]![0]}”: the others may never be said. Rows of each in equal numbers do better.`,
      );
    }
  }
  const missing = missingOf(rows, labels, columns);
  return { rows, labels, classes, faults, doubts, ...(missing !== undefined && { missing }) };
}

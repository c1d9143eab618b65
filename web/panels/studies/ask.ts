/** What the panel asks of results, and what its worker answers. */
import { csvRows } from "../../../src/data/csv.ts";
import { jsonLineRows } from "../../../src/data/json-lines.ts";
import { wholeText } from "../../../src/data/utf8.ts";
import { plain } from "../../../src/data/values.ts";
import { fail, ZerothError } from "../../../src/errors.ts";
import { fromPercent, type groupedReader, typedCell } from "../../../src/study/columns.ts";
import { type Advice, advise, type Costs, type Place } from "../../../src/study/grid/advise.ts";
import { gridOf } from "../../../src/study/grid/cells.ts";
import { pointReader } from "../../../src/study/points.ts";
import type { Analysis } from "../../../src/study/report/analysis.ts";
import { type Section, sectionsOf } from "../../../src/study/report/sections.ts";
import { resultReader } from "../../../src/study/results.ts";

export type StudyRow = Readonly<Record<string, string | number | boolean | null>>;

export interface LawQuestion {
  readonly kind: "law";
  readonly us: string;
  readonly ds: string;
  readonly group: string;
  /** What is resampled together; "" for each row by itself. */
  readonly run: string;
}

export interface WorthQuestion {
  readonly kind: "worth";
  readonly size: string;
  readonly labels: string;
  readonly score: string;
  readonly group: string;
  /** Where the person stands and what things cost; none until they say it. */
  readonly next?: { readonly place: Place; readonly costs: Costs & { readonly testItems: number } } | undefined;
}

export type StudyQuestion = (LawQuestion | WorthQuestion) & { readonly percent: boolean };

export interface StudyAnswer {
  readonly section: Section;
  readonly advice: readonly { readonly name: string; readonly advice: Advice }[];
  /** Sizes and numbers of labels that were measured. */
  readonly measured: { readonly sizes: readonly number[]; readonly labels: readonly number[] } | undefined;
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** Rows of a file: JSON Lines by its name, else CSV. @throws bad_input with the place of what cannot be read */
export async function readRows(name: string, bytes: Uint8Array): Promise<StudyRow[]> {
  const lines = /\.(?:jsonl|ndjson|json)$/i.test(name);
  const kind = /\.tsv$/i.test(name) ? "tsv" : "csv";
  const found = lines ? jsonLineRows(once(bytes), name) : csvRows(once(wholeText(bytes, name)), { kind, where: name });
  const rows: StudyRow[] = [];
  for await (const row of found) {
    if (row instanceof ZerothError) throw row;
    rows.push(Object.fromEntries([...row].map(([column, value]) => [column, typedCell(plain(value))])));
  }
  if (rows.length === 0) fail("bad_input", "there are no rows", { where: name });
  return rows;
}

/** @throws bad_input where a column does not hold what it should */
export function answerOf(rows: readonly StudyRow[], question: StudyQuestion): StudyAnswer {
  const { kind, percent } = question;
  const shares = kind === "law" ? [question.us, question.ds] : [question.score];
  const given = (percent ? rows.map((row) => fromPercent(row, shares)) : rows) as readonly StudyRow[];
  const checked = <T>(reader: ReturnType<typeof groupedReader<T>>) => {
    for (const [i, row] of given.entries()) reader.add(row, `row ${i + 1}`);
    return reader.groups;
  };
  const group = question.group === "" ? undefined : question.group;
  const groups = group === undefined ? {} : { group: [group] };
  let analysis: Analysis;
  let advice: StudyAnswer["advice"] = [];
  let measured: StudyAnswer["measured"];
  if (kind === "law") {
    const { us, ds, run } = question;
    const own = run === "" ? undefined : run;
    checked(pointReader({ us, ds, group, run: own }));
    // A column that no file has: each row is a run.
    analysis = { kind: "transfer", us, ds, ...groups, run: own ?? "\0" };
  } else {
    const { size, labels, score, next } = question;
    const results = checked(resultReader({ size, labels, score, group }));
    const all = gridOf([...results.values()].flat());
    measured = { sizes: all.sizes, labels: all.labels };
    if (next) {
      advice = [...results].map(([name, list]) => ({ name, advice: advise(gridOf(list), next.place, next.costs) }));
    }
    analysis = { kind: "grid", size, labels, score, ...groups };
  }
  return { section: sectionsOf([analysis], shares, given)[0]!, advice, measured };
}

/** To the worker. */
export type ToStudies =
  | { readonly id: number; readonly kind: "read"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly id: number; readonly kind: "ask"; readonly question: StudyQuestion };

/** From it. */
export type FromStudies =
  | { readonly id: number; readonly kind: "rows"; readonly rows: readonly StudyRow[] }
  | { readonly id: number; readonly kind: "answer"; readonly answer: StudyAnswer }
  | { readonly id: number; readonly kind: "failed"; readonly message: string; readonly hint: string | undefined };

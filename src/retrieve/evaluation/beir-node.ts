/** BEIR's folders: corpus, questions and judgements. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readTextFile, readWholeFile } from "../../base/read-node.ts";
import { type InputRow, openInput } from "../../data/cli-rows-node.ts";
import { unpackLimit } from "../../data/source-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { Judgements } from "./metrics.ts";

export interface Passage {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

export interface BeirQuestion {
  readonly id: string;
  readonly text: string;
  /** Texts that answer it, where the data tells. */
  readonly answers?: readonly string[] | undefined;
}

export interface Beir {
  readonly corpus: readonly Passage[];
  readonly questions: ReadonlyMap<string, BeirQuestion>;
  /** Of the split, of questions that are there. */
  readonly judgements: Judgements;
  /** What does not fit together, a line each. */
  readonly warnings: readonly string[];
  /** Hard negatives of each question, where the data has some. */
  readonly negatives?: ReadonlyMap<string, readonly string[]> | undefined;
}

/** What encoders read of a passage. */
export const passageText = ({ title, text }: Passage): string => `${title} ${text}`.trim();

function found(folder: string, name: string): string {
  for (const path of [join(folder, name), join(folder, `${name}.gz`)]) if (existsSync(path)) return path;
  return fail("not_found", `has no ${name}`, {
    where: folder,
    hint: "a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv",
  });
}

async function rowsOf(path: string, each: (row: InputRow, id: string, where: string) => void): Promise<void> {
  let line = 0;
  const seen = new Set<string>();
  for await (const row of await openInput(path)) {
    line++;
    if (row instanceof ZerothError) throw row;
    const id = row._id;
    const where = `${path}, line ${line}`;
    if (typeof id !== "string" && typeof id !== "number") fail("corrupt_file", 'has no "_id"', { where });
    if (seen.has(String(id))) fail("corrupt_file", `the _id "${id}" is there twice`, { where });
    seen.add(String(id));
    each(row, String(id), where);
  }
}

const textOf = (row: InputRow, where: string): string =>
  typeof row.text === "string" ? row.text : fail("corrupt_file", 'has no "text"', { where });

function answersOf({ metadata }: InputRow): readonly string[] | undefined {
  const answers = (metadata as { answers?: unknown } | undefined)?.answers;
  return Array.isArray(answers) && answers.every((one) => typeof one === "string") ? answers : undefined;
}

const mostBytes = 1 << 30;

function linesOf(path: string): string[] {
  if (!path.endsWith(".gz")) return readTextFile(path, mostBytes).split(/\r?\n/);
  const packed = readWholeFile(path, mostBytes, path, "gzip");
  return gunzipSync(packed, { maxOutputLength: unpackLimit(packed.length) })
    .toString("utf8")
    .split(/\r?\n/);
}

/** Judgements of a file with the columns query-id, corpus-id and score. @throws corrupt_file naming the line */
export function readJudgements(path: string): Map<string, Map<string, number>> {
  const [head, ...lines] = linesOf(path);
  if (head?.split("\t").length !== 3 || /^\S+\t\S+\t-?\d+$/.test(head)) {
    fail("corrupt_file", 'does not begin with the line "query-id<TAB>corpus-id<TAB>score"', { where: path });
  }
  const judgements = new Map<string, Map<string, number>>();
  lines.forEach((line, i) => {
    if (line.trim() === "") return;
    const [question, document, grade, ...more] = line.split("\t");
    if (document === undefined || more.length > 0 || !/^-?\d+(\.0)?$/.test(grade ?? "")) {
      fail("corrupt_file", `line ${i + 2} is no judgement: expected three columns with a whole number in the last`, {
        where: path,
      });
    }
    let judged = judgements.get(question!);
    if (!judged) {
      judged = new Map();
      judgements.set(question!, judged);
    }
    judged.set(document, Number(grade));
  });
  return judgements;
}

const list = (ids: readonly string[]): string => `${ids.slice(0, 5).join(", ")}${ids.length > 5 ? ", …" : ""}`;

/** @throws not_found for a file of it; corrupt_file naming file and line */
export async function openBeir(folder: string, split: string): Promise<Beir> {
  const corpus: Passage[] = [];
  await rowsOf(found(folder, "corpus.jsonl"), (row, id, where) => {
    corpus.push({ id, title: typeof row.title === "string" ? row.title : "", text: textOf(row, where) });
  });
  const questions = new Map<string, BeirQuestion>();
  await rowsOf(found(folder, "queries.jsonl"), (row, id, where) => {
    questions.set(id, { id, text: textOf(row, where), answers: answersOf(row) });
  });
  if (corpus.length === 0) fail("bad_input", "the corpus is empty", { where: folder });
  const all = readJudgements(found(join(folder, "qrels"), `${split}.tsv`));
  const ids = new Set(corpus.map(({ id }) => id));
  const warnings: string[] = [];
  const without = [...all.keys()].filter((id) => !questions.has(id));
  if (without.length > 0)
    warnings.push(`${without.length} judged questions are not in queries.jsonl: ${list(without)}`);
  const strange = [...new Set([...all.values()].flatMap((judged) => [...judged.keys()]))].filter((id) => !ids.has(id));
  if (strange.length > 0) warnings.push(`${strange.length} judged passages are not in corpus.jsonl: ${list(strange)}`);
  return { corpus, questions, judgements: new Map([...all].filter(([id]) => questions.has(id))), warnings };
}

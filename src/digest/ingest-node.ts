/** Files of metadata into a store: as they are read, in transactions, as often as one likes. */
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { readTextFile } from "../base/read-node.ts";
import { linesOf, longestLine } from "../data/json-lines.ts";
import { bytesOf, formatOf, needReadable } from "../data/source-node.ts";
import { openRows } from "../data/stream-node.ts";
import { Float, type Value } from "../data/values.ts";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import { monthOfId } from "./papers/ids.ts";
import { parseAtom } from "./sources/atom.ts";
import { citationRows, citedPaper } from "./sources/citations.ts";
import { kaggleRecord } from "./sources/kaggle.ts";
import { parseOai } from "./sources/oai.ts";
import { type RawRecord, recordOf } from "./sources/record.ts";
import { type Counts, noCounts, openStore, type Store } from "./store/store-node.ts";

export const fileSources = ["kaggle", "jsonl", "oai", "atom", "citations"] as const;
export type FileSource = (typeof fileSources)[number];

export interface IngestEvents {
  /** Records so far. */
  progress?(counts: Counts): void;
  /** Records that could not be used, or are odd, by what is the matter. */
  noticed?(what: string, count: number): void;
}

export interface IngestOptions {
  readonly store: string;
  readonly source: FileSource;
  readonly path: string;
  /** ISO day: dates after it are reported, and citations without a date are of this day. */
  readonly today?: string | undefined;
  readonly events?: IngestEvents | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Above this share of records that cannot be read a source is not what it is taken for. */
const mostBad = 0.001;
/** A handful of bad lines never makes a file useless. */
const alwaysAllowed = 3;
/** Records of one transaction. */
const batch = 500;

/** Puts raw records into a store and notes what is odd. */
export function putter(store: Store, counts: Counts, today: string) {
  const noticed = new Map<string, number>();
  let [bad, all] = [0, 0];
  const note = (what: string): void => void noticed.set(what, (noticed.get(what) ?? 0) + 1);
  const refuse = (source: string, what: string, raw: string): void => {
    all++;
    bad++;
    note("left out: not readable");
    store.refuse(source, what, raw);
  };
  return {
    noticed,
    refuse,
    put(raw: RawRecord, source: () => string): void {
      const reading = recordOf(raw, monthOfId, today);
      if ("bad" in reading) {
        refuse(raw.source, reading.bad, source());
        return;
      }
      all++;
      for (const what of reading.notes) note(what);
      store.put(reading.record, counts);
    },
    /** @throws corrupt_file where too much could not be read */
    check(where: string): void {
      if (bad <= Math.max(alwaysAllowed, all * mostBad)) return;
      const [why] = store.sql.all("select what from refused limit 1");
      fail("corrupt_file", `${bad} of ${all} records cannot be read (${String(why?.what ?? "").slice(0, 200)})`, {
        where,
        hint: "is it of the source that was named? kaggle and jsonl are lines of JSON, oai and atom XML",
      });
    },
  };
}

type Putter = ReturnType<typeof putter>;

/** The first months of which everything is known: what growth may be computed from. */
export function widenCoverage(store: Store, from: string): void {
  const known = store.meta("complete_from");
  if (known === undefined || from < known) store.setMeta("complete_from", from);
}

/** The latest day of which the store knows. */
export function seen(store: Store, day: string): void {
  const known = store.meta("seen_to");
  if (known === undefined || day > known) store.setMeta("seen_to", day);
}

/** A row, or what is written where one should be. */
type Line = { readonly row: JsonObject } | { readonly bad: string; readonly raw: string };

/** Lines of JSON as they are; rows of tables with their numbers as texts, as ids are no numbers. */
async function* linesIn(path: string, signal: AbortSignal | undefined): AsyncGenerator<Line> {
  await needReadable(path);
  if (formatOf(path).format !== "jsonl") {
    for await (const row of await openRows(path, { signal })) {
      if (row instanceof ZerothError) yield { bad: row.message.slice(0, 300), raw: "" };
      else yield { row: Object.fromEntries([...row].map(([name, value]) => [name, simple(value)])) };
    }
    return;
  }
  const decoder = new TextDecoder();
  for await (const lines of linesOf(bytesOf(path), path)) {
    for (const { bytes, number } of lines) {
      const raw = decoder.decode(bytes);
      let row: unknown;
      try {
        row = JSON.parse(raw);
      } catch {
        row = undefined;
      }
      yield isJsonObject(row) ? { row } : { bad: `line ${number} is no JSON object`, raw };
    }
  }
}

/** A value of a table's row as JSON has it. */
function simple(value: Value): unknown {
  if (value instanceof Float) return value.value;
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, one]) => [name, simple(one as Value)]));
  if (Array.isArray(value)) return value.map((one) => simple(one as Value));
  return typeof value === "object" && value !== null && "text" in value ? value.text : value;
}

async function ingestRows(store: Store, { source, path, signal, events }: IngestOptions, put: Putter, counts: Counts) {
  let pending: Line[] = [];
  const flush = (): void => {
    throwIfAborted(signal);
    store.sql.transaction(() => {
      for (const line of pending) {
        if ("bad" in line) put.refuse(source, line.bad, line.raw);
        else put.put(kaggleRecord(line.row, source === "kaggle" ? "kaggle" : "jsonl"), () => JSON.stringify(line.row));
      }
      put.check(path);
    });
    pending = [];
    events?.progress?.(counts);
  };
  for await (const line of linesIn(path, signal)) {
    pending.push(line);
    if (pending.length >= batch) flush();
  }
  flush();
}

/** Whether a file begins as XML or a list does, or holds lines. */
function firstCharacter(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let head = "";
    createReadStream(path, { end: 1023, encoding: "utf8" })
      .on("data", (piece) => {
        head += piece;
      })
      .on("error", reject)
      .on("end", () => resolve(head.trimStart().slice(0, 1)));
  });
}

async function ingestCitations(store: Store, { path, signal }: IngestOptions, counts: Counts, day: string) {
  const rows: unknown[] = [];
  const text = path.endsWith(".json") ? readTextFile(path, longestLine) : undefined;
  if (text !== undefined && /^\s*[[{]/.test(text)) {
    try {
      rows.push(...citationRows(JSON.parse(text)));
    } catch (cause) {
      fail("corrupt_file", `not valid JSON (${(cause as Error).message.slice(0, 200)})`, { where: path, cause });
    }
  } else {
    for await (const line of linesIn(path, signal)) if ("row" in line) rows.push(line.row);
  }
  let matched = 0;
  store.sql.transaction(() => {
    for (const row of rows) {
      const cited = citedPaper(row);
      if (cited === undefined) continue;
      counts.records++;
      const { at = day, ...rest } = cited.citations;
      if (store.cite(cited.id, { ...rest, at })) matched++;
    }
  });
  if (counts.records === 0) {
    fail("bad_input", "names no paper and how often it is cited", {
      where: path,
      hint: 'a line is {"id":"1810.04805","citations":120}, or an answer of Semantic Scholar or OpenAlex',
    });
  }
  counts.changed = matched;
}

/**
 * Put a file of a source into a store.
 * @throws not_found, bad_input, corrupt_file for a file that is not of the source; what was whole before stays
 */
export async function ingestFile(options: IngestOptions): Promise<Counts> {
  const { source, path, signal, events, today = new Date().toISOString().slice(0, 10) } = options;
  const store = openStore(options.store, true);
  const counts = noCounts();
  const put = putter(store, counts, today);
  try {
    if (source === "citations") await ingestCitations(store, options, counts, today);
    else if (source === "kaggle" || source === "jsonl") {
      await ingestRows(store, options, put, counts);
      widenCoverage(store, "");
    } else {
      const first = await firstCharacter(path).catch((cause) =>
        fail("not_found", "no such file", { where: path, cause }),
      );
      if (first !== "<")
        fail("corrupt_file", "is no XML", { where: path, hint: `${source} is a page as the server sent it` });
      const xml = readTextFile(path, longestLine);
      throwIfAborted(signal);
      store.sql.transaction(() => {
        const page = source === "oai" ? parseOai(xml, path) : { ...parseAtom(xml, path), deleted: [] };
        if ("error" in page && page.error)
          fail("bad_input", `the page says ${page.error.code}: ${page.error.message}`, { where: basename(path) });
        for (const raw of page.records) put.put(raw, () => JSON.stringify(raw));
        for (const { id, at } of page.deleted) store.remove(id, at, counts);
        put.check(path);
      });
    }
    const [last] = store.sql.all("select max(submitted) as day from paper");
    if (typeof last?.day === "string") seen(store, [last.day.slice(0, 10), today].sort()[0]!);
    for (const [what, count] of put.noticed) events?.noticed?.(what, count);
    return counts;
  } finally {
    store.close();
  }
}

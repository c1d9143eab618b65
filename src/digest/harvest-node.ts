/**
 * A harvest over OAI-PMH: windows of days one after another, page by page, each page in one transaction with the place
 * where the next one begins. Whatever ends it, the next start repeats at most one page.
 */
import { fail, throwIfAborted } from "../errors.ts";
import { type IngestEvents, putter, seen, widenCoverage } from "./ingest-node.ts";
import { parseId } from "./papers/ids.ts";
import { type AskOptions, asker } from "./sources/ask.ts";
import { parseAtom } from "./sources/atom.ts";
import { type OaiPage, type OaiPrefix, parseOai } from "./sources/oai.ts";
import { type Counts, noCounts, openStore, type Store } from "./store/store-node.ts";

const dayMs = 86_400_000;
const day = /^\d{4}-\d\d-\d\d$/;

export interface HarvestEvents extends IngestEvents {
  /** A window of days is asked for. */
  window?(from: string, until: string): void;
  /** The server has forgotten where we were: the window begins again. */
  restarted?(window: string): void;
}

export interface HarvestOptions extends Pick<AskOptions, "fetch" | "pause" | "times" | "onRetry" | "signal"> {
  readonly store: string;
  /** `https://oaipmh.arxiv.org/oai` */
  readonly address: string;
  /** `cs`, `cs:cs:CL`; all of arXiv without one. */
  readonly set?: string | undefined;
  readonly prefix?: OaiPrefix | undefined;
  /** First day, where none is known from an earlier harvest. */
  readonly from?: string | undefined;
  /** Last day; today by default. */
  readonly until?: string | undefined;
  /** Days of a window; 1 by default. */
  readonly days?: number | undefined;
  /** Milliseconds since 1970. */
  readonly clock?: (() => number) | undefined;
  readonly random?: (() => number) | undefined;
  readonly events?: HarvestEvents | undefined;
}

/** Where a harvest is. */
interface Cursor {
  /** The first day that was ever harvested. */
  readonly begun: string;
  /** The first day of the window that is being fetched, or is next. */
  readonly from: string;
  readonly windowEnd?: string | undefined;
  readonly token?: string | undefined;
  /** Of the last page. */
  readonly responseDate?: string | undefined;
  /** The harvest was whole: the next one begins a day before its last answer. */
  readonly done?: boolean;
}

/** How often a server may forget one window's place. */
const mostRestarts = 5;

const isoDay = (time: number): string => new Date(time).toISOString().slice(0, 10);
const plusDays = (date: string, days: number): string => isoDay(Date.parse(`${date}T00:00:00Z`) + days * dayMs);

function needDay(text: string, name: string): string {
  if (!day.test(text) || !Number.isFinite(Date.parse(`${text}T00:00:00Z`)))
    fail("wrong_use", `${name} ${text}: expected a day as 2021-11-01`);
  return text;
}

function cursorOf(store: Store, name: string): Cursor | undefined {
  const [row] = store.sql.all("select json from cursor where name = ?", name);
  return row === undefined ? undefined : (JSON.parse(String(row.json)) as Cursor);
}

function saveCursor(store: Store, name: string, cursor: Cursor): void {
  store.sql.run(
    "insert into cursor values(?, ?) on conflict(name) do update set json = excluded.json",
    name,
    JSON.stringify(cursor),
  );
}

function addressOf(base: string, parameters: Readonly<Record<string, string>>): string {
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol))
    fail("wrong_use", `${base.slice(0, 200)} is no address`, { hint: "for example https://oaipmh.arxiv.org/oai" });
  const url = new URL(base);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Fetch what has changed since the last harvest into a store.
 * @throws wrong_use; not_found where the server cannot be reached; bad_input for what it refuses; interrupted
 */
export async function harvestOai(options: HarvestOptions): Promise<Counts> {
  const { address, set, prefix = "arXivRaw", events, signal, clock = Date.now, random = Math.random } = options;
  const today = isoDay(clock());
  const ask = asker({ ...options, clock, random });
  const store = openStore(options.store, true);
  try {
    const name = JSON.stringify([address, set ?? "", prefix]);
    const known = cursorOf(store, name);
    const from = options.from === undefined ? undefined : needDay(options.from, "--from");
    let cursor: Cursor = startOf(known, from);
    const until = options.until === undefined ? today : needDay(options.until, "--until");
    const counts = noCounts();
    const put = putter(store, counts, today);
    while (cursor.from <= until) {
      const windowEnd = cursor.windowEnd ?? [plusDays(cursor.from, (options.days ?? 1) - 1), until].sort()[0]!;
      const window = { begun: cursor.begun, from: cursor.from, windowEnd };
      events?.window?.(cursor.from, windowEnd);
      let { token, responseDate } = cursor;
      for (let restarts = 0; ; ) {
        throwIfAborted(signal);
        const asked: Record<string, string> = token
          ? { verb: "ListRecords", resumptionToken: token }
          : { verb: "ListRecords", metadataPrefix: prefix, from: cursor.from, until: windowEnd, ...(set && { set }) };
        const page: OaiPage = parseOai(await ask(addressOf(address, asked)), address);
        if (page.error?.code === "badResumptionToken" && token !== undefined) {
          if (++restarts > mostRestarts)
            fail("bad_input", "forgets again and again where we were", { where: address, hint: "try again later" });
          events?.restarted?.(cursor.from);
          token = undefined;
          saveCursor(store, name, window);
          continue;
        }
        if (page.error)
          fail("bad_input", `refuses: ${page.error.code}: ${page.error.message}`, {
            where: address,
            hint: "check --set and --from; arXiv's sets are cs, cs:cs:CL, stat:stat:ML, …",
          });
        token = page.token;
        responseDate = page.responseDate;
        store.sql.transaction(() => {
          for (const raw of page.records) put.put(raw, () => JSON.stringify(raw));
          for (const { id, at } of page.deleted) store.remove(parseId(id)?.id ?? id, at, counts);
          put.check(address);
          // A whole window is the next one's beginning, in the same transaction as its last page.
          if (token !== undefined) saveCursor(store, name, { ...window, token, responseDate: page.responseDate });
          else {
            const next = plusDays(windowEnd, 1);
            saveCursor(store, name, {
              begun: cursor.begun,
              from: next,
              responseDate,
              ...(next > until && { done: true }),
            });
            seen(store, [windowEnd, today].sort()[0]!);
          }
        });
        events?.progress?.(counts);
        if (token === undefined) break;
      }
      cursor = { begun: cursor.begun, from: plusDays(windowEnd, 1), responseDate };
    }
    widenCoverage(store, cursor.begun);
    for (const [what, count] of put.noticed) events?.noticed?.(what, count);
    return counts;
  } finally {
    store.close();
  }
}

/** Where to begin: where the last one was ended, or a day before its last answer, as records are the same twice. */
function startOf(known: Cursor | undefined, from: string | undefined): Cursor {
  if (known === undefined) {
    if (from !== undefined) return { begun: from, from };
    return fail("wrong_use", "--from is needed: the first day to harvest", { hint: "for example --from 2021-11-01" });
  }
  // Days before the first harvest are fetched as well where they are asked for.
  if (from !== undefined && from < known.begun) return { begun: from, from };
  if (!known.done) return known;
  const last = known.responseDate?.slice(0, 10) ?? known.from;
  const [next] = [day.test(last) ? plusDays(last, -1) : known.from, plusDays(known.from, -1)].sort();
  return { begun: known.begun, from: next! };
}

export interface AtomOptions extends Omit<HarvestOptions, "set" | "prefix" | "from" | "until" | "days"> {
  /** As the query API takes it: `cat:cs.CL AND submittedDate:[202111010000 TO 202111302359]`. */
  readonly query: string;
  /** Papers at most; the API gives 30,000. */
  readonly most?: number | undefined;
  /** Papers a page; the API gives 2,000. */
  readonly page?: number | undefined;
}

/** A page that is empty before the end is asked for so often before it is believed. */
const emptyTries = 3;

/**
 * Fetch the answers to a query of arXiv's API.
 * @throws as {@link harvestOai}; bad_input with what arXiv says is wrong with the query
 */
export async function harvestAtom(options: AtomOptions): Promise<Counts> {
  const {
    address,
    query,
    most = 30_000,
    page: size = 500,
    events,
    signal,
    clock = Date.now,
    random = Math.random,
  } = options;
  const ask = asker({ ...options, clock, random });
  const store = openStore(options.store, true);
  try {
    const counts = noCounts();
    const put = putter(store, counts, isoDay(clock()));
    let [start, empty] = [0, 0];
    for (;;) {
      throwIfAborted(signal);
      const parameters = {
        ...{ search_query: query, start: String(start), max_results: String(Math.min(size, most - start)) },
        ...{ sortBy: "submittedDate", sortOrder: "ascending" },
      };
      const { total, records } = parseAtom(await ask(addressOf(address, parameters)), address);
      const wanted = Math.min(total, most);
      if (records.length === 0 && start < wanted && ++empty < emptyTries) continue;
      if (records.length === 0) break;
      empty = 0;
      store.sql.transaction(() => {
        for (const raw of records) put.put(raw, () => JSON.stringify(raw));
        put.check(address);
      });
      events?.progress?.(counts);
      start += records.length;
      if (start >= wanted) break;
    }
    for (const [what, count] of put.noticed) events?.noticed?.(what, count);
    return counts;
  } finally {
    store.close();
  }
}

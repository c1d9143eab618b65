/**
 * One paper of what several sources tell. Of each field the newest telling wins, by the day of the version, then the day
 * the source changed its record, then the source's rank, then the text itself: a total order, so that the result is the
 * same in whatever order records come, and a record that comes twice changes nothing.
 */
import { type FieldName, type Fields, type Origin, type Paper, type SourceRecord, sourceNames } from "./paper.ts";
import { codeOf, isWithdrawn, pagesOf, venueOf } from "./venue.ts";

const fieldNames: readonly FieldName[] = [
  ...(["version", "title", "abstract", "authors", "categories", "submitted", "updated"] as const),
  ...(["comments", "journalRef", "doi", "license"] as const),
];

/** Who told a field. */
interface Teller {
  readonly source: Origin["source"];
  readonly at: string;
}

interface Told {
  readonly value: unknown;
  readonly teller: Teller;
}

type AllTold = Map<FieldName, Told>;

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const rank = ({ at, source }: Teller): string => `${at}/${sourceNames.indexOf(source)}`;

/** Whether a time of day is told: dates alone are given midnight. */
const timed = (iso: string): boolean => !iso.endsWith("T00:00:00Z");

/** Positive where `a` wins. */
function contest(name: FieldName, a: Told, b: Told): number {
  if (name === "version") return (a.value as number) - (b.value as number) || compare(rank(a.teller), rank(b.teller));
  if (name === "submitted" || name === "updated") {
    const [x, y] = [a.value as string, b.value as string];
    const known = Number(timed(x)) - Number(timed(y));
    // The first version's date is the earliest that is told, the last one's the latest.
    const order =
      name === "submitted" ? compare(y, x) : compare(x.slice(0, 10), y.slice(0, 10)) || known || compare(x, y);
    return (name === "submitted" ? known || order : order) || compare(rank(a.teller), rank(b.teller));
  }
  return compare(rank(a.teller), rank(b.teller)) || compare(text(a.value), text(b.value));
}

function toldBy(record: SourceRecord): AllTold {
  const teller = { source: record.source, at: record.at };
  const told = fieldNames.flatMap((name): [FieldName, Told][] => {
    const value = record[name];
    return value === undefined || value === "" ? [] : [[name, { value, teller }]];
  });
  return new Map(told);
}

function toldIn(paper: Paper): AllTold {
  const told: AllTold = new Map();
  for (const { source, at, fields } of paper.origin) {
    for (const name of fields) told.set(name, { value: paper[name], teller: { source, at } });
  }
  return told;
}

function paperOf(id: string, told: AllTold, citations: Paper["citations"]): Paper {
  const origins = new Map<string, { source: Origin["source"]; at: string; fields: FieldName[] }>();
  const fields: Partial<Record<FieldName, unknown>> = {};
  for (const name of fieldNames) {
    const one = told.get(name);
    if (one === undefined) continue;
    fields[name] = one.value;
    const key = rank(one.teller);
    const origin = origins.get(key) ?? { ...one.teller, fields: [] };
    origin.fields.push(name);
    origins.set(key, origin);
  }
  const own = fields as Partial<Fields>;
  const { comments, journalRef, abstract = "", categories = [] } = own;
  const venue = venueOf(comments, journalRef);
  const pages = pagesOf(comments);
  const code = codeOf(abstract, comments ?? "");
  return {
    ...{ id, version: 1, title: "", abstract, authors: [], categories, submitted: "", updated: "" },
    ...own,
    primary: categories[0] ?? "",
    ...(venue && { venue }),
    ...(pages !== undefined && { pages }),
    ...(code.length > 0 && { code }),
    ...(isWithdrawn(abstract, comments) && { withdrawn: true as const }),
    ...(citations && { citations }),
    origin: [...origins.entries()].sort(([a], [b]) => compare(a, b)).map(([, origin]) => origin),
  };
}

/** What is known of a paper after another record of it. */
export function merged(known: Paper | undefined, record: SourceRecord): Paper {
  const told = known ? toldIn(known) : (new Map() as AllTold);
  for (const [name, one] of toldBy(record)) {
    const before = told.get(name);
    if (before === undefined || contest(name, one, before) > 0) told.set(name, one);
  }
  return paperOf(record.id, told, known?.citations);
}

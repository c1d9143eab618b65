/** What all sources share: fields as they are written made into a record, or a word for what is wrong with them. */
import { parseId } from "../papers/ids.ts";
import type { Author, SourceName, SourceRecord } from "../papers/paper.ts";
import { tidy, toText } from "../papers/text.ts";

/** Longer texts are cut, and the record says so: the longest abstract of arXiv has some 6,000 characters. */
const longest = { title: 2000, abstract: 50_000, other: 4000 } as const;
const mostAuthors = 5000;

export interface RawRecord {
  readonly source: SourceName;
  readonly id: string;
  /** When the source changed it; by default the last version's day. */
  readonly at?: string | undefined;
  readonly version?: number | undefined;
  readonly title: string | undefined;
  readonly abstract: string | undefined;
  readonly authors: readonly Author[];
  readonly categories: readonly string[];
  /** ISO or RFC 2822, of the first and the last version. */
  readonly submitted: string | undefined;
  readonly updated?: string | undefined;
  readonly comments?: string | null | undefined;
  readonly journalRef?: string | null | undefined;
  readonly doi?: string | null | undefined;
  readonly license?: string | null | undefined;
}

export interface Read {
  readonly record: SourceRecord;
  /** What is odd about it, in a few words each. */
  readonly notes: readonly string[];
}

/** A record, or what keeps it from being one. */
export type Reading = Read | { readonly bad: string };

/** ISO in UTC of a date as sources write them; undefined for none. */
export function isoDate(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 60) return undefined;
  const clean = text.trim();
  const [, day, rest = ""] = /^(\d{4}-\d\d-\d\d)(.*)$/.exec(clean) ?? [];
  const time = Date.parse(day !== undefined && rest === "" ? `${day}T00:00:00Z` : clean);
  if (!Number.isFinite(time) || (day === undefined && !/^[A-Z][a-z]{2}, /.test(clean))) return undefined;
  const iso = new Date(time).toISOString();
  return /^\d{4}-/.test(iso) ? `${iso.slice(0, 19)}Z` : undefined;
}

const category = /^[a-z-]{2,12}(?:\.[A-Za-z-]{2,12})?$/;

const names = (text: string): string => toText(tidy(text)).replace(/\. -/g, ".-").replace(/\s+,/g, ",").trim();

export const authorOf = (name: string): Author => ({ name: names(name) });

/** Names of an author string: parted by commas and "and", outside of brackets; affiliations in brackets are left out. */
export function authorsOf(text: string): Author[] {
  let depth = 0;
  let flat = "";
  let braces = 0;
  for (const character of text.slice(0, 100_000)) {
    if (character === "(") depth++;
    else if (character === ")") depth = Math.max(0, depth - 1);
    else if (depth === 0) {
      if (character === "{") braces++;
      if (character === "}") braces = Math.max(0, braces - 1);
      flat += braces > 0 && character === "," ? "\u0001" : character;
    }
  }
  return flat
    .split(/,|;|(?<=\s|,)and(?=\s)/)
    .map((name) => authorOf(name.replaceAll("\u0001", ",")))
    .filter(({ name }) => name !== "")
    .slice(0, mostAuthors);
}

const optional = (text: string | null | undefined): string | undefined => {
  const clean = tidy((text ?? "").slice(0, longest.other));
  return clean === "" ? undefined : clean;
};

/** Whole months between two, positive when the second is later. */
const monthsBetween = (a: string, b: string): number =>
  (Number(b.slice(0, 4)) - Number(a.slice(0, 4))) * 12 + Number(b.slice(5, 7)) - Number(a.slice(5, 7));

/**
 * @param monthOfId the month that an id says it was given in
 * @param today ISO: what lies after it is reported
 */
export function recordOf(raw: RawRecord, monthOfId: (id: string) => string, today: string): Reading {
  const parsed = parseId(raw.id);
  if (parsed === undefined) return { bad: `"${raw.id.slice(0, 60)}" is no arXiv id` };
  const { id } = parsed;
  const submitted = isoDate(raw.submitted);
  if (submitted === undefined) return { bad: `${id} has no date` };
  const title = tidy((raw.title ?? "").slice(0, longest.title));
  if (title === "") return { bad: `${id} has no title` };
  const notes: string[] = [];
  const abstract = tidy((raw.abstract ?? "").slice(0, longest.abstract));
  if ((raw.abstract ?? "").length > longest.abstract) notes.push("abstract cut");
  const categories = raw.categories.map((name) => name.trim()).filter((name) => category.test(name));
  if (categories.length === 0) return { bad: `${id} has no category` };
  if (parsed.repaired) notes.push("id repaired");
  if (submitted.slice(0, 10) > today) notes.push("date in the future");
  if (Math.abs(monthsBetween(monthOfId(id), submitted)) > 2) notes.push("id and date contradict each other");
  const updated = isoDate(raw.updated) ?? submitted;
  const version = raw.version ?? parsed.version;
  const { comments, journalRef, doi, license } = {
    comments: optional(raw.comments),
    journalRef: optional(raw.journalRef),
    doi: optional(raw.doi),
    license: optional(raw.license),
  };
  const at = isoDate(raw.at) ?? updated;
  return {
    notes,
    record: {
      ...{ id, source: raw.source, at: at.slice(0, 10), title, abstract, submitted, updated },
      categories: [...new Set(categories)].slice(0, 100),
      authors: raw.authors.slice(0, mostAuthors),
      ...(version !== undefined && { version }),
      ...(comments !== undefined && { comments }),
      ...(journalRef !== undefined && { journalRef }),
      ...(doi !== undefined && { doi }),
      ...(license !== undefined && { license }),
    },
  };
}

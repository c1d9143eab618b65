/** Pages of OAI-PMH 2.0 as arXiv's server writes them. */
import { fail } from "../../errors.ts";
import { parseId } from "../papers/ids.ts";
import { authorOf, authorsOf, type RawRecord } from "./record.ts";
import { attribute, elements, parseXml, textIn, textOf } from "./xml.ts";

export const oaiPrefixes = ["arXivRaw", "arXiv", "oai_dc"] as const;
export type OaiPrefix = (typeof oaiPrefixes)[number];

export interface OaiPage {
  /** ISO: when the server answered. */
  readonly responseDate: string;
  readonly records: readonly RawRecord[];
  /** Ids of records that the server has deleted, with the day it did so. */
  readonly deleted: readonly { readonly id: string; readonly at: string }[];
  /** What goes on where this page ends; opaque. */
  readonly token?: string;
  /** The server's word for why there is nothing: `badResumptionToken`, … */
  readonly error?: { readonly code: string; readonly message: string };
}

const joined = (given: string | undefined, last: string | undefined, suffix: string | undefined): string =>
  [given, last, suffix].filter((part) => part !== undefined && part.trim() !== "").join(" ");

const split = (text: string | undefined): string[] => (text ?? "").trim().split(/\s+/);

type Reader = (metadata: unknown, header: { readonly id: string; readonly at: string }) => RawRecord;

/** By the name of the element below `metadata`. MSC and ACM classes are left alone: the server fills one with the other. */
const readers: Readonly<Record<string, Reader>> = {
  arXiv: (metadata, { id, at }) => ({
    ...{ source: "oai", id: textIn(metadata, "id") ?? id, at },
    title: textIn(metadata, "title"),
    abstract: textIn(metadata, "abstract"),
    authors: elements(elements(metadata, "authors")[0], "author").map((author) =>
      authorOf(joined(textIn(author, "forenames"), textIn(author, "keyname"), textIn(author, "suffix"))),
    ),
    categories: split(textIn(metadata, "categories")),
    submitted: textIn(metadata, "created"),
    updated: textIn(metadata, "updated"),
    comments: textIn(metadata, "comments"),
    journalRef: textIn(metadata, "journal-ref"),
    doi: textIn(metadata, "doi"),
    license: textIn(metadata, "license"),
  }),
  arXivRaw(metadata, { id, at }) {
    const versions = elements(metadata, "version");
    const last = versions.at(-1);
    const number = /^v(\d{1,4})$/.exec(attribute(last, "version") ?? "")?.[1];
    return {
      ...{ source: "oai-raw", id: textIn(metadata, "id") ?? id, at },
      version: number === undefined ? undefined : Number(number),
      title: textIn(metadata, "title"),
      abstract: textIn(metadata, "abstract"),
      authors: authorsOf(textIn(metadata, "authors") ?? ""),
      categories: split(textIn(metadata, "categories")),
      submitted: textIn(versions[0], "date"),
      updated: textIn(last, "date"),
      comments: textIn(metadata, "comments"),
      journalRef: textIn(metadata, "journal-ref"),
      doi: textIn(metadata, "doi"),
      license: textIn(metadata, "license"),
    };
  },
  dc: (metadata, { id, at }) => ({
    ...{ source: "oai-dc", id, at },
    title: textIn(metadata, "title"),
    abstract: textIn(metadata, "description"),
    authors: elements(metadata, "creator").map((name) => {
      const [last, first] = (textOf(name) ?? "").split(/,\s*/, 2);
      return authorOf(joined(first, last, undefined));
    }),
    // Subjects are names in words and no categories; the sets of the header tell them.
    categories: [],
    submitted: textIn(metadata, "date"),
  }),
};

/** `cs:cs:CL` of a header is the category `cs.CL`, `physics:hep-lat` is `hep-lat`. */
function categoryOfSet(set: string): string {
  const parts = set.split(":");
  return parts.length > 2 ? `${parts.at(-2)}.${parts.at(-1)}` : parts.at(-1)!;
}

/**
 * Read one page.
 * @throws corrupt_file for what is no answer of OAI-PMH
 */
export function parseOai(xml: string, where: string): OaiPage {
  const [root] = elements(parseXml(xml, where), "OAI-PMH");
  if (root === undefined) {
    fail("corrupt_file", "is no answer of OAI-PMH", { where, hint: "its outer element should be <OAI-PMH>" });
  }
  const responseDate = textIn(root, "responseDate")?.trim() ?? "";
  const [error] = elements(root, "error");
  if (error !== undefined) {
    const code = attribute(error, "code") ?? "unknown";
    const message = (textOf(error) ?? "").trim().slice(0, 300);
    return { responseDate, records: [], deleted: [], ...(code !== "noRecordsMatch" && { error: { code, message } }) };
  }
  const list = elements(root, "ListRecords")[0] ?? elements(root, "GetRecord")[0];
  if (list === undefined) {
    fail("corrupt_file", "holds neither records nor an error", { where, hint: "ask for the verb ListRecords" });
  }
  const records: RawRecord[] = [];
  const deleted: { id: string; at: string }[] = [];
  for (const record of elements(list, "record")) {
    const [header] = elements(record, "header");
    const id = (textIn(header, "identifier") ?? "").trim();
    const at = (textIn(header, "datestamp") ?? "").trim().slice(0, 10);
    if (attribute(header, "status") === "deleted") {
      deleted.push({ id: parseId(id)?.id ?? id, at });
      continue;
    }
    const [metadata] = elements(record, "metadata");
    const known = Object.keys(readers).find((name) => elements(metadata, name).length > 0);
    if (known === undefined) {
      records.push({
        source: "oai",
        id,
        at,
        title: undefined,
        abstract: undefined,
        authors: [],
        categories: [],
        submitted: undefined,
      });
      continue;
    }
    const raw = readers[known]!(elements(metadata, known)[0], { id, at });
    const sets = elements(header, "setSpec").flatMap((set) => textOf(set)?.trim() ?? []);
    records.push(known === "dc" ? { ...raw, categories: sets.map(categoryOfSet) } : raw);
  }
  const token = textIn(list, "resumptionToken")?.trim();
  return { responseDate, records, deleted, ...(token && { token }) };
}

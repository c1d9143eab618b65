/** A line of the Kaggle snapshot `arxiv-metadata-oai-snapshot.json`, or of a file of ours in its layout. */
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import type { Author } from "../papers/paper.ts";
import { authorOf, authorsOf, type RawRecord } from "./record.ts";

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** `[last, first, suffix, …]` each. */
function parsedAuthors(value: unknown): Author[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const all = value.map((parts) => {
    const [last = "", first = "", suffix = ""] = Array.isArray(parts) ? parts.map((part) => text(part) ?? "") : [];
    return authorOf([first, last, suffix].filter((part) => part !== "").join(" "));
  });
  return all.every(({ name }) => name !== "") ? all : undefined;
}

/** Authors as a text, as names, or as objects with a name. */
function anyAuthors(value: unknown): Author[] {
  if (typeof value === "string") return authorsOf(value);
  if (!Array.isArray(value)) return [];
  return value.flatMap((author: unknown) => {
    const name = text(isJsonObject(author) ? author.name : author);
    const orcid = isJsonObject(author) ? text(author.orcid) : undefined;
    return name === undefined ? [] : [{ ...authorOf(name), ...(orcid && { orcid }) }];
  });
}

/** The fields of a line; also of a row with the names of our own record (`submitted`, `primary`, `journalRef`). */
export function kaggleRecord(row: JsonObject, source: "kaggle" | "jsonl"): RawRecord {
  const versions = Array.isArray(row.versions) ? row.versions.filter(isJsonObject) : [];
  const [first, last] = [versions[0], versions.at(-1)];
  const number = /^v(\d{1,4})$/.exec(text(last?.version) ?? "")?.[1];
  const id = typeof row.id === "number" ? String(row.id) : (text(row.id) ?? "");
  const { categories } = row;
  return {
    ...{ source, id },
    at: text(row.update_date),
    version: number === undefined ? (typeof row.version === "number" ? row.version : undefined) : Number(number),
    title: text(row.title),
    abstract: text(row.abstract),
    authors: parsedAuthors(row.authors_parsed) ?? anyAuthors(row.authors),
    categories: Array.isArray(categories)
      ? categories.flatMap((name) => text(name) ?? [])
      : (text(categories) ?? "").split(/\s+/),
    submitted: text(first?.created) ?? text(row.submitted),
    updated: text(last?.created) ?? text(row.updated),
    comments: text(row.comments),
    journalRef: text(row["journal-ref"]) ?? text(row.journalRef),
    doi: text(row.doi),
    license: text(row.license),
  };
}

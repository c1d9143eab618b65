/** How often papers are cited, as Semantic Scholar and OpenAlex answer, or from a file of one's own. */
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { parseId } from "../papers/ids.ts";
import type { Citations } from "../papers/paper.ts";

export interface CitedPaper {
  readonly id: string;
  readonly citations: Omit<Citations, "at"> & { readonly at?: string };
}

const whole = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

const idOf = (value: unknown): string | undefined => {
  const given = typeof value === "number" ? String(value) : text(value);
  return given === undefined ? undefined : parseId(given.replace(/^.*10\.48550\/arxiv\./i, ""))?.id;
};

/** One paper's citations; undefined for what tells none, such as the `null` of a paper that is not known. */
export function citedPaper(row: unknown): CitedPaper | undefined {
  if (!isJsonObject(row)) return undefined;
  const { externalIds } = row;
  const s2 = isJsonObject(externalIds) ? idOf(externalIds.ArXiv) : undefined;
  const influential = whole(row.influentialCitationCount ?? row.influential);
  const rest = influential === undefined ? {} : { influential };
  const at = text(row.at) ?? text(row.retrieved);
  const when = at === undefined ? {} : { at };
  const count = whole(row.citationCount);
  if (count !== undefined) {
    const id = s2 ?? idOf(row.id) ?? idOf(row.arxivId);
    return id === undefined ? undefined : { id, citations: { count, ...rest, source: "s2", ...when } };
  }
  const cited = whole(row.cited_by_count);
  if (cited !== undefined) {
    const ids: JsonObject = isJsonObject(row.ids) ? row.ids : {};
    const location = isJsonObject(row.primary_location) ? row.primary_location : {};
    const id = idOf(row.doi) ?? idOf(ids.arxiv) ?? idOf(location.landing_page_url) ?? idOf(row.id);
    return id === undefined ? undefined : { id, citations: { count: cited, source: "openalex", ...when } };
  }
  const own = whole(row.citations ?? row.count);
  const id = idOf(row.id);
  return own === undefined || id === undefined
    ? undefined
    : { id, citations: { count: own, ...rest, source: "file", ...when } };
}

/**
 * Rows of a whole file's JSON: Semantic Scholar's list, aligned with `ids` where the file keeps the request beside the
 * answer (`{"ids":["ARXIV:…"],"data":[…]}`), OpenAlex's `results`, or one row.
 */
export function citationRows(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (!isJsonObject(value)) return [];
  const rows = value.results ?? value.data;
  if (!Array.isArray(rows)) return [value];
  const { ids } = value;
  if (!Array.isArray(ids) || ids.length !== rows.length) return rows;
  return rows.map((row: unknown, i) => (isJsonObject(row) ? { id: ids[i], ...row } : row));
}

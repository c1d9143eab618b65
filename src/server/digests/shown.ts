/** Digests as they are answered, and what becomes of a person's edits. */
import { type Digest, digestSchema } from "../../digest/document.ts";
import { noEdits, swapped, withEdits } from "../../digest/edited.ts";
import { type Edits, parseEdits } from "../../digest/edits.ts";
import type { DigestRow } from "../../state/digests.ts";
import { invalid, refuse } from "../errors.ts";
import type { AskedDigest, EditsBody } from "./schema.ts";

/** The edits that are kept of a digest. */
const editsOf = ({ id, edits }: DigestRow): Edits | undefined =>
  edits === null ? undefined : parseEdits(JSON.parse(edits), id);

export function shownDigest(row: DigestRow) {
  const { order, drop, why, insights } = editsOf(row) ?? {};
  return {
    ...{ id: row.id, object: "digest", created_at: Math.floor(row.created_at) },
    made_at: row.made_at === null ? null : Math.floor(row.made_at),
    ...{ status: row.status, store: row.store, file_id: row.file, group: row.group_name, month: row.month },
    model: (JSON.parse(row.asked) as AskedDigest).model ?? null,
    progress: row.progress,
    error: row.error === null ? null : (JSON.parse(row.error) as object),
    edits: order ? { order, drop, why, insights } : null,
  };
}

/** As it was made. @throws ApiError 409 for one that is not made */
export function madeOf({ document, status }: DigestRow): Digest {
  if (document === null) {
    const why = status === "in_progress" ? "is being made" : `was not made: ${status}`;
    return refuse(409, `this digest ${why}`, { code: "digest_not_made", headers: { "x-should-retry": "false" } });
  }
  return digestSchema.parse(JSON.parse(document));
}

/** With the person's edits, as it is read. @throws ApiError 409 */
export function editedOf(row: DigestRow): Digest {
  const [made, edits] = [madeOf(row), editsOf(row)];
  return edits ? withEdits(made, edits) : made;
}

/** The edits with what is asked for now. @throws ApiError 400 for papers that the digest has not */
export function changedEdits(row: DigestRow, body: EditsBody): Edits {
  const made = madeOf(row);
  const before = editsOf(row) ?? noEdits(made);
  const { order, drop, why, insights, swap } = body;
  const edits: Edits = {
    ...before,
    ...(order && { order }),
    ...(drop && { drop }),
    ...(why && { why }),
    ...(insights && { insights }),
  };
  const known = new Set([...made.items, ...made.nearMisses].map(({ id }) => id));
  const named: readonly (readonly [string, readonly string[]])[] = [
    ["order", edits.order],
    ["drop", edits.drop],
    ["why", Object.keys(edits.why)],
    ["insights", Object.keys(edits.insights)],
  ];
  for (const [field, ids] of named) {
    const other = ids.find((id) => !known.has(id));
    // Those that were there once, before it was made again, stay as they are.
    if (other !== undefined && body[field as "order"]) {
      invalid(field, `'${field}': "${other.slice(0, 60)}" is neither in this digest nor among its near misses`);
    }
  }
  if (!swap) return edits;
  const shown = withEdits(made, edits);
  if (!shown.items.some(({ id }) => id === swap.out)) invalid("swap.out", "'swap.out' is not in this digest");
  const taken = [...made.items, ...made.nearMisses].find(({ id }) => id === swap.in);
  if (taken?.source === undefined || shown.items.some(({ id }) => id === swap.in)) {
    invalid("swap.in", "'swap.in' is none of this digest's near misses");
  }
  return swapped(edits, shown, swap.out, swap.in);
}

/** Where a sentence comes from: 0 is *why*, from 1 on are the insights. @throws ApiError 404 */
export function sourcesOf(row: DigestRow, paper: string, number: number) {
  const item = editedOf(row).items.find(({ id }) => id === paper);
  if (!item) return refuse(404, "there is no such paper in this digest", { code: "not_found", param: "paper" });
  const sentence = number === 0 ? item.why : item.insights[number - 1];
  if (!sentence) {
    return refuse(404, `this paper has sentences 0 to ${item.insights.length}`, {
      code: "not_found",
      param: "sentence",
    });
  }
  const { id, title, link, source } = item;
  const { text, by, spans, unsupported = [] } = sentence;
  return {
    object: "digest.sources",
    paper: { id, title, link },
    sentence: { number, text, by, unsupported },
    spans: spans.map(({ start, end }) => ({ start, end, text: source.slice(start, end) })),
    source,
  };
}

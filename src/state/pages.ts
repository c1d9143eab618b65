/** Lists in pages: what comes after the last item that was seen, as OpenAI's clients ask for them. */
import { type SelectQueryBuilder, sql } from "kysely";
import { fail } from "../errors.ts";

export interface PageOptions {
  /** The id of the last item of the page before. */
  readonly after?: string | undefined;
  /** The id of the first item of the page behind; the page ends before it. */
  readonly before?: string | undefined;
  /** At most so many items. */
  readonly limit: number;
  /** By when they were made; the newest first unless it says so. */
  readonly order?: "asc" | "desc" | undefined;
}

export interface Page<T> {
  readonly data: readonly T[];
  /** Whether there are more after these. */
  readonly more: boolean;
}

/**
 * A page of what a query finds, which must be narrowed to one owner already: so a cursor of somebody else's is unknown.
 * @throws not_found for an `after` or a `before` that the query does not find
 */
export async function pageOf<DB, TB extends keyof DB, Row extends { readonly seq: number }>(
  query: SelectQueryBuilder<DB, TB, Row>,
  { after, before, limit, order = "desc" }: PageOptions,
): Promise<Page<Row>> {
  const place = async (id: string, name: "after" | "before"): Promise<number> => {
    const item = await query.where(sql.ref("id"), "=", id).executeTakeFirst();
    if (item !== undefined) return (item as Row).seq;
    return fail("not_found", `there is no such item to ${name === "after" ? "begin after" : "end before"}`, {
      where: name,
      hint: name === "after" ? "give the id of the last item of the page before" : "give the id of an item of the list",
    });
  };
  let rest = query;
  if (after !== undefined) rest = rest.where(sql.ref("seq"), order === "asc" ? ">" : "<", await place(after, "after"));
  if (before !== undefined)
    rest = rest.where(sql.ref("seq"), order === "asc" ? "<" : ">", await place(before, "before"));
  // The page that ends before an item is the last of those that come before it.
  const backwards = before !== undefined && after === undefined;
  const found = (await rest
    .orderBy(sql.ref("seq"), (order === "asc") === backwards ? "desc" : "asc")
    .limit(limit + 1)
    .execute()) as Row[];
  const rows = found.slice(0, limit);
  return { data: backwards ? rows.reverse() : rows, more: found.length > limit };
}

/** Lists in pages: what comes after the last item that was seen, as OpenAI's clients ask for them. */
import { type SelectQueryBuilder, sql } from "kysely";
import { fail } from "../errors.ts";

export interface PageOptions {
  /** The id of the last item of the page before. */
  readonly after?: string | undefined;
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
 * @throws not_found for an `after` that the query does not find
 */
export async function pageOf<DB, TB extends keyof DB, Row extends { readonly seq: number }>(
  query: SelectQueryBuilder<DB, TB, Row>,
  { after, limit, order = "desc" }: PageOptions,
): Promise<Page<Row>> {
  let rest = query;
  if (after !== undefined) {
    const last = await query.where(sql.ref("id"), "=", after).executeTakeFirst();
    if (last === undefined) {
      fail("not_found", "there is no such item to begin after", {
        where: "after",
        hint: "give the id of the last item of the page before",
      });
    }
    rest = query.where(sql.ref("seq"), order === "asc" ? ">" : "<", (last as Row).seq);
  }
  const rows = (await rest
    .orderBy(sql.ref("seq"), order)
    .limit(limit + 1)
    .execute()) as Row[];
  return { data: rows.slice(0, limit), more: rows.length > limit };
}

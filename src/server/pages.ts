/** Lists in pages, as OpenAI's clients walk them: the next page begins after the last one's last entry. */
import { z } from "@hono/zod-openapi";
import { invalid } from "./errors.ts";

/** What a list is asked with. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(100).optional(),
  order: z.enum(["asc", "desc"]).optional(),
  after: z.string().max(200).optional(),
};

/** Schema of a page. */
export const listOf = (item: z.ZodType) =>
  z.object({
    object: z.literal("list"),
    data: z.array(item),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  });

/** A page of entries. */
export const listed = <T extends { readonly id?: unknown }>(data: readonly T[], more: boolean) => ({
  ...{ object: "list", data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: more },
});

/** A page of entries that are all at hand. @throws ApiError 400 for an `after` that is none of them */
export function pageOf<T extends { readonly id?: unknown }>(
  all: readonly T[],
  limit: number,
  after: string | undefined,
) {
  const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && from === 0) invalid("after", `'after': there is no "${after.slice(0, 80)}" in this list`);
  return listed(all.slice(from, from + limit), from + limit < all.length);
}

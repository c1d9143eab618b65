/** What a person changed on the review page: kept beside the digest, and put on it again whenever it is made anew. */
import { z } from "zod";
import { fail } from "../errors.ts";

export const editsSchema = z.strictObject({
  format: z.literal("zeroth-digest-edits-1"),
  month: z.string(),
  group: z.string(),
  /** Ids in their order; these are shown whatever their score. */
  order: z.array(z.string()).max(200).default([]),
  /** Ids that are not shown. */
  drop: z.array(z.string()).max(1000).default([]),
  why: z.record(z.string(), z.string().max(2000)).default({}),
  insights: z.record(z.string(), z.array(z.string().max(2000)).max(10)).default({}),
});
export type Edits = z.infer<typeof editsSchema>;

/** @throws bad_input for what is no edits of this digest */
export function parseEdits(value: unknown, where: string): Edits {
  const parsed = editsSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return fail("bad_input", `are no edits of a digest: ${issue!.path.join(".") || "the whole"}: ${issue!.message}`, {
    where,
    hint: "the review page saves them",
  });
}

/** What digests are asked with and answer. */
import { z } from "@hono/zod-openapi";
import { featureNames } from "../../digest/select/select.ts";

const name = z
  .string()
  .regex(/^(?!\.)[\w.-]{1,100}$/, "a store's name: letters, digits, points and dashes")
  .nullish();
const paperId = z.string().min(1).max(60);
const ids = z.array(paperId).max(200);

export const newDigest = z.object({
  store: name.describe("a store of the server's, as /v1/digests/stores lists them; the only one by default"),
  file_id: z
    .string()
    .max(200)
    .nullish()
    .describe("in the place of a store: a file of papers' metadata, a JSON object a line (or .csv, .parquet)"),
  group: z
    .string()
    .min(1)
    .max(300)
    .nullish()
    .describe("ai-ml (default), all, cs.CL, cs.CL,cs.LG, cs, or NAME=cs.RO,eess.SY"),
  month: z.string().regex(/^\d{4}-(?:0[1-9]|1[0-2])$/, "a month as 2021-11"),
  top: z.int().min(1).max(50).nullish().describe("papers of the digest (8)"),
  delay: z.int().min(0).max(24).nullish().describe("months after it that the choice may know of (0)"),
  months: z.int().min(1).max(12).nullish().describe("months that papers are chosen from (1)"),
  misses: z.int().min(0).max(100).nullish().describe("near misses that are told (10)"),
  weights: z
    .partialRecord(z.enum(featureNames), z.number().min(0).max(1000))
    .nullish()
    .describe("how much a signal counts"),
  interest: z.array(z.string().min(1).max(2000)).max(20).nullish().describe("ids, or words, of what a reader likes"),
  pin: ids.nullish().describe("ids that are shown whatever their score"),
  ban: ids.nullish().describe("ids that are not shown"),
  surveys: z.boolean().nullish().describe("false leaves surveys out"),
  model: z.string().max(500).nullish().describe("who writes; without one all sentences are of the abstracts"),
  encoder: z
    .string()
    .max(500)
    .nullish()
    .describe("whose vectors say which papers are like each other; without one their words do"),
  keep_unsupported: z
    .boolean()
    .nullish()
    .describe("mark sentences with numbers or names that the abstract lacks, in the place of replacing them"),
  seed: z.int().min(0).max(0x7fffffff).nullish().describe("of the clusters (0)"),
});
export type NewDigestBody = z.infer<typeof newDigest>;

/** What stays of it in the database: how the digest is made. */
export type AskedDigest = Omit<NewDigestBody, "store" | "file_id" | "group" | "month">;

const text = z.string().max(2000);

const editFields = {
  order: ids.nullish().describe("ids in their order; one of the near misses is taken in"),
  drop: z.array(paperId).max(1000).nullish().describe("ids that are not shown"),
  why: z.record(paperId, text).nullish().describe("the sentence on why a paper matters, by its id"),
  insights: z.record(paperId, z.array(text).max(10)).nullish().describe("its key insights"),
};

/** What is given replaces what stood there; an exchange comes on top. */
export const editsBody = z.object({
  ...editFields,
  swap: z
    .object({ out: paperId, in: paperId })
    .nullish()
    .describe("a paper of the digest against a near miss, at its place"),
});
export type EditsBody = z.infer<typeof editsBody>;

export const digestSchemaOf = z.object({
  id: z.string(),
  object: z.literal("digest"),
  created_at: z.int(),
  made_at: z.int().nullable(),
  status: z.enum(["in_progress", "completed", "failed", "cancelled"]),
  store: z.string().nullable(),
  file_id: z.string().nullable(),
  group: z.string(),
  month: z.string(),
  model: z.string().nullable(),
  progress: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  edits: z
    .object({
      order: z.array(z.string()),
      drop: z.array(z.string()),
      why: z.record(z.string(), z.string()),
      insights: z.record(z.string(), z.array(z.string())),
    })
    .nullable(),
});

export const deletedDigest = z.object({
  id: z.string(),
  object: z.literal("digest.deleted"),
  deleted: z.literal(true),
});

export const storeSchema = z.object({
  id: z.string(),
  object: z.literal("digest.store"),
  papers: z.int(),
  categories: z.array(z.object({ name: z.string(), papers: z.int() })),
  months: z.array(z.object({ month: z.string(), papers: z.int() })),
});

export const sourcesSchema = z.object({
  object: z.literal("digest.sources"),
  paper: z.object({ id: z.string(), title: z.string(), link: z.string() }),
  sentence: z.object({
    number: z.int(),
    text: z.string(),
    by: z.enum(["model", "extract", "person"]),
    unsupported: z.array(z.string()),
  }),
  spans: z.array(z.object({ start: z.int(), end: z.int(), text: z.string() })),
  source: z.string(),
});

/** What vector stores are asked with and answer, with OpenAI's names; what is beyond those says so. */
import { z } from "@hono/zod-openapi";
import { metadataField } from "../fields.ts";

/** A file's own values, which searches can be narrowed by. */
const attributesField = z
  .record(z.string().min(1).max(64), z.union([z.string().max(512), z.number(), z.boolean()]))
  .refine((value) => Object.keys(value).length <= 16, "at most 16 keys");

export type Attributes = z.infer<typeof attributesField>;

const fewest = 100;
const most = 4096;

/** How a file is cut: `auto` is as `zeroth index build` does it, `static` says how many tokens. */
const chunkingField = z
  .union([
    z.object({ type: z.literal("auto") }),
    z.object({
      type: z.literal("static"),
      static: z
        .object({
          max_chunk_size_tokens: z.int().min(fewest).max(most),
          chunk_overlap_tokens: z.int().min(0).max(most),
        })
        .refine(
          ({ max_chunk_size_tokens: size, chunk_overlap_tokens: overlap }) => overlap <= size / 2,
          "'chunk_overlap_tokens' is at most half of 'max_chunk_size_tokens'",
        ),
    }),
  ])
  .describe("tokens of the store's model; of a store without one, words");

export type Chunking = z.infer<typeof chunkingField>;

const expiresField = z.object({ anchor: z.literal("last_active_at"), days: z.int().min(1).max(365) });

const fileIds = z.array(z.string().min(1).max(200)).max(500);

export const newStore = z.object({
  name: z.string().max(1000).nullish(),
  description: z.string().max(2000).nullish(),
  file_ids: fileIds.nullish(),
  chunking_strategy: chunkingField.nullish(),
  expires_after: expiresField.nullish(),
  metadata: metadataField.nullish(),
  embedding_model: z
    .string()
    .max(500)
    .nullish()
    .describe(
      "beyond OpenAI's: the model whose vectors are searched; by default the first of this machine that gives vectors. " +
        '"" is none: words alone',
    ),
});

export const changedStore = z.object({
  name: z.string().max(1000).nullish(),
  expires_after: expiresField.nullish(),
  metadata: metadataField.nullish(),
});

const counts = z.object({
  in_progress: z.int(),
  completed: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  total: z.int(),
});

export const storeSchema = z.object({
  id: z.string(),
  object: z.literal("vector_store"),
  created_at: z.int(),
  name: z.string().nullable(),
  description: z.string().nullable(),
  usage_bytes: z.int(),
  file_counts: counts,
  status: z.enum(["expired", "in_progress", "completed"]),
  expires_after: expiresField.nullable(),
  expires_at: z.int().nullable(),
  last_active_at: z.int().nullable(),
  metadata: metadataField.nullable(),
  embedding_model: z.string().nullable(),
});

export const fileStatuses = ["in_progress", "completed", "failed", "cancelled"] as const;

export const newFile = z.object({
  file_id: z.string().min(1).max(200),
  attributes: attributesField.nullish(),
  chunking_strategy: chunkingField.nullish(),
});

export const changedFile = z.object({ attributes: attributesField.nullable() });

export const newBatch = z.object({
  file_ids: fileIds.nullish(),
  files: z.array(newFile).min(1).max(500).nullish(),
  attributes: attributesField.nullish(),
  chunking_strategy: chunkingField.nullish(),
});

export const fileSchema = z.object({
  id: z.string(),
  object: z.literal("vector_store.file"),
  created_at: z.int(),
  vector_store_id: z.string(),
  usage_bytes: z.int(),
  status: z.enum(fileStatuses),
  last_error: z
    .object({ code: z.enum(["server_error", "unsupported_file", "invalid_file"]), message: z.string() })
    .nullable(),
  attributes: attributesField.nullable(),
  chunking_strategy: z.object({
    type: z.literal("static"),
    static: z.object({ max_chunk_size_tokens: z.int(), chunk_overlap_tokens: z.int() }),
  }),
});

export const batchSchema = z.object({
  id: z.string(),
  object: z.literal("vector_store.files_batch"),
  created_at: z.int(),
  vector_store_id: z.string(),
  status: z.enum(["in_progress", "completed", "cancelled", "failed"]),
  file_counts: counts,
});

export const deletedSchema = (object: "vector_store.deleted" | "vector_store.file.deleted") =>
  z.object({ id: z.string(), object: z.literal(object), deleted: z.literal(true) });

/** The stored text, which places of hits are of: an entry a document, of a file of rows a row. */
export const contentSchema = z.object({
  object: z.literal("vector_store.file_content.page"),
  data: z.array(z.object({ type: z.literal("text"), text: z.string(), document: z.string() })),
  has_more: z.literal(false),
  next_page: z.null(),
});

/** Checked by its own reader, as it may be nested. */
export const filtersField = z
  .looseObject({})
  .describe(
    '{"type":"eq|ne|gt|gte|lt|lte|in|nin","key","value"} of the files\' attributes, or {"type":"and|or","filters":[…]}',
  );

export const rankingField = z.object({
  ranker: z
    .string()
    .max(500)
    .nullish()
    .describe(
      '"auto", "default-2024-11-15" or "none"; beyond OpenAI\'s the name of a cross-encoder that orders the best 50',
    ),
  score_threshold: z.number().min(0).max(1).nullish(),
});

export const searchBody = z.object({
  query: z.union(
    [z.string().min(1).max(100_000), z.array(z.string().min(1).max(100_000)).min(1).max(32)],
    "a question or a list of questions",
  ),
  max_num_results: z.int().min(1).max(50).nullish(),
  filters: filtersField.nullish(),
  ranking_options: rankingField.nullish(),
});

/** Where a passage stands: beyond OpenAI's, in UTF-16 units of the document's stored text. */
export const placeSchema = {
  document: z.string(),
  start: z.int(),
  end: z.int(),
  page: z.int().optional(),
  heading: z.string().optional(),
};

export const searchSchema = z.object({
  object: z.literal("vector_store.search_results.page"),
  search_query: z.array(z.string()),
  data: z.array(
    z.object({
      file_id: z.string(),
      filename: z.string(),
      score: z.number(),
      attributes: attributesField.nullable(),
      content: z.array(z.object({ type: z.literal("text"), text: z.string() })),
      ...placeSchema,
    }),
  ),
  has_more: z.literal(false),
  next_page: z.null(),
});

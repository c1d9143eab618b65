/** What `/v1/summaries` takes and gives. */
import { z } from "@hono/zod-openapi";
import { contextModes, type SummarizeOptions } from "../../summarize/run/settings.ts";
import { fields, metadataField, modelField } from "../fields.ts";

const most = 2 ** 31 - 1;

export const bookBody = z.object({
  model: modelField.describe("a model that writes, or extractive or lead: sentences of the book, by rule"),
  file_id: z.string().min(1).max(200).nullish().describe("a file that was uploaded: text, Markdown, HTML, EPUB, PDF"),
  text: z.string().min(1).nullish().describe("the book itself, in the place of a file"),
  filename: z.string().min(1).max(500).nullish().describe("of `text`: its end says what it is, as in book.md"),
  leaf_tokens: fields.whole(1, 1_000_000).describe("tokens of a leaf: 600, or what fits"),
  limits: z
    .array(z.int().min(1).max(1_000_000))
    .length(3)
    .nullish()
    .describe("most tokens of a summary of text, of leaves, and above"),
  context: z.enum(contextModes).nullish().describe("which earlier summaries a prompt has"),
  context_truncation: z.enum(["oldest", "block"]).nullish(),
  by: z
    .string()
    .regex(/^(?:chapter|heading:(?:[1-9]|1\d|20))$/, "chapter, or heading:N for headings of N levels")
    .nullish(),
  until: z.string().min(1).max(500).nullish().describe("only what stands before this heading"),
  question: z.string().min(1).max(4000).nullish().describe("every node is asked this of its text"),
  seed: fields.whole(0, most).describe("another than 0: another sectioning, and other draws"),
  jitter: fields.number(0, 100),
  keep_all: z.boolean().nullish().describe("licences, title pages and tables of contents too"),
  temperature: fields.number(0, 2).describe("0, the default, takes the likeliest tokens"),
  max_calls: fields.whole(1, most).describe("it is paused after so many calls"),
  metadata: metadataField.nullish(),
});

export type BookBody = z.infer<typeof bookBody>;

/** Options by the recipe's names. */
export function optionsOf(body: BookBody): SummarizeOptions {
  const { leaf_tokens, limits, context, context_truncation, by, until, question, seed, jitter, keep_all } = body;
  const given = {
    ...{ leafTokens: leaf_tokens, context, contextTruncation: context_truncation, until, question, seed, jitter },
    ...{ keepAll: keep_all, limits: limits as [number, number, number] | null | undefined },
    by: by?.startsWith("heading:") ? Number(by.slice("heading:".length)) : by,
  };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value !== null),
  ) as SummarizeOptions;
}

const span = { start: z.int(), end: z.int() };
const place = { heading: z.string().optional(), page: z.int().optional() };
const trimmed = z.array(z.object({ ...span, why: z.string() }));

export const estimateSchema = z.object({
  object: z.literal("summary.estimate"),
  model: z.string(),
  title: z.string().nullable(),
  calls: z.int(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  /** Where nothing was measured here yet. */
  seconds: z.number().nullable(),
  heights: z.array(
    z.object({ height: z.int(), nodes: z.int(), calls: z.int(), input_tokens: z.int(), output_tokens: z.int() }),
  ),
  tokens: z.int(),
  settings: z.looseObject({}),
  trimmed,
});

export const summarySchema = z.object({
  id: z.string(),
  object: z.literal("summary"),
  created_at: z.int(),
  finished_at: z.int().nullable(),
  status: z.enum(["queued", "running", "paused", "completed", "failed", "cancelled"]),
  model: z.string(),
  filename: z.string(),
  title: z.string().nullable(),
  options: z.looseObject({}),
  metadata: metadataField.nullable(),
  /** Null until the tree stands. */
  estimate: estimateSchema.nullable(),
  progress: z.object({
    ...{ done: z.int(), total: z.int(), calls: z.int(), in_tokens: z.int(), out_tokens: z.int() },
    ...{ seconds: z.number(), tokens_per_second: z.number(), eta_seconds: z.number().nullable() },
  }),
  summary: z.string().nullable(),
  sentences: z.int().nullable(),
  /** Sentences that nothing in the book was found for. */
  unsupported: z.int().nullable(),
  support: z.array(z.object({ height: z.int(), sentences: z.int(), supported: z.int(), traced: z.int() })).nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

const node = {
  id: z.string(),
  height: z.int(),
  depth: z.int(),
  index: z.int(),
  parent: z.string().nullable(),
  children: z.array(z.string()),
  heading: z.string().nullable(),
  ...span,
  state: z.enum(["pending", "done", "edited"]),
  by: z.enum(["model", "human"]).nullable(),
  flags: z.array(z.string()),
  text: z.string().nullable(),
};

export const treeSchema = z.object({
  object: z.literal("summary.tree"),
  nodes: z.array(z.object({ ...node, sentences: z.int(), unsupported: z.int() })),
});

const source = z.object({ ...span, ...place, score: z.number(), path: z.array(z.string()) });

export const nodeSchema = z.object({
  object: z.literal("summary.node"),
  ...node,
  sentences: z.array(
    z.object({
      ...span,
      support: z.number(),
      supported: z.boolean(),
      links: z.array(
        z.object({
          ...{ child: z.string().optional(), sentence: z.int().optional() },
          ...{ ...span, ...place, score: z.number(), method: z.string() },
        }),
      ),
      /** Down to the book. */
      sources: z.array(source),
    }),
  ),
});

export const traceQuery = z.object({
  node: z.string().max(40).optional(),
  sentence: z.coerce.number().int().min(1).max(100_000).optional(),
});

export const traceSchema = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      sentence: z.int(),
      text: z.string(),
      supported: z.boolean(),
      support: z.number(),
      spans: z.array(source.extend({ text: z.string() })),
    }),
  ),
});

export const textSchema = z.object({
  object: z.literal("summary.text"),
  title: z.string().nullable(),
  text: z.string(),
  headings: z.array(z.object({ start: z.int(), path: z.array(z.string()) })),
  pages: z.array(z.int()).nullable(),
  body: z.object(span),
  trimmed,
});

export const editBody = z.object({
  text: z.string().max(100_000).describe("the node's text from now on"),
  strict: z.boolean().nullish().describe("make again also what was told of the old text"),
});

export const againBody = z.object({ strict: z.boolean().nullish() });

export const exportFormats = ["md", "html", "epub", "json"] as const;

export const deletedSummary = z.object({
  id: z.string(),
  object: z.literal("summary.deleted"),
  deleted: z.literal(true),
});

/** `/v1/ask`: what it is asked with and answers, whole and as events. OpenAI's interface has nothing like it. */
import { z } from "@hono/zod-openapi";
import { fields } from "../fields.ts";
import { filtersField, placeSchema } from "../vectors/schema.ts";

export const askBody = z.object({
  question: z.string().min(1).max(10_000),
  vector_store_ids: z.array(z.string().min(1).max(200)).min(1).max(8),
  model: z
    .string()
    .max(500)
    .nullish()
    .describe(
      "the model that writes the answer; without one the answer is the sentence of the documents that fits best",
    ),
  max_num_results: fields.whole(1, 20).describe("passages that the answer is made of (4)"),
  filters: filtersField.nullish(),
  ranker: z.string().max(500).nullish().describe("a cross-encoder that orders the best 50 passages"),
  support: fields.number(0, 1).describe("the least support of a sentence that is called supported"),
  max_tokens: fields.whole(1, 4096).describe("longest answer (200)"),
  temperature: fields.number(0, 2).describe("0 by default: the likeliest answer"),
  seed: z.int().nullish(),
  stream: z.boolean().nullish(),
});

export type AskRequest = z.infer<typeof askBody>;

/** A passage that was read for the answer, numbered from 1 as the citations name it. */
export const passageSchema = z.object({
  number: z.int(),
  vector_store_id: z.string(),
  file_id: z.string(),
  filename: z.string(),
  score: z.number(),
  text: z.string(),
  ...placeSchema,
});

export const answerSchema = z.object({
  id: z.string(),
  object: z.literal("answer"),
  created: z.int(),
  /** null where the answer is a sentence of the documents. */
  model: z.string().nullable(),
  question: z.string(),
  text: z.string(),
  /** Whether the documents answer; where not, `text` says so. */
  found: z.boolean(),
  /** Sentences of `text`, numbered from 1 by their order; places in UTF-16 units of it. */
  sentences: z.array(
    z.object({ text: z.string(), start: z.int(), end: z.int(), supported: z.boolean(), support: z.number() }),
  ),
  /** What a sentence of the answer rests on: a quote, and where it stands in the document's stored text. */
  citations: z.array(
    z.object({
      /** Number of the answer's sentence. */
      sentence: z.int(),
      /** Number of the passage. */
      passage: z.int(),
      vector_store_id: z.string(),
      file_id: z.string(),
      filename: z.string(),
      quote: z.string(),
      support: z.number(),
      ...placeSchema,
    }),
  ),
  passages: z.array(passageSchema),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() }),
});

export type Answer = z.infer<typeof answerSchema>;

/**
 * Events of `"stream": true`, each named by its `type`: first the passages, then the text as it is written, then the whole
 * answer, in which citations are. What was written may be replaced by it: where nothing is supported, `text` says so.
 */
export type AskEvent =
  | { readonly type: "answer.passages"; readonly passages: Answer["passages"] }
  | { readonly type: "answer.delta"; readonly delta: string }
  | { readonly type: "answer.completed"; readonly answer: Answer };

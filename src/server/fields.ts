/** Fields that several routes take, with OpenAI's names and ranges; null is as if they were not there. */
import { z } from "@hono/zod-openapi";
import type { Refusals } from "./check.ts";

/** Longest answer that can be asked for, in tokens. */
export const longestAnswer = 1_000_000;

const number = (min: number, max: number) => z.number().min(min).max(max).nullish();
const whole = (min: number, max: number) => z.int().min(min).max(max).nullish();

export const fields = { number, whole };

export const modelField = z.string("the name of a model is needed").min(1).max(500);

export const idsField = z.array(z.int().min(0).max(0x7fffffff)).min(1);

const stopText = z.string().min(1).max(1000);

/** How tokens are drawn. */
export const sampling = {
  temperature: number(0, 2).describe(
    "0 takes the likeliest token, 1 draws by the model's probabilities; by default as the model's makers recommend",
  ),
  top_p: number(0, 1),
  seed: z.int().nullish(),
  presence_penalty: number(-2, 2),
  frequency_penalty: number(-2, 2),
  logit_bias: z.record(z.string().regex(/^\d{1,9}$/, "token ids as keys"), z.number().min(-100).max(100)).nullish(),
  stop: z
    .union([stopText, z.array(stopText).min(1).max(4)], "one to four texts")
    .nullish()
    .describe("the answer ends before the first of these"),
  // Beyond OpenAI's, under the names that others give them.
  top_k: whole(0, longestAnswer).describe("draw among the k likeliest; 0 for all"),
  min_p: number(0, 1),
  typical_p: number(0, 1),
  repetition_penalty: number(0.01, 100),
  no_repeat_ngram_size: whole(0, longestAnswer),
  min_tokens: whole(0, longestAnswer),
  ignore_eos: z
    .boolean()
    .nullish()
    .describe("an answer goes on behind the token that would end it, to its full length"),
  grammar: z.string().max(100_000).nullish().describe("a GBNF grammar that the answer fits"),
} as const;

export const streaming = {
  stream: z.boolean().nullish(),
  stream_options: z
    .object({ include_usage: z.boolean().nullish(), include_obfuscation: z.literal(false).nullish() })
    .nullish(),
} as const;

/** A JSON schema; what its keywords mean is the engine's to say. */
export const schemaObject = z.looseObject({});

/** The name of a tool. */
export const functionName = z.string().regex(/^[\w-]{1,64}$/, "1 to 64 letters, digits, _ and -");

/** Fields that tell a service who asks: of no effect on an answer. */
export const hints = {
  user: z.string().max(1000).nullish(),
  safety_identifier: z.string().max(1000).nullish(),
  prompt_cache_key: z.string().max(1000).nullish(),
} as const;

export const metadataField = z
  .record(z.string().max(64), z.string().max(512))
  .refine((value) => Object.keys(value).length <= 16, "at most 16 keys");

/** What only OpenAI's own service has. */
export const serviceRefusals: Refusals = {
  service_tier: { why: "there is one tier", neutral: ["auto", "default"] },
  prompt_cache_retention: { why: "what was read of a prompt is kept in memory only", neutral: ["in_memory"] },
  moderation: { why: "nothing is moderated" },
};

export const usageSchema = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({ cached_tokens: z.int() }),
});

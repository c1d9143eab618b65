/** What /v1/completions takes and answers. */
import { z } from "@hono/zod-openapi";
import type { Refusals } from "../check.ts";
import { fields, hints, idsField, longestAnswer, modelField, sampling, streaming, usageSchema } from "../fields.ts";
import { legacySchema } from "../logprobs.ts";

const text = z.string();
const targets = z.union(
  [z.string(), z.array(z.string()).min(1), idsField, z.array(idsField).min(1)],
  "a text, texts, token ids or lists of token ids",
);

export const completionRequest = z.object({
  model: modelField,
  prompt: targets,
  max_tokens: fields.whole(0, longestAnswer).describe("16 by default"),
  n: fields.whole(1, 128),
  best_of: fields.whole(1, 20).describe("so many are made, and the n likeliest of them answered"),
  echo: z.boolean().nullish().describe("the prompt comes before the answer, and its log-probabilities with it"),
  logprobs: fields.whole(0, 5),
  ...sampling,
  ...streaming,
  ...hints,
  target: targets
    .nullish()
    .describe("an answer, or one a prompt, whose log-probabilities are asked for: nothing is written"),
  target_eos: z.boolean().nullish().describe("whether the end token is counted among a target's (true)"),
});
export type CompletionRequest = z.infer<typeof completionRequest>;

export const completionRefusals: Refusals = {
  suffix: { why: "models here write after a prompt, not between two texts", neutral: [""] },
};

export const completionAnswer = z.object({
  id: text,
  object: z.literal("text_completion"),
  created: z.int(),
  model: text,
  choices: z.array(
    z.object({
      text,
      index: z.int(),
      logprobs: legacySchema.nullable(),
      finish_reason: z.enum(["stop", "length", "content_filter"]),
    }),
  ),
  usage: usageSchema,
});

/** What begins every chunk and answer. */
export interface Head {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
}

/** Fields that all chunks of an answer share. */
export const head = (prefix: string, object: string, model: string): Head => ({
  id: `${prefix}-${crypto.randomUUID().replaceAll("-", "")}`,
  object,
  created: Math.floor(Date.now() / 1000),
  model,
});

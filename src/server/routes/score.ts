/** `/v1/score`: how likely given answers are, for as many prompts as wanted. OpenAI's interface has nothing like it. */
import { z } from "@hono/zod-openapi";
import type { EnginePrompt, ScoreTold } from "../../host/engine.ts";
import { anyLikely } from "../../text/score.ts";
import { chatMessages } from "../chat/messages.ts";
import { messageField } from "../chat/schema.ts";
import { checkText, promptOf } from "../completions/prompts.ts";
import { head } from "../completions/schema.ts";
import { invalid } from "../errors.ts";
import { hints, idsField, modelField } from "../fields.ts";
import { namedModel } from "../named.ts";
import { type Routes, route } from "../route.ts";

const choices = z
  .array(z.union([z.string(), idsField], "a text or token ids"))
  .min(1)
  .max(1000);
const input = z.union([z.string(), idsField], "a text or token ids");
const row = z.object({ input: input.nullish(), messages: z.array(messageField).min(1).nullish(), choices });

const request = z.object({
  model: modelField,
  input: input.nullish(),
  messages: z.array(messageField).min(1).nullish().describe("a conversation in the place of 'input'"),
  choices: choices.nullish(),
  rows: z
    .array(row)
    .min(1)
    .nullish()
    .describe("many prompts, each with choices of its own, in the place of the three above"),
  eos: z.boolean().nullish().describe("whether the end token is counted as part of a choice (true)"),
  ...hints,
});

const answer = z.object({
  id: z.string(),
  object: z.literal("list"),
  created: z.int(),
  model: z.string(),
  data: z.array(
    z.object({
      index: z.int(),
      object: z.literal("score"),
      /** Of the choice with the highest sum. */
      best: z.int(),
      /** Of the choice with the highest mean. */
      best_normalized: z.int(),
      likely: z.boolean(),
      choices: z.array(
        z.object({
          index: z.int(),
          sum: z.number(),
          mean: z.number(),
          tokens: z.int(),
          share: z.number(),
          token_logprobs: z.array(z.object({ token: z.string(), id: z.int(), logprob: z.number() })),
        }),
      ),
    }),
  ),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() }),
});

const least = -9999;

/** Sums, means and shares of the choices of one prompt. */
export function scoreOf({ choices, best }: ScoreTold, index: number) {
  const sums = choices.map((tokens) => tokens.reduce((sum, { logprob }) => sum + Math.max(logprob, least), 0));
  const means = sums.map((sum, i) => sum / Math.max(1, choices[i]!.length));
  const top = Math.max(...sums);
  const total = sums.reduce((all, sum) => all + Math.exp(sum - top), 0);
  const highest = Math.max(...means);
  return {
    index,
    object: "score" as const,
    best,
    best_normalized: means.indexOf(highest),
    likely: anyLikely(
      sums,
      choices.map((tokens) => tokens.length),
    ),
    choices: choices.map((tokens, i) => ({
      index: i,
      sum: sums[i]!,
      mean: means[i]!,
      tokens: tokens.length,
      share: Math.exp(sums[i]! - top) / total,
      token_logprobs: tokens.map(({ text, id, logprob }) => ({ token: text, id, logprob: Math.max(logprob, least) })),
    })),
  };
}

export const score: Routes = ({ engine, limits }) => [
  route({
    method: "post",
    path: "/v1/score",
    summary: "Log-likelihoods of choices",
    body: request,
    answer,
    asksModel: true,
    async handle({ body, asked }) {
      const { model, rows, eos } = body;
      if (rows && (body.input || body.messages || body.choices)) {
        invalid("rows", "'rows' come in the place of 'input', 'messages' and 'choices'", "invalid_value");
      }
      await namedModel(engine, model, asked);
      const given = rows ?? [{ input: body.input, messages: body.messages, choices: body.choices ?? [] }];
      if (given.length > limits.inputs) {
        invalid(
          "rows",
          `'rows' has ${given.length} entries, at most ${limits.inputs} are taken`,
          "array_above_max_length",
        );
      }
      const prompts = given.map((one, i) => {
        const name = (field: string) => (rows ? `rows[${i}].${field}` : field);
        if (one.choices.length === 0) invalid(name("choices"), "'choices' are needed", "missing_required_parameter");
        for (const choice of one.choices) if (typeof choice === "string") checkText(choice, limits, name("choices"));
        const { input, messages } = one;
        const both = (input === null || input === undefined) === (messages === null || messages === undefined);
        if (both) invalid(name("input"), `'${name("input")}' or 'messages' is needed, and not both`, "invalid_value");
        if (typeof input === "string") checkText(input, limits, name("input"));
        const prompt: EnginePrompt =
          input === null || input === undefined
            ? { messages: chatMessages(messages!, limits, false) }
            : promptOf(input);
        return { prompt, choices: one.choices };
      });
      const { owner } = asked.owner;
      const scored = await engine.score({ model, owner, rows: prompts, eos: eos ?? true }, asked.signal);
      const read = scored.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
      const counted = scored.reduce((sum, { choices }) => sum + choices.reduce((all, one) => all + one.length, 0), 0);
      asked.promptTokens = read;
      return {
        ...head("score", "list", model),
        data: scored.map(scoreOf),
        usage: { prompt_tokens: read, completion_tokens: counted, total_tokens: read + counted },
      };
    },
  }),
];

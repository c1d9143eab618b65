/** `/v1/score`: how likely given answers are, for as many prompts as wanted. OpenAI's interface has nothing like it. */
import { z } from "@hono/zod-openapi";
import type { EnginePrompt, ScoreTold } from "../../host/engine.ts";
import { anyLikely } from "../../text/likely.ts";
import { chatMessages } from "../chat/messages.ts";
import { messageField } from "../chat/schema.ts";
import { checkText, needFew, promptOf } from "../completions/prompts.ts";
import { head } from "../completions/schema.ts";
import type { Limits } from "../context.ts";
import { invalid } from "../errors.ts";
import { hints, idsField, modelField } from "../fields.ts";
import { namedModel } from "../named.ts";
import { pictureField } from "../pictures.ts";
import { predicted, predictionSchemas } from "../predictions.ts";
import { type Routes, route } from "../route.ts";

const choices = z
  .array(z.union([z.string(), idsField], "a text or token ids"))
  .min(1)
  .max(1000);
const input = z.union([z.string(), idsField], "a text or token ids");
const headed = {
  image: pictureField.nullish(),
  pair: z.string().nullish().describe("a second text for a head that reads two together"),
  context: z.string().nullish().describe("the passage in which a head looks for the answer"),
};
const row = z.object({
  input: input.nullish(),
  messages: z.array(messageField).min(1).nullish(),
  choices: choices.nullish(),
  ...headed,
});

const request = z.object({
  model: modelField,
  input: input.nullish(),
  messages: z.array(messageField).min(1).nullish().describe("a conversation in the place of 'input'"),
  choices: choices.nullish().describe("of a model with classes they may be left out: all of them"),
  ...headed,
  rows: z
    .array(row)
    .min(1)
    .nullish()
    .describe("many prompts, each with choices of its own, in the place of the three above"),
  where: z.boolean().nullish().describe("of pictures: tell where the model looked, too"),
  eos: z.boolean().nullish().describe("whether the end token is counted as part of a choice (true)"),
  ...hints,
});

const answer = z.object({
  id: z.string(),
  object: z.literal("list"),
  created: z.int(),
  model: z.string(),
  data: z.array(
    z.union([
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
      ...predictionSchemas,
    ]),
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

/** A row's prompt and choices. */
function scoredPrompt(one: z.infer<typeof row>, name: (field: string) => string, limits: Limits) {
  const { input, messages, choices: given } = one;
  for (const field of ["image", "pair", "context"] as const) {
    if (one[field] != null) invalid(name(field), `'${name(field)}' is for models with a head`, "unsupported_value");
  }
  const choices = given ?? invalid(name("choices"), "'choices' are needed", "missing_required_parameter");
  for (const choice of choices) if (typeof choice === "string") checkText(choice, limits, name("choices"));
  const both = (input === null || input === undefined) === (messages === null || messages === undefined);
  if (both) invalid(name("input"), `'${name("input")}' or 'messages' is needed, and not both`, "invalid_value");
  if (typeof input === "string") checkText(input, limits, name("input"));
  const prompt: EnginePrompt =
    input === null || input === undefined ? { messages: chatMessages(messages!, limits, false) } : promptOf(input);
  return { prompt, choices };
}

export const score: Routes = (server) => [
  route({
    method: "post",
    path: "/v1/score",
    summary: "Log-likelihoods of choices; classes of texts and pictures",
    body: request,
    answer,
    asksModel: true,
    async handle({ body, asked }) {
      const { engine, limits } = server;
      const { model, rows, eos, where } = body;
      if (rows && (body.input || body.image || body.messages || body.choices || body.pair || body.context)) {
        invalid(
          "rows",
          "'rows' come in the place of 'input', 'messages', 'choices' and what goes with them",
          "invalid_value",
        );
      }
      const about = await namedModel(engine, model, asked);
      const { input: one, image, messages, choices: some, pair, context } = body;
      const given = rows ?? [{ input: one, image, messages, choices: some, pair, context }];
      needFew(given.length, limits, "rows");
      const name = (i: number) => (field: string) => (rows ? `rows[${i}].${field}` : field);
      const seeing = about.kind === "image-encoder";
      if (where && !seeing) invalid("where", "'where' is for models of pictures", "unsupported_value");
      if (about.can.includes("classify")) {
        return predicted(server, model, { seeing, where: where === true }, given, name, asked);
      }
      const prompts = given.map((one, i) => scoredPrompt(one, name(i), limits));
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

/** What a head tells of texts or pictures, in the form of scores: classes are choices, and their probabilities shares. */
import { z } from "@hono/zod-openapi";
import type { PredictInput, PredictTold } from "../host/engine.ts";
import { checkText } from "./completions/prompts.ts";
import { head } from "./completions/schema.ts";
import type { Asked, ServerContext } from "./context.ts";
import { invalid } from "./errors.ts";
import { pictureOf } from "./pictures.ts";

const text = z.string();
const place = { index: z.int() };

export const predictionSchemas = [
  z.object({
    ...{ ...place, object: z.literal("classes"), label: text, best: z.int() },
    choices: z.array(z.object({ ...place, label: text, share: z.number(), logit: z.number() })),
    where: z
      .object({
        ...{ way: z.enum(["attention", "gradient"]), label: text.optional(), rows: z.int(), columns: z.int() },
        heat: z.array(z.number()).describe("row by row, from 0 to 1"),
        region: z.object({ left: z.int(), top: z.int(), width: z.int(), height: z.int() }),
      })
      .optional()
      .describe("where in a picture the model looked"),
  }),
  z.object({ ...place, object: z.literal("values"), values: z.record(text, z.number()) }),
  z.object({
    ...{ ...place, object: z.literal("tags"), tags: z.array(text.nullable()), words: z.array(text) },
    offsets: z.array(z.array(z.int())),
    spans: z.array(z.object({ label: text, from: z.int(), to: z.int(), text, start: z.int(), end: z.int() })),
  }),
  z.object({
    ...{ ...place, object: z.literal("answer"), answer: text },
    ...{ start: z.int(), end: z.int(), score: z.number() },
  }),
] as const;

type Prediction = z.infer<(typeof predictionSchemas)[number]>;

function shown(told: PredictTold, index: number, input: string): Prediction {
  switch (told.kind) {
    case "classes": {
      const { names, scores, logits, best, where } = told;
      return {
        ...{ index, object: "classes", label: names[best]!, best },
        choices: names.map((label, i) => ({ index: i, label, share: scores[i]!, logit: logits[i]! })),
        ...(where && { where: { ...where, heat: [...where.heat] } }),
      };
    }
    case "values":
      return {
        ...{ index, object: "values" },
        values: Object.fromEntries(told.names.map((name, i) => [name, told.values[i]!])),
      };
    case "tags": {
      const { words, spans } = told;
      return {
        ...{ index, object: "tags", tags: words.map(({ label }) => label), words: words.map((word) => word.text) },
        offsets: words.map(({ start, end }) => [start, end]),
        spans: spans.map(({ label, from, to }) => {
          const [start, end] = [words[from]!.start, words[to - 1]!.end];
          return { label, from, to, text: input.slice(start, end), start, end };
        }),
      };
    }
    case "answer":
      return { index, object: "answer", answer: told.text, start: told.start, end: told.end, score: told.score };
  }
}

const textOf = (input: PredictInput): string => ("text" in input ? input.text : "");

interface Row {
  readonly image?: string | null | undefined;
  readonly input?: string | readonly number[] | null | undefined;
  readonly messages?: unknown;
  readonly choices?: readonly (string | readonly number[])[] | null | undefined;
  readonly pair?: string | null | undefined;
  readonly context?: string | null | undefined;
}

/** Answer /v1/score for a model whose head tells classes, tags or answers. */
export async function predicted(
  { engine, limits }: Pick<ServerContext, "engine" | "limits">,
  model: string,
  { seeing, where }: { readonly seeing: boolean; readonly where: boolean },
  rows: readonly Row[],
  nameOf: (row: number) => (field: string) => string,
  asked: Asked,
): Promise<object> {
  const inputs = rows.map(({ input, image, messages, choices, pair, context }, i): PredictInput => {
    const name = nameOf(i);
    if (messages) invalid(name("messages"), `'${name("messages")}': a head reads texts`, "unsupported_value");
    const texts = (choices ?? []).map((choice) =>
      typeof choice === "string" ? choice : invalid(name("choices"), `'${name("choices")}' are texts here`),
    );
    if (typeof image === "string") {
      for (const [field, value] of Object.entries({ input, pair, context })) {
        if (value != null) invalid(name(field), `'${name(field)}' goes with a text, not with an 'image'`);
      }
      return { image: pictureOf(image, name("image")), ...(texts.length > 0 && { choices: texts }) };
    }
    if (typeof input !== "string") {
      const needed = seeing ? ["image", "a picture"] : ["input", "a text"];
      return invalid(name(needed[0]!), `'${name(needed[0]!)}' is needed, ${needed[1]}`, "missing_required_parameter");
    }
    for (const [field, value] of Object.entries({ input, pair, context })) {
      if (typeof value === "string") checkText(value, limits, name(field));
    }
    return {
      text: input,
      ...(typeof pair === "string" && { pair }),
      ...(typeof context === "string" && { context }),
      ...(texts.length > 0 && { choices: texts }),
    };
  });
  const { owner } = asked.owner;
  const { told, tokens } = await engine.predict({ model, owner, inputs, ...(where && { where }) }, asked.signal);
  asked.promptTokens = tokens;
  return {
    ...head("score", "list", model),
    data: told.map((one, index) => shown(one, index, textOf(inputs[index]!))),
    usage: { prompt_tokens: tokens, completion_tokens: 0, total_tokens: tokens },
  };
}

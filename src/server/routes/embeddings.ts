/** `/v1/embeddings`. */
import { z } from "@hono/zod-openapi";
import type { EmbedAsk } from "../../host/engine.ts";
import { manyOf, needFew, type Texts } from "../completions/prompts.ts";
import type { Limits } from "../context.ts";
import { invalid } from "../errors.ts";
import { fields, hints, idsField, modelField } from "../fields.ts";
import { namedModel } from "../named.ts";
import { pictureField, pictureOf } from "../pictures.ts";
import { type Routes, route } from "../route.ts";

const picture = z.object({ image: pictureField });

const request = z.object({
  model: modelField,
  input: z.union(
    [z.string(), z.array(z.string()).min(1), idsField, z.array(idsField).min(1), picture, z.array(picture).min(1)],
    "a text, texts, token ids or lists of token ids, or pictures as {image}",
  ),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: fields.whole(1, 65_536),
  ...hints,
});

const answer = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({ object: z.literal("embedding"), index: z.int(), embedding: z.union([z.array(z.number()), z.string()]) }),
  ),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
});

/** Nine digits tell every float32 from its neighbours. */
const numbersOf = (vector: Float32Array): number[] => Array.from(vector, (value) => Number(value.toPrecision(9)));

/** Little-endian float32, as the official client asks for unless told otherwise. */
export function base64Of(vector: Float32Array): string {
  const view = new DataView(new ArrayBuffer(4 * vector.length));
  for (const [i, value] of vector.entries()) view.setFloat32(4 * i, value, true);
  const bytes = new Uint8Array(view.buffer);
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) pieces.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return btoa(pieces.join(""));
}

/** Texts and ids as they are, pictures as the bytes of their files. */
function inputsOf(input: z.infer<typeof request>["input"], limits: Limits): EmbedAsk["inputs"] {
  const many = Array.isArray(input) ? input : [input];
  const [first] = many;
  if (typeof first !== "object" || !("image" in first)) return manyOf(input as Texts, limits, "input");
  needFew(many.length, limits, "input");
  return (many as z.infer<typeof picture>[]).map(({ image }, i) => ({ image: pictureOf(image, `input[${i}].image`) }));
}

export const embeddings: Routes = ({ engine, limits }) => [
  route({
    method: "post",
    path: "/v1/embeddings",
    summary: "Texts, or pictures, as vectors",
    body: request,
    answer,
    asksModel: true,
    async handle({ body, asked }) {
      const { model, encoding_format, dimensions } = body;
      await namedModel(engine, model, asked);
      const inputs = inputsOf(body.input, limits);
      if (inputs.some((input) => input === ""))
        invalid("input", "'input': an empty text has no vector", "invalid_value");
      const { owner } = asked.owner;
      const ask = { model, owner, inputs, ...(typeof dimensions === "number" && { dimensions }) };
      const { vectors, tokens } = await engine.embed(ask, asked.signal);
      asked.promptTokens = tokens;
      const shown = encoding_format === "base64" ? base64Of : numbersOf;
      return {
        object: "list",
        data: vectors.map((vector, index) => ({ object: "embedding", index, embedding: shown(vector) })),
        model,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      };
    },
  }),
];

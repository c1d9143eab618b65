/** `/v1/rerank`: documents by how well they answer a question, as Cohere's and Jina's clients ask for it. */
import { z } from "@hono/zod-openapi";
import { checkText, needFew } from "../completions/prompts.ts";
import { hints, modelField } from "../fields.ts";
import { namedModel } from "../named.ts";
import { type Routes, route } from "../route.ts";
import { rankOf } from "../vectors/rank.ts";

const document = z.union([z.string(), z.looseObject({ text: z.string() })], "a text, or an object with a text");

const request = z.object({
  model: modelField,
  query: z.string().min(1),
  documents: z.array(document).min(1),
  top_n: z.int().min(1).max(1_000_000).nullish(),
  return_documents: z.boolean().nullish(),
  ...hints,
});

const answer = z.object({
  id: z.string(),
  object: z.literal("list"),
  model: z.string(),
  results: z.array(
    z.object({
      index: z.int(),
      /** 0 to 1: the sigmoid of the model's score. */
      relevance_score: z.number(),
      document: z.looseObject({ text: z.string() }).optional(),
    }),
  ),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
});

export const rerank: Routes = ({ engine, limits }) => [
  route({
    method: "post",
    path: "/v1/rerank",
    summary: "Documents by how well they answer a question",
    body: request,
    refusals: {
      rank_fields: { why: "the 'text' of a document is what is read" },
      max_chunks_per_doc: { why: "a document is read as far as the model reads" },
    },
    answer,
    asksModel: true,
    async handle({ body: { model, query, documents, top_n, return_documents }, asked, signal }) {
      await namedModel(engine, model, asked);
      needFew(documents.length, limits, "documents");
      const given = documents.map((one) => (typeof one === "string" ? { text: one } : one));
      const texts = given.map(({ text }) => text);
      checkText(query, limits, "query");
      for (const [i, text] of texts.entries()) checkText(text, limits, `documents[${i}]`);
      const { scores, tokens } = await rankOf(engine, { model, owner: asked.owner.owner, query, texts }, signal);
      asked.promptTokens = tokens;
      const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
      return {
        ...{ id: asked.id.replace(/^req_/, "rerank-"), object: "list", model },
        results: order.slice(0, top_n ?? order.length).map((index) => ({
          index,
          relevance_score: scores[index]!,
          ...(return_documents && { document: given[index]! }),
        })),
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      };
    },
  }),
];

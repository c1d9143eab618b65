/** A model's tokenizer, at the addresses vLLM has and evaluation harnesses ask. */
import { z } from "@hono/zod-openapi";
import type { EnginePrompt } from "../../host/engine.ts";
import { chatMessages } from "../chat/messages.ts";
import { messageField } from "../chat/schema.ts";
import { checkText } from "../completions/prompts.ts";
import type { ServerContext } from "../context.ts";
import { invalid, refuse } from "../errors.ts";
import { idsField } from "../fields.ts";
import { type Routes, route } from "../route.ts";

const model = z.string().min(1).max(500).nullish().describe("the server's first model by default");

const tokenizeRequest = z.object({
  model,
  prompt: z.string().nullish(),
  messages: z.array(messageField).min(1).nullish().describe("a conversation in the place of 'prompt'"),
  tools: z.array(z.looseObject({})).nullish(),
  add_special_tokens: z.boolean().nullish().describe("of a prompt; true by default"),
  return_token_strs: z.boolean().nullish(),
});

/** The model that is meant where none is named. */
export async function modelOf(
  named: string | null | undefined,
  { engine, model: usual }: ServerContext,
): Promise<string> {
  const name = named ?? usual ?? (await engine.list())[0]?.id;
  return (
    name ?? refuse(404, "there is no model on this machine: name one", { code: "model_not_found", param: "model" })
  );
}

export const tokenizer: Routes = (server) => [
  route({
    method: "post",
    path: "/tokenize",
    summary: "Token ids of a text or a conversation",
    body: tokenizeRequest,
    answer: z.object({
      tokens: z.array(z.int()),
      count: z.int(),
      max_model_len: z.int().nullable(),
      text: z.string(),
      token_strs: z.array(z.string()).nullable(),
    }),
    async handle({ body, signal }) {
      const { prompt, messages, tools } = body;
      if ((typeof prompt === "string") === Array.isArray(messages)) {
        invalid("prompt", "'prompt' or 'messages' is needed, and not both", "missing_required_parameter");
      }
      const name = await modelOf(body.model, server);
      if (typeof prompt === "string") checkText(prompt, server.limits, "prompt");
      const asked: EnginePrompt =
        typeof prompt === "string"
          ? { text: prompt, specialTokens: body.add_special_tokens ?? true }
          : { messages: chatMessages(messages!, server.limits, false), ...(tools && tools.length > 0 && { tools }) };
      const [{ ids, text }, about] = [
        await server.engine.tokenize(name, asked),
        await server.engine.about(name, signal),
      ];
      const strings = body.return_token_strs ? (await server.engine.tokens(name, ids)).map((one) => one.text) : null;
      return { tokens: ids, count: ids.length, max_model_len: about.longest ?? null, text, token_strs: strings };
    },
  }),
  route({
    method: "post",
    path: "/detokenize",
    summary: "The text of token ids",
    body: z.object({ model, tokens: z.union([idsField, z.tuple([])]) }),
    answer: z.object({ prompt: z.string() }),
    async handle({ body }) {
      return { prompt: await server.engine.detokenize(await modelOf(body.model, server), body.tokens) };
    },
  }),
  route({
    method: "get",
    path: "/tokenizer_info",
    summary: "Special tokens and the chat template",
    query: z.object({ model: z.string().optional() }),
    answer: z.looseObject({}),
    handle: async ({ query }) => server.engine.tokenizerInfo(await modelOf(query.model, server)),
  }),
];

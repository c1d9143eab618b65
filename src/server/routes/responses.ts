/** `/v1/responses`: answers that are kept, so that a conversation goes on by naming the last one. */
import { z } from "@hono/zod-openapi";
import { asking } from "../asking.ts";
import { type Conversation, chatPlan } from "../chat/plan.ts";
import { invalid, refuse } from "../errors.ts";
import { listOf, pageOf, pageQuery } from "../pages.ts";
import { answering } from "../responses/events.ts";
import { conversationOf, withIds } from "../responses/input.ts";
import {
  type ResponseAnswer,
  type ResponseRequest,
  responseAnswer,
  responseRefusals,
  responseRequest,
} from "../responses/schema.ts";
import type { KeptResponse } from "../responses/store.ts";
import { type Routes, route } from "../route.ts";
import { streamed } from "../sse.ts";

/** The request as one of a conversation. */
function conversation(body: ResponseRequest, messages: Conversation["messages"], logprobs: boolean): Conversation {
  const { tools, tool_choice, text, top_logprobs, max_output_tokens, ...rest } = body;
  const format = text?.format;
  return {
    ...rest,
    messages,
    max_completion_tokens: max_output_tokens,
    logprobs,
    top_logprobs,
    tools: tools?.map(({ type, ...called }) => ({ type, function: called })),
    tool_choice:
      typeof tool_choice === "object" && tool_choice !== null
        ? { type: "function", function: { name: tool_choice.name } }
        : tool_choice,
    response_format: format?.type === "json_schema" ? { type: "json_schema", json_schema: { ...format } } : format,
  };
}

export const responses: Routes = (server) => {
  const { engine, responses: store, limits } = server;
  const keptOf = async (owner: string, id: string): Promise<KeptResponse> =>
    (await store.get(owner, id)) ??
    refuse(404, `there is no response "${id.slice(0, 80)}" that is kept`, { code: "response_not_found" });
  return [
    route({
      method: "post",
      path: "/v1/responses",
      summary: "An answer of items: messages and calls of tools",
      body: responseRequest,
      refusals: responseRefusals,
      answer: responseAnswer,
      streams: true,
      asksModel: true,
      async handle({ body, asked }) {
        const { owner } = asked.owner;
        const logprobs = body.include?.includes("message.output_text.logprobs") === true;
        if (typeof body.top_logprobs === "number" && body.top_logprobs > 0 && !logprobs) {
          invalid(
            "top_logprobs",
            '\'top_logprobs\' needs "include": ["message.output_text.logprobs"]',
            "invalid_value",
          );
        }
        const { messages, items } = await conversationOf(body, owner, store);
        const plan = await chatPlan(engine, conversation(body, [...messages], logprobs), asked, limits);
        const keep = async (response: ResponseAnswer) => {
          if (body.store === false) return;
          await store.put(owner, {
            id: response.id,
            response: structuredClone(response),
            input: withIds(items),
            ...(typeof body.previous_response_id === "string" && { previous: body.previous_response_id }),
          });
        };
        const answer = answering(body, asking(engine, [plan.ask], asked), plan.reader(), logprobs, keep);
        const events = answer.events();
        if (body.stream) return streamed(asked, server, events, answer.broken);
        for await (const _ of events);
        return answer.response;
      },
    }),
    route({
      method: "get",
      path: "/v1/responses/{id}",
      summary: "A response that is kept",
      query: z.object({ stream: z.string().optional() }),
      answer: responseAnswer,
      async handle({ params: { id = "" }, query, asked }) {
        if (query.stream === "true")
          invalid("stream", "'stream': a kept response is whole and not streamed again", "unsupported_value");
        return (await keptOf(asked.owner.owner, id)).response;
      },
    }),
    route({
      method: "delete",
      path: "/v1/responses/{id}",
      summary: "Forget a response",
      answer: z.object({ id: z.string(), object: z.literal("response"), deleted: z.literal(true) }),
      async handle({ params: { id = "" }, asked }) {
        await keptOf(asked.owner.owner, id);
        await store.delete(asked.owner.owner, id);
        return { id, object: "response", deleted: true };
      },
    }),
    route({
      method: "post",
      path: "/v1/responses/{id}/cancel",
      summary: "Refused: only responses in the background can be cancelled, and there are none",
      answer: responseAnswer,
      async handle({ params: { id = "" }, asked }) {
        await keptOf(asked.owner.owner, id);
        return refuse(
          400,
          "only a response in the background can be cancelled: close the connection of one that is running",
          {
            code: "not_in_background",
          },
        );
      },
    }),
    route({
      method: "get",
      path: "/v1/responses/{id}/input_items",
      summary: "What a response was asked with",
      query: z.object(pageQuery),
      answer: listOf(z.looseObject({ id: z.string(), type: z.string() })),
      async handle({ params: { id = "" }, query: { limit = 20, order = "desc", after }, asked }) {
        const { input } = await keptOf(asked.owner.owner, id);
        return pageOf(order === "desc" ? [...input].reverse() : input, limit, after);
      },
    }),
  ];
};

/** `/v1/responses`: answers that are kept, so that a conversation goes on by naming the last one. */
import { z } from "@hono/zod-openapi";
import { asking } from "../asking.ts";
import { type Conversation, chatPlan } from "../chat/plan.ts";
import type { Message } from "../chat/schema.ts";
import type { Asked } from "../context.ts";
import { invalid, refuse } from "../errors.ts";
import { listOf, pageOf, pageQuery } from "../pages.ts";
import { asKnown, createBackground } from "../responses/background.ts";
import { answering } from "../responses/events.ts";
import { type FileSearched, fileSearch } from "../responses/file-search.ts";
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
function conversation(
  body: ResponseRequest,
  messages: Conversation["messages"],
  logprobs: boolean,
  stop: readonly string[],
): Conversation {
  const { tools, tool_choice, text, top_logprobs, max_output_tokens, ...rest } = body;
  const functions = tools?.filter((one) => one.type === "function");
  // A search is done in any case: the model has no choice of it.
  const named = typeof tool_choice === "object" && tool_choice?.type === "function" ? tool_choice : undefined;
  const mode = typeof tool_choice === "string" ? tool_choice : undefined;
  const format = text?.format;
  return {
    ...rest,
    messages,
    max_completion_tokens: max_output_tokens,
    logprobs,
    top_logprobs,
    ...(stop.length > 0 && { stop: [...stop] }),
    tools: functions?.map(({ type, ...called }) => ({ type, function: called })),
    tool_choice: named
      ? { type: "function", function: { name: named.name } }
      : mode === "required" && functions?.length === 0
        ? undefined
        : mode,
    response_format: format?.type === "json_schema" ? { type: "json_schema", json_schema: { ...format } } : format,
  };
}

/** The request of somebody who looks on: that they leave ends nothing. */
const watching = (asked: Asked): Asked => ({ ...asked, stop: () => {}, end: () => {} });

export const responses: Routes = (server) => {
  const { engine, responses: store, limits } = server;
  const background = createBackground(store);
  const keptOf = async (owner: string, id: string): Promise<KeptResponse> =>
    (await store.get(owner, id)) ??
    refuse(404, `there is no response "${id.slice(0, 80)}" that is kept`, { code: "response_not_found" });

  /** What a tool file_search finds; undefined where there is none, or none is to be used. */
  async function searchOf(
    { tools, tool_choice, ...body }: ResponseRequest,
    messages: readonly Message[],
    asked: Asked,
  ): Promise<FileSearched | undefined> {
    const named = typeof tool_choice === "object" && tool_choice?.type === "file_search";
    const found = (tools ?? []).flatMap((tool, i) =>
      tool.type === "file_search" ? [{ tool, param: `tools[${i}]` }] : [],
    );
    const [first, second] = found;
    if (!first && named)
      return invalid("tool_choice", "'tool_choice' names file_search, which is not among the 'tools'", "invalid_value");
    if (second)
      return invalid(second.param, `'${second.param}': one file_search names all vector stores`, "invalid_value");
    return first && tool_choice !== "none" ? fileSearch(server, first, body, messages, asked) : undefined;
  }

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
        if (body.background && body.store === false)
          invalid(
            "store",
            "'store': an answer in the background is kept, so that it can be asked for",
            "invalid_value",
          );
        const { messages, items } = await conversationOf(body, owner, store);
        const searched = await searchOf(body, messages, asked);
        const told = conversation(body, [...(searched?.messages ?? messages)], logprobs, searched?.stop ?? []);
        const plan = await chatPlan(engine, told, asked, limits);
        const kept = {
          input: withIds(items),
          ...(typeof body.previous_response_id === "string" && { previous: body.previous_response_id }),
        };
        const keep = async (response: ResponseAnswer) => {
          // One in the background is stored as it is written.
          if (body.store !== false && !body.background)
            await store.put(owner, { id: response.id, response: structuredClone(response), ...kept });
        };
        const written = asking(engine, [plan.ask], asked);
        const answer = answering(body, written, plan.reader(), logprobs, keep, searched);
        if (body.background) {
          const { id } = answer.response;
          await background.begin({ owner, asked, answer, kept });
          if (body.stream) return streamed(watching(asked), server, background.follow(owner, id)!(0));
          return { ...answer.response, status: "queued" };
        }
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
      query: z.object({ stream: z.string().optional(), starting_after: z.coerce.number().int().min(0).optional() }),
      answer: responseAnswer,
      streams: true,
      async handle({ params: { id = "" }, query, asked }) {
        const { owner } = asked.owner;
        const kept = await keptOf(owner, id);
        if (query.stream !== "true") return asKnown(kept, Date.now());
        const follow = background.follow(owner, id);
        // An event's number is its place.
        if (follow) return streamed(asked, server, follow((query.starting_after ?? -1) + 1));
        return invalid(
          "stream",
          "'stream': only an answer in the background is streamed again, while this server writes it",
          "unsupported_value",
        );
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
      summary: "End a response in the background",
      answer: responseAnswer,
      async handle({ params: { id = "" }, asked }) {
        const { owner } = asked.owner;
        const kept = await keptOf(owner, id);
        if (kept.response.background === true)
          return (await background.cancel(owner, id)) ?? (await keptOf(owner, id)).response;
        return refuse(
          400,
          "only a response in the background can be cancelled: close the connection of one that is running",
          { code: "not_in_background" },
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

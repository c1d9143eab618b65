/** `/v1/chat/completions`. */
import type { TokenTold } from "../../text/live/request.ts";
import { type AnswerSoFar, asking, collected, counting, finishReason, type Told } from "../asking.ts";
import { type ChatPlan, chatPlan } from "../chat/plan.ts";
import { type ChatRequest, chatAnswer, chatRefusals, chatRequest } from "../chat/schema.ts";
import type { AnswerPart, PartReader, ToolCall } from "../chat/tools.ts";
import { head } from "../completions/schema.ts";
import { invalid } from "../errors.ts";
import { chatTokens } from "../logprobs.ts";
import { type Routes, route } from "../route.ts";
import { type StreamEvent, streamed } from "../sse.ts";

/** Fields that do not go together. */
function checkTogether({ logprobs, top_logprobs, stream, stream_options }: ChatRequest): void {
  if (typeof top_logprobs === "number" && logprobs !== true) {
    invalid("top_logprobs", "'top_logprobs' needs \"logprobs\": true", "invalid_value");
  }
  if (stream_options && !stream) {
    invalid("stream_options", "'stream_options' is for streams: send \"stream\": true", "invalid_value");
  }
}

const shownCall = ({ id, name, arguments: given }: ToolCall) => ({
  id,
  type: "function" as const,
  function: { name, arguments: given },
});

const reasonOf = (finish: AnswerSoFar["finish"], calls: number): string =>
  calls > 0 && finish !== "length" ? "tool_calls" : finishReason(finish);

/** A whole answer as a choice. */
function choiceOf({ text, tokens, finish }: AnswerSoFar, index: number, plan: ChatPlan): object {
  const reader = plan.reader();
  const parts = [...reader.push(text), ...reader.end()];
  const calls = parts.filter((part) => part.kind === "call");
  const said = parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
  return {
    index,
    message: {
      role: "assistant",
      content: calls.length > 0 && said.trim() === "" ? null : said,
      refusal: null,
      ...(calls.length > 0 && { tool_calls: calls.map(shownCall) }),
    },
    logprobs: plan.logprobs ? { content: chatTokens(tokens), refusal: null } : null,
    finish_reason: reasonOf(finish, calls.length),
  };
}

/** An answer that is being streamed. */
interface Place {
  readonly reader: PartReader;
  calls: number;
  /** Tokens whose text is not certain yet. */
  held: TokenTold[];
}

/** Chunks of a stream. */
async function* chunks(
  events: AsyncIterable<Told>,
  body: ChatRequest,
  plan: ChatPlan,
): AsyncGenerator<StreamEvent, undefined> {
  const start = head("chatcmpl", "chat.completion.chunk", body.model);
  const total = counting();
  const withUsage = body.stream_options?.include_usage === true;
  const places: Place[] = Array.from({ length: plan.answers }, () => ({ reader: plan.reader(), calls: 0, held: [] }));
  const chunk = (index: number, delta: object, finish: string | null = null): StreamEvent => {
    const { held } = places[index]!;
    const logprobs = plan.logprobs && held.length > 0 ? { content: chatTokens(held), refusal: null } : null;
    places[index]!.held = [];
    return {
      data: {
        ...start,
        choices: [{ index, delta, logprobs, finish_reason: finish }],
        ...(withUsage && { usage: null }),
      },
    };
  };
  const shown = (index: number, part: AnswerPart): StreamEvent => {
    if (part.kind === "text") return chunk(index, { content: part.text });
    return chunk(index, { tool_calls: [{ index: places[index]!.calls++, ...shownCall(part) }] });
  };
  for await (const told of events) {
    total.count(told);
    const { event } = told;
    if (event.kind === "prompt") {
      for (const index of places.keys()) yield chunk(index, { role: "assistant", content: "", refusal: null });
    } else if (event.kind === "piece" || event.kind === "end") {
      const place = places[event.answer]!;
      if (event.kind === "piece") place.held.push(...event.tokens);
      const parts = event.kind === "piece" ? place.reader.push(event.text) : place.reader.end();
      for (const part of parts) yield shown(event.answer, part);
      if (event.kind === "end") yield chunk(event.answer, {}, reasonOf(event.finish, place.calls));
    }
  }
  if (withUsage) yield { data: { ...start, choices: [], usage: total.usage() } };
  yield { data: "[DONE]" };
}

export const chat: Routes = (server) => [
  route({
    method: "post",
    path: "/v1/chat/completions",
    summary: "The next message of a conversation",
    body: chatRequest,
    refusals: chatRefusals,
    answer: chatAnswer,
    streams: true,
    asksModel: true,
    async handle({ body, asked }) {
      checkTogether(body);
      const plan = await chatPlan(server.engine, body, asked, server.limits);
      const events = asking(server.engine, [plan.ask], asked);
      if (body.stream) return streamed(asked, server, chunks(events, body, plan));
      const { prompts, usage } = await collected(events, 1, plan.answers);
      const choices = prompts[0]!.answers.map((answer, i) => choiceOf(answer, i, plan));
      return { ...head("chatcmpl", "chat.completion", body.model), choices, usage };
    },
  }),
];

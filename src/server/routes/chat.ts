/** `/v1/chat/completions`. */
import type { TokenTold } from "../../text/live/request.ts";
import { type AnswerSoFar, asking, collected, finishReason, type Gathering, gathering, type Told } from "../asking.ts";
import { type ChatPlan, chatPlan } from "../chat/plan.ts";
import { type ChatRequest, chatAnswer, chatRefusals, chatRequest } from "../chat/schema.ts";
import type { AnswerPart, PartReader, ToolCall } from "../chat/tools.ts";
import { type Head, head } from "../completions/schema.ts";
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

function partsOf(text: string, plan: ChatPlan): readonly AnswerPart[] {
  const reader = plan.reader();
  return [...reader.push(text), ...reader.end()];
}

/** A whole answer, read as these parts, as a choice. */
function choiceOf(
  { tokens, finish }: AnswerSoFar,
  index: number,
  plan: ChatPlan,
  parts: readonly AnswerPart[],
): object {
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

/** The whole of what was told, as it is answered, and as it is kept; `streamed` are the parts of answers that were. */
const answerOf = (
  { prompts, usage }: Gathering,
  start: Head,
  plan: ChatPlan,
  streamed?: readonly (readonly AnswerPart[])[],
) => ({
  ...start,
  object: "chat.completion",
  choices: prompts[0]!.answers.map((answer, i) =>
    choiceOf(answer, i, plan, streamed?.[i] ?? partsOf(answer.text, plan)),
  ),
  usage: usage(),
});

/** An answer that is being streamed. */
interface Place {
  readonly reader: PartReader;
  /** What it was read as so far. */
  readonly parts: AnswerPart[];
  calls: number;
  /** Tokens whose text is not certain yet. */
  held: TokenTold[];
}

/** Chunks of a stream. */
async function* chunks(
  events: AsyncIterable<Told>,
  start: Head,
  body: ChatRequest,
  plan: ChatPlan,
  keep: (answer: ReturnType<typeof answerOf>) => Promise<void>,
): AsyncGenerator<StreamEvent, undefined> {
  const all = gathering(1, plan.answers);
  const withUsage = body.stream_options?.include_usage === true;
  const places: Place[] = Array.from({ length: plan.answers }, () => ({
    reader: plan.reader(),
    parts: [],
    calls: 0,
    held: [],
  }));
  const chunk = (index: number, delta: object, finish: string | null = null): StreamEvent => {
    const content = plan.logprobs ? chatTokens(places[index]!.held) : [];
    const logprobs = content.length > 0 ? { content, refusal: null } : null;
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
    all.add(told);
    const { event } = told;
    if (event.kind === "prompt") {
      for (const index of places.keys()) yield chunk(index, { role: "assistant", content: "", refusal: null });
    } else if (event.kind === "piece" || event.kind === "end") {
      const place = places[event.answer]!;
      if (event.kind === "piece") place.held.push(...event.tokens);
      const parts = event.kind === "piece" ? place.reader.push(event.text) : place.reader.end();
      place.parts.push(...parts);
      for (const part of parts) yield shown(event.answer, part);
      if (event.kind === "end") yield chunk(event.answer, {}, reasonOf(event.finish, place.calls));
    }
  }
  // Under the same ids of calls as they were streamed.
  const parts = places.map((place) => place.parts);
  await keep(answerOf(all, start, plan, parts));
  if (withUsage) yield { data: { ...start, choices: [], usage: all.usage() } };
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
      const start = head("chatcmpl", body.stream ? "chat.completion.chunk" : "chat.completion", body.model);
      const metadata = body.metadata ?? {};
      const keep = async (answer: ReturnType<typeof answerOf>): Promise<void> => {
        if (body.store !== true) return;
        await server.chats.put(asked.owner.owner, { id: start.id, answer, metadata, messages: body.messages });
      };
      const events = asking(server.engine, [plan.ask], asked);
      if (body.stream) return streamed(asked, server, chunks(events, start, body, plan, keep));
      const all = await collected(events, 1, plan.answers);
      const answer = answerOf(all, start, plan);
      await keep(answer);
      return { ...answer, ...(body.store && { metadata }) };
    },
  }),
];

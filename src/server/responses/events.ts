/** An answer of /v1/responses as it comes: its events, in the order clients rely on, and the whole at its end. */

import type { TokenTold } from "../../text/live/request.ts";
import { counting, type Told } from "../asking.ts";
import type { AnswerPart, PartReader } from "../chat/tools.ts";
import { apiError } from "../errors.ts";
import { chatTokens } from "../logprobs.ts";
import type { StreamEvent } from "../sse.ts";
import type { FileSearched } from "./file-search.ts";
import type { OutputItem, ResponseAnswer, ResponseRequest } from "./schema.ts";

const newId = (prefix: string): string => `${prefix}_${crypto.randomUUID().replaceAll("-", "")}`;

/** The object before anything is written. */
export function emptyResponse(body: ResponseRequest): ResponseAnswer {
  return {
    id: newId("resp"),
    object: "response",
    created_at: Math.floor(Date.now() / 1000),
    status: "in_progress",
    background: false,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: body.model,
    output: [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: null, summary: null },
    store: body.store ?? true,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    text: { format: body.text?.format ?? { type: "text" }, verbosity: "medium" },
    tool_choice: body.tool_choice ?? "auto",
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    truncation: "disabled",
    metadata: body.metadata ?? {},
    usage: null,
  };
}

export interface Answering {
  /** The events of the stream; the last one tells how it ended. */
  events(): AsyncGenerator<StreamEvent, void>;
  /** What a stream that broke ends with. */
  broken(error: unknown): readonly StreamEvent[];
  /** The answer so far; whole when the events have ended. */
  readonly response: ResponseAnswer;
}

/**
 * Follow one answer. `done` is called with the whole one before its last event.
 * @param searched what was looked for before it was written
 */
export function answering(
  body: ResponseRequest,
  told: AsyncIterable<Told>,
  reader: PartReader,
  logprobs: boolean,
  done: (response: ResponseAnswer) => Promise<void>,
  searched?: FileSearched,
): Answering {
  const response = emptyResponse(body);
  let sequence = 0;
  const event = (type: string, data: object): StreamEvent => ({
    event: type,
    data: { type, sequence_number: sequence++, ...data },
  });
  const snapshot = (type: string): StreamEvent => event(type, { response: structuredClone(response) });
  /** The message that is being written, and its tokens that no event has told. */
  let message: Extract<OutputItem, { type: "message" }> | undefined;
  let held: TokenTold[] = [];
  const place = () => ({ item_id: message!.id, output_index: response.output.length - 1, content_index: 0 });

  function* opened(): Generator<StreamEvent> {
    if (message) return;
    message = { type: "message", id: newId("msg"), role: "assistant", status: "in_progress", content: [] };
    response.output.push(message);
    yield event("response.output_item.added", {
      output_index: response.output.length - 1,
      item: structuredClone(message),
    });
    message.content.push({ type: "output_text", text: "", annotations: [], logprobs: [] });
    yield event("response.content_part.added", { ...place(), part: structuredClone(message.content[0]) });
  }

  /** The search as an item of its own, before the answer. */
  function* looked({ queries, results }: FileSearched): Generator<StreamEvent> {
    const told = body.include?.includes("file_search_call.results") === true;
    const item: Extract<OutputItem, { type: "file_search_call" }> = {
      ...{ type: "file_search_call", id: newId("fs"), status: "in_progress", queries: [...queries], results: null },
    };
    response.output.push(item);
    const at = { output_index: response.output.length - 1 };
    yield event("response.output_item.added", { ...at, item: structuredClone(item) });
    for (const step of ["in_progress", "searching", "completed"])
      yield event(`response.file_search_call.${step}`, { ...at, item_id: item.id });
    Object.assign(item, { status: "completed", results: told ? results : null });
    yield event("response.output_item.done", { ...at, item: structuredClone(item) });
  }

  async function* closed(status: "completed" | "incomplete"): AsyncGenerator<StreamEvent> {
    if (!message) return;
    const [part] = message.content;
    if (logprobs) part!.logprobs.push(...tokens());
    for (const annotation of (await searched?.cite(part!.text)) ?? []) {
      part!.annotations.push({ ...annotation });
      const annotation_index = part!.annotations.length - 1;
      yield event("response.output_text.annotation.added", { ...place(), annotation_index, annotation });
    }
    yield event("response.output_text.done", { ...place(), text: part!.text, logprobs: part!.logprobs });
    yield event("response.content_part.done", { ...place(), part: structuredClone(part) });
    message.status = status;
    yield event("response.output_item.done", {
      output_index: response.output.length - 1,
      item: structuredClone(message),
    });
    message = undefined;
  }

  const tokens = () => {
    const shown = chatTokens(held).map(({ token, logprob, bytes, top_logprobs }) => ({
      ...{ token, logprob, bytes: bytes ?? [] },
      top_logprobs: top_logprobs.map((top) => ({ ...top, bytes: top.bytes ?? [] })),
    }));
    held = [];
    return shown;
  };

  async function* shown(part: AnswerPart): AsyncGenerator<StreamEvent> {
    if (part.kind === "text") {
      yield* opened();
      const [content] = message!.content;
      const told = logprobs ? tokens() : [];
      content!.text += part.text;
      content!.logprobs.push(...told);
      yield event("response.output_text.delta", { ...place(), delta: part.text, logprobs: told });
      return;
    }
    yield* closed("completed");
    const { id: call_id, name, arguments: given } = part;
    const item: OutputItem = {
      type: "function_call",
      id: newId("fc"),
      call_id,
      name,
      arguments: "",
      status: "in_progress",
    };
    response.output.push(item);
    const at = { output_index: response.output.length - 1 };
    yield event("response.output_item.added", { ...at, item: structuredClone(item) });
    yield event("response.function_call_arguments.delta", { ...at, item_id: item.id, delta: given });
    yield event("response.function_call_arguments.done", { ...at, item_id: item.id, name, arguments: given });
    Object.assign(item, { arguments: given, status: "completed" });
    yield event("response.output_item.done", { ...at, item: structuredClone(item) });
  }

  return {
    response,
    async *events() {
      const total = counting();
      for await (const one of told) {
        total.count(one);
        const { event: happened } = one;
        if (happened.kind === "prompt") {
          yield snapshot("response.created");
          yield snapshot("response.in_progress");
          if (searched) yield* looked(searched);
        } else if (happened.kind === "piece") {
          held.push(...happened.tokens);
          for (const part of reader.push(happened.text)) yield* shown(part);
        } else if (happened.kind === "end") {
          const cut = happened.finish === "length";
          for (const part of reader.end()) yield* shown(part);
          // An answer of no words is a message all the same.
          if (response.output.every(({ type }) => type === "file_search_call")) yield* opened();
          yield* closed(cut ? "incomplete" : "completed");
          response.status = cut ? "incomplete" : "completed";
          if (cut) response.incomplete_details = { reason: "max_output_tokens" };
        }
      }
      const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = total.usage();
      response.usage = {
        input_tokens: prompt_tokens,
        input_tokens_details: prompt_tokens_details,
        output_tokens: completion_tokens,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens,
      };
      await done(response);
      yield snapshot(`response.${response.status}`);
    },
    broken(error) {
      const { code = "server_error", message: what, param = null } = apiError(error);
      response.status = "failed";
      response.error = { code, message: what };
      return [event("error", { code, message: what, param }), snapshot("response.failed")];
    },
  };
}

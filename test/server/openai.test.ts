/** Every route through OpenAI's clients, and what they make of every kind of answer. */
import type OpenAI from "openai";
import { describe, expect, test, vi } from "vitest";
import { ZerothError } from "../../src/errors.ts";
import { fixedKeys } from "../../src/server/guards/keys.ts";
import { fakeEngine } from "../support/fake-engine.ts";
import { lines, talk } from "./clients.ts";

const chat = { model: "fake/decoder", messages: [{ role: "user" as const, content: "hi" }] };
const legacy = { model: "fake/decoder", prompt: "ab" };

/** Everything an iteration gives. */
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const failed = async (work: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
  try {
    await work;
  } catch (error) {
    return error as InstanceType<typeof OpenAI.APIError>;
  }
  throw new Error("did not fail");
};

describe.each(lines)("$name", ({ name, load, runs }) => {
  // Line 7 of the client refuses older ones.
  const run = test.skipIf(!runs);

  run("models: list, retrieve by a name with a slash, delete", async () => {
    const Made = await load();
    const { client, sent } = talk(Made);
    const models = await all(client.models.list());
    expect(models.map(({ id }) => id)).toContain("fake/decoder");
    expect(await client.models.retrieve("fake/t5")).toMatchObject({ id: "fake/t5", object: "model" });
    expect(sent.at(-1)?.url).toContain("fake%2Ft5");
    const error = await failed(client.models.delete("fake/t5"));
    expect(error).toBeInstanceOf(Made.PermissionDeniedError);
  });

  run("models: one that is not here is a 404 with near names, and nothing is downloaded for it", async () => {
    const engine = fakeEngine();
    const about = () => expect.fail("the engine downloads what it is asked about");
    const { client } = talk(await load(), {}, {}, { ...engine, about });
    for (const work of [() => client.models.retrieve("fake/decodr"), () => client.models.delete("fake/decodr")]) {
      const error = await failed(work());
      expect(error).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
      expect(error.message).toContain("did you mean fake/decoder");
    }
    expect((await failed(client.models.retrieve("../../etc"))).status).toBe(404);
  });

  run("chat: a whole answer has every key the client's types promise", async () => {
    const { client } = talk(await load(), { answer: () => "hello" });
    const answer = await client.chat.completions.create({ ...chat, logprobs: true, top_logprobs: 2, n: 2 });
    expect(answer).toMatchObject({
      object: "chat.completion",
      model: "fake/decoder",
      usage: { completion_tokens: 10 },
    });
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(answer.choices[0]).toMatchObject({
      finish_reason: "stop",
      message: { role: "assistant", content: "hello", refusal: null },
    });
    const [token] = answer.choices[0]!.logprobs!.content!;
    expect(token).toMatchObject({ token: "h", logprob: -0.5, bytes: [104] });
    expect(token!.top_logprobs).toHaveLength(2);
    const plain = await client.chat.completions.create(chat);
    expect(plain.choices[0]!.logprobs).toBeNull();
  });

  run("chat: the stream helper finds roles, contents, reasons and totals", async () => {
    const { client } = talk(await load(), { answer: () => "hello" });
    const stream = client.chat.completions.stream({ ...chat, stream_options: { include_usage: true } });
    const chunks = await all(stream);
    expect(await stream.finalContent()).toBe("hello");
    expect((await stream.totalUsage()).completion_tokens).toBe(5);
    expect(chunks[0]!.choices[0]!.delta).toMatchObject({ role: "assistant" });
    expect(new Set(chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(1);
    const [usage, last, ...before] = [...chunks].reverse();
    expect(usage).toMatchObject({ choices: [], usage: { prompt_tokens: expect.any(Number), completion_tokens: 5 } });
    expect(last).toMatchObject({ choices: [{ finish_reason: "stop" }], usage: null });
    for (const chunk of before) expect(chunk).toMatchObject({ choices: [{ finish_reason: null }], usage: null });
  });

  run("chat: calls of tools, whole and streamed", async () => {
    const Made = await load();
    const answer = () => 'Let me see.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>';
    const { client, engine } = talk(Made, { answer });
    const tools = [{ type: "function" as const, function: { name: "weather", parameters: { type: "object" } } }];
    const { choices } = await client.chat.completions.create({ ...chat, tools });
    expect(choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: "Let me see." } });
    const [call] = choices[0]!.message.tool_calls!;
    expect(call).toMatchObject({ type: "function", function: { name: "weather", arguments: '{"city":"Oslo"}' } });
    const stream = client.chat.completions.stream({ ...chat, tools });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]!.message.tool_calls).toMatchObject([
      { function: { name: "weather", arguments: '{"city":"Oslo"}' } },
    ]);
    const back = { role: "tool" as const, tool_call_id: call!.id, content: "rain" };
    await client.chat.completions.create({ ...chat, messages: [...chat.messages, choices[0]!.message, back], tools });
    const { prompt } = engine.asks.at(-1)!;
    // Templates read arguments as an object.
    expect(prompt).toMatchObject({
      messages: [
        {},
        { tool_calls: [{ function: { arguments: { city: "Oslo" } } }] },
        { role: "tool", content: "rain" },
      ],
    });
  });

  run("chat: the tools' loop of the client ends", async () => {
    const { client } = talk(await load(), {
      answer: ({ prompt }) =>
        "messages" in prompt && prompt.messages.length === 1 ? '{"name": "now", "parameters": {}}' : "it is noon",
    });
    const tool = {
      type: "function" as const,
      function: {
        name: "now",
        description: "the time",
        parameters: { type: "object", properties: {} },
        parse: JSON.parse,
        function: () => "12:00",
      },
    };
    const runner = client.chat.completions.runTools({ ...chat, tools: [tool] });
    expect(await runner.finalContent()).toBe("it is noon");
  });

  run("chat: an answer after a schema is parsed by the client", async () => {
    const { client, engine } = talk(await load(), { answer: () => '{"a":1}' });
    const schema = { type: "object", properties: { a: { type: "integer" } } };
    const response_format = { type: "json_schema" as const, json_schema: { name: "a", schema, strict: true } };
    const parsed = await client.chat.completions.parse({ ...chat, response_format });
    expect(parsed.choices[0]!.message.content).toBe('{"a":1}');
    expect(engine.asks.at(-1)!.settings.schema).toEqual(schema);
  });

  run("completions: whole and streamed, with echo, log-probabilities and several answers", async () => {
    const { client } = talk(await load(), { answer: () => "cd" });
    const whole = await client.completions.create({ ...legacy, echo: true, logprobs: 1, n: 2 });
    expect(whole.choices).toHaveLength(2);
    expect(whole.choices[0]).toMatchObject({
      text: "abcd",
      finish_reason: "stop",
      logprobs: { tokens: ["a", "b", "c", "d"], token_logprobs: [null, -0.5, -0.5, -0.5], text_offset: [0, 1, 2, 3] },
    });
    const stream = await client.completions.create({
      ...legacy,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await all(stream);
    expect(chunks.map(({ choices: [choice] }) => choice?.text ?? "").join("")).toBe("cd");
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 },
    });
  });

  run("embeddings: the client asks for base64 and gets the numbers", async () => {
    const { client, sent } = talk(await load());
    const { data } = await client.embeddings.create({ model: "fake/vectors", input: ["ab", "abc"], dimensions: 8 });
    expect(JSON.parse(sent.at(-1)!.body)).toMatchObject({ encoding_format: "base64" });
    expect(data[1]!.embedding).toEqual(Array.from({ length: 8 }, (_, i) => 3 + i / 8));
    const floats = await client.embeddings.create({ model: "fake/vectors", input: [5, 6], encoding_format: "float" });
    expect(floats.data[0]!.embedding).toEqual([2, 2.125, 2.25, 2.375]);
  });

  run("responses: kept, continued, listed and forgotten", async () => {
    const { client, engine } = talk(await load(), { answer: () => "hello" });
    const first = await client.responses.create({ model: "fake/decoder", input: "hi", instructions: "be kind" });
    expect(first.output_text).toBe("hello");
    expect(first).toMatchObject({ status: "completed", error: null, usage: { output_tokens: 5 } });
    const second = await client.responses.create({
      model: "fake/decoder",
      input: "and?",
      previous_response_id: first.id,
    });
    expect(engine.asks.at(-1)!.prompt).toMatchObject({
      messages: [
        { role: "user", content: "hi" },
        { role: "assistant", content: "hello" },
        { role: "user", content: "and?" },
      ],
    });
    expect((await client.responses.retrieve(second.id)).id).toBe(second.id);
    expect((await all(client.responses.inputItems.list(second.id))).length).toBe(1);
    const astray = failed(client.responses.inputItems.list(second.id, { after: "item_none" }));
    expect(await astray).toMatchObject({ status: 400, param: "after" });
    await client.responses.delete(first.id);
    expect((await failed(client.responses.retrieve(first.id))).status).toBe(404);
    const lost = await failed(
      client.responses.create({ model: "fake/decoder", input: "?", previous_response_id: second.id }),
    );
    expect(lost).toMatchObject({ status: 400, param: "previous_response_id", code: "previous_response_not_found" });
    const unkept = await client.responses.create({ model: "fake/decoder", input: "hi", store: false });
    expect((await failed(client.responses.retrieve(unkept.id))).status).toBe(404);
  });

  run("responses: the stream's events come in the order the client relies on", async () => {
    const { client } = talk(await load(), { answer: () => "hey" });
    const stream = client.responses.stream({
      ...{ model: "fake/decoder", input: "hi", include: ["message.output_text.logprobs" as const] },
      top_logprobs: 1,
    });
    const events = await all(stream);
    expect(events.map(({ type }) => type)).toEqual([
      ...["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"],
      ...Array.from({ length: 3 }, () => "response.output_text.delta"),
      ...["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"],
    ]);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, i) => i));
    const final = await stream.finalResponse();
    expect(final.output_text).toBe("hey");
    const [message] = final.output;
    expect(message).toMatchObject({ content: [{ logprobs: [{ token: "h", top_logprobs: [{}] }, {}, {}] }] });
  });

  run("responses in the background: asked for until they are whole, streamed again, cancelled", async () => {
    const { client, engine } = talk(await load(), { answer: () => "hello", delay: 20 });
    const body = { model: "fake/decoder", input: "hi", background: true };
    const begun = await client.responses.create(body);
    expect(begun).toMatchObject({ status: "queued", background: true, output: [] });
    const early = client.responses.create({ ...body, previous_response_id: begun.id });
    expect(await failed(early)).toMatchObject({ status: 400, code: "previous_response_not_ready" });
    await vi.waitFor(async () => expect((await client.responses.retrieve(begun.id)).status).toBe("completed"));
    expect((await client.responses.retrieve(begun.id)).output_text).toBe("hello");
    // Cancelling what is whole changes nothing.
    expect((await client.responses.cancel(begun.id)).status).toBe("completed");

    // A stream that is left goes on without its client, and is read on from any of its events.
    const left = await client.responses.create({ ...body, stream: true });
    const first: { type: string; sequence_number: number }[] = [];
    let id = "";
    for await (const event of left) {
      first.push(event);
      if (event.type === "response.created") id = event.response.id;
      if (event.type === "response.output_text.delta") break;
    }
    const rest = await all(
      await client.responses.retrieve(id, { stream: true, starting_after: first.at(-1)!.sequence_number }),
    );
    const numbers = [...first, ...rest].map(({ sequence_number }) => sequence_number);
    expect(numbers).toEqual(numbers.map((_, i) => i));
    expect(rest.at(-1)).toMatchObject({ type: "response.completed", response: { id, status: "completed" } });
    expect(await failed(client.responses.retrieve(id, { stream: true }))).toMatchObject({
      status: 400,
      param: "stream",
    });

    const long = talk(await load(), { answer: () => "x".repeat(1000), delay: 20 });
    const { id: running } = await long.client.responses.create(body);
    expect(await long.client.responses.cancel(running)).toMatchObject({ id: running, status: "cancelled" });
    await vi.waitFor(() => expect(long.server.running()).toBe(0));
    expect((await long.client.responses.retrieve(running)).status).toBe("cancelled");
    expect(await failed(client.responses.create({ ...body, store: false }))).toMatchObject({ param: "store" });
    const plain = await client.responses.create({ model: "fake/decoder", input: "hi" });
    expect(await failed(client.responses.cancel(plain.id))).toMatchObject({ code: "not_in_background" });
    expect(engine.counts.running).toBe(0);
  });

  run("responses: calls of tools, and an answer that was cut", async () => {
    const { client } = talk(await load(), { answer: () => '{"name": "now", "arguments": {"zone": 1}}' });
    const tools = [{ type: "function" as const, name: "now", parameters: { type: "object" }, strict: false }];
    const stream = client.responses.stream({ model: "fake/decoder", input: "when?", tools });
    const final = await stream.finalResponse();
    expect(final.output).toMatchObject([
      { type: "function_call", name: "now", arguments: '{"zone":1}', status: "completed" },
    ]);
    const cut = await client.responses.create({ model: "fake/decoder", input: "when?", max_output_tokens: 16 });
    expect(cut).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });

  run("errors: each status has its class, with code, param, type and the request's id", async () => {
    const Made = await load();
    const { client } = talk(Made);
    const missing = await failed(client.chat.completions.create({ ...chat, model: "no/such" }));
    expect(missing).toBeInstanceOf(Made.NotFoundError);
    expect(missing).toMatchObject({ code: "model_not_found", param: "model", type: "invalid_request_error" });
    expect(missing.requestID).toMatch(/^req_/);
    const bad = await failed(client.chat.completions.create({ ...chat, temperature: 3 }));
    expect(bad).toBeInstanceOf(Made.BadRequestError);
    expect(bad).toMatchObject({ param: "temperature" });
    const long = await failed(client.completions.create({ ...legacy, prompt: "a".repeat(5000) }));
    expect(long).toMatchObject({ status: 400, code: "context_length_exceeded" });
    expect(long.message).toMatch(/5000.*4096/);
    const locked = talk(Made, {}, { keys: fixedKeys(["sk-other"]) });
    expect(await failed(locked.client.models.list())).toBeInstanceOf(Made.AuthenticationError);
  });

  const told: readonly [string, ZerothError | Error, string, number, number][] = [
    ["busy", new ZerothError("busy", "64 requests wait"), "RateLimitError", 429, 3],
    ["a dead engine", new ZerothError("engine_failed", "the engine died"), "InternalServerError", 500, 3],
    ["a broken file", new ZerothError("corrupt_file", "a tensor is damaged"), "InternalServerError", 500, 1],
    ["a bug", new Error("at 0x7fff12345678"), "InternalServerError", 500, 1],
    ["bad input", new ZerothError("bad_input", "a seed"), "BadRequestError", 400, 1],
    ["no such thing", new ZerothError("unsupported", "a beam"), "BadRequestError", 400, 1],
  ];
  run.each(told)("errors: %s is told, and sent again only where that helps", async (_, error, kind, status, times) => {
    const Made = await load();
    const { client, sent } = talk(Made, { breaks: { at: 0, error } });
    const got = await failed(client.completions.create(legacy, { timeout: 60_000 }));
    expect(got.constructor.name).toBe(kind);
    expect(got.status).toBe(status);
    expect(sent).toHaveLength(times);
    expect(got.message).not.toContain("0x7fff");
  });

  run("errors: a stream that breaks says so, and a stream that cannot begin has its status", async () => {
    const Made = await load();
    const error = new ZerothError("engine_failed", "the engine died", { where: "/home/somebody/x" });
    const late = talk(Made, { answer: () => "abc", breaks: { at: 2, error } });
    const stream = await late.client.chat.completions.create({ ...chat, stream: true });
    const broke = await failed(all(stream));
    expect(broke).toBeInstanceOf(Made.APIError);
    expect(broke.message).toContain("the engine died");
    expect(broke.message).not.toContain("somebody");
    const early = talk(Made, { breaks: { at: 0, error: new ZerothError("bad_input", "no") } });
    const events = await early.client.responses.create({ model: "fake/decoder", input: "a", stream: true });
    if (name === "openai 6") {
      expect((await all(events)).slice(-2).map(({ type }) => type)).toEqual(["error", "response.failed"]);
    } else expect(await failed(all(events))).toBeInstanceOf(Made.APIError);
    const refused = await failed(early.client.chat.completions.create({ ...chat, model: "no/such", stream: true }));
    expect(refused).toBeInstanceOf(Made.NotFoundError);
  });

  run("comments between events are passed over", async () => {
    const { client } = talk(await load(), { wait: 80, answer: () => "ok" }, { patience: 5, keepAlive: 10 });
    const stream = await client.chat.completions.create({ ...chat, stream: true });
    expect((await all(stream)).map(({ choices: [choice] }) => choice?.delta.content ?? "").join("")).toBe("ok");
  });

  run("an Idempotency-Key set by hand gives the first answer again, and 422 for another request", async () => {
    const Made = await load();
    const { client, engine } = talk(Made);
    const options = { headers: { "Idempotency-Key": "one" } };
    const first = await client.chat.completions.create(chat, options);
    expect((await client.chat.completions.create(chat, options)).id).toBe(first.id);
    expect(engine.asks).toHaveLength(1);
    const other = await failed(client.chat.completions.create({ ...chat, seed: 5 }, options));
    expect(other).toBeInstanceOf(Made.UnprocessableEntityError);
  });

  run("leaving a stream ends its work", async () => {
    const { client, engine } = talk(await load(), { answer: () => "x".repeat(100), delay: 5 });
    const stream = await client.chat.completions.create({ ...chat, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    await expect.poll(() => engine.counts.running).toBe(0);
    expect(engine.counts.steps).toBeLessThan(20);
  });
});

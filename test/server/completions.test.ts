/** What completions, targets and scores answer, beyond what OpenAI's clients look at. */
import { expect, test } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { type FakeOptions, fakeEngine, shownOf } from "../support/fake-engine.ts";
import { asDescribed } from "./clients.ts";

/** What the tests look at of the answers of several routes. */
interface Answer {
  readonly choices: readonly {
    readonly text: string;
    readonly index: number;
    readonly finish_reason: string;
    readonly message: { readonly tool_calls: readonly object[] };
    readonly logprobs: Readonly<
      Record<"tokens" | "token_logprobs" | "top_logprobs" | "text_offset", readonly unknown[]>
    >;
  }[];
  readonly data: readonly { readonly likely: boolean; readonly choices: readonly { readonly share: number }[] }[];
  readonly usage: { readonly completion_tokens: number };
  readonly tokens: readonly number[];
}

function ask(fake: FakeOptions = {}) {
  const engine = fakeEngine(fake);
  const server = createServer({ engine });
  const post = async (path: string, body: object) => {
    const url = `http://localhost${path}`;
    const headers = { "content-type": "application/json" };
    const answer = await server.fetch(new Request(url, { method: "POST", headers, body: JSON.stringify(body) }));
    const checked = await asDescribed(server, "post", url, answer);
    return { status: checked.status, body: (await checked.json()) as Answer };
  };
  const events = async (path: string, body: object) => {
    const headers = { "content-type": "application/json" };
    const request = new Request(`http://localhost${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify({ ...body, stream: true }),
    });
    return (await (await server.fetch(request)).text())
      .split("\n\n")
      .filter(Boolean)
      .map((frame) => frame.replace(/^data: /, ""));
  };
  return { engine, post, events };
}

const decoder = { model: "fake/decoder" };

test.each([
  ["a text", "ab", 1],
  ["texts", ["ab", "cd", "ef"], 3],
  ["ids", [97, 98], 1],
  ["lists of ids", [[97], [98, 99]], 2],
])("a prompt may be %s", async (_, prompt, count) => {
  const { post } = ask({
    answer: ({ prompt: one }) => ("ids" in one ? String.fromCodePoint(...one.ids) : "text" in one ? one.text : ""),
  });
  const { body } = await post("/v1/completions", { ...decoder, prompt, n: 2, echo: true });
  expect(body.choices.map(({ index }) => index)).toEqual(Array.from({ length: 2 * count }, (_, i) => i));
  for (const { text } of body.choices) expect(text.slice(0, text.length / 2)).toBe(text.slice(text.length / 2));
});

test("what an evaluation harness asks: ids, echo, one token, its likeliest", async () => {
  const { post } = ask({ answer: () => "xy" });
  const { body } = await post("/v1/completions", {
    ...decoder,
    ...{ prompt: [[97, 98, 99]], max_tokens: 1, echo: true, logprobs: 1, temperature: 0, seed: 1234 },
  });
  const { tokens, token_logprobs, top_logprobs, text_offset } = body.choices[0]!.logprobs;
  expect(tokens).toEqual(["a", "b", "c", "x"]);
  expect(token_logprobs).toEqual([null, -0.5, -0.5, -0.5]);
  expect(top_logprobs).toEqual([null, { b: -0.5 }, { c: -0.5 }, { x: -0.5 }]);
  expect(text_offset).toEqual([0, 1, 2, 3]);
  expect(body.choices[0]!.finish_reason).toBe("length");
});

test("with max_tokens 0 the prompt is told and nothing is written", async () => {
  const { post, events } = ask();
  const asked = { ...decoder, prompt: "ab", max_tokens: 0, echo: true, logprobs: 0 };
  const { body } = await post("/v1/completions", asked);
  expect(body.choices[0]).toMatchObject({ text: "ab", finish_reason: "length", logprobs: { tokens: ["a", "b"] } });
  expect(body.usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 0 });
  const chunks = await events("/v1/completions", asked);
  expect(chunks.slice(0, -1).map((chunk) => JSON.parse(chunk).choices[0].text)).toEqual(["ab", ""]);
});

test("best_of answers the likeliest of what was made, and counts all of it", async () => {
  const { post, engine } = ask({ answer: (_, i) => "abc".slice(0, i + 1) });
  const { body } = await post("/v1/completions", { ...decoder, prompt: "a", n: 1, best_of: 3 });
  expect(engine.asks[0]).toMatchObject({ answers: 3, logprobs: 0, settings: { sample: true } });
  expect(body.choices).toHaveLength(1);
  expect(body.choices[0]!.logprobs).toBeNull();
  expect(body.usage.completion_tokens).toBe(6);
  for (const wrong of [
    { n: 3, best_of: 2 },
    { n: 1, best_of: 2, stream: true },
  ]) {
    const refused = await post("/v1/completions", { ...decoder, prompt: "a", ...wrong });
    expect(refused).toMatchObject({ status: 400, body: { error: { param: "best_of" } } });
  }
});

test("a streamed choice has the log-probabilities of each of its tokens once, at their places", async () => {
  const { events } = ask({ answer: () => "cd" });
  const chunks = (await events("/v1/completions", { ...decoder, prompt: ["ab", "x"], echo: true, logprobs: 1 })).slice(
    0,
    -1,
  );
  const of = (index: number) =>
    chunks.map((chunk) => JSON.parse(chunk).choices[0]).filter((choice) => choice.index === index);
  expect(of(0).map(({ text }) => text)).toEqual(["ab", "c", "d", ""]);
  expect(of(0).flatMap(({ logprobs }) => logprobs?.text_offset ?? [])).toEqual([0, 1, 2, 3]);
  expect(of(1).flatMap(({ logprobs }) => logprobs?.tokens ?? [])).toEqual(["x", "c", "d"]);
});

test("settings go to the engine under its names; what is left out is the makers' to say", async () => {
  const { post, engine } = ask();
  await post("/v1/completions", {
    ...{ ...decoder, prompt: "a", temperature: 0.5, top_p: 0.9, seed: -3, stop: "x", presence_penalty: 1 },
    ...{ frequency_penalty: -1, logit_bias: { "5": -100 }, top_k: 4, min_p: 0.1, repetition_penalty: 1.5 },
  });
  expect(engine.asks[0]!.settings).toEqual({
    ...{ sample: true, temperature: 0.5, topP: 0.9, seed: Number.MAX_SAFE_INTEGER - 3, stop: ["x"] },
    ...{ presencePenalty: 1, frequencyPenalty: -1, logitBias: new Map([[5, -100]]), topK: 4, minP: 0.1 },
    ...{ repetitionPenalty: 1.5, maxNewTokens: 16 },
  });
  await post("/v1/completions", { ...decoder, prompt: "a", temperature: 0 });
  expect(engine.asks[1]!.settings).toEqual({ sample: false, maxNewTokens: 16 });
  await post("/v1/completions", { ...decoder, prompt: "a" });
  expect(engine.asks[2]!.settings).toEqual({ maxNewTokens: 16 });
  const wrong = await post("/v1/completions", { ...decoder, prompt: "a", logit_bias: { "9999999": 1 } });
  expect(wrong).toMatchObject({ status: 400, body: { error: { param: "logit_bias" } } });
});

test("a model that reads its prompt apart has no log-probabilities of it: the answer names `target`", async () => {
  const { post, engine } = ask();
  const refused = await post("/v1/completions", { model: "fake/t5", prompt: "a", echo: true, logprobs: 1 });
  expect(refused).toMatchObject({
    status: 400,
    body: { error: { param: "echo", message: expect.stringContaining("'target'") } },
  });
  const { body } = await post("/v1/completions", {
    model: "fake/t5",
    prompt: "ab",
    target: "cd",
    echo: true,
    logprobs: 0,
  });
  expect(body.choices[0]).toEqual({
    ...{ text: "abcd", index: 0, finish_reason: "stop" },
    logprobs: {
      tokens: ["c", "d", "</s>"],
      token_logprobs: [-0.5, -0.5, -0.5],
      top_logprobs: null,
      text_offset: [2, 3, 4],
    },
  });
  expect(engine.asks).toHaveLength(0);
  const many = await post("/v1/completions", {
    model: "fake/t5",
    prompt: ["a", "b"],
    target: [[97], [98, 99]],
    target_eos: false,
  });
  expect(many.body.choices.map(({ text, logprobs }) => [text, logprobs.tokens])).toEqual([
    ["a", ["a"]],
    ["bc", ["b", "c"]],
  ]);
  for (const [param, wrong] of Object.entries({
    n: { n: 2 },
    stream: { stream: true },
    logprobs: { logprobs: 1 },
    target: { target: ["a", "b"] },
  })) {
    const answer = await post("/v1/completions", { model: "fake/t5", prompt: "a", target: "b", ...wrong });
    expect(answer).toMatchObject({ status: 400, body: { error: { param } } });
  }
});

test("scores: sums, means, shares, the best, and whether any is likely", async () => {
  const { post, engine } = ask();
  const { body } = await post("/v1/score", { model: "fake/t5", input: "a", choices: ["yes", "no"] });
  expect(body.data[0]).toMatchObject({
    ...{ index: 0, best: 1, best_normalized: 0, likely: true },
    choices: [
      { sum: -2, mean: -0.5, tokens: 4 },
      { sum: -1.5, mean: -0.5, tokens: 3 },
    ],
  });
  const [first, second] = body.data[0]!.choices;
  expect(first!.share + second!.share).toBeCloseTo(1);
  const rows = [
    { input: "a", choices: ["b"] },
    { messages: [{ role: "user", content: "hi" }], choices: [[98]] },
  ];
  expect((await post("/v1/score", { model: "fake/decoder", rows })).body.data).toHaveLength(2);
  expect(engine.scores.at(-1)!.rows[1]!.prompt).toHaveProperty("messages");
  engine.score = async () => [{ promptTokens: 1, best: 0, choices: [[{ ...shownOf(97), logprob: -9 }]] }];
  expect((await post("/v1/score", { model: "fake/t5", input: "a", choices: ["b"] })).body.data[0]!.likely).toBe(false);
  expect(await post("/v1/score", { model: "fake/t5", rows: [{ choices: ["a"] }] })).toMatchObject({
    status: 400,
    body: { error: { param: "rows[0].input" } },
  });
});

test("tokenizers: with special tokens unless told otherwise, of the first model unless one is named", async () => {
  const { post } = ask();
  expect((await post("/tokenize", { prompt: "ab" })).body).toMatchObject({
    tokens: [97, 98, 1],
    count: 3,
    max_model_len: 4096,
  });
  expect((await post("/tokenize", { prompt: "ab", add_special_tokens: false })).body.tokens).toEqual([97, 98]);
  const chat = { messages: [{ role: "user", content: "hi" }], return_token_strs: true };
  expect((await post("/tokenize", chat)).body).toMatchObject({
    text: "user: hi\nassistant: ",
    token_strs: expect.arrayContaining(["u"]),
  });
  expect((await post("/detokenize", { tokens: [97, 98] })).body).toEqual({ prompt: "ab" });
  expect(await post("/tokenize", {})).toMatchObject({ status: 400, body: { error: { param: "prompt" } } });
});

test("chats: parts are joined, pictures refused at their place, developer is system where the template knows none", async () => {
  const { post, engine } = ask();
  const text = (value: string) => ({ type: "text", text: value });
  await post("/v1/chat/completions", {
    ...decoder,
    messages: [
      { role: "developer", content: "be kind" },
      { role: "user", content: [text("a"), text("b")] },
    ],
  });
  expect(engine.asks[0]!.prompt).toEqual({
    messages: [
      { role: "system", content: "be kind" },
      { role: "user", content: "ab" },
    ],
  });
  const picture = { type: "image_url", image_url: { url: "http://localhost/x.png" } };
  const refused = await post("/v1/chat/completions", {
    ...decoder,
    messages: [{ role: "user", content: [text("a"), picture] }],
  });
  expect(refused).toMatchObject({
    status: 400,
    body: { error: { param: "messages[0].content[1]", code: "unsupported_value" } },
  });
  const lonely = await post("/v1/chat/completions", { ...decoder, messages: [{ role: "assistant" }] });
  expect(lonely).toMatchObject({ status: 400, body: { error: { param: "messages[0].content" } } });
});

test("tools: refused where a template knows none, forced by a schema, one alone where that is asked for", async () => {
  const two =
    '<tool_call>{"name":"a","arguments":{}}</tool_call>\n<tool_call>{"name":"b","arguments":"{}"}</tool_call>';
  const { post, engine } = ask({ answer: () => two });
  const tools = ["a", "b"].map((name) => ({ type: "function", function: { name, parameters: { type: "object" } } }));
  const chat = { ...decoder, messages: [{ role: "user", content: "hi" }], tools };
  const both = await post("/v1/chat/completions", chat);
  expect(both.body.choices[0]!.message).toMatchObject({
    content: null,
    tool_calls: [{ function: { name: "a" } }, { function: { name: "b" } }],
  });
  const one = await post("/v1/chat/completions", { ...chat, parallel_tool_calls: false });
  expect(one.body.choices[0]!.message.tool_calls).toHaveLength(1);
  await post("/v1/chat/completions", { ...chat, tool_choice: { type: "function", function: { name: "b" } } });
  expect(engine.asks.at(-1)!.settings.schema).toMatchObject({ anyOf: [{ properties: { name: { const: "b" } } }] });
  await post("/v1/chat/completions", { ...chat, tool_choice: "none" });
  expect(engine.asks.at(-1)!.prompt).not.toHaveProperty("tools");
  for (const [param, wrong] of [
    ["tools", { model: "fake/plain" }],
    ["tool_choice", { tool_choice: { type: "function", function: { name: "c" } } }],
    ["tool_choice", { tools: [], tool_choice: "required" }],
    ["grammar", { grammar: 'root ::= "a"', tool_choice: "required" }],
  ] as const) {
    expect(await post("/v1/chat/completions", { ...chat, ...wrong })).toMatchObject({
      status: 400,
      body: { error: { param } },
    });
  }
});

/** The server before a real engine: what the routes say of one model agrees with each other. */
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { localEngine } from "../../src/host/local-node.ts";
import { createServer } from "../../src/server/app.ts";
import { asDescribed } from "./clients.ts";

const folder = fileURLToPath(new URL("../fixtures/chat/model", import.meta.url));
const engine = localEngine({ folders: { chatty: folder }, threads: 1 });
const server = createServer({ engine });
afterAll(() => engine[Symbol.asyncDispose]());

async function post<T>(path: string, body: object): Promise<T> {
  const url = `http://localhost${path}`;
  const headers = { "content-type": "application/json" };
  const answer = await server.fetch(new Request(url, { method: "POST", headers, body: JSON.stringify(body) }));
  const text = await answer.clone().text();
  expect(answer.status, text).toBe(200);
  return (await asDescribed(server, "post", url, answer)).json() as Promise<T>;
}

interface Completion {
  readonly choices: readonly {
    readonly text: string;
    readonly logprobs: {
      readonly tokens: readonly string[];
      readonly token_logprobs: readonly (number | null)[];
      readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
      readonly text_offset: readonly number[];
    };
  }[];
}

const ids = async (prompt: string) =>
  (await post<{ tokens: number[] }>("/tokenize", { model: "chatty", prompt, add_special_tokens: false })).tokens;

test("log-probabilities of an echoed prompt are those of /v1/score, alone and among others", async () => {
  const [context, rest] = [await ids("hello "), await ids("there, world")];
  const asked = { model: "chatty", max_tokens: 1, echo: true, logprobs: 1, temperature: 0 };
  const one = await post<Completion>("/v1/completions", { ...asked, prompt: [...context, ...rest] });
  const many = await post<Completion>("/v1/completions", { ...asked, prompt: [context, [...context, ...rest], rest] });
  const { token_logprobs, top_logprobs, tokens } = one.choices[0]!.logprobs;
  expect(tokens).toHaveLength(context.length + rest.length + 1);
  expect(token_logprobs[0]).toBeNull();
  // What an evaluation harness sums, and looks at for what the model would have said.
  const told = token_logprobs.slice(context.length, -1) as number[];
  for (const [i, logprob] of told.entries()) {
    expect(Math.max(...Object.values(top_logprobs[context.length + i]!))).toBeGreaterThanOrEqual(logprob);
  }
  const scored = await post<{ data: { choices: { sum: number }[] }[] }>("/v1/score", {
    ...{ model: "chatty", input: context, choices: [rest], eos: false },
  });
  const sum = told.reduce((all, logprob) => all + logprob, 0);
  expect(scored.data[0]!.choices[0]!.sum).toBeCloseTo(sum, 4);
  const among = many.choices[1]!.logprobs.token_logprobs.slice(context.length, -1) as number[];
  expect(among.reduce((all, logprob) => all + logprob, 0)).toBeCloseTo(sum, 4);
});

test("a streamed answer is the whole one, with the same log-probabilities", async () => {
  const body = { model: "chatty", prompt: "hello", max_tokens: 12, logprobs: 2, temperature: 0, echo: true };
  const whole = await post<Completion>("/v1/completions", body);
  const headers = { "content-type": "application/json" };
  const request = new Request("http://localhost/v1/completions", {
    method: "POST",
    headers,
    body: JSON.stringify({ ...body, stream: true }),
  });
  const events = (await (await server.fetch(request)).text())
    .split("\n\n")
    .filter((frame) => frame.startsWith("data: {"));
  const chunks = events.map((frame) => (JSON.parse(frame.slice(6)) as Completion).choices[0]!);
  expect(chunks.map(({ text }) => text).join("")).toBe(whole.choices[0]!.text);
  for (const key of ["tokens", "token_logprobs", "text_offset"] as const) {
    expect(chunks.flatMap(({ logprobs }) => [...(logprobs?.[key] ?? [])])).toEqual(whole.choices[0]!.logprobs[key]);
  }
});

test("an answer after a schema is JSON, in a conversation and out of one", async () => {
  const schema = { enum: ["yes", "no"] };
  const messages = [{ role: "user", content: "hello" }];
  const chat = await post<{ choices: { message: { content: string } }[] }>("/v1/chat/completions", {
    ...{ model: "chatty", messages, max_tokens: 20, temperature: 0 },
    response_format: { type: "json_schema", json_schema: { name: "answer", schema } },
  });
  expect(["yes", "no"]).toContain(JSON.parse(chat.choices[0]!.message.content));
});

test("a prompt that is too long is refused with both numbers; nothing is cut", async () => {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ model: "chatty", prompt: "hello ".repeat(5000) });
  const answer = await server.fetch(new Request("http://localhost/v1/completions", { method: "POST", headers, body }));
  expect(answer.status).toBe(400);
  const { error } = (await answer.json()) as { error: { code: string; message: string } };
  expect(error.code).toBe("context_length_exceeded");
  expect(error.message.match(/\d+/g)!.length).toBeGreaterThanOrEqual(2);
});

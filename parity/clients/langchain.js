/**
 * LangChain's OpenAI classes before a server that runs, unchanged:
 * ZEROTH_PEERS=FOLDER node parity/clients/langchain.js http://127.0.0.1:8080 MODEL [ENCODER]
 * FOLDER/node_modules has @langchain/core and @langchain/openai.
 */
import assert from "node:assert/strict";
import { given, knowsTools, peer, runChecks, versionOf } from "./peers.js";

const { url, model, encoder } = given();
const { ChatOpenAI, OpenAI, OpenAIEmbeddings } = await peer("@langchain/openai");
const { HumanMessage, ToolMessage } = await peer("@langchain/core/messages");
const configuration = { baseURL: `${url}/v1` };
const settings = { model, temperature: 0, apiKey: "none", maxRetries: 0, configuration };
const prompt = "Is this a fact or an opinion? Snow is cold.";
const schema = {
  title: "judgement",
  type: "object",
  properties: { kind: { enum: ["fact", "opinion"] }, sure: { type: "boolean" } },
  required: ["kind", "sure"],
  additionalProperties: false,
};
const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const textOf = ({ content }) =>
  typeof content === "string" ? content : content.map((part) => part.text ?? "").join("");
const chats = {
  "chat completions": (more) => new ChatOpenAI({ ...settings, maxTokens: 16, ...more }),
  responses: (more) => new ChatOpenAI({ ...settings, maxTokens: 16, useResponsesApi: true, ...more }),
};
const checks = {};
for (const [name, chat] of Object.entries(chats)) {
  checks[`${name}: invoke, stream and batch agree`] = async () => {
    const whole = await chat().invoke(prompt);
    const text = textOf(whole);
    assert.ok(text.length > 0 && whole.usage_metadata.output_tokens > 0);
    let streamed = "";
    let last;
    for await (const chunk of await chat().stream(prompt)) {
      streamed += textOf(chunk);
      last = last === undefined ? chunk : last.concat(chunk);
    }
    assert.equal(streamed, text);
    assert.equal(last.usage_metadata.output_tokens, whole.usage_metadata.output_tokens);
    const many = await chat().batch([prompt, prompt]);
    assert.deepEqual(many.map(textOf), [text, text]);
  };
  checks[`${name}: an object after a schema`] = async () => {
    const told = await chat({ maxTokens: 80 })
      .withStructuredOutput(schema, { method: "jsonSchema", name: "judgement" })
      .invoke(prompt);
    assert.ok(["fact", "opinion"].includes(told.kind) && typeof told.sure === "boolean");
  };
  checks[`${name}: tools`] = async () => {
    const calling = chat({ maxTokens: 80 }).bindTools([weather], { tool_choice: "required" });
    if (!(await knowsTools(url, model))) {
      await assert.rejects(calling.invoke(prompt), /tools/);
      return "refused: its chat template knows of no tools";
    }
    const told = await calling.invoke(prompt);
    // There LangChain leaves tool_choice out of what it sends (1.5.8), so a model may answer in words.
    if (name === "responses" && told.tool_calls.length === 0)
      return "LangChain sends no tool_choice; no tool was called";
    assert.equal(told.tool_calls[0].name, "weather");
    assert.equal(typeof told.tool_calls[0].args.city, "string");
    const result = new ToolMessage({ content: "rain", tool_call_id: told.tool_calls[0].id });
    const after = await chat()
      .bindTools([weather])
      .invoke([new HumanMessage(prompt), told, result]);
    assert.equal(after.getType(), "ai");
    let gathered;
    for await (const chunk of await calling.stream(prompt)) gathered = gathered ? gathered.concat(chunk) : chunk;
    assert.deepEqual(gathered.tool_calls[0].args, told.tool_calls[0].args);
  };
}
checks["chat completions: log-probabilities, stop texts, several answers"] = async () => {
  const told = await chats["chat completions"]({ logprobs: true, topLogprobs: 2 }).invoke(prompt);
  assert.ok(told.response_metadata.logprobs.content.length > 0);
  const stopped = await chats["chat completions"]().invoke(prompt, { stop: [textOf(told).slice(3, 6)] });
  assert.equal(stopped.response_metadata.finish_reason, "stop");
  const { generations } = await chats["chat completions"]({ n: 2, temperature: 1 }).generate([
    [new HumanMessage(prompt)],
  ]);
  assert.equal(generations[0].length, 2);
};
checks["completions: invoke and stream agree"] = async () => {
  const completion = new OpenAI({ ...settings, maxTokens: 16 });
  const text = await completion.invoke(prompt);
  let streamed = "";
  for await (const part of await completion.stream(prompt)) streamed += part;
  assert.ok(text.length > 0);
  assert.equal(streamed, text);
};
checks.embeddings = async () => {
  if (encoder === undefined) return "left out: no encoder named";
  const vectors = new OpenAIEmbeddings({ ...settings, model: encoder });
  const [one, two] = await vectors.embedDocuments(["Snow is cold.", "Fire is hot."]);
  const again = await vectors.embedQuery("Snow is cold.");
  assert.equal(one.length, two.length);
  assert.ok(one.every((value, i) => Math.abs(value - again[i]) < 1e-6));
};
await runChecks(checks);
console.log(["@langchain/core", "@langchain/openai"].map((name) => `${name} ${versionOf(name)}`).join(", "));

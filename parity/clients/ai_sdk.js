/**
 * The Vercel AI SDK before a server that runs, through both of its providers, unchanged:
 * ZEROTH_PEERS=FOLDER node parity/clients/ai_sdk.js http://127.0.0.1:8080 MODEL [ENCODER]
 * FOLDER/node_modules has ai, @ai-sdk/openai, @ai-sdk/openai-compatible and zod.
 */
import assert from "node:assert/strict";
import { given, knowsTools, peer, runChecks, versionOf } from "./peers.js";

const { url, model, encoder } = given();
const { generateText, streamText, generateObject, Output, embedMany, tool, jsonSchema } = await peer("ai");
const { createOpenAI } = await peer("@ai-sdk/openai");
const { createOpenAICompatible } = await peer("@ai-sdk/openai-compatible");
const settings = { baseURL: `${url}/v1`, apiKey: "none" };
const openai = createOpenAI(settings);
const compatible = createOpenAICompatible({
  ...settings,
  name: "zeroth",
  supportsStructuredOutputs: true,
  includeUsage: true,
});
const models = {
  "chat completions": openai.chat(model),
  completions: openai.completion(model),
  responses: openai(model),
  compatible: compatible(model),
  "compatible completions": compatible.completionModel(model),
};
const prompt = "Is this a fact or an opinion? Snow is cold.";
const schema = jsonSchema({
  type: "object",
  properties: { kind: { enum: ["fact", "opinion"] }, sure: { type: "boolean" } },
  required: ["kind", "sure"],
  additionalProperties: false,
});
const weather = tool({
  description: "The weather of a city",
  inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
  execute: async () => "rain",
});
const asked = { prompt, maxOutputTokens: 16, temperature: 0, maxRetries: 0 };
const checks = {};
const warned = [];
const noted = (answer) => warned.push(...(answer.warnings ?? []));

for (const [name, chosen] of Object.entries(models)) {
  checks[`${name}: generate and stream agree`] = async () => {
    const whole = await generateText({ ...asked, model: chosen });
    noted(whole);
    assert.ok(whole.text.length > 0);
    assert.ok(whole.usage.inputTokens > 0 && whole.usage.outputTokens > 0);
    const stream = streamText({ ...asked, model: chosen, onError: ({ error }) => assert.fail(error) });
    let text = "";
    for await (const part of stream.textStream) text += part;
    assert.equal(text, whole.text);
    assert.equal(await stream.finishReason, whole.finishReason);
    assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
  };
}
for (const name of ["chat completions", "responses", "compatible"]) {
  checks[`${name}: an object after a schema`] = async () => {
    const more = { ...asked, maxOutputTokens: 80, model: models[name] };
    const { object } = await generateObject({ ...more, schema });
    assert.ok(["fact", "opinion"].includes(object.kind) && typeof object.sure === "boolean");
    const { output } = await generateText({ ...more, output: Output.object({ schema }) });
    assert.deepEqual(output, object);
  };
  checks[`${name}: tools`] = async () => {
    const calling = { ...asked, maxOutputTokens: 80, model: models[name], tools: { weather }, toolChoice: "required" };
    if (!(await knowsTools(url, model))) {
      await assert.rejects(generateText(calling), /tools/);
      return "refused: its chat template knows of no tools";
    }
    const { toolCalls, toolResults } = await generateText(calling);
    assert.equal(toolCalls[0].toolName, "weather");
    assert.equal(typeof toolCalls[0].input.city, "string");
    assert.equal(toolResults[0].output, "rain");
    const stream = streamText({ ...calling, onError: ({ error }) => assert.fail(error) });
    assert.deepEqual((await stream.toolCalls)[0].input, toolCalls[0].input);
  };
}
checks["errors have their status and message"] = async () => {
  const unknown = { ...asked, model: openai.chat("no/such-model-here") };
  await assert.rejects(generateText(unknown), (error) => error.statusCode === 404 && /no model/.test(error.message));
};
checks.embeddings = async () => {
  if (encoder === undefined) return "left out: no encoder named";
  const values = ["Snow is cold.", "Fire is hot."];
  const one = await embedMany({ model: openai.embedding(encoder), values });
  const two = await embedMany({ model: compatible.embeddingModel(encoder), values });
  assert.equal(one.embeddings.length, 2);
  assert.deepEqual(two.embeddings, one.embeddings);
  assert.ok(one.embeddings[0].length > 1);
};
await runChecks(checks);
if (warned.length > 0) console.log("warnings", JSON.stringify(warned));
console.log(
  ["ai", "@ai-sdk/openai", "@ai-sdk/openai-compatible"].map((name) => `${name} ${versionOf(name)}`).join(", "),
);

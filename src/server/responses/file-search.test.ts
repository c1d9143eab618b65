/** The tool file_search of /v1/responses, as OpenAI's client asks for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import { afterAll, expect, test, vi } from "vitest";
import { vectorServers } from "../../../test/support/vector-stores.ts";
import { openState } from "../../state/open-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-file-search-"));
const there = vectorServers({ open: () => openState({ ZEROTH_HOME: folder }) });
afterAll(async () => {
  await there.state.close();
  rmSync(folder, { recursive: true, force: true });
});

const asking = (store: string, more: object = {}) => ({
  ...{ model: "fake/decoder", input: "where lives the queen" },
  tools: [{ type: "file_search" as const, vector_store_ids: [store], max_num_results: 2 }],
  ...more,
});

test("an answer has the search before it, names the files that it rests on, and goes on", async () => {
  const { client } = await there.started();
  const { store } = await there.filled(client, "");
  there.said = "The queen lives in a hive.";
  const generate = vi.spyOn(there.models, "generate");
  const answer = await client.responses.create(asking(store.id, { include: ["file_search_call.results"] }));
  const [call, message] = answer.output as [
    OpenAI.Responses.ResponseFileSearchToolCall,
    OpenAI.Responses.ResponseOutputMessage,
  ];
  expect(call).toMatchObject({ type: "file_search_call", status: "completed", queries: ["where lives the queen"] });
  const [first] = call.results!;
  expect(first).toMatchObject({ filename: "bees.md", score: 1, attributes: null });
  expect(first!.text).toContain("The queen lives in a hive.");
  expect(answer.output_text).toBe(there.said);
  expect(message.content).toEqual([
    expect.objectContaining({
      type: "output_text",
      annotations: [{ type: "file_citation", file_id: first!.file_id, filename: "bees.md", index: 0 }],
    }),
  ]);
  // The passages stand before the model.
  expect(JSON.stringify(generate.mock.calls.at(-1)![0].prompt)).toMatch(
    /The queen lives in a hive\..*where lives the queen/,
  );

  const plain = await client.responses.create(asking(store.id));
  expect((plain.output[0] as OpenAI.Responses.ResponseFileSearchToolCall).results).toBeNull();
  there.said = "Nothing more.";
  const next = await client.responses.create({
    model: "fake/decoder",
    input: "and then?",
    previous_response_id: plain.id,
  });
  expect(next.output_text).toBe(there.said);
  // What is no message is left out where a client sends the items back.
  const again = await client.responses.create({
    model: "fake/decoder",
    input: [...(plain.output as OpenAI.Responses.ResponseInputItem[]), { role: "user", content: "and then?" }],
  });
  expect(again.output_text).toBe(there.said);
  const without = await client.responses.create(asking(store.id, { tool_choice: "none" }));
  expect(without.output.map(({ type }) => type)).toEqual(["message"]);
});

test("a stream tells of the search, then of the answer and its annotations", async () => {
  const { client } = await there.started();
  const { store } = await there.filled(client, "");
  there.said = "The queen lives in a hive.";
  const types: string[] = [];
  let text = "";
  for await (const event of client.responses.stream(asking(store.id))) {
    types.push(event.type);
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  expect(text).toBe(there.said);
  const told = types.filter((type) => type !== "response.output_text.delta");
  expect(told).toEqual([
    ...["response.created", "response.in_progress", "response.output_item.added"],
    ...["in_progress", "searching", "completed"].map((step) => `response.file_search_call.${step}`),
    ...["response.output_item.done", "response.output_item.added", "response.content_part.added"],
    ...["response.output_text.annotation.added", "response.output_text.done", "response.content_part.done"],
    ...["response.output_item.done", "response.completed"],
  ]);
});

test("what is wrong is named by its field, and what is another's is not found", async () => {
  const { client, post } = await there.started();
  const { store } = await there.filled(client, "");
  const { client: other } = await there.started();
  await expect(other.responses.create(asking(store.id))).rejects.toMatchObject({
    ...{ status: 404, param: "tools[0].vector_store_ids[0]" },
  });
  const search = { type: "file_search", vector_store_ids: [store.id] };
  const cases: readonly (readonly [more: object, param: string])[] = [
    [{ tools: [search, search] }, "tools[1]"],
    [{ tools: [{ type: "file_search", vector_store_ids: [] }] }, "tools[0].vector_store_ids"],
    [{ tools: [{ ...search, max_num_results: 51 }] }, "tools[0].max_num_results"],
    [{ tools: [{ ...search, filters: { type: "like", key: "a", value: 1 } }] }, "filters.type"],
    [{ tools: [], tool_choice: { type: "file_search" } }, "tool_choice"],
    [{ input: [{ role: "assistant", content: "hello" }] }, "input"],
    [{ tools: [{ type: "web_search" }] }, "tools[0].type"],
  ];
  for (const [more, param] of cases) {
    const answer = await post("/v1/responses", { ...asking(store.id), ...more });
    const { error } = (await answer.json()) as { error: { param: string | null; message: string } };
    expect(answer.status, `${JSON.stringify(more)}: ${error.message}`).toBe(400);
    expect(error.param, error.message).toBe(param);
  }
});

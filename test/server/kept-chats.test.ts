/** Chat completions that are kept, through OpenAI's clients. */
import { describe, expect, test } from "vitest";
import { lines, talk } from "./clients.ts";

const chat = { model: "fake/decoder", messages: [{ role: "user" as const, content: "hi" }] };
const tools = [{ type: "function" as const, function: { name: "weather", parameters: { type: "object" } } }];

describe.each(lines)("$name", ({ load, runs }) => {
  const run = test.skipIf(!runs);

  run("kept, found, labelled, listed and forgotten", async () => {
    const { client } = talk(await load(), { answer: () => "hello" });
    const { completions } = client.chat;
    const kept = await completions.create({ ...chat, store: true, metadata: { about: "snow" } });
    const other = await completions.create({ ...chat, store: true, model: "fake/plain" });
    const unkept = await completions.create({ ...chat, metadata: { about: "snow" } });
    await expect(completions.retrieve(unkept.id)).rejects.toMatchObject({ status: 404, code: "not_found" });
    expect((await completions.retrieve(kept.id)).choices).toEqual(kept.choices);
    const ids = async (query?: object) => (await completions.list(query)).data.map(({ id }) => id);
    expect(await ids()).toEqual([kept.id, other.id]);
    expect(await ids({ order: "desc", limit: 1 })).toEqual([other.id]);
    expect(await ids({ after: kept.id })).toEqual([other.id]);
    expect(await ids({ model: "fake/plain" })).toEqual([other.id]);
    expect(await ids({ metadata: { about: "snow" } })).toEqual([kept.id]);
    await expect(completions.list({ after: unkept.id })).rejects.toMatchObject({ status: 404, param: "after" });
    expect((await completions.messages.list(kept.id)).data).toMatchObject([{ role: "user", content: "hi" }]);
    expect(await completions.update(kept.id, { metadata: { about: "ice" } })).toMatchObject({
      metadata: { about: "ice" },
    });
    expect(await ids({ metadata: { about: "snow" } })).toEqual([]);
    // Another name for it changes nothing about its place.
    expect(await ids()).toEqual([kept.id, other.id]);
    expect(await completions.delete(kept.id)).toMatchObject({ id: kept.id, deleted: true });
    await expect(completions.retrieve(kept.id)).rejects.toMatchObject({ status: 404 });
    expect(await ids()).toEqual([other.id]);
  });

  run("an answer that was streamed is kept as it was streamed, with the ids of its calls", async () => {
    const answer = () => 'So. <tool_call>\n{"name": "weather", "arguments": {}}\n</tool_call>';
    const { client } = talk(await load(), { answer });
    const stream = client.chat.completions.stream({ ...chat, tools, store: true });
    const final = await stream.finalChatCompletion();
    const kept = await client.chat.completions.retrieve(final.id);
    expect(kept).toMatchObject({ object: "chat.completion", usage: { prompt_tokens: expect.any(Number) } });
    expect(kept.choices[0]!.message.tool_calls).toEqual([
      { id: expect.any(String), type: "function", function: { name: "weather", arguments: "{}" } },
    ]);
    expect(kept.choices[0]!.message.tool_calls![0]!.id).toBe(final.choices[0]!.message.tool_calls![0]!.id);
  });
});

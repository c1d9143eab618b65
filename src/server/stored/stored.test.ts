/** Files, batches, keys and kept answers over a socket, with OpenAI's own clients, on every database. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import OpenAI, { toFile } from "openai";
import OpenAI7 from "openai7";
import { beforeAll, expect, test, vi } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { fakeEngine } from "../../../test/support/fake-engine.ts";
import { clientOf, startStored } from "../../../test/support/stored-server.ts";
import { fail } from "../../errors.ts";
import type { State } from "../../state/schema/tables.ts";

const line = (n: number) =>
  JSON.stringify({
    custom_id: `line-${n}`,
    method: "POST",
    url: "/v1/completions",
    body: { model: n === 2 ? "nobody/knows" : "fake/decoder", prompt: `p${n}`, max_tokens: 5 },
  });
const lines = (count: number) => Array.from({ length: count }, (_, n) => line(n)).join("\n");
const rowsIn = (
  text: string,
): {
  custom_id: string;
  response: { status_code: number; request_id: string; body: { choices: { text: string }[] } };
}[] =>
  text
    .trimEnd()
    .split("\n")
    .map((row) => JSON.parse(row));

async function ended(client: OpenAI, id: string): Promise<OpenAI.Batches.Batch> {
  return vi.waitFor(
    async () => {
      const batch = await client.batches.retrieve(id);
      expect(["completed", "failed", "expired", "cancelled"]).toContain(batch.status);
      return batch;
    },
    { timeout: 20_000, interval: 20 },
  );
}

onEachDatabase((databases) => {
  let state: State;
  beforeAll(async () => {
    state = await databases.open();
  });
  test.each([
    ["6", OpenAI],
    ["7", OpenAI7 as unknown as typeof OpenAI],
  ])("the official client %s: files and batches from beginning to end", async (_, Client) => {
    const serving = await startStored(state);
    const { key } = await clientOf(state, serving);
    const client = new Client({ baseURL: `${serving.url}/v1`, apiKey: key, maxRetries: 0 });
    const input = await client.files.create({
      file: await toFile(Buffer.from(lines(5)), "folder/Ünï\u202ecode.jsonl"),
      purpose: "batch",
      expires_after: { anchor: "created_at", seconds: 3600 },
    });
    expect(input).toMatchObject({
      object: "file",
      bytes: lines(5).length,
      filename: "Ünïcode.jsonl",
      purpose: "batch",
      status: "processed",
    });
    expect(input.expires_at! - input.created_at).toBe(3600);
    expect(await client.files.retrieve(input.id)).toEqual(input);
    const made = await client.batches.create({
      input_file_id: input.id,
      endpoint: "/v1/completions",
      completion_window: "24h",
      metadata: { what: "a test" },
    });
    expect(made).toMatchObject({
      object: "batch",
      status: "validating",
      output_file_id: null,
      errors: null,
      metadata: { what: "a test" },
    });
    const done = await ended(client, made.id);
    expect(done).toMatchObject({ status: "completed", request_counts: { total: 5, completed: 4, failed: 1 } });
    const output = rowsIn(await (await client.files.content(done.output_file_id!)).text());
    expect(output.map(({ custom_id }) => custom_id)).toEqual(["line-0", "line-1", "line-3", "line-4"]);
    expect(output[0]!.response).toMatchObject({
      status_code: 200,
      request_id: expect.stringMatching(/^req_/),
      body: { choices: [{ text: "ok" }] },
    });
    const errors = rowsIn(await (await client.files.content(done.error_file_id!)).text());
    expect(errors).toMatchObject([
      { custom_id: "line-2", response: { status_code: 404, body: { error: { code: "model_not_found" } } } },
    ]);

    const ids: string[] = [];
    for await (const file of client.files.list({ limit: 2, order: "asc" })) ids.push(file.id);
    expect(ids).toEqual([input.id, ...new Set(ids.slice(1))]);
    expect(ids).toHaveLength(3);
    const batches: string[] = [];
    for await (const batch of client.batches.list({ limit: 1 })) batches.push(batch.id);
    expect(batches).toEqual([made.id]);
    await expect(client.batches.cancel(made.id)).rejects.toMatchObject({ status: 400 });
    expect(await client.files.delete(input.id)).toEqual({ id: input.id, object: "file", deleted: true });
    await expect(client.files.retrieve(input.id)).rejects.toMatchObject({
      status: 404,
      code: "not_found",
      param: "id",
    });
    await expect(client.files.list({ after: input.id })).rejects.toMatchObject({ status: 404, param: "after" });
  });

  test("what is another key's is a 404 on every route with an id, and in no list", async () => {
    const serving = await startStored(state, { engine: fakeEngine({ delay: 50, answer: () => "a slow answer" }) });
    const [mine, other] = [await clientOf(state, serving), await clientOf(state, serving)];
    const file = await mine.client.files.create({
      file: await toFile(Buffer.from(lines(3000)), "f"),
      purpose: "batch",
    });
    const batch = await mine.client.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/completions",
      completion_window: "24h",
    });
    const response = await mine.client.responses.create({ model: "fake/decoder", input: "hello" });
    const chat = await mine.client.chat.completions.create({
      ...{ model: "fake/decoder", messages: [{ role: "user", content: "hello" }], store: true },
    });
    const ids: Readonly<Record<string, string>> = {
      ...{ files: file.id, batches: batch.id, responses: response.id, chat: chat.id },
    };
    const { routes } = (await import("../app.ts")).createServer({ engine: fakeEngine(), state });
    const asked = routes.filter(({ path }) => /^\/v1\/(files|batches|responses|chat\/completions)\/\{id\}/.test(path));
    expect(asked.length).toBeGreaterThanOrEqual(13);
    const call = (method: string, path: string, key: string) =>
      fetch(`${serving.url}${path}`, {
        method: method.toUpperCase(),
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        // What a route with a body needs of one is looked at first.
        ...(method === "post" && { body: JSON.stringify({ metadata: {} }) }),
      });
    for (const { method, path } of asked) {
      const id = ids[path.split("/")[2]!]!;
      const answer = await call(method, path.replace("{id}", id), other.key);
      expect(answer.status, `${method} ${path}`).toBe(404);
      const text = await answer.text();
      // As if there were nothing of that id at all.
      const none = await call(method, path.replace("{id}", id.replace(/.$/, "z")), other.key);
      expect(none.status).toBe(404);
      expect(text.replaceAll(id, "")).toBe((await none.text()).replaceAll(id.replace(/.$/, "z"), ""));
    }
    const { client } = other;
    const lists = [await client.files.list(), await client.batches.list(), await client.chat.completions.list()];
    for (const list of lists) expect(list.data).toEqual([]);
    await expect(
      client.batches.create({ input_file_id: file.id, endpoint: "/v1/completions", completion_window: "24h" }),
    ).rejects.toMatchObject({ status: 404 });
    await expect(
      client.responses.create({ model: "fake/decoder", input: "and?", previous_response_id: response.id }),
    ).rejects.toThrow();
    // The key that the server was started with is one among the others here.
    expect((await call("get", `/v1/files/${file.id}`, "the-first-key")).status).toBe(404);
    // Its owner still has it all.
    expect((await mine.client.files.content(file.id)).status).toBe(200);
    expect((await mine.client.batches.cancel(batch.id)).status).toMatch(/^cancel/);
    expect((await mine.client.responses.retrieve(response.id)).id).toBe(response.id);
    expect((await mine.client.chat.completions.list()).data).toMatchObject([{ id: chat.id }]);
    expect((await ended(mine.client, batch.id)).status).toBe("cancelled");
  });

  test("a kept answer is known to another server on the same database, and is not after it was deleted", async () => {
    const [one, two] = [await startStored(state), await startStored(state)];
    const { key, client } = await clientOf(state, one);
    const first = await client.responses.create({ model: "fake/decoder", input: "hello" });
    const there = new OpenAI({ baseURL: `${two.url}/v1`, apiKey: key, maxRetries: 0 });
    const second = await there.responses.create({
      model: "fake/decoder",
      input: "more",
      previous_response_id: first.id,
    });
    expect(second.previous_response_id).toBe(first.id);
    await there.responses.delete(first.id);
    await expect(client.responses.retrieve(first.id)).rejects.toMatchObject({ status: 404 });
  });

  test("a server that stops hands its batch to another, which goes on", async () => {
    const engine = () => fakeEngine({ delay: 10, answer: () => "four" });
    const first = await startStored(state, { engine: engine() });
    const { client, key } = await clientOf(state, first);
    const file = await client.files.create({ file: await toFile(Buffer.from(lines(60)), "f"), purpose: "batch" });
    const { id } = await client.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/completions",
      completion_window: "24h",
    });
    await vi.waitFor(
      async () => expect((await client.batches.retrieve(id)).request_counts!.completed).toBeGreaterThan(5),
      { timeout: 10_000 },
    );
    await first.close(2000);
    const second = await startStored(state, { engine: engine() });
    const done = await ended(new OpenAI({ baseURL: `${second.url}/v1`, apiKey: key }), id);
    expect(done).toMatchObject({ status: "completed", request_counts: { total: 60, completed: 59, failed: 1 } });
  });

  test("a line that finds no room is asked again", async () => {
    const plain = fakeEngine();
    let full = 0;
    const engine: typeof plain = {
      ...plain,
      async *generate(...args) {
        if (++full % 2 === 1) fail("busy", "too many wait");
        yield* plain.generate(...args);
      },
    };
    const serving = await startStored(state, { engine });
    const { client } = await clientOf(state, serving);
    const file = await client.files.create({ file: await toFile(Buffer.from(line(0)), "f"), purpose: "batch" });
    const { id } = await client.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/completions",
      completion_window: "24h",
    });
    expect(await ended(client, id)).toMatchObject({ status: "completed", request_counts: { completed: 1, failed: 0 } });
    expect(full).toBeGreaterThan(1);
  });

  test("the example of docs/keys-and-files.md runs", async () => {
    const serving = await startStored(state);
    const { key } = await clientOf(state, serving);
    const page = readFileSync(new URL("../../../docs/keys-and-files.md", import.meta.url), "utf8");
    const code = /```ts\n(.*?)```/s.exec(page)![1]!;
    const rows = /<!-- file: requests.jsonl -->\n```json\n(.*?)```/s.exec(page)![1]!;
    // Beside this file, where it finds the client.
    const script = fileURLToPath(new URL(`./docs-example-${databases.kind}.tmp.ts`, import.meta.url));
    const input = script.replace(/ts$/, "jsonl");
    writeFileSync(input, rows.replaceAll("zeroth-nano", "fake/decoder"));
    writeFileSync(
      script,
      code.replace("http://localhost:8080", serving.url).replace("sk-zeroth-…", key).replace("requests.jsonl", input),
    );
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    try {
      await import(pathToFileURL(script).href);
      expect(rowsIn(String(log.mock.calls[0]?.[0])).map(({ custom_id }) => custom_id)).toEqual(["one", "two"]);
    } finally {
      log.mockRestore();
      for (const made of [input, script]) rmSync(made);
    }
  });
});

/** Files, batches, keys and kept answers over a socket, with OpenAI's own clients, on every database. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import OpenAI, { toFile } from "openai";
import OpenAI7 from "openai7";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { fakeEngine } from "../../../test/support/fake-engine.ts";
import { fail } from "../../errors.ts";
import type { State } from "../../state/database.ts";
import { createKey, revokeKey } from "../../state/keys-node.ts";
import type { LogLine } from "../context.ts";
import { fixedKeys } from "../guards/keys.ts";
import { type ServeOptions, type Serving, serve } from "../serve-node.ts";
import { storedKeys } from "./keys.ts";

const open: Serving[] = [];
afterEach(async () => {
  for (const serving of open.splice(0)) await serving.close(0);
});

async function start(state: State, options: Partial<ServeOptions> = {}): Promise<Serving> {
  const { keys, log } = storedKeys(state, {
    first: fixedKeys(["the-first-key"]),
    ...(options.log && { log: options.log }),
  });
  const serving = await serve({ engine: fakeEngine(), port: 0, state, keys, ...options, log });
  open.push(serving);
  return serving;
}

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
  const clientOf = async ({ url }: Serving, options: Omit<Parameters<typeof createKey>[1], "name"> = {}) => {
    const { key, id } = await createKey(state, { name: "somebody", ...options });
    return { key, id, client: new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 }) };
  };

  test.each([
    ["6", OpenAI],
    ["7", OpenAI7 as unknown as typeof OpenAI],
  ])("the official client %s: files and batches from beginning to end", async (_, Client) => {
    const serving = await start(state);
    const { key } = await clientOf(serving);
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
    const serving = await start(state, { engine: fakeEngine({ delay: 50, answer: () => "a slow answer" }) });
    const [mine, other] = [await clientOf(serving), await clientOf(serving)];
    const file = await mine.client.files.create({ file: await toFile(Buffer.from(lines(40)), "f"), purpose: "batch" });
    const batch = await mine.client.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/completions",
      completion_window: "24h",
    });
    const response = await mine.client.responses.create({ model: "fake/decoder", input: "hello" });
    const ids: Readonly<Record<string, string>> = { files: file.id, batches: batch.id, responses: response.id };
    const { routes } = (await import("../app.ts")).createServer({ engine: fakeEngine(), state });
    const asked = routes.filter(({ path }) => /^\/v1\/(files|batches|responses)\/\{id\}/.test(path));
    expect(asked.length).toBeGreaterThanOrEqual(9);
    const call = (method: string, path: string, key: string) =>
      fetch(`${serving.url}${path}`, { method: method.toUpperCase(), headers: { authorization: `Bearer ${key}` } });
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
    for (const list of [await client.files.list(), await client.batches.list()]) expect(list.data).toEqual([]);
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
    expect((await ended(mine.client, batch.id)).status).toBe("cancelled");
  });

  test("a kept answer is known to another server on the same database, and is not after it was deleted", async () => {
    const [one, two] = [await start(state), await start(state)];
    const { key, client } = await clientOf(one);
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
    const first = await start(state, { engine: engine() });
    const { client, key } = await clientOf(first);
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
    const second = await start(state, { engine: engine() });
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
    const serving = await start(state, { engine });
    const { client } = await clientOf(serving);
    const file = await client.files.create({ file: await toFile(Buffer.from(line(0)), "f"), purpose: "batch" });
    const { id } = await client.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/completions",
      completion_window: "24h",
    });
    expect(await ended(client, id)).toMatchObject({ status: "completed", request_counts: { completed: 1, failed: 0 } });
    expect(full).toBeGreaterThan(1);
  });

  describe("keys", () => {
    test("open the server until they are revoked, and manage nothing", async () => {
      const lines: LogLine[] = [];
      const serving = await start(state, { log: (told) => lines.push(told) });
      const { client, key, id } = await clientOf(serving);
      await client.models.list();
      expect(lines.at(-1)).toMatchObject({ owner: id });
      expect(JSON.stringify(lines)).not.toContain(key);
      const { routes } = (await import("../app.ts")).createServer({ engine: fakeEngine(), state });
      for (const { method, path } of routes.filter(({ admin }) => admin)) {
        const answer = await fetch(`${serving.url}${path.replace(/\{\w+\+?\}/, "x")}`, {
          method: method.toUpperCase(),
          headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
          ...(method === "post" && { body: "{}" }),
        });
        expect(answer.status, path).toBe(403);
      }
      await revokeKey(state, id);
      await expect(client.models.list()).rejects.toMatchObject({ status: 401, code: "invalid_api_key" });
    });

    test("with a limit of requests: 429 beyond it, with the seconds to wait", async () => {
      const { client } = await clientOf(await start(state), { requestsPerMinute: 3 });
      for (let i = 0; i < 3; i++) await client.models.list();
      const error: unknown = await client.models.list().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
      const wait = Number((error as InstanceType<typeof OpenAI.APIError>).headers!.get("retry-after"));
      expect(wait).toBeGreaterThanOrEqual(10);
      expect(wait).toBeLessThanOrEqual(20);
    });

    test("with a limit of tokens: the answer that uses them up is whole, the next is refused for longer than a client waits", async () => {
      const { client } = await clientOf(await start(state), { tokensPerDay: 20 });
      const ask = () => client.completions.create({ model: "fake/decoder", prompt: "a prompt of 24 characters" });
      expect((await ask()).choices[0]!.text).toBe("ok");
      const error: unknown = await vi.waitFor(async () => {
        const thrown: unknown = await ask().catch((failed: unknown) => failed);
        expect(thrown).toBeInstanceOf(Error);
        return thrown;
      });
      expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
      expect((error as InstanceType<typeof OpenAI.APIError>).headers!.get("x-should-retry")).toBe("false");
    });
  });

  describe("forms that are refused", () => {
    const form = (entries: readonly (readonly [string, string | Blob])[]) => {
      const made = new FormData();
      for (const [name, value] of entries) made.append(name, value);
      return made;
    };
    const file = ["file", new Blob(["x"])] as const;
    test.each([
      ["no purpose", form([file]), 400, "purpose"],
      ["another purpose", form([["purpose", "poetry"], file]), 400, "purpose"],
      ["no file", form([["purpose", "batch"]]), 400, "file"],
      [
        "a file as text",
        form([
          ["purpose", "batch"],
          ["file", "x"],
        ]),
        400,
        "file",
      ],
      ["a second file", form([["purpose", "batch"], file, ["other", new Blob(["y"])]]), 400, "other"],
      [
        "half of an expiry",
        form([["purpose", "batch"], file, ["expires_after[seconds]", "3600"]]),
        400,
        "expires_after",
      ],
      [
        "too short an expiry",
        form([["purpose", "batch"], file, ["expires_after[seconds]", "3599"], ["expires_after[anchor]", "created_at"]]),
        400,
        "expires_after[seconds]",
      ],
      [
        "too long an expiry",
        form([
          ["purpose", "batch"],
          file,
          ["expires_after[seconds]", "2592001"],
          ["expires_after[anchor]", "created_at"],
        ]),
        400,
        "expires_after[seconds]",
      ],
      [
        "no number",
        form([["purpose", "batch"], file, ["expires_after[seconds]", "soon"], ["expires_after[anchor]", "created_at"]]),
        400,
        "expires_after[seconds]",
      ],
      [
        "another anchor",
        form([["purpose", "batch"], file, ["expires_after[seconds]", "3600"], ["expires_after[anchor]", "now"]]),
        400,
        "expires_after[anchor]",
      ],
      [
        "too large",
        form([
          ["purpose", "batch"],
          ["file", new Blob(["x".repeat(1001)])],
        ]),
        413,
        "file",
      ],
      [
        "much too large",
        form([
          ["purpose", "batch"],
          ["file", new Blob(["x".repeat(100_000)])],
        ]),
        413,
        null,
      ],
      ["JSON", JSON.stringify({ purpose: "batch" }), 415, null],
    ] as const)("%s", async (_, body, status, param) => {
      const serving = await start(state, { limits: { file: 1000 } });
      const { key } = await clientOf(serving);
      const answer = await fetch(`${serving.url}/v1/files`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}` },
        body,
      });
      expect(answer.status).toBe(status);
      expect(((await answer.json()) as { error: { param: string | null } }).error.param).toBe(param);
    });

    test("what is no form at all", async () => {
      const serving = await start(state);
      const { key } = await clientOf(serving);
      for (const type of ["multipart/form-data", "multipart/form-data; boundary=x"]) {
        for (const body of [
          "",
          "nothing like it",
          "--x\r\n",
          '--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc',
        ]) {
          const answer = await fetch(`${serving.url}/v1/files`, {
            method: "POST",
            headers: { authorization: `Bearer ${key}`, "content-type": type },
            body,
          });
          expect(answer.status).toBe(400);
        }
      }
    });
  });

  test.each([
    [{ endpoint: "/v1/files" }, "endpoint"],
    [{ completion_window: "1h" }, "completion_window"],
    [{ input_file_id: 7 }, "input_file_id"],
    [{ metadata: { a: 1 } }, "metadata.a"],
    [{ output_expires_after: { anchor: "created_at", seconds: 3600 } }, "output_expires_after"],
  ])("a batch that is refused: %j", async (change, param) => {
    const serving = await start(state);
    const { client } = await clientOf(serving);
    const file = await client.files.create({ file: await toFile(Buffer.from(line(0)), "f"), purpose: "user_data" });
    const body = { input_file_id: file.id, endpoint: "/v1/completions", completion_window: "24h" } as const;
    await expect(client.batches.create({ ...body, ...(change as object) })).rejects.toMatchObject({
      status: 400,
      param,
    });
    // Its purpose is another.
    await expect(client.batches.create(body)).rejects.toMatchObject({ status: 400, param: "input_file_id" });
  });

  test("a database that is away is a 503 without an address", async () => {
    const away = await databases.open();
    const serving = await serve({ engine: fakeEngine(), port: 0 });
    await serving.close(0);
    const { createServer } = await import("../app.ts");
    const server = createServer({ engine: fakeEngine(), state: { ...away, db: broken(away) } });
    const answer = await server.fetch(new Request("http://localhost/v1/files"));
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).not.toBeNull();
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe("storage_failed");
    expect(error.message).not.toMatch(/\/|postgres:/);
  });

  test("the example of docs/keys-and-files.md runs", async () => {
    const serving = await start(state);
    const { key } = await clientOf(serving);
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

/** A database whose every query fails as one that is away. */
function broken(state: State): State["db"] {
  return state.db.withPlugin({
    transformQuery: () => fail("storage_failed", "does not answer", { where: "/somewhere/zeroth.db" }),
    transformResult: async ({ result }) => result,
  });
}

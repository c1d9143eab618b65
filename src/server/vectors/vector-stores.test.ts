/** Vector stores over a socket, with OpenAI's own clients, on every database. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import OpenAI, { toFile } from "openai";
import OpenAI7 from "openai7";
import { expect, test, vi } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { clientOf, startStored } from "../../../test/support/stored-server.ts";
import { files, texts, vectorServers } from "../../../test/support/vector-stores.ts";

onEachDatabase((databases) => {
  const there = vectorServers(databases);
  const { started, filled } = there;

  test.each([
    ["6", OpenAI],
    ["7", OpenAI7 as unknown as typeof OpenAI],
  ])("the official client %s: a store from its making to its end", async (_, Client) => {
    const { client } = await started(Client);
    const store = await client.vectorStores.create({
      name: "notes",
      metadata: { about: "animals" },
      expires_after: { anchor: "last_active_at", days: 3 },
    });
    expect(store).toMatchObject({
      ...{ object: "vector_store", name: "notes", status: "completed", usage_bytes: 0, embedding_model: "small" },
      ...{ metadata: { about: "animals" }, expires_after: { anchor: "last_active_at", days: 3 } },
      file_counts: { total: 0, in_progress: 0 },
    });
    expect(store.expires_at! - store.last_active_at!).toBe(3 * 86_400);

    const [bees, wolves] = await Promise.all(
      files().map(async (file) => client.files.create({ file: await file, purpose: "assistants" })),
    );
    const one = await client.vectorStores.files.createAndPoll(store.id, {
      file_id: bees!.id,
      attributes: { kind: "insect", year: 2020, tame: true },
      chunking_strategy: { type: "static", static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 } },
    });
    expect(one).toMatchObject({
      ...{
        id: bees!.id,
        object: "vector_store.file",
        status: "completed",
        last_error: null,
        vector_store_id: store.id,
      },
      attributes: { kind: "insect", year: 2020, tame: true },
      chunking_strategy: { type: "static", static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 } },
    });
    expect(one.usage_bytes).toBeGreaterThan(texts["bees.md"].length);
    await client.vectorStores.files.createAndPoll(store.id, { file_id: wolves!.id, attributes: { kind: "beast" } });
    expect(await client.vectorStores.retrieve(store.id)).toMatchObject({
      status: "completed",
      file_counts: { completed: 2, total: 2 },
    });

    const listed = [];
    for await (const file of client.vectorStores.files.list(store.id, { limit: 1, order: "asc" })) listed.push(file.id);
    expect(listed).toEqual([bees!.id, wolves!.id]);
    const before = await client.vectorStores.files.list(store.id, { before: wolves!.id, order: "asc" });
    expect(before.data.map(({ id }) => id)).toEqual([bees!.id]);
    expect((await client.vectorStores.files.list(store.id, { filter: "failed" })).data).toEqual([]);

    const text = (await client.vectorStores.files.content(bees!.id, { vector_store_id: store.id })).data[0]!.text!;
    const found = await client.vectorStores.search(store.id, { query: "who hunt at night", max_num_results: 1 });
    expect(found.data).toEqual([
      expect.objectContaining({ file_id: wolves!.id, filename: "wolves.txt", attributes: { kind: "beast" } }),
    ]);
    expect(found.data[0]!.score).toBeGreaterThan(0);
    expect(found.data[0]!.score).toBeLessThanOrEqual(1);
    const narrowed = await client.vectorStores.search(store.id, {
      query: ["who hunt at night", "where the queen lives"],
      filters: {
        type: "and",
        filters: [
          { type: "eq", key: "kind", value: "insect" },
          { type: "gte", key: "year", value: 2020 },
        ],
      },
    });
    expect(new Set(narrowed.data.map(({ file_id }) => file_id))).toEqual(new Set([bees!.id]));
    // Beyond OpenAI's: where it stands.
    const hit = narrowed.data[0] as unknown as { start: number; end: number; content: { text: string }[] };
    expect(text.slice(hit.start, hit.end)).toBe(hit.content[0]!.text);

    await client.vectorStores.files.update(bees!.id, { vector_store_id: store.id, attributes: { kind: "other" } });
    const none = { type: "eq" as const, key: "kind", value: "insect" };
    expect((await client.vectorStores.search(store.id, { query: "queen", filters: none })).data).toEqual([]);

    expect(await client.vectorStores.files.delete(bees!.id, { vector_store_id: store.id })).toMatchObject({
      ...{ id: bees!.id, deleted: true, object: "vector_store.file.deleted" },
    });
    expect(
      (await client.vectorStores.search(store.id, { query: "queen" })).data.map(({ file_id }) => file_id),
    ).not.toContain(bees!.id);
    // A file that is deleted leaves its stores, too.
    await client.files.delete(wolves!.id);
    expect((await client.vectorStores.search(store.id, { query: "wolves" })).data).toEqual([]);
    expect(await client.vectorStores.update(store.id, { name: "other", expires_after: null })).toMatchObject({
      ...{ name: "other", expires_after: null, expires_at: null, metadata: { about: "animals" } },
    });
    expect((await client.vectorStores.list()).data.map(({ id }) => id)).toContain(store.id);
    const index = join(there.indices, `${store.id}.index`);
    expect(existsSync(index)).toBe(true);
    expect(await client.vectorStores.delete(store.id)).toMatchObject({ id: store.id, deleted: true });
    expect(existsSync(index)).toBe(false);
    await expect(client.vectorStores.retrieve(store.id)).rejects.toMatchObject({ status: 404 });
  });

  test("words alone, without a model", async () => {
    const { client } = await started();
    const { store } = await filled(client, "");
    const found = await client.vectorStores.search(store.id, { query: "honey wax" });
    expect(found.data[0]).toMatchObject({ filename: "bees.md", score: 1 });
    expect(found.data[0]!.content[0]!.text).toContain("honey");
  });

  test("what cannot be read fails by itself, and says why", async () => {
    const { client } = await started();
    const store = await client.vectorStores.create({});
    const broken = await toFile(Buffer.from([0x50, 0x4b, 3, 4, 0, 0]), "book.epub");
    const picture = await toFile(Buffer.from("x"), "picture.png");
    const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, {
      files: [broken, picture, (await files()[0])!],
    });
    expect(batch.file_counts).toMatchObject({ completed: 1, failed: 2, total: 3 });
    const failed = await client.vectorStores.fileBatches.listFiles(batch.id, {
      vector_store_id: store.id,
      filter: "failed",
    });
    const errors = failed.data.map(({ last_error }) => last_error!.code).sort();
    expect(errors).toEqual(["invalid_file", "unsupported_file"]);
    for (const { last_error } of failed.data) expect(last_error!.message).not.toContain(dirname(there.indices));
  });

  test("malformed requests are refused by the name of what is wrong", async () => {
    const { client, post } = await started();
    const { store } = await filled(client);
    const search = `/v1/vector_stores/${store.id}/search`;
    let deep: object = { type: "eq", key: "a", value: 1 };
    for (let i = 0; i < 20; i++) deep = { type: "or", filters: [deep] };
    const cases: readonly (readonly [path: string, body: object, status: number, param: string | RegExp])[] = [
      [search, {}, 400, "query"],
      [search, { query: "" }, 400, "query"],
      [search, { query: "a", max_num_results: 51 }, 400, "max_num_results"],
      [search, { query: "a", rewrite_query: true }, 400, "rewrite_query"],
      [search, { query: "a", filters: { type: "like", key: "a", value: 1 } }, 400, "filters.type"],
      [
        search,
        { query: "a", filters: { type: "and", filters: [{ type: "eq", value: 1 }] } },
        400,
        "filters.filters[0].key",
      ],
      [search, { query: "a", filters: { type: "in", key: "a", value: 1 } }, 400, "filters.value"],
      [search, { query: "a", filters: deep }, 400, /^filters/],
      [search, { query: "a", ranking_options: { score_threshold: 2 } }, 400, "ranking_options.score_threshold"],
      [search, { query: "a", ranking_options: { ranker: "small" } }, 400, /./],
      ["/v1/vector_stores", { file_ids: ["file-nobody"] }, 404, "file_ids[0]"],
      ["/v1/vector_stores", { embedding_model: "fake/decoder" }, 400, "embedding_model"],
      ["/v1/vector_stores", { expires_after: { anchor: "created_at", days: 1 } }, 400, "expires_after.anchor"],
      ["/v1/vector_stores/vs_nobody/search", { query: "a" }, 404, "vector_store_id"],
      [`/v1/vector_stores/${store.id}/files`, { file_id: "file-nobody" }, 404, "file_id"],
      [`/v1/vector_stores/${store.id}/file_batches`, {}, 400, "file_ids"],
      ["/v1/ask", { question: "a", vector_store_ids: ["vs_nobody"] }, 404, "vector_store_ids[0]"],
      ["/v1/ask", { question: "a", vector_store_ids: [] }, 400, "vector_store_ids"],
      ["/v1/ask", { question: "a", vector_store_ids: [store.id], model: "small" }, 400, "model"],
    ];
    for (const [path, body, status, param] of cases) {
      const answer = await post(path, body);
      const { error } = (await answer.json()) as { error: { param: string | null; message: string } };
      expect(answer.status, `${path} ${JSON.stringify(body).slice(0, 80)}: ${error.message}`).toBe(status);
      if (typeof param === "string") expect(error.param, JSON.stringify(body)).toBe(param);
      else expect(error.param ?? error.message).toMatch(param);
    }
    const bees = (await client.vectorStores.files.list(store.id)).data[0]!;
    const wide = { type: "static" as const, static: { max_chunk_size_tokens: 4096, chunk_overlap_tokens: 0 } };
    await expect(
      client.vectorStores.files.create(store.id, { file_id: bees.id, chunking_strategy: wide }),
    ).rejects.toMatchObject({ status: 400, message: expect.stringMatching(/the model reads 158/) });
  });

  test("what is another's is not found", async () => {
    const { client } = await started();
    const { store } = await filled(client);
    const { client: other } = await started();
    await expect(other.vectorStores.retrieve(store.id)).rejects.toMatchObject({ status: 404 });
    await expect(other.vectorStores.search(store.id, { query: "bees" })).rejects.toMatchObject({ status: 404 });
    await expect(other.vectorStores.delete(store.id)).rejects.toMatchObject({ status: 404 });
    expect((await other.vectorStores.list()).data).toEqual([]);
    const file = await other.files.create({ file: await files()[0]!, purpose: "assistants" });
    await expect(client.vectorStores.files.create(store.id, { file_id: file.id })).rejects.toMatchObject({
      status: 404,
    });
  });

  test("a store whose time is over is not searched, and its index goes", async () => {
    const { client } = await started();
    const { store } = await filled(client);
    await client.vectorStores.update(store.id, { expires_after: { anchor: "last_active_at", days: 1 } });
    await there.state.db
      .updateTable("vector_store")
      .set((is) => ({ last_active_at: is("last_active_at", "-", 86_401) }))
      .where("id", "=", store.id)
      .execute();
    expect(await client.vectorStores.retrieve(store.id)).toMatchObject({ status: "expired" });
    await expect(client.vectorStores.search(store.id, { query: "bees" })).rejects.toMatchObject({ status: 400 });
    const index = join(there.indices, `${store.id}.index`);
    expect(existsSync(index)).toBe(true);
    await there.vectors.sweep();
    expect(existsSync(index)).toBe(false);
  });

  test("a server without the index file makes it anew of what the database has", async () => {
    const { client } = await started();
    const { store } = await filled(client);
    await there.vectors.drop(store.id);
    const found = await client.vectorStores.search(store.id, { query: "wolves hunt", max_num_results: 1 });
    expect(found.data[0]).toMatchObject({ filename: "wolves.txt" });
  });

  test("a batch can be cancelled, and what was not begun is not done", async () => {
    const { state, vectors, models: engine } = there;
    const serving = await startStored(state, { engine });
    const { client, key } = await clientOf(state, serving);
    const idle = await startStored(state, { engine, vectors, vectorWork: { files: 0 } });
    const waiting = new OpenAI({ baseURL: `${idle.url}/v1`, apiKey: key, maxRetries: 0 });
    const file = await client.files.create({ file: await files()[0]!, purpose: "assistants" });
    const store = await waiting.vectorStores.create({});
    const batch = await waiting.vectorStores.fileBatches.create(store.id, { file_ids: [file.id] });
    expect(batch).toMatchObject({ status: "in_progress", file_counts: { in_progress: 1, total: 1 } });
    const { response } = await waiting.vectorStores.retrieve(store.id).withResponse();
    expect(response.headers.get("openai-poll-after-ms")).toBe("250");
    const ended = await waiting.vectorStores.fileBatches.cancel(batch.id, { vector_store_id: store.id });
    expect(ended).toMatchObject({ status: "cancelled", file_counts: { cancelled: 1, total: 1 } });
  });

  test("work that is lost is taken up by another", async () => {
    const { client } = await started();
    const store = await client.vectorStores.create({});
    const file = await client.files.create({ file: await files()[0]!, purpose: "assistants" });
    await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id });
    // As a process leaves it that was killed: taken, and never noted as done.
    await there.state.db
      .updateTable("vector_file")
      .set({ status: "in_progress", worker: "gone", fence: 7, lease_until: 1, attempts: 1 })
      .where("store", "=", store.id)
      .execute();
    await vi.waitFor(
      async () => {
        const now = await client.vectorStores.files.retrieve(file.id, { vector_store_id: store.id });
        expect(now.status).toBe("completed");
      },
      { timeout: 10_000, interval: 50 },
    );
    expect((await client.vectorStores.search(store.id, { query: "honey" })).data.length).toBeGreaterThan(0);
  });
});

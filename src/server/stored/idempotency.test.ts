/** `Idempotency-Key` on servers that share a database. */
import { beforeAll, expect, test } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { fakeEngine } from "../../../test/support/fake-engine.ts";
import { createFile } from "../../state/files-node.ts";
import type { State } from "../../state/schema/tables.ts";
import { createServer, type ZerothServer } from "../app.ts";

const request = (path: string, key: string, body: object, signal?: AbortSignal) =>
  new Request(`http://localhost${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
const prompt = (text: string) => ({ model: "fake/decoder", prompt: text });

onEachDatabase((databases) => {
  let state: State;
  beforeAll(async () => {
    state = await databases.open();
  });
  const idOf = async (answer: Response) => ((await answer.json()) as { id: string }).id;

  test("the answer of one is the other's, also while it is made; another request is a 422", async () => {
    const engine = fakeEngine({ wait: 300 });
    const [one, two] = [createServer({ engine, state }), createServer({ engine, state })];
    const ask = (server: ZerothServer, text = "a") => server.fetch(request("/v1/completions", "k", prompt(text)));
    const answers = await Promise.all([ask(one), ask(two), ask(one), ask(two)]);
    const later = await ask(createServer({ engine, state }));
    expect(engine.asks).toHaveLength(1);
    const replayed = [...answers, later].map(({ headers }) => headers.get("idempotency-replayed"));
    expect(replayed.filter((one) => one === null)).toHaveLength(1);
    const requests = [...answers, later].map(({ headers }) => headers.get("x-request-id"));
    expect(new Set(requests).size).toBe(5);
    expect(new Set(await Promise.all([...answers, later].map(idOf))).size).toBe(1);
    const other = await ask(two, "b");
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ error: { code: "idempotency_key_reused" } });
  });

  test("whoever waits for one that fails is answered anew", async () => {
    const gone = new AbortController();
    const engine = fakeEngine({ wait: 300 });
    const [one, two] = [createServer({ engine, state }), createServer({ engine, state })];
    const first = one.fetch(request("/v1/completions", "gone", prompt("a"), gone.signal));
    while (engine.asks.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const second = two.fetch(request("/v1/completions", "gone", prompt("a")));
    setTimeout(() => gone.abort(), 50);
    expect((await second).status).toBe(200);
    expect((await second).headers.get("idempotency-replayed")).toBeNull();
    expect((await first).status).not.toBe(200);
    expect(engine.asks).toHaveLength(2);
  });

  test("a stream is made again, and its key is no other request's", async () => {
    const engine = fakeEngine();
    const server = createServer({ engine, state });
    const ask = (text: string) => server.fetch(request("/v1/completions", "stream", { ...prompt(text), stream: true }));
    const texts = [await (await ask("a")).text(), await (await ask("a")).text()];
    expect(texts.every((text) => text.endsWith("data: [DONE]\n\n"))).toBe(true);
    expect(engine.asks).toHaveLength(2);
    expect((await ask("b")).status).toBe(422);
  });

  test("one batch, however often it is asked for", async () => {
    const [one, two] = [
      createServer({ engine: fakeEngine(), state }),
      createServer({ engine: fakeEngine(), state }),
    ] as const;
    const file = { filename: "f", purpose: "batch", most: 1000 };
    const { id } = await createFile(state, "everybody", file, [new TextEncoder().encode("{}")]);
    const body = { input_file_id: id, endpoint: "/v1/completions", completion_window: "24h" };
    const ask = (server: ZerothServer) => server.fetch(request("/v1/batches", "batch", body));
    const ids = await Promise.all((await Promise.all([ask(one), ask(two), ask(one)])).map(idOf));
    expect(ids[0]).toMatch(/^batch/);
    expect(new Set(ids).size).toBe(1);
  });
});

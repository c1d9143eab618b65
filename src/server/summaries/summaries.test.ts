/** Summaries over a socket, on every database: begun, watched, corrected, exported, deleted. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strFromU8, unzipSync } from "fflate";
import { toFile } from "openai";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { fakeEngine, textOfPrompt } from "../../../test/support/fake-engine.ts";
import { clientOf, startStored } from "../../../test/support/stored-server.ts";
import { bookOfSentences } from "../../../test/support/summaries.ts";
import type { State } from "../../state/schema/tables.ts";
import { openSummaries, type SummaryOptions } from "./summaries-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-summaries-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const script = new URL("../../../dist/node/summary-process-node.js", import.meta.url);
const nano = new URL("../../../models/zeroth-nano", import.meta.url).pathname;

/** The first words of what is asked about, as a sentence. */
const firstWords = (prompt: string) => {
  const text = /<text>\n(?:CHAPTER \d+\s+)?([\s\S]*?)\n<\/text>/.exec(prompt)?.[1] ?? prompt;
  return `${text.replace(/\s+/g, " ").split(" ").slice(0, 6).join(" ").replace(/\.$/, "")}.`;
};

const order = { leaf_tokens: 200, limits: [40, 60, 80] };

onEachDatabase((databases) => {
  let state: State;
  beforeAll(async () => {
    state = await databases.open();
  });

  async function begin(answer = firstWords, more: Partial<SummaryOptions> & { readonly delay?: number } = {}) {
    const { delay = 0, ...rest } = more;
    const engine = fakeEngine({ answer: ({ prompt }) => answer(textOfPrompt(prompt)), delay });
    const home = join(folder, databases.kind);
    const summaries = openSummaries(state, engine, { home, pathOf: () => nano, script, look: 0.2, ...rest });
    const serving = await startStored(state, { engine, summaries });
    const { key, client } = await clientOf(state, serving);
    const call = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
      const response = await fetch(`${serving.url}/v1/summaries${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
    };
    const settled = (id: string, status: string) =>
      vi.waitFor(
        async () => {
          const job = (await call("GET", `/${id}`)).json();
          if (job.status === "failed" && status !== "failed") expect(job.error).toBeNull();
          expect(job.status).toBe(status);
          return job;
        },
        { timeout: 60_000, interval: 100 },
      );
    return { engine, client, call, settled, home };
  }

  test("a book in a file: estimated, begun, told as it grows, traced to its words, exported, deleted", async () => {
    const { client, call, settled, home } = await begin();
    const file = await client.files.create({
      file: await toFile(Buffer.from(bookOfSentences), "../../book.md"),
      purpose: "user_data",
    });
    const asked = { model: "lead", file_id: file.id, ...order };
    const estimate = (await call("POST", "/estimate", asked)).json();
    expect(estimate).toMatchObject({ object: "summary.estimate", model: "lead", seconds: 0 });
    const begun = (await call("POST", "", asked)).json();
    expect(begun).toMatchObject({ object: "summary", status: "queued", model: "lead", summary: null });
    const done = await settled(begun.id, "completed");
    expect(done).toMatchObject({ unsupported: 0, error: null, progress: { calls: estimate.calls } });
    expect(done.estimate.calls).toBe(estimate.calls);
    expect(done.progress.done).toBe(done.progress.total);
    expect(readdirSync(join(home, "summaries"))).toEqual([]);

    const { nodes } = (await call("GET", `/${begun.id}/tree`)).json();
    expect(nodes).toHaveLength(estimate.calls);
    const root = nodes.at(-1);
    expect(root).toMatchObject({ parent: null, depth: 0, state: "done", text: done.summary, unsupported: 0 });
    const { text: book } = (await call("GET", `/${begun.id}/text`)).json();
    expect(book).toBe(bookOfSentences);
    const { sentences } = (await call("GET", `/${begun.id}/nodes/${root.id}`)).json();
    const trace = (await call("GET", `/${begun.id}/trace?sentence=1`)).json().data;
    expect(trace).toHaveLength(1);
    const [first] = trace[0].spans;
    expect(first).toMatchObject({ start: sentences[0].sources[0].start, heading: "CHAPTER 1" });
    expect(book.slice(first.start, first.end)).toBe(first.text);
    expect(trace[0].text).toContain(first.text.slice(0, 20));

    // What was told, whole and behind a place.
    const events = (text: string) => [...text.matchAll(/^id: (\d+)\nevent: (\S+)\ndata: (.*)$/gm)];
    const all = events((await call("GET", `/${begun.id}/events`)).text);
    expect(all.filter(([, , type]) => type === "summary.node")).toHaveLength(nodes.length);
    expect(JSON.parse(all.at(-1)![3]!)).toMatchObject({ type: "summary.status", status: "completed" });
    const rest = events((await call("GET", `/${begun.id}/events`, undefined, { "last-event-id": all[4]![1]! })).text);
    expect(rest.map(([, id]) => id)).toEqual(all.slice(5).map(([, id]) => id));
    const wrong = await call("GET", `/${begun.id}/events`, undefined, { "last-event-id": "1; drop" });
    expect(wrong.status).toBe(400);

    for (const [format, begins] of [
      ["md", "# "],
      ["html", "<!doctype html>"],
      ["json", "{"],
    ]) {
      const got = await call("GET", `/${begun.id}/export?format=${format}`);
      expect(got.text.startsWith(begins!), format).toBe(true);
    }
    const epub = await fetchBytes(client.baseURL, client.apiKey!, `/summaries/${begun.id}/export?format=epub`);
    expect(strFromU8(unzipSync(epub).mimetype!)).toBe("application/epub+zip");

    expect((await call("DELETE", `/${begun.id}`)).json()).toMatchObject({ deleted: true });
    expect((await call("GET", `/${begun.id}`)).status).toBe(404);
    expect(await client.files.retrieve(file.id)).toMatchObject({ id: file.id });
    expect(await state.db.selectFrom("summary_row").select("seq").execute()).toEqual([]);
  });

  test("a model of the engine is asked many things at once; a corrected leaf costs the height of the tree", async () => {
    const { engine, call, settled } = await begin();
    const text = { text: bookOfSentences, filename: "book.txt", model: "fake/decoder", ...order, leaf_tokens: 120 };
    expect((await call("POST", "/estimate", text)).json().seconds).toBeNull();
    const { id } = (await call("POST", "", text)).json();
    const done = await settled(id, "completed");
    const total = done.progress.total;
    expect(engine.asks).toHaveLength(total);
    expect(engine.asks.every(({ prompt }) => "messages" in prompt)).toBe(true);
    expect(done.options).toMatchObject({ leafTokens: 120 });
    expect((await call("POST", "/estimate", text)).json().seconds).toBeGreaterThan(0);
    const { nodes } = (await call("GET", `/${id}/tree`)).json();
    const height = nodes.at(-1).height;
    expect(height).toBe(2);

    await call("POST", `/${id}/nodes/h0.0`, { text: "Nobody found the first lamp." });
    await settled(id, "completed");
    expect(engine.asks).toHaveLength(total + height);
    const after = (await call("GET", `/${id}/tree`)).json().nodes;
    const changed = after.filter((node: { text: string }, i: number) => node.text !== nodes[i].text);
    expect(changed.map((node: { id: string }) => node.id)).toEqual(["h0.0", "h1.0", nodes.at(-1).id]);
    expect(after[0]).toMatchObject({ state: "edited", by: "human", text: "Nobody found the first lamp." });

    await call("POST", `/${id}/nodes/h0.0/revert`, {});
    await settled(id, "completed");
    // The old answers are there.
    expect(engine.asks).toHaveLength(total + height);
    expect((await call("GET", `/${id}/tree`)).json().nodes).toEqual(nodes);
    expect((await call("POST", `/${id}/nodes/h0.0/revert`, {})).status).toBe(400);
    await call("POST", `/${id}/nodes/h0.1/redo`, {});
    await settled(id, "completed");
    expect(engine.asks).toHaveLength(total + height + 1);
  });

  test("a summary is paused, goes on with exactly what is missing, and is cancelled", async () => {
    const { engine, call, settled } = await begin(firstWords, { delay: 2 });
    const { id } = (await call("POST", "", { text: bookOfSentences, model: "fake/decoder", ...order })).json();
    await vi.waitFor(async () => expect((await call("GET", `/${id}`)).json().progress.done).toBeGreaterThan(2), {
      timeout: 60_000,
      interval: 20,
    });
    expect((await call("POST", `/${id}/pause`)).json().status).toBe("paused");
    await vi.waitFor(() => expect(engine.counts.running).toBe(0), { timeout: 10_000 });
    const rows = await state.db
      .selectFrom("summary_row")
      .select("name")
      .where("summary", "=", id)
      .where("kind", "=", "object")
      .execute();
    const [kept, asked] = [rows.length, engine.asks.length];
    await call("POST", `/${id}/resume`);
    const done = await settled(id, "completed");
    expect(engine.asks.length - asked).toBe(done.progress.total - kept);
    expect((await call("POST", `/${id}/cancel`)).status).toBe(400);
    const second = (
      await call("POST", "", { text: bookOfSentences, model: "fake/decoder", ...order, max_calls: 2 })
    ).json();
    const held = await settled(second.id, "paused");
    expect(held.error).toMatchObject({ code: "check_failed" });
    expect((await call("POST", `/${second.id}/cancel`)).json().status).toBe("cancelled");
    expect((await call("POST", `/${second.id}/resume`)).status).toBe(400);
  });

  test("what cannot be: by whom, of what, and what stands nowhere", async () => {
    const { call, settled } = await begin(firstWords, { waiting: 1, most: 1 });
    expect((await call("POST", "", { model: "lead" })).json().error.param).toBe("file_id");
    expect((await call("POST", "", { model: "lead", file_id: "../../etc/passwd" })).status).toBe(404);
    expect((await call("POST", "", { model: "fake/vectors", text: "A." })).json().error.param).toBe("model");
    expect((await call("POST", "", { model: "nobody", text: "A." })).status).toBe(404);
    expect((await call("POST", "/estimate", { model: "lead", text: " \n " })).json().error.message).toMatch(/no text/);
    const { id } = (await call("POST", "", { model: "lead", text: "Some words.", filename: "a.docx" })).json();
    expect((await settled(id, "failed")).error).toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/docx/),
    });
    const good = (await call("POST", "", { model: "lead", text: "One lamp. Two lamps.", until: "nowhere" })).json();
    expect((await settled(good.id, "failed")).error.message).toMatch(/no heading/);
    for (const path of ["/sum_0", "/..%2f..%2fkeys", `/${id}/nodes/..%2f..%2fx`, `/${id}/nodes/__proto__`])
      expect((await call("GET", path)).status, path).toBe(404);
    expect((await call("GET", `/${id}/text`)).status).toBe(409);
    // Of somebody else.
    const other = await begin();
    expect((await other.call("GET", `/${id}`)).status).toBe(404);
    expect((await other.call("DELETE", `/${id}`)).status).toBe(404);
    expect((await other.call("GET", "")).json().data).toEqual([]);
  });
});

async function fetchBytes(base: string, key: string, path: string): Promise<Uint8Array> {
  const response = await fetch(`${base}${path}`, { headers: { authorization: `Bearer ${key}` } });
  return new Uint8Array(await response.arrayBuffer());
}

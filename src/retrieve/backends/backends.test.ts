import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, failureOf } from "../../../test/support/failure.ts";
import type { IndexSettings } from "../settings.ts";
import type { ExportedChunk } from "../transfer/export-node.ts";
import { groupsOf } from "./backend.ts";
import { postgresBackend } from "./postgres-node.ts";
import { openQdrant } from "./qdrant-node.ts";

const index: IndexSettings = {
  model: { name: "m", fingerprint: "f", width: 2, metric: "cosine", documentPrompt: "", queryPrompt: "" },
  ...{ chunk: 8, overlap: 0, stemming: "none" },
};
const chunk = (document: string, number: number, embedding: readonly number[]): ExportedChunk => ({
  ...{ document, chunk: number, text: `${document} ${number}`, start: 0, end: 3, title: document, kind: "text" },
  ...{ modified: 1, hash: "h", index, embedding, heading: ["A", "B"] },
});

/** What Qdrant does of its interface with these questions, in memory. */
function standIn() {
  const collections = new Map<
    string,
    { vectors: object; points: Map<string, { vector: number[]; payload: Record<string, unknown> }> }
  >();
  const cosine = (a: number[], b: number[]) =>
    a.reduce((sum, x, i) => sum + x * b[i]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
  const answer = (method: string, path: string, body: Record<string, never>): unknown => {
    const [, , name, ...rest] = path.split("/");
    const collection = collections.get(name!);
    const what = `${method} ${rest.join("/")}`;
    if (what === "GET exists") return { exists: collection !== undefined };
    if (what === "PUT ")
      return (
        collections.set(name!, { vectors: (body as unknown as { vectors: object }).vectors, points: new Map() }) && true
      );
    if (!collection) return undefined;
    const fits = (payload: Record<string, unknown>) => {
      const { filter } = body as { filter?: { must: { match: { any: string[] } }[] } };
      return !filter || filter.must.every(({ match }) => match.any.includes(payload.document as string));
    };
    switch (what) {
      case "GET ":
        return { config: { params: { vectors: collection.vectors } } };
      case "PUT index":
        return {};
      case "PUT points":
        for (const { id, ...point } of (
          body as unknown as { points: { id: string; vector: number[]; payload: Record<string, unknown> }[] }
        ).points)
          collection.points.set(id, point);
        return {};
      case "POST points/delete":
        for (const [id, { payload }] of collection.points) if (fits(payload)) collection.points.delete(id);
        return {};
      case "POST points/count":
        return { count: collection.points.size };
      case "POST points/query": {
        const { query, limit } = body as unknown as { query: number[]; limit: number };
        const points = [...collection.points].filter(([, { payload }]) => fits(payload));
        const scored = points.map(([id, { vector, payload }]) => ({
          id,
          version: 1,
          score: cosine(query, vector),
          payload,
        }));
        return { points: scored.sort((a, b) => b.score - a.score).slice(0, limit) };
      }
    }
    return undefined;
  };
  return createServer((request, response) => {
    let text = "";
    request.on("data", (data) => {
      text += data;
    });
    request.on("end", () => {
      const { pathname } = new URL(request.url!, "http://x");
      const result = answer(request.method!, pathname, text === "" ? {} : JSON.parse(text));
      response.writeHead(result === undefined ? 404 : 200, { "content-type": "application/json" });
      response.end(
        JSON.stringify(result === undefined ? { status: { error: "not found" } } : { result, status: "ok", time: 0 }),
      );
    });
  });
}

describe("Qdrant", () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = standIn();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it("takes chunks, gives the nearest, and lets documents go", async () => {
    await using backend = await openQdrant(url, "notes");
    expect(await backend.upsert([chunk("a", 0, [1, 0]), chunk("a", 1, [0, 1]), chunk("b", 0, [1, 1])])).toBe(3);
    await backend.upsert([chunk("a", 0, [1, 0.1])]);
    expect(await backend.stats()).toEqual({ chunks: 3 });
    const [first, second] = await backend.query({ dense: Float32Array.of(1, 0), k: 2 });
    expect(first).toEqual({
      ...{ document: "a", chunk: 0, text: "a 0", start: 0, end: 3, title: "a", heading: "A > B" },
      score: expect.closeTo(1 / Math.hypot(1, 0.1), 6),
    });
    expect(second).toMatchObject({ document: "b" });
    expect(await backend.query({ dense: Float32Array.of(1, 0), k: 9, document: "b" })).toHaveLength(1);
    await backend.delete(["a"]);
    expect(await backend.stats()).toEqual({ chunks: 1 });
    expect((await failureOf(backend.query({ text: "x", k: 1 }))).code).toBe("unsupported");
    const wide = { ...chunk("c", 0, [1, 2, 3]), index: { ...index, model: { ...index.model!, width: 3 } } };
    expect((await failureOf(backend.upsert([wide]))).message).toMatch(
      /holds vectors of 2 numbers \(Cosine\), these have 3/,
    );
    const { embedding: _, ...bare } = chunk("d", 0, []);
    expect((await failureOf(backend.upsert([bare]))).code).toBe("bad_input");
  });

  it("that does not answer is named", async () => {
    const backend = await openQdrant("http://127.0.0.1:9", "notes");
    expect(await failureOf(backend.stats())).toMatchObject({ code: "storage_failed", where: "http://127.0.0.1:9" });
    expect((await failureOf((await openQdrant(url, "none")).stats())).message).toMatch(/Qdrant does not do it/);
  });
});

describe("PostgreSQL", () => {
  it("without pgvector says what is missing, and names of tables are no statements", async () => {
    const backend = postgresBackend(async (text) => {
      if (/extension/.test(text)) throw new Error('extension "vector" is not available');
      return { rows: [] };
    }, "notes");
    expect(await failureOf(backend.upsert([chunk("a", 0, [1, 0])]))).toMatchObject({
      code: "unsupported",
      hint: expect.stringMatching(/pgvector/),
    });
    expect(failure(() => postgresBackend(async () => ({ rows: [] }), "x; drop table y")).code).toBe("wrong_use");
  });
});

it("groups are whole", () => {
  expect([...groupsOf([1, 2, 3, 4, 5], 2)]).toEqual([[1, 2], [3, 4], [5]]);
  expect([...groupsOf([], 2)]).toEqual([]);
});

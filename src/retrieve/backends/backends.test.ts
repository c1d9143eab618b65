import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { vectorServer } from "../../../test/support/databases.ts";
import { failure, failureOf } from "../../../test/support/failure.ts";
import { qdrantStandIn } from "../../../test/support/qdrant.ts";
import { randomAt } from "../../base/rng.ts";
import type { IndexSettings } from "../settings.ts";
import type { ExportedChunk } from "../transfer/export-node.ts";
import { groupsOf } from "./backend.ts";
import { openPostgres, postgresBackend } from "./postgres-node.ts";
import { openQdrant } from "./qdrant-node.ts";

const index: IndexSettings = {
  model: { name: "m", fingerprint: "f", width: 2, metric: "cosine", documentPrompt: "", queryPrompt: "" },
  ...{ chunk: 8, overlap: 0, stemming: "none" },
};
const chunk = (document: string, number: number, embedding: readonly number[]): ExportedChunk => ({
  ...{ document, chunk: number, text: `${document} ${number}`, start: 0, end: 3, title: document, kind: "text" },
  ...{ modified: 1, hash: "h", index, embedding, heading: ["A", "B"] },
});

describe("Qdrant", () => {
  const server = qdrantStandIn();

  it("takes chunks, gives the nearest, and lets documents go", async () => {
    await using backend = await openQdrant(server.url(), "notes");
    expect(await backend.upsert([chunk("a", 0, [1, 0]), chunk("a", 1, [0, 1]), chunk("b", 0, [1, 1])])).toBe(3);
    await backend.upsert([chunk("a", 0, [1, 0.1])]);
    expect(await backend.stats()).toEqual({ chunks: 3, model: "f" });
    const [first, second] = await backend.query({ dense: Float32Array.of(1, 0), k: 2 });
    expect(first).toEqual({
      ...{ document: "a", chunk: 0, text: "a 0", start: 0, end: 3, title: "a", heading: "A > B", hash: "h" },
      score: expect.closeTo(1 / Math.hypot(1, 0.1), 6),
    });
    expect(second).toMatchObject({ document: "b" });
    expect(await backend.query({ dense: Float32Array.of(1, 0), k: 9, document: "b" })).toHaveLength(1);
    await backend.delete(["a"]);
    expect(await backend.stats()).toEqual({ chunks: 1, model: "f" });
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
    expect((await failureOf((await openQdrant(server.url(), "none")).stats())).message).toMatch(
      /Qdrant does not do it/,
    );
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

const start = vectorServer();

// Where PostgreSQL's programs and pgvector are installed.
describe.skipIf(!start)("PostgreSQL with pgvector", () => {
  let server: Awaited<ReturnType<NonNullable<typeof start>>>;
  beforeAll(async () => {
    server = await start!();
  });
  afterAll(() => server.stop());

  it.each(["cosine", "dot", "euclidean"] as const)(
    "%s: as many of the nearest as are asked for, of one document too",
    async (metric) => {
      await using backend = await openPostgres(server.fresh(), "notes");
      const random = randomAt(1, 2, 3);
      const count = 1500;
      const vectors = Array.from({ length: count }, () => Array.from({ length: 8 }, () => random.next() - 0.5));
      const wide = { ...index, model: { ...index.model!, width: 8, metric } };
      const all = vectors.map((vector, i) => ({ ...chunk(`d${i % 10}`, i, vector), index: wide }));
      expect(await backend.upsert(all)).toBe(count);
      const [asked] = vectors as [number[]];
      const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
      const norm = (a: readonly number[]) => Math.hypot(...a);
      const score = (v: readonly number[]) =>
        ({
          cosine: dot(v, asked) / norm(v) / norm(asked),
          dot: dot(v, asked),
          euclidean: -norm(v.map((x, i) => x - asked[i]!)),
        })[metric];
      for (const [k, document] of [
        [5, undefined],
        [100, undefined],
        [600, undefined],
        [120, "d3"],
      ] as const) {
        const hits = await backend.query({ dense: Float32Array.from(asked), k, document });
        const known = all
          .flatMap(({ document: name, chunk: place, embedding }) =>
            document === undefined || name === document ? [{ place, score: score(embedding!) }] : [],
          )
          .sort((a, b) => b.score - a.score)
          .slice(0, k);
        expect(hits).toHaveLength(k);
        const found = new Set(hits.map(({ chunk: place }) => place));
        // The graph may miss a few.
        expect(known.filter(({ place }) => found.has(place)).length).toBeGreaterThan(0.95 * k);
        expect(hits[0]!.score).toBeCloseTo(known[0]!.score, 5);
      }
    },
  );

  it("takes any text, another time too, and lets documents go", async () => {
    await using backend = await openPostgres(server.fresh(), "notes");
    const odd = `it's "odd" \\ $1 \0 ü`;
    await backend.upsert([{ ...chunk(odd, 0, [1, 0]), text: odd, heading: [odd] }, chunk("b", 0, [0, 1])]);
    await backend.upsert([chunk("b", 0, [1, 1])]);
    expect(await backend.stats()).toEqual({ chunks: 2, model: "f" });
    const [hit] = await backend.query({ text: "odd words", k: 3 });
    expect(hit).toMatchObject({ document: odd.replace("\0", "\ufffd"), heading: odd.replace("\0", "\ufffd") });
    expect(await backend.query({ dense: Float32Array.of(1, 0), k: 9, document: odd })).toHaveLength(1);
    const other = { ...index, model: { ...index.model!, width: 3 } };
    expect((await failureOf(backend.upsert([{ ...chunk("c", 0, [1, 2, 3]), index: other }]))).message).toMatch(
      /holds vector\(2\), these are vector\(3\)/,
    );
    await backend.delete([odd]);
    expect(await backend.stats()).toEqual({ chunks: 1, model: "f" });
    expect(await failureOf(backend.query({ dense: Float32Array.of(1, 0, 0), k: 1 }))).toMatchObject({
      code: "storage_failed",
    });
    expect(await backend.query({ dense: Float32Array.of(1, 0), k: 1 })).toHaveLength(1);
  });
});

it("groups are whole", () => {
  expect([...groupsOf([1, 2, 3, 4, 5], 2)]).toEqual([[1, 2], [3, 4], [5]]);
  expect([...groupsOf([], 2)]).toEqual([]);
});

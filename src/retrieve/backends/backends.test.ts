import { describe, expect, it } from "vitest";
import { failure, failureOf } from "../../../test/support/failure.ts";
import { qdrantStandIn } from "../../../test/support/qdrant.ts";
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

it("groups are whole", () => {
  expect([...groupsOf([1, 2, 3, 4, 5], 2)]).toEqual([[1, 2], [3, 4], [5]]);
  expect([...groupsOf([], 2)]).toEqual([]);
});

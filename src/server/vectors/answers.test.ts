/** Answers from vector stores and the ranking of their passages over a socket, on every database. */
import { describe, expect, test, vi } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { vectorServers } from "../../../test/support/vector-stores.ts";

onEachDatabase((databases) => {
  const there = vectorServers(databases);
  const { started, filled } = there;

  describe("/v1/ask", () => {
    test("answers with the place of what it rests on", async () => {
      const { client, post } = await started();
      const { store } = await filled(client, "");
      there.said = "The queen lives in a hive. The moon eats honey with spoons.";
      const ask = { question: "where lives the queen", vector_store_ids: [store.id], model: "fake/decoder" };
      const answer = (await (await post("/v1/ask", ask)).json()) as {
        text: string;
        found: boolean;
        sentences: { supported: boolean; text: string }[];
        citations: { sentence: number; file_id: string; filename: string; quote: string; start: number; end: number }[];
        passages: object[];
      };
      expect(answer).toMatchObject({ object: "answer", found: true, text: there.said, model: "fake/decoder" });
      expect(answer.sentences.map(({ supported }) => supported)).toEqual([true, false]);
      expect(answer.citations).toHaveLength(1);
      const [citation] = answer.citations;
      expect(citation).toMatchObject({ sentence: 1, filename: "bees.md", quote: "The queen lives in a hive." });
      const stored = await client.vectorStores.files.content(citation!.file_id, { vector_store_id: store.id });
      expect(stored.data[0]!.text!.slice(citation!.start, citation!.end)).toBe(citation!.quote);
    });

    test("says that it is not in the documents", async () => {
      const { client, post } = await started();
      const { store } = await filled(client, "");
      const ask = { question: "where lives the queen", vector_store_ids: [store.id], model: "fake/decoder" };
      for (const text of ["Not in the documents.", "She was born in Paris in 1850."]) {
        there.said = text;
        expect(await (await post("/v1/ask", ask)).json()).toMatchObject({ found: false, citations: [] });
      }
    });

    test("streams passages, text, and the whole", async () => {
      const { client, post } = await started();
      const { store } = await filled(client);
      there.said = "The queen lives in a hive.";
      const embed = vi.spyOn(there.models, "embed");
      const ask = {
        question: "where lives the queen",
        vector_store_ids: [store.id],
        model: "fake/decoder",
        stream: true,
      };
      const text = await (await post("/v1/ask", ask)).text();
      const events = text
        .split("\n\n")
        .filter((part) => part !== "")
        .map((part) => {
          const [, name, data] = /^event: (\S+)\ndata: (.*)$/s.exec(part)!;
          return { name, data: JSON.parse(data!) as { type: string; delta?: string; answer?: { found: boolean } } };
        });
      expect(events[0]!.name).toBe("answer.passages");
      expect(events.every(({ name, data }) => name === data.type)).toBe(true);
      expect(events.map(({ data }) => data.delta ?? "").join("")).toBe(there.said);
      // The store has a model: what was written is compared by sense, too.
      expect(embed.mock.calls.some(([{ inputs }]) => inputs.includes(there.said))).toBe(true);
      expect(events.at(-1)!.data).toMatchObject({
        type: "answer.completed",
        answer: { found: true, text: there.said },
      });
    });

    test("without a model the answer is a sentence of the documents", async () => {
      const { client, post } = await started();
      const { store } = await filled(client, "");
      const ask = { question: "where does the queen live, in a hive?", vector_store_ids: [store.id] };
      const answer = await (await post("/v1/ask", ask)).json();
      expect(answer).toMatchObject({ found: true, text: "The queen lives in a hive.", model: null });
    });
  });

  test("/v1/rerank orders documents by a model", async () => {
    const { post } = await started();
    const ask = {
      model: "ranker",
      query: "who make honey",
      documents: ["wolves hunt", { text: "bees make honey" }, "moon"],
    };
    const answer = (await (await post("/v1/rerank", { ...ask, top_n: 2, return_documents: true })).json()) as {
      results: { index: number; relevance_score: number; document: { text: string } }[];
    };
    expect(answer.results).toHaveLength(2);
    const [first, second] = answer.results;
    expect(first!.relevance_score).toBeGreaterThanOrEqual(second!.relevance_score);
    expect(first!.document.text).toBe(["wolves hunt", "bees make honey", "moon"][first!.index]);
    const refused = await post("/v1/rerank", { ...ask, model: "small" });
    expect(refused.status).toBe(400);
  });

  test("a ranker orders the hits of a search", async () => {
    const { client } = await started();
    const { store } = await filled(client);
    const found = await client.vectorStores.search(store.id, {
      query: "who make honey",
      ranking_options: { ranker: "ranker" as never },
    });
    const scores = found.data.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(scores.length).toBeGreaterThan(1);
  });
});

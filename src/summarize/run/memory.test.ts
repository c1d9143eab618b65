import { expect, test } from "vitest";
import { bookOfSentences, calledWriter, smallOptions } from "../../../test/support/summaries.ts";
import { exported } from "../export/export.ts";
import { memoryStore, type RunRow } from "./memory.ts";
import { planDocument } from "./plan.ts";
import { begin, resume } from "./run.ts";
import { type ShownNode, shownNode, shownSources } from "./shown.ts";
import { stateOf, viewOf } from "./state.ts";

const document = { text: bookOfSentences, headings: [], stretches: [], kind: "text" } as never;
const from = { name: "book.txt", path: "book.txt", sha256: "0".repeat(64) };

async function run(rows: RunRow[], signal?: AbortSignal, after = Number.POSITIVE_INFINITY, stop = () => {}) {
  const writer = calledWriter({ concurrency: 1 });
  const store = memoryStore({
    where: "test",
    rows: [...rows],
    async write(row) {
      rows.push(row);
      if (rows.length === after) stop();
    },
  });
  const shown: ShownNode[] = [];
  const options = { writer, signal, events: { shown: (node: ShownNode) => void shown.push(node) } };
  const planned = planDocument(document, writer, { ...smallOptions, where: "book.txt" });
  const work = store.has()
    ? resume(store, options)
    : begin(store, { ...options, planned, from, source: { model: "test" } });
  return { store, writer, shown, ended: await work.catch((error: unknown) => error) };
}

test("a run of rows goes on after any of them with exactly the calls that are missing, and ends the same", async () => {
  const whole = await run([]);
  const all = exported(stateOf(whole.store), "json");
  for (const after of [2, 3, 9, 20]) {
    const rows: RunRow[] = [];
    const stop = new AbortController();
    const first = await run(rows, stop.signal, after, () => stop.abort());
    expect(first.ended).toMatchObject({ code: "interrupted" });
    // What was kept by then: the first life may end a call more than it was stopped at.
    const kept = rows.filter(({ kind }) => kind === "object").length;
    const second = await run(rows);
    expect(second.writer.asked).toHaveLength(whole.writer.asked.length - kept);
    expect(exported(stateOf(second.store), "json")).toBe(all);
  }
});

test("an answer that is damaged is asked for again, and said", async () => {
  const rows: RunRow[] = [];
  await run(rows);
  const at = rows.findIndex(({ kind }) => kind === "object");
  rows[at] = { ...rows[at]!, data: rows[at]!.data.replace("found", "lost!") };
  const again = await run(rows);
  expect(again.writer.asked).toHaveLength(1);
  expect(again.ended).toMatchObject({ warnings: [expect.stringMatching(/damaged/)] });
});

test("nodes that are shown as they are made say what the whole run says, down to the book", async () => {
  const { store, shown } = await run([]);
  const state = stateOf(store);
  const { nodes, provenance } = viewOf(state);
  const byId = new Map(shown.map((node) => [node.id, node]));
  expect([...byId.values()].sort((a, b) => a.id.localeCompare(b.id))).toEqual(
    nodes.map((one) => shownNode(state, one, provenance)).sort((a, b) => a.id.localeCompare(b.id)),
  );
  for (const { node } of nodes) {
    provenance.sentences(node.id).forEach((_, i) => {
      const places = shownSources((id) => byId.get(id), node.id, i);
      expect(places.map(({ start, end }) => [start, end]).sort()).toEqual(
        provenance
          .sources(node.id, i)
          .map(({ span }) => [span.start, span.end])
          .sort(),
      );
    });
  }
});

/** Several answers a node: which is kept, that a stopped run goes on with the same ones, and what is there to choose among. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Scorer } from "../../text/best-of.ts";
import { resumeRun, startRun } from "../run/run-node.ts";
import { readState } from "../run/state-node.ts";
import { approximateTokens, ruleWriter } from "../writers/rules.ts";
import type { Writer } from "../writers/writer.ts";
import { bestWriter } from "./best-writer.ts";
import { choicesOf } from "./choices.ts";

const root = new URL("../../../test/.tmp/", import.meta.url).pathname;
mkdirSync(root, { recursive: true });
const home = mkdtempSync(join(root, "choose-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const path = join(home, "book.txt");
writeFileSync(
  path,
  Array.from({ length: 40 }, (_, i) => `The keeper found lamp number ${i} under the stair and lit it.`).join("\n\n"),
);
const options = { leafTokens: 80, limits: [40, 60, 80] as [number, number, number], context: "subtree" as const };

/** A writer whose answers follow from the seed. */
const drawing = (called: number[]): Writer => ({
  ...ruleWriter("lead"),
  ...{ identity: { kind: "test" }, name: "test", style: "chat", window: 1200, encoderDecoder: false, concurrency: 3 },
  async write(asked, { seed }) {
    called.push(seed);
    const text = `Answer ${seed % 97} to ${asked.text.length}.`;
    return { text, cut: false, inTokens: approximateTokens(asked.text), outTokens: 5 };
  },
});
/** Likes large numbers. */
const scorer: Scorer = {
  identity: { kind: "large" },
  score: async (_, answers) => answers.map((text) => Number(/\d+/.exec(text)![0])),
};
const source = { model: "test" };
const journal = (folder: string) => readFileSync(join(folder, "journal.jsonl"), "utf8").replace(/"ms":\d+/g, "");

test("the best of four is kept with all four, and a run that was stopped goes on with the same choices", async () => {
  const calls: number[] = [];
  const whole = join(home, "whole");
  const writer = bestWriter(drawing(calls), { n: 4, scorer });
  const { nodes, calls: counted } = await startRun({ path, folder: whole, writer, options, source });
  expect(calls).toHaveLength(4 * counted);
  expect(counted).toBe(nodes);
  for (const { made, text } of readState(whole).known.values()) {
    const { drawn } = made!.candidates[0]!;
    expect(drawn).toHaveLength(4);
    expect(drawn!.find((one) => one.text === text)!.reward).toBe(Math.max(...drawn!.map(({ reward }) => reward!)));
  }
  const parts = join(home, "parts");
  const first = startRun({ path, folder: parts, writer, options, source, budget: { maxCalls: 3 } });
  await expect(first).rejects.toThrow("the budget of 3 calls");
  const before = calls.length;
  const done = readState(parts).known.size;
  await resumeRun(parts, { writer });
  expect(calls.length - before).toBe(4 * (nodes - done));
  const sorted = (folder: string) => journal(folder).split("\n").sort();
  expect(sorted(parts)).toEqual(sorted(whole));
});

test("another reward model is another run, and an answer without words is never the best", async () => {
  const writer = bestWriter(drawing([]), { n: 2, scorer });
  const folder = join(home, "other");
  await startRun({ path, folder, writer, options, source });
  const other = bestWriter(drawing([]), { n: 2, scorer: { ...scorer, identity: { kind: "small" } } });
  await expect(resumeRun(folder, { writer: other })).rejects.toThrow("reward was");
  const silent: Writer = {
    ...drawing([]),
    write: async (_, { seed }) => ({ text: seed % 2 ? "…" : "It is said.", cut: false, inTokens: 1, outTokens: 1 }),
  };
  const loving = {
    identity: {},
    score: async (_: string, texts: readonly string[]) => texts.map((text) => -text.length),
  };
  const asked = { text: "t", context: [], composed: false, words: 5 };
  const write = { limit: 10, attempt: 0, signal: new AbortController().signal };
  const { text } = await bestWriter(silent, { n: 8, scorer: loving }).write(asked, { ...write, seed: 3 });
  expect(text).toBe("It is said.");
  expect(() => bestWriter(silent, { n: 65 })).toThrow("best of 65");
});

test("without a reward model the first is kept, and all of them are there to choose among", async () => {
  const folder = join(home, "first");
  await startRun({ path, folder, writer: bestWriter(drawing([]), { n: 3 }), options, source });
  const state = readState(folder);
  const choices = choicesOf([state]);
  expect(choices).toHaveLength(state.tree.nodes.length);
  for (const { node, candidates, prompt, text, chat } of choices) {
    expect(candidates).toHaveLength(3);
    expect(candidates[0]!.text).toBe(state.known.get(node.id)!.text);
    expect(prompt).toContain(text);
    expect(chat).toBe(true);
  }
  expect(choices.find(({ context }) => context.length > 0)!.prompt).toContain("What happened before");
});

test("two runs of one book: nodes whose text is the same, each run's own summary once", async () => {
  const [lead, other] = [join(home, "lead"), join(home, "extractive")];
  const saying = (name: string): Writer => ({
    ...drawing([]),
    identity: { kind: name },
    write: async ({ text }) => ({ text: `${name} of ${text.length}.`, cut: false, inTokens: 1, outTokens: 1 }),
  });
  for (const [folder, name] of [
    [lead, "lead"],
    [other, "extractive"],
  ] as const) {
    await startRun({ path, folder, writer: saying(name), options, source: { model: name } });
  }
  const states = [readState(lead), readState(other)];
  const choices = choicesOf(states);
  expect(choices.length).toBeGreaterThan(2);
  for (const { node, candidates } of choices) {
    expect(node.height).toBe(0);
    expect(candidates.map(({ model }) => model)).toEqual(["lead", "extractive"]);
    expect(candidates[0]!.text).not.toBe(candidates[1]!.text);
  }
  expect(choicesOf([states[0]!])).toEqual([]);
});

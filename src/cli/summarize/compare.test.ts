import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, expect, test } from "vitest";
import { readComparisons } from "../../prefer/data/read-node.ts";
import type { Choice } from "../../summarize/choose/choices.ts";
import type { Output } from "../output.ts";
import { answersOf, askAll } from "./compare.ts";

const root = new URL("../../../test/.tmp/", import.meta.url).pathname;
mkdirSync(root, { recursive: true });
const home = mkdtempSync(join(root, "compare-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const choices = Array.from({ length: 8 }, (_, i): Choice => {
  const node = { id: `h0.${i}`, height: 0, depth: 0, index: i, span: { start: 0, end: 1 }, children: [] };
  const candidates = ["good", "bad"].map((text) => ({ text: `${text} ${i}`, model: text }));
  return { book: "B", node, text: `Text ${i}.`, context: i ? ["Before."] : [], prompt: "P", chat: true, candidates };
});

function screen() {
  const said: string[] = [];
  const output = {
    ...{ json: false, terminal: false, bold: (text: string) => text, dim: (text: string) => text },
    ...{ answer() {}, progress() {}, row() {} },
    text: (text: string) => void said.push(text),
    say: (text: string) => void said.push(text),
  } as unknown as Output;
  return { said, output };
}
const spoken = (...list: string[]) => ({ next: async () => list.shift() });

test("choices are blind, written after each key, and gone on with where they ended", async () => {
  const file = join(home, "choices.jsonl");
  const { said, output } = screen();
  const o = { file, seed: 7, worker: "w", now: () => 1000 };
  expect(await askAll(choices, spoken("x", "a", "B", "t", "q"), o, output)).toEqual({ made: 3, left: 5 });
  expect(said.join("")).not.toMatch(/model/);
  const rows = readComparisons(file).rows;
  expect(rows.map(({ choice }) => choice)).toEqual([0, 1, "tie"]);
  expect(rows[1]).toMatchObject({
    book: "B",
    node: "h0.1",
    prompt: "P",
    chat: true,
    context: ["Before."],
    worker: "w",
  });
  // The input ends in the middle: what was said is there.
  expect(await askAll(choices, spoken("s", "1"), o, output)).toEqual({ made: 2, left: 3 });
  expect(await askAll(choices, spoken("2", "2", "2"), o, output)).toEqual({ made: 3, left: 0 });
  const all = readComparisons(file).rows;
  expect(all.map(({ node }) => node)).toEqual(choices.map(({ node }) => node.id));
  // The places follow from the seed, and both occur.
  expect(new Set(all.map(({ candidates }) => candidates[0]!.text.split(" ")[0]))).toEqual(new Set(["good", "bad"]));
  const again = { ...o, file: join(home, "again.jsonl") };
  await askAll(choices, spoken(..."aaaaaaaa"), again, output);
  expect(readComparisons(again.file).rows.map(({ candidates }) => candidates)).toEqual(
    all.map(({ candidates }) => candidates),
  );
  // Somebody else is asked about everything anew.
  expect(await askAll(choices, spoken("q"), { ...o, worker: "v" }, output)).toEqual({ made: 0, left: 8 });
  expect(readFileSync(file, "utf8").endsWith("\n")).toBe(true);
});

test("lines of a pipe, and keys of a terminal as they are pressed", async () => {
  const pipe = new PassThrough() as unknown as NodeJS.ReadStream;
  const signal = new AbortController().signal;
  {
    await using answers = answersOf(pipe, signal);
    (pipe as unknown as PassThrough).end("a\nt\n");
    expect([await answers.next(), await answers.next(), await answers.next()]).toEqual(["a", "t", undefined]);
  }
  const raw: boolean[] = [];
  const terminal = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) });
  {
    await using answers = answersOf(terminal as unknown as NodeJS.ReadStream, signal);
    terminal.write("ab\u0003");
    expect([await answers.next(), await answers.next(), await answers.next()]).toEqual(["a", "b", undefined]);
  }
  expect(raw).toEqual([true, false]);
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bookOfSentences } from "../../../test/support/summaries.ts";
import { readState } from "../../summarize/run/state-node.ts";
import type { Call } from "./open.ts";
import { sectionings, spreadOf } from "./sectionings.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-sectionings-"));
afterAll(() => rmSync(folder, { recursive: true }));

function callOf(flags: object) {
  const rows: Record<string, unknown>[] = [];
  const output = { row: (row: Record<string, unknown>) => rows.push(row), text() {}, say() {} };
  const call = { flags: { model: "lead", leafTokens: 120, ...flags }, output, signal: new AbortController().signal };
  return { rows, call: call as unknown as Call };
}

test("a book cut in several ways is as many runs, and their spread is said with the length beside it", async () => {
  const path = join(folder, "book.txt");
  writeFileSync(path, bookOfSentences);
  const out = join(folder, "runs");
  const { rows, call } = callOf({ sectionings: 3, out, seed: 4 });
  expect(await sectionings(path, call, {})).toBe(0);
  expect(rows.map(({ sectioning }) => sectioning)).toEqual([4, 5, 6, undefined]);
  const cuts = [4, 5, 6].map((seed) =>
    readState(join(out, `seed-${seed}`))
      .tree.nodes.map(({ span }) => span.end)
      .join(),
  );
  expect(new Set(cuts).size).toBe(3);
  expect(rows.at(-1)).toMatchObject({ done: true, sectionings: 3, unsupported: { mean: 0, least: 0, most: 0 } });
  const words = rows.slice(0, 3).map((row) => row.words as number);
  expect(rows.at(-1)!.words).toMatchObject({ least: Math.min(...words), most: Math.max(...words) });
  // Again: nothing is missing.
  const again = callOf({ sectionings: 3, out, seed: 4 });
  await sectionings(path, again.call, {});
  expect(again.rows.slice(0, 3).map(({ calls }) => calls)).toEqual([0, 0, 0]);
});

test("less than two, too many, or no folder are refused", async () => {
  for (const flags of [{ sectionings: 1, out: "x" }, { sectionings: 21, out: "x" }, { sectionings: 2 }]) {
    await expect(sectionings("book.txt", callOf(flags).call, {})).rejects.toMatchObject({ code: "wrong_use" });
  }
  expect(spreadOf([1, 2, 6])).toEqual({ mean: 3, least: 1, most: 6 });
});

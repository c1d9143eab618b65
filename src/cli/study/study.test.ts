import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Output } from "../output.ts";
import { type FolderFlags, importRows, merge, sql } from "./folders.ts";
import { report } from "./report.ts";
import { declare, plan, run, type StudyFlags, status } from "./study.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-study-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);
const { signal } = new AbortController();

type Row = Readonly<Record<string, unknown>>;

/** What a command says: its rows, and its text. */
function heard() {
  const rows: Row[] = [];
  const text: string[] = [];
  const output: Output = {
    ...{ json: true, terminal: false, answer: () => {}, progress: () => {} },
    ...{ text: (one: string) => void text.push(one), say: (one: string) => void text.push(one) },
    row: (row: object) => void rows.push(row as Row),
    ...{ bold: (one: string) => one, dim: (one: string) => one },
  };
  return { rows, text, output };
}

const studied = async (command: typeof plan, file: string | undefined, flags: StudyFlags = {}) => {
  const { output, ...said } = heard();
  return { exit: await command({ file, flags: { store: at("s.study"), ...flags }, output, signal }), ...said };
};
const folders = async (command: typeof sql, paths: readonly string[], flags: FolderFlags = {}) => {
  const { output, ...said } = heard();
  return { exit: await command({ paths, flags, output, signal }), ...said };
};

test("a first declaration is written, said what it comes to, and never written over", async () => {
  const file = at("mine.mjs");
  const first = await studied(declare, file);
  expect(first.rows).toEqual([
    { stage: "run", factors: ["rate", "width", "seed"], runs: 18 },
    { done: true, study: "mine", runs: 18, written: true },
  ]);
  const text = readFileSync(file, "utf8");
  expect((await studied(declare, file)).rows.at(-1)).toMatchObject({ written: false });
  expect(readFileSync(file, "utf8")).toBe(text);
  await expect(studied(declare, at("mine.json"))).rejects.toThrow(/a new declaration is a module/);

  const planned = await studied(plan, file, { shard: "1/1" });
  expect(planned.rows.length).toBe(19);
  expect(planned.rows[0]).toMatchObject({ stage: "run", status: "open", factors: { rate: expect.any(Number) } });
  expect(planned.rows.at(-1)).toEqual({
    ...{ done: true, study: "mine", runs: 18, open: 18, failed: 0, others: 0, seconds: null },
  });
  expect((await studied(status, file)).rows).toEqual([{ stage: "run", done: 0, diverged: 0, failed: 0, open: 18 }]);
});

test.each([
  [{ shard: "3/2" }, /--shard 3\/2/],
  [{ shard: "half" }, /--shard half/],
  [{ budget: "soon" }, /--budget soon/],
  [{ workers: 0 }, /--workers 0/],
] as [StudyFlags, RegExp][])("wrong use: %j", async (flags, message) => {
  await expect(studied(run, at("mine.mjs"), flags)).rejects.toThrow(message);
});

test("more runs than anybody means are asked about", async () => {
  const numbers = { from: 1, to: 101, count: 101 };
  const many = { name: "many", metrics: { s: "max" }, factors: { a: numbers, b: numbers }, command: ["true"] };
  writeFileSync(at("many.json"), JSON.stringify(many));
  await expect(studied(run, at("many.json"))).rejects.toThrow(/10,201 runs/);
  await expect(studied(run, undefined)).rejects.toThrow(/which study/);
});

test("results of others: imported, asked in SQL, merged and reported", async () => {
  const lines = Array.from(
    { length: 24 },
    (_, i) => `m${i >> 1},${10 + 3 * i},${(80 - 60 * (1 - 0.03 * i) ** 2).toFixed(2)}`,
  );
  writeFileSync(at("table.csv"), `model,top1,birds\n${lines.join("\n")}\n`);
  const flags = { us: "up", ds: "birds", run: "model", map: ["up=top1"], percent: true };
  const added = await folders(importRows, [at("table.csv")], { ...flags, store: at("one.study") });
  expect(added.rows).toEqual([{ done: true, store: at("one.study"), rows: 24, added: 12, same: 0 }]);
  const asked = await folders(sql, [at("one.study"), "select count(*) as n, max(up) as best from results"]);
  expect(asked.rows).toEqual([{ n: 24, best: 0.79 }]);
  expect(asked.text[0]).toBe("n   best\n24  0.79\n");

  const name = at("all.study");
  writeFileSync(at("nothing.txt"), "");
  await expect(folders(merge, [at("one.study")], {})).rejects.toThrow(/into which/);
  const merged = await folders(merge, [at("one.study")], { store: name });
  expect([merged.exit, merged.rows]).toEqual([0, [{ done: true, runs: 12, added: 12, same: 0, conflicts: 0 }]]);

  const told = await folders(report, [name]);
  expect(told.rows).toEqual([
    { done: true, report: join(name, "report.html"), data: join(name, "report.csv"), rows: 24 },
  ]);
  expect(readFileSync(join(name, "report.html"), "utf8")).toContain("How far up takes birds");
  await expect(folders(report, [folder])).rejects.toMatchObject({ code: "not_found" });
  await expect(folders(report, [at("nowhere")])).rejects.toMatchObject({ code: "not_found" });
  await expect(folders(importRows, [at("table.csv")], { store: at("x.study") })).rejects.toThrow(
    /which columns are scores/,
  );
  await expect(folders(importRows, [at("table.csv")], { ...flags, map: ["up"], store: at("x") })).rejects.toThrow(
    /--map up/,
  );
});

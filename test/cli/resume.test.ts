/** Long jobs of `--input`: rows as they finish, kept when the program is stopped or killed, and gone on with. */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rowsOf, runIn, startIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-resume-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const read = (name: string) => readFileSync(join(folder, name), "utf8");
const linesOf = (name: string) => (existsSync(join(folder, name)) ? read(name).split("\n").length - 1 : 0);
/** Rows that a killed job is not done again. */
const notedIn = (name: string) =>
  existsSync(join(folder, name)) ? (JSON.parse(read(name)) as { rows: number }).rows : 0;
const traces = (name: string) => readdirSync(folder).filter((one) => one.includes(`${name}.partial`));

const nouns = ["film", "bridge", "soup", "garden", "letter", "train"];
const count = 240;
/** Free answers, choices, ids and rows that cannot be done, of many lengths. */
const rows = Array.from({ length: count }, (_, i) => {
  const prompt = `Is this a fact or an opinion? The ${nouns[i % 6]!} is ${"very ".repeat(i % 9)}old, number ${i}.`;
  if (i % 37 === 5) return { id: i, text: "no prompt" };
  return i % 11 === 3 ? { id: i, prompt, choices: ["fact", "opinion"] } : { id: `r${i}`, prompt };
});
const input = (name: string, list: readonly object[]) =>
  writeFileSync(join(folder, name), list.map((row) => `${JSON.stringify(row)}\n`).join(""));
const job = [
  "generate",
  "--input",
  "rows.jsonl",
  "--sample",
  "--seed",
  "3",
  "--min-new-tokens",
  "12",
  "--max-new-tokens",
  "24",
];

const start = startIn(folder);

/** Wait until so many rows are there, or the program has ended. */
async function until(child: ChildProcess, there: () => number, wanted: number): Promise<void> {
  while (there() < wanted && child.exitCode === null) await delay(5);
}

beforeAll(() => {
  input("rows.jsonl", rows);
  const plain = zeroth([...job, "--output", "plain.jsonl", "--json"]);
  // Some rows are errors.
  expect([plain.status, rowsOf(plain)]).toEqual([1, [{ done: true, output: "plain.jsonl", rows: count, failed: 7 }]]);
});

test("results are those of stdout, and nothing else is left", () => {
  const lines = read("plain.jsonl");
  expect(lines).toBe(zeroth([...job, "--json"]).stdout);
  expect(lines.split("\n").length - 1).toBe(count);
  expect(traces("plain.jsonl")).toEqual([]);
});

test("killed again and again, then gone on with: the file of a job that was never disturbed, byte for byte", async () => {
  let kills = 0;
  for (const wanted of [1, 40, 80, 120]) {
    const { child, end } = start([...job, "--output", "killed.jsonl", "--resume"]);
    await until(child, () => notedIn("killed.jsonl.partial.json"), wanted);
    await delay((wanted * 7) % 40);
    child.kill("SIGKILL");
    if ((await end).code === null) kills++;
    expect(existsSync(join(folder, "killed.jsonl"))).toBe(false);
  }
  expect(kills).toBe(4);
  const last = zeroth([...job, "--output", "killed.jsonl", "--resume"]);
  expect([last.status, last.stderr]).toEqual([
    1,
    expect.stringMatching(/going on behind \d+ rows[\s\S]*240 rows in killed/),
  ]);
  expect(read("killed.jsonl")).toBe(read("plain.jsonl"));
  expect(traces("killed.jsonl")).toEqual([]);
  const again = zeroth([...job, "--output", "killed.jsonl", "--resume"]);
  expect([again.status, again.stderr]).toEqual([0, expect.stringContaining("whole already")]);
});

test("Ctrl-C: 130, how many rows are kept and how to go on; another model, settings or input are refused by name", async () => {
  const { child, end } = start([...job, "--output", "stopped.jsonl"]);
  await until(child, () => linesOf("stopped.jsonl.partial"), 50);
  child.kill("SIGINT");
  const { code, stderr } = await end;
  const kept = linesOf("stopped.jsonl.partial");
  expect([code, stderr]).toEqual([
    130,
    expect.stringContaining(`${kept} rows are done and kept in stopped.jsonl.partial`),
  ]);
  expect(stderr).toContain("--resume");
  expect(existsSync(join(folder, "stopped.jsonl"))).toBe(false);

  const resumed = (...args: string[]) => zeroth([...args, "--output", "stopped.jsonl", "--resume"]);
  const refused = (ran: ReturnType<typeof zeroth>, why: RegExp) =>
    expect([ran.status, ran.stderr]).toEqual([1, expect.stringMatching(why)]);
  refused(zeroth([...job, "--output", "stopped.jsonl"]), /interrupted[\s\S]*--resume goes on/);
  refused(resumed(...job, "--top-k", "4"), /--top-k: not given then, 4 now/);
  refused(resumed(...job.map((word) => (word === "24" ? "25" : word))), /--max-new-tokens: 24 then, 25 now/);
  input(
    "other.jsonl",
    rows.map((row, i) => (i === 7 ? { ...row, prompt: "other" } : row)),
  );
  refused(resumed(...job.map((word) => (word === "rows.jsonl" ? "other.jsonl" : word))), /they were other rows/);
  input("short.jsonl", rows.slice(0, 3));
  refused(resumed(...job.map((word) => (word === "rows.jsonl" ? "short.jsonl" : word))), /has 3 rows/);
  refused(resumed("score", "--input", "rows.jsonl"), /command: "generate" then, "score" now/);
  expect(linesOf("stopped.jsonl.partial")).toBe(kept);

  expect(resumed(...job).status).toBe(1);
  expect(read("stopped.jsonl")).toBe(read("plain.jsonl"));
});

test("Ctrl-C of a job on stdout: the rows so far are there, and their number is said", async () => {
  const { child, end, stdout } = start([...job, "--json"]);
  await until(child, () => stdout().split("\n").length - 1, 30);
  child.kill("SIGINT");
  const ran = await end;
  const done = ran.stdout.split("\n").length - 1;
  expect(ran.code).toBe(130);
  expect(done).toBeLessThan(count);
  expect(read("plain.jsonl").startsWith(ran.stdout)).toBe(true);
  expect(ran.stderr).toContain(`${done} rows are done`);
});

test("a file that is there is not replaced unasked; options that do not go together are wrong use", async () => {
  input("two.jsonl", [
    { text: "one", prompt: "a" },
    { text: "two", prompt: "b" },
  ]);
  writeFileSync(join(folder, "mine.jsonl"), "mine\n");
  const tokenize = ["tokenize", "--input", "two.jsonl", "--output", "mine.jsonl"];
  const refused = zeroth(tokenize);
  expect([refused.status, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/mine\.jsonl: is there already[\s\S]*--overwrite/),
  ]);
  expect(read("mine.jsonl")).toBe("mine\n");
  expect(zeroth([...tokenize, "--overwrite"]).status).toBe(0);
  expect(read("mine.jsonl")).toBe(zeroth(["tokenize", "--input", "two.jsonl", "--json"]).stdout);
  for (const wrong of [
    ["tokenize", "a", "--output", "x.jsonl"],
    ["tokenize", "--input", "two.jsonl", "--resume"],
    ["tokenize", "--input", "two.jsonl", "--overwrite"],
    [...tokenize, "--overwrite", "--resume"],
  ]) {
    expect(zeroth(wrong).status, wrong.join(" ")).toBe(2);
  }
  expect(zeroth(["tokenize", "--input", "two.jsonl", "--output", "/dev/null"]).status).toBe(1);
});

test("two jobs do not write one file", async () => {
  const { child, end } = start([...job, "--output", "twice.jsonl"]);
  await until(child, () => linesOf("twice.jsonl.partial"), 1);
  const second = zeroth([...job, "--output", "twice.jsonl", "--resume"]);
  expect([second.status, second.stderr]).toEqual([1, expect.stringContaining("another process is writing it")]);
  child.kill("SIGINT");
  await end;
});

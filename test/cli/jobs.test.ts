/** Jobs in the program: results that are found again, stops, two at once, and what Dagster would be told. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { launch } from "../../src/jobs/dagster/double-node.ts";
import { environment, program, rowsOf, runIn, startIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-jobs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const start = startIn(folder);

const names = ["a", "b", "c", "d", "e"];
writeFileSync(
  join(folder, "task.yaml"),
  `task: kinds\nprompts:\n${names.map((name) => `  ${name}: "${name}: what is it? {{ text }}"\n`).join("")}choices: [tool, fruit]\nlabel: kind\n`,
);
writeFileSync(
  join(folder, "rows.jsonl"),
  ["hammer", "apple", "saw", "plum"]
    .map((text, i) => `${JSON.stringify({ text, kind: i % 2 ? "fruit" : "tool" })}\n`)
    .join(""),
);
writeFileSync(
  join(folder, "prompts.jsonl"),
  Array.from({ length: 512 }, (_, id) => `${JSON.stringify({ id, prompt: `Is number ${id} odd?` })}\n`).join(""),
);
const task = ["--task", "task.yaml", "--data", "rows.jsonl"];

test("as Dagster runs it: messages in order, all partitions of a run, then found again without an engine", async () => {
  const ask = () =>
    launch({
      command: [process.execPath, program, "run", "eval", ...task, "--threads", "1"],
      cwd: folder,
      assets: ["scores"],
      checks: ["above_chance", "no_nan"],
      extras: { partitions: names, store: join(folder, "dagster"), attempt: 0 },
      env: environment(folder),
    });
  const first = await ask();
  expect([first.exit, first.problems]).toEqual([0, []]);
  const order = first.methods.filter((method, i) => method !== first.methods[i - 1]);
  expect(order).toEqual(["opened", "log", "report_asset_materialization", "report_asset_check", "closed"]);
  expect(first.materializations[0]!.metadata).toMatchObject({
    partitions: { type: "int", raw_value: 5 },
    cached_partitions: { raw_value: 0 },
  });
  expect(first.checks.map(({ name, severity }) => [name, severity]).sort()).toEqual([
    ["above_chance", "WARN"],
    ["no_nan", "ERROR"],
  ]);
  const again = await ask();
  expect(again.materializations[0]!.metadata).toMatchObject({ cached_partitions: { raw_value: 5 } });
  expect(again.materializations[0]!.dataVersion).toBe(first.materializations[0]!.dataVersion);
  expect(again.logs).toEqual([]);
  // The latest results are the asset's.
  expect(readdirSync(join(folder, "dagster", "refs"))).toEqual(["scores"]);
});

test("a mistake ends with 2 and is told to Dagster; so is a partition that there is none of", async () => {
  const wrong = await launch({
    command: [process.execPath, program, "run", "eval", ...task],
    cwd: folder,
    assets: ["scores"],
    checks: [],
    extras: { partitions: ["aa"], store: "s" },
    env: environment(folder),
  });
  expect([wrong.exit, wrong.methods, wrong.exception?.name]).toEqual([2, ["opened", "closed"], "wrong_use"]);
  const lacking = zeroth(["run", "eval", ...task, "--all"]);
  expect([lacking.status, lacking.stderr]).toEqual([2, expect.stringContaining("--store is needed")]);
  const missing = zeroth(["run", "eval", "--task", "task.yaml", "--data", "none.jsonl", "--all", "--store", "s"]);
  expect(missing.status).toBe(3);
});

test("two processes at one key: both end well, one result, and nothing is left of either", async () => {
  const args = ["run", "eval", ...task, "--partition", "a", "--store", "race", "--json", "--threads", "1"];
  const both = await Promise.all([start(args).end, start(args).end]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  const keys = both.map((ran) => rowsOf({ ...ran, status: ran.code }).at(-1)!);
  expect(keys[0]).toMatchObject({ done: true, partition: "a", key: keys[1]!.key, output_hash: keys[1]!.output_hash });
  expect(readdirSync(join(folder, "race")).sort()).toEqual(["objects", "refs"]);
});

test("SIGTERM: 143, the work is kept, the same command goes on; then the store is looked after", async () => {
  const args = [
    "run",
    "generate",
    "--input",
    "prompts.jsonl",
    "--shards",
    "2",
    "--all",
    "--store",
    "stopped",
    "--json",
  ];
  const more = ["--max-new-tokens", "4", "--threads", "1"];
  const ran = start([...args, ...more]);
  const until = Date.now() + 120_000;
  // Some rows are done.
  while (!/"event":"progress","partition":"1\/2","done":(?!0)/.test(ran.stdout()) && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  ran.child.kill("SIGTERM");
  const { code } = await ran.end;
  expect(code).toBe(143);
  expect(existsSync(join(folder, "stopped", "work"))).toBe(true);
  const second = zeroth([...args, ...more]);
  expect([second.status, rowsOf(second).filter(({ done }) => done === true).length]).toEqual([0, 2]);
  const dry = rowsOf(zeroth([...args, ...more, "--dry-run"]));
  expect(dry.map(({ partition, cached }) => [partition, cached])).toEqual([
    ["1/2", true],
    ["2/2", true],
  ]);
  const listed = rowsOf(zeroth(["store", "ls", "--store", "stopped", "--json"]));
  expect(listed.map(({ partition, latest }) => [partition, latest]).sort()).toEqual([
    ["1/2", true],
    ["2/2", true],
  ]);
  const key = String(listed[0]!.key);
  writeFileSync(join(folder, "stopped", "objects", key.slice(0, 2), key, "answers.jsonl"), "");
  const verified = zeroth(["store", "verify", "--store", "stopped", "--json"]);
  expect([verified.status, rowsOf(verified).at(-1)]).toEqual([
    4,
    { done: true, results: 2, problems: 1, unfinished: 0 },
  ]);
  // What was damaged was put aside, and is computed again.
  const mended = rowsOf(zeroth([...args, ...more])).filter(({ done }) => done === true);
  expect(mended.map(({ cached }) => cached).sort()).toEqual([false, true]);
});

test("a project of Dagster's: written once, and every asset tells what its checks are", () => {
  const made = zeroth(["dagster", "init", "assets"]);
  expect(made.status).toBe(0);
  expect(zeroth(["dagster", "init", "assets"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("there already"),
  });
  const checked = zeroth(["dagster", "check", "assets", "--json"]);
  expect([checked.status, checked.stderr]).toEqual([0, ""]);
  expect(rowsOf(checked).map(({ asset, problems }) => [asset, problems])).toEqual([
    ["eval", []],
    ["answers", []],
    ["index", []],
    ["summaries", []],
    ["digest", []],
  ]);
  writeFileSync(
    join(folder, "assets", "zeroth.yaml"),
    'assets:\n  notes: {job: index, code_version: "7", checks: [other], settings: {paths: [toy/notes]}}\n',
  );
  const [row] = rowsOf(zeroth(["dagster", "check", "assets", "--json"]));
  expect(row!.problems).toEqual([
    "checks: all_read, not_empty should be declared, the job index tells them",
    "checks: the job index tells no other",
    'code_version: "7", the job index is of version 1',
    "the check all_read is not declared",
    "the check not_empty is not declared",
  ]);
});

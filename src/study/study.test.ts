import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ZerothError } from "../errors.ts";
import { loadStudy } from "./declare/load-node.ts";
import { planStudy } from "./declare/plan-node.ts";
import { runStudy } from "./run/run-node.ts";
import { importResults } from "./store/import-node.ts";
import { mergeStudies } from "./store/merge-node.ts";
import { readAllFailed, readFailed, readRecords, resultText, studyFolder, studyRows } from "./store/records-node.ts";
import { askStudy } from "./store/sql-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-study-"));
const never = new AbortController().signal;
const script = new URL("../../dist/node/study-process-node.js", import.meta.url);
const file = join(folder, "grid.mjs");

// A person's own grid, in ten lines.
const grid = `export default {
  name: "grid",
  metrics: { score: "max" },
  factors: { size: [1, 2, 3], rate: { from: 0.01, to: 1, count: 3, scale: "log" }, seed: [0, 1] },
  async run({ factors: { size, rate, seed }, work }) {
    const { appendFileSync } = await import("node:fs");
    appendFileSync(process.env.STUDY_TOLD, work + "\\n");
    await new Promise((done) => setTimeout(done, Number(process.env.STUDY_WAIT ?? 0)));
    return { score: 1 - 1 / (1 + size) - rate / 10 + seed / 100 };
  },
};
`;
const told = join(folder, "told");

beforeAll(() => {
  process.env.STUDY_TOLD = told;
  writeFileSync(told, "");
  writeFileSync(file, grid);
});
afterAll(() => {
  delete process.env.STUDY_TOLD;
  delete process.env.STUDY_WAIT;
  rmSync(folder, { recursive: true, force: true });
});

interface Settings {
  readonly workers?: number;
  readonly shard?: { readonly index: number; readonly of: number };
  readonly quick?: boolean;
  readonly again?: boolean;
  readonly signal?: AbortSignal;
  readonly onRun?: () => void;
  readonly budget?: number;
}

async function done(declaration: string, into: string, settings: Settings = {}) {
  const { workers = 1, shard, quick = false, again = false, signal = never, onRun = () => {}, budget } = settings;
  const study = await loadStudy(declaration);
  const runs = await planStudy(study, { file: declaration, quick, shard });
  const at = studyFolder(join(folder, into));
  const outcome = await runStudy({
    ...{
      study,
      file: declaration,
      runs,
      folder: at,
      quick,
      workers,
      threads: 1,
      again,
      version: "test",
      signal,
      script,
    },
    ...{ onRun, onProgress: () => {}, budget },
  });
  return { at, runs, outcome, results: readRecords(at).map(resultText) };
}

const writtenIn = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

test("results are the same whatever the number of workers, and what is done is not done again", async () => {
  const one = await done(file, "one");
  expect(one.outcome).toMatchObject({ total: 18, done: 18, failed: 0, skipped: 0 });
  const two = await done(file, "two", { workers: 2 });
  expect(two.results).toEqual(one.results);
  const before = readFileSync(told, "utf8").length;
  await done(file, "one", { workers: 2 });
  expect(readFileSync(told, "utf8").length).toBe(before);
  // Nothing but records is left, and the folders of kept files.
  expect(readdirSync(one.at.path).sort()).toEqual(["claims", "runs", "study.json"]);
  expect(readdirSync(join(one.at.path, "claims"))).toEqual([]);
  for (const { id } of one.runs) expect(readdirSync(one.at.at(id)).sort()).toEqual(["out", "record.json"]);
  expect(studyRows(readRecords(one.at)).map(({ size, rate, seed }) => `${size} ${rate} ${seed}`)).toEqual(
    [1, 2, 3].flatMap((size) => [0.01, 0.1, 1].flatMap((rate) => [0, 1].map((seed) => `${size} ${rate} ${seed}`))),
  );
});

/** The same study by a process of its own. */
function elsewhere(into: string): ChildProcess {
  const program = fileURLToPath(new URL("../../bin/zeroth.js", import.meta.url));
  const child = spawn(
    process.execPath,
    [program, "study", "run", file, "--store", join(folder, into), "--workers", "1"],
    {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, STUDY_WAIT: "40" },
    },
  );
  return child;
}

const ended = (child: ChildProcess) => new Promise((settle) => child.once("exit", (code, by) => settle(by ?? code)));

test("two processes on one folder take different runs, and a killed one's are done by others", async () => {
  writeFileSync(told, "");
  const both = [elsewhere("race"), elsewhere("race")];
  expect(await Promise.all(both.map(ended))).toEqual([0, 0]);
  const begun = readFileSync(told, "utf8").trim().split("\n");
  expect(begun.length).toBe(18);
  expect(new Set(begun).size).toBe(18);
  const whole = readRecords(studyFolder(join(folder, "race"))).map(resultText);
  expect(whole).toEqual(readRecords(studyFolder(join(folder, "one"))).map(resultText));

  const killed = elsewhere("killed");
  const runs = join(folder, "killed", "runs");
  while (!existsSync(runs) || readdirSync(runs).length < 5) await wait(20);
  killed.kill("SIGKILL");
  expect(await ended(killed)).toBe("SIGKILL");
  const { results, outcome, at } = await done(file, "killed", { workers: 2 });
  expect(outcome).toMatchObject({ done: 18, failed: 0 });
  expect(results).toEqual(whole);
  expect(readdirSync(join(at.path, "claims"))).toEqual([]);
});

test("shards are merged to the whole, and what differs is named and not written over", async () => {
  const parts = await Promise.all([1, 2].map((index) => done(file, `shard${index}`, { shard: { index, of: 2 } })));
  expect(parts.reduce((sum, { outcome }) => sum + outcome.total, 0)).toBe(18);
  const from = [1, 2].map((index) => join(folder, `shard${index}`));
  const merged = await mergeStudies(from, join(folder, "merged"), never);
  expect(merged).toEqual({ runs: 18, added: 18, same: 0, conflicts: [] });
  const at = studyFolder(join(folder, "merged"));
  const whole = readRecords(studyFolder(join(folder, "one"))).map(resultText);
  expect(readRecords(at).map(resultText)).toEqual(whole);

  const { id } = readRecords(at)[4]!;
  const theirs = studyFolder(join(folder, "one")).at(id, "record.json");
  const text = readFileSync(theirs, "utf8");
  writeFileSync(theirs, text.replace(/"score": [\d.]+/, '"score": 0.123'));
  const again = await mergeStudies([join(folder, "one")], join(folder, "merged"), never);
  writeFileSync(theirs, text);
  expect(again).toMatchObject({ runs: 18, added: 0, same: 17 });
  expect(again.conflicts).toEqual([
    { id, from: join(folder, "one"), difference: expect.stringMatching(/^row 1, score: 0\.\d+ against 0\.123$/) },
  ]);
  expect(readRecords(at).map(resultText)).toEqual(whole);
  await expect(mergeStudies([join(folder, "nowhere")], join(folder, "merged"), never)).rejects.toThrow(/no study/);
  await expect(mergeStudies([at.path], at.path, never)).rejects.toThrow(/into itself/);
});

test("a stage has the files and rows of the run that it needs; what needs a failed run is left out", async () => {
  const declaration = writtenIn(
    "stages.mjs",
    `import { readFileSync, writeFileSync } from "node:fs";
    export default { name: "stages", metrics: { score: "max", loss: "min" }, stages: {
      second: { needs: "first", factors: { shots: [1, 5] }, cost: ({ shots }) => shots,
        run({ parent, factors }) {
          const { weight } = JSON.parse(readFileSync(parent.out + "/weights.json", "utf8"));
          return [{ task: "near", score: weight * factors.shots }, { task: "far", score: parent.rows[0].loss }];
        } },
      first: { factors: { size: [1, 2, 3, 4] },
        run({ factors, out }) {
          if (factors.size === 3) throw new Error("no luck");
          if (factors.size === 4) return { loss: NaN };
          writeFileSync(out + "/weights.json", JSON.stringify({ weight: factors.size / 10 }));
          return { loss: 1 / factors.size };
        } },
    } };`,
  );
  const { outcome, at } = await done(declaration, "stages", { workers: 2 });
  expect(outcome).toMatchObject({ total: 12, done: 7, failed: 1, skipped: 4 });
  expect(readAllFailed(at).map(([, { error }]) => error)).toEqual([
    { code: "bad_input", message: "no luck", hint: expect.stringContaining("stages.mjs:10") },
  ]);
  expect(readRecords(at).flatMap(({ status, rows }) => (status === "diverged" ? rows : []))).toEqual([{ loss: null }]);
  const near = studyRows(readRecords(at)).filter(({ task }) => task === "near");
  expect(near.map(({ size, shots, score }) => [size, shots, score])).toEqual([
    [1, 1, 0.1],
    [1, 5, 0.5],
    [2, 1, 0.2],
    [2, 5, 1],
  ]);
  // Runs of one first run move together.
  expect(new Set(near.map(({ run }) => run)).size).toBe(2);
});

test("a run that fails is tried three times and its reason kept; asked again, it is tried again", async () => {
  const tries = join(folder, "tries");
  writeFileSync(tries, "");
  const declaration = writtenIn(
    "failing.mjs",
    `import { appendFileSync, existsSync } from "node:fs";
    export default { name: "failing", metrics: { score: "max" }, factors: { size: [1, 2] }, run({ factors }) {
      if (factors.size === 1) return { score: 1 };
      appendFileSync(${JSON.stringify(tries)}, "x");
      if (existsSync(${JSON.stringify(join(folder, "mended"))})) return { score: 2 };
      throw new Error("no luck");
    } };`,
  );
  const { outcome, at, runs } = await done(declaration, "failing");
  expect(outcome).toMatchObject({ done: 1, failed: 1, skipped: 0 });
  expect(readFileSync(tries, "utf8")).toBe("xxx");
  const { id } = runs.find(({ factors }) => factors.size === 2)!;
  expect(readFailed(at, id)).toMatchObject({ attempts: 3, error: { message: "no luck" } });
  await done(declaration, "failing");
  expect(readFileSync(tries, "utf8")).toBe("xxx");
  mkdirSync(join(folder, "mended"));
  expect((await done(declaration, "failing", { again: true })).outcome).toMatchObject({ done: 2, failed: 0 });
  expect(readAllFailed(at)).toEqual([]);
});

test("a run by a command: factors in its words, its last line is the row", async () => {
  const program = "console.log('hello'); console.log(JSON.stringify({ score: Number(process.argv[1]) / 4 }))";
  const declaration = writtenIn(
    "command.json",
    JSON.stringify({
      ...{ name: "command", metrics: { score: "max" }, factors: { size: [1, 2], kind: ["a"] } },
      command: [process.execPath, "-e", program, "{size}"],
    }),
  );
  const { at } = await done(declaration, "command");
  expect(studyRows(readRecords(at)).map(({ size, kind, score }) => [size, kind, score])).toEqual([
    [1, "a", 0.25],
    [2, "a", 0.5],
  ]);
  const bad = writtenIn(
    "bad.json",
    JSON.stringify({ name: "b", metrics: { s: "max" }, factors: {}, command: ["false"] }),
  );
  const failed = await done(bad, "bad");
  expect(failed.outcome.failed).toBe(1);
  expect(readAllFailed(failed.at)[0]![1].error.message).toMatch(/"false" ended with 1$/);
});

test("stopped on request, and gone on with", async () => {
  const stop = new AbortController();
  const first = await done(file, "stopped", { signal: stop.signal, onRun: () => stop.abort() });
  expect(first.outcome.done).toBeGreaterThan(0);
  expect(first.outcome.done).toBeLessThan(18);
  expect(first.outcome.failed).toBe(0);
  const rest = await done(file, "stopped");
  expect(rest.results).toEqual(readRecords(studyFolder(join(folder, "one"))).map(resultText));
});

test("nothing is begun that would last longer than what is left of the time", async () => {
  expect((await done(file, "late", { budget: 0 })).outcome).toMatchObject({ done: 0, failed: 0, skipped: 18 });
});

test("questions in SQL are only questions", () => {
  const records = readRecords(studyFolder(join(folder, "one")));
  const best = askStudy(
    records,
    "select size, max(score) as best, count(*) as n from results group by size order by size",
  );
  expect(best.map(({ size, n }) => [size, n])).toEqual([
    [1, 6],
    [2, 6],
    [3, 6],
  ]);
  expect(askStudy(records, "select count(*) as n from runs where status = 'done'")).toEqual([{ n: 18 }]);
  for (const question of [
    "drop table runs",
    "attach 'x' as y",
    "with x as (select 1) delete from runs",
    "select nothing",
  ])
    expect(() => askStudy(records, question)).toThrow();
  expect(existsSync("x")).toBe(false);
});

test("anyone's results become a study; the same file again adds nothing", async () => {
  const csv = writtenIn("foreign.csv", "model,top1,birds\na,50,25\na,60,30\nb,70,35\n");
  const options = {
    about: { name: "foreign", metrics: { up: "max", birds: "max" } as const, analyses: [] },
    ...{ rename: { top1: "up" }, percent: ["up", "birds"], run: "model", made: { zeroth: "test" } },
    ...{ signal: never, say: () => {} },
  };
  const into = join(folder, "foreign");
  expect(await importResults(csv, into, options)).toEqual({ rows: 3, added: 2, same: 0 });
  expect(await importResults(csv, into, options)).toEqual({ rows: 3, added: 0, same: 2 });
  const rows = studyRows(readRecords(studyFolder(into)));
  expect(rows.map(({ up, birds }) => [up, birds]).sort()).toEqual([
    [0.5, 0.25],
    [0.6, 0.3],
    [0.7, 0.35],
  ]);
  expect(new Set(rows.map(({ run }) => run)).size).toBe(2);
  const without = { ...options, rename: {} };
  await expect(importResults(csv, join(folder, "f2"), without)).rejects.toThrow(/no column "up"/);
  const other = { ...options, about: { ...options.about, name: "other" } };
  await expect(importResults(csv, into, other)).rejects.toThrow(/holds the study "foreign"/);
});

test("a record that is damaged is named, not passed over", () => {
  const at = studyFolder(join(folder, "two"));
  const path = at.at(readRecords(at)[0]!.id, "record.json");
  writeFileSync(path, readFileSync(path, "utf8").replace('"done"', '"almost"'));
  const broken: ZerothError[] = [];
  expect(() => readRecords(at)).toThrow(/status/);
  expect(readRecords(at, (error) => broken.push(error)).length).toBe(17);
  expect(broken.map(({ code }) => code)).toEqual(["corrupt_file"]);
});

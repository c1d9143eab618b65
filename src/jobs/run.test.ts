import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { canonicalJson } from "../base/canonical.ts";
import { exitOf } from "../base/workers/exits.ts";
import { fail, ZerothError } from "../errors.ts";
import { takeAttempt } from "./attempt-node.ts";
import type { JobEvent } from "./events.ts";
import { defineJob, optionsOf, typedConfig, unkeyed } from "./job.ts";
import { findJob, jobNames } from "./registry.ts";
import { chosenPartitions, keyOf, type PartitionRun, runPartition } from "./run-node.ts";
import { sparse } from "./said.ts";
import { folderBackend } from "./store/folder-node.ts";
import { readRef } from "./store/objects-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-run-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const never = new AbortController().signal;

/** What the toy does besides counting, set by each test. */
const toy = { opened: 0, closed: 0, stopAt: Number.POSITIVE_INFINITY, extra: () => "" };
const job = defineJob({
  name: "toy",
  version: 3,
  summary: "counts",
  checks: { whole: "ERROR" },
  config: z.strictObject({
    rows: unkeyed(z.string()),
    count: z.number().int().default(4),
    later: z.boolean().default(false),
    rates: z.array(z.number()).optional(),
    kind: z.enum(["a", "b"]).default("a"),
    threads: unkeyed(z.number().int().optional()),
    seed: z.number().int().default(7),
  }),
  partitions: async () => ["one", "two/three"],
  inputs: async ({ rows }) => ({ inputs: [{ name: "rows", sha256: rows }], model: "m" }),
  async open() {
    toy.opened++;
    return {
      [Symbol.asyncDispose]: async () => {
        toy.closed++;
      },
    };
  },
  async run({ config, work, out, tell }) {
    const journal = join(work, "journal");
    const begun = existsSync(journal) ? readFileSync(journal, "utf8").length : 0;
    for (let i = begun; i < config.count; i++) {
      if (i === toy.stopAt) fail("interrupted", "stopped");
      appendFileSync(journal, String(i));
      tell({ event: "progress", done: i + 1, total: config.count, unit: "steps" });
    }
    mkdirSync(join(out, "deep"));
    writeFileSync(join(out, "deep", "counted.txt"), readFileSync(journal, "utf8") + toy.extra());
    tell({ event: "metric", name: "begun_at", value: begun });
    tell({ event: "check", name: "whole", passed: true });
  },
});

function place(name: string) {
  const store = folderBackend(join(folder, name));
  const events: JobEvent[] = [];
  const bound = job.bind({ rows: "x" });
  let opening: ReturnType<typeof bound.open> | undefined;
  const run: PartitionRun = {
    ...{ store, work: join(folder, name, "work"), signal: never, asset: "toy", version: "0" },
    tell: (event) => events.push(event),
    opened() {
      opening ??= bound.open(never, () => {});
      return opening;
    },
  };
  return { store, events, bound, run };
}

test("a key knows what decides the result and nothing else", async () => {
  const key = async (config: Record<string, unknown>, partition = "one") =>
    (await keyOf(job.bind({ rows: "x", ...config }), partition, never)).key;
  const plain = await key({});
  // As the defaults are, in another order, with other threads: the same result.
  expect(await key({ threads: 3, later: false, count: 4 })).toBe(plain);
  expect(await key({ count: 4, kind: "a" })).toBe(plain);
  const others = [{ count: 5 }, { rows: "y" }, { later: true }, { seed: 8 }, { rates: [1] }, { kind: "b" }];
  const keys = await Promise.all([...others.map((config) => key(config)), key({}, "two/three")]);
  expect(new Set([plain, ...keys]).size).toBe(others.length + 2);
  expect(plain).toMatch(/^[0-9a-f]{64}$/);
});

test("canonical JSON does not depend on the order of keys, and is JSON of the same value", () => {
  const reversed = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(reversed)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .map(([k, v]) => [k, reversed(v)] as const)
              .reverse(),
          )
        : value;
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(reversed(value))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("what is done is found again without opening anything; nothing of the attempt is left", async () => {
  const { store, bound, run, events } = place("cached");
  Object.assign(toy, { opened: 0 });
  const made = await runPartition(bound, "two/three", run);
  expect([made.cached, toy.opened]).toEqual([false, 1]);
  expect(made.manifest).toMatchObject({
    job: "toy",
    jobVersion: 3,
    metrics: { begun_at: 0 },
    checks: [{ name: "whole" }],
  });
  expect(made.manifest.files.map(({ path }) => path)).toEqual(["deep/counted.txt"]);
  expect(readdirSync(store.where).sort()).toEqual(["objects", "refs"]);
  expect(events.filter(({ event }) => event === "progress")).toHaveLength(4);
  const unopened = { ...run, opened: () => Promise.reject(new Error("opened")) };
  expect((await runPartition(bound, "two/three", unopened)).cached).toBe(true);
  expect(await readRef(store, "toy", "two/three")).toMatchObject({ key: made.manifest.key });
  // Of an attempt that was stored and ended before it had cleared up nothing stays either.
  const above = join(store.where, "work", made.manifest.key);
  // A folder, a lock that outlived its folder, and folders that are empty.
  for (const left of [join(above, "left", "out"), above, join(store.where, "work")]) {
    mkdirSync(left, { recursive: true });
    if (left === above) writeFileSync(join(above, "gone.lock"), "");
    expect((await runPartition(bound, "two/three", unopened)).cached).toBe(true);
    expect(readdirSync(store.where).sort()).toEqual(["objects", "refs"]);
  }
});

test("an attempt that was stopped is gone on with, and gives what an undisturbed one gives", async () => {
  const whole = await runPartition(place("whole").bound, "one", place("whole").run);
  const { bound, run, store } = place("stopped");
  toy.stopAt = 3;
  await expect(runPartition(bound, "one", run)).rejects.toMatchObject({ code: "interrupted" });
  toy.stopAt = Number.POSITIVE_INFINITY;
  expect(readdirSync(store.where)).toEqual(["work"]);
  const { manifest } = await runPartition(bound, "one", run);
  expect(manifest.metrics.begun_at).toBe(3);
  expect(manifest.outputHash).toBe(whole.manifest.outputHash);
  expect(readdirSync(store.where).sort()).toEqual(["objects", "refs"]);
});

test("beside an attempt that runs another one begins; of two results the first counts", async () => {
  const { bound, run, events, store } = place("race");
  let turn = 0;
  toy.extra = () => ` ${turn++}`;
  const both = await Promise.all([runPartition(bound, "one", run), runPartition(bound, "one", run)]);
  toy.extra = () => "";
  expect(both[0]!.manifest).toEqual(both[1]!.manifest);
  const check = events.filter((event) => event.event === "check" && event.name === "deterministic");
  expect(check).toMatchObject([{ passed: false, severity: "WARN" }]);
  expect(readdirSync(store.where).sort()).toEqual(["objects", "refs"]);
});

test("older attempts that nobody is at are taken away", async () => {
  const root = join(folder, "attempts");
  mkdirSync(join(root, "k", "old"), { recursive: true });
  mkdirSync(join(root, "k", "older"), { recursive: true });
  const attempt = await takeAttempt(root, "k");
  expect(attempt.resumed).toBe(true);
  expect(readdirSync(join(root, "k")).filter((name) => !/\.lock/.test(name))).toHaveLength(1);
  const beside = await takeAttempt(root, "k");
  expect([beside.resumed, beside.folder === attempt.folder]).toEqual([false, false]);
  await attempt.end(true);
  await beside.end(true);
  expect(existsSync(root)).toBe(false);
});

test("a configuration is refused by the key that is wrong; partitions by the nearest name", async () => {
  expect(() => job.bind({})).toThrow("the job toy needs --rows");
  expect(() => job.bind({ rows: "x", cuont: 3 })).toThrow('unknown key "cuont"');
  expect(() => job.bind({ rows: "x", count: "many" })).toThrow("count: Invalid input");
  const wrong = chosenPartitions(job.bind({ rows: "x" }), ["two/tree"]);
  await expect(wrong).rejects.toMatchObject({
    code: "wrong_use",
    hint: expect.stringContaining('did you mean "two/three"?'),
  });
});

test("keys of a configuration are options of the command line", () => {
  expect(optionsOf(job.config).map(({ flags, as, values }) => [flags, as, values])).toEqual([
    ["--rows <value>", undefined, undefined],
    ["--count <n>", "integer", undefined],
    ["--later", undefined, undefined],
    ["--rates <a,b>", "list", undefined],
    ["--kind <name>", undefined, ["a", "b"]],
    ["--threads <n>", "integer", undefined],
    ["--seed <n>", "integer", undefined],
  ]);
  expect(typedConfig(job.config, { rates: ["0.1", "2"], store: "x", count: 2 })).toEqual({ rates: [0.1, 2], count: 2 });
});

test("every job of the table has its own name, a version, help for its options, and declared checks", async () => {
  for (const name of jobNames) {
    const found = await findJob(name);
    expect([found.name, found.version > 0, Object.keys(found.checks).length > 0]).toEqual([name, true, true]);
    const flags = optionsOf(found.config).map((option) => option.flags.split(" ")[0]);
    expect(new Set(flags).size, name).toBe(flags.length);
  }
  await expect(findJob("evla")).rejects.toMatchObject({ code: "wrong_use", hint: "did you mean eval?" });
});

test("an ending says whether to try again", () => {
  const system = (code: string) => Object.assign(new Error(code), { code, syscall: "write" });
  const cases: [unknown, number][] = [
    [new ZerothError("wrong_use", ""), 2],
    [new ZerothError("not_found", ""), 3],
    [new ZerothError("bad_input", ""), 1],
    [new ZerothError("bad_input", "", { cause: system("ENOSPC") }), 75],
    [new ZerothError("not_found", "", { cause: new Error("", { cause: system("ECONNRESET") }) }), 75],
    [new ZerothError("busy", ""), 75],
    [new ZerothError("storage_failed", ""), 75],
    [new ZerothError("interrupted", ""), 130],
    [new TypeError("a bug"), 1],
  ];
  for (const [error, exit] of cases) expect(exitOf(error)).toBe(exit);
});

test("progress is told at its quarters and every ten seconds", () => {
  let time = 0;
  const worth = sparse(() => time);
  const told = Array.from({ length: 101 }, (_, done) => done).filter((done) =>
    worth({ event: "progress", done, total: 100, unit: "rows" }),
  );
  expect(told).toEqual([0, 25, 50, 75, 100]);
  time = 10_000;
  expect(worth({ event: "progress", done: 100, total: 100, unit: "rows" })).toBe(true);
});

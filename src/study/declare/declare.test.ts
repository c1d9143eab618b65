import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { checkStudy } from "./check.ts";
import { combinations } from "./factors.ts";
import { loadStudy } from "./load-node.ts";
import { type PlanOptions, planStudy } from "./plan-node.ts";
import type { Factor, Stage } from "./study.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-declare-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = join(folder, "study.json");
const plain = { name: "s", metrics: { score: "max" }, command: ["true"] } as const;
const planned = async (study: object, options: Partial<PlanOptions> = {}) =>
  planStudy(checkStudy({ ...plain, ...study }, file), { file, ...options });
const ids = async (study: object) => (await planned(study)).map(({ id }) => id).sort();

test("factors: lists, numbers from one to another, conditions; numbers that are equal are one value", () => {
  const stage = (factors: Record<string, Factor>, more: Partial<Stage> = {}): Stage => ({ factors, ...more });
  const all = (one: Stage, given = {}) => combinations(one, given, {}, file);
  expect(all(stage({ a: [1, 2], b: ["x", true, null] })).length).toBe(6);
  expect(all(stage({ a: { from: 1, to: 3, count: 3 } }))).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
  expect(all(stage({ a: { from: 0.01, to: 1, count: 3, scale: "log" } }))).toEqual([{ a: 0.01 }, { a: 0.1 }, { a: 1 }]);
  expect(all(stage({ a: { from: 7, to: 9, count: 1 } }))).toEqual([{ a: 7 }]);
  expect(all(stage({ a: [0, -0, 1, 1.0] }))).toEqual([{ a: 0 }, { a: 1 }]);
  const only = stage({ family: ["vit", "mixer"], heads: { values: [1, 2], only: { family: "vit" } } });
  expect(all(only)).toEqual([{ family: "vit", heads: 1 }, { family: "vit", heads: 2 }, { family: "mixer" }]);
  // What only some runs have may hang on the run that is needed.
  const child = stage({ heads: { values: [1, 2], only: { family: ["vit", "other"] } } });
  expect(all(child, { family: "vit" }).length).toBe(2);
  expect(all(child, { family: "mixer" })).toEqual([{}]);
  expect(all(stage({ a: [1, 2, 3] }, { where: ({ a }) => a !== 2 }))).toEqual([{ a: 1 }, { a: 3 }]);
  const many = stage({ a: { from: 1, to: 100, count: 100 } }, { sample: { count: 5, seed: 3 } });
  expect(all(many).length).toBe(5);
  expect(all(many)).toEqual(all(many));
  expect(all({ ...many, sample: { count: 5, seed: 4 } })).not.toEqual(all(many));
  expect(() => all(stage({ a: [1, Number.NaN] }))).toThrow(/NaN/);
  expect(() => all(stage({ a: { from: 0, to: 1, count: 2, scale: "log" } }))).toThrow(/above 0/);
});

test("what a run is does not depend on the order in which factors are written, nor on a default that came later", async () => {
  const first = await ids({ factors: { a: [1, 2], b: ["x"] } });
  expect(await ids({ factors: { b: ["x"], a: [2, 1] } })).toEqual(first);
  const more = { factors: { a: [1, 2], b: ["x"], dropout: [0] } };
  expect(await ids({ ...more, defaults: { dropout: 0 } })).toEqual(first);
  expect(await ids(more)).not.toEqual(first);
  for (const other of [{ version: 2 }, { name: "t" }]) {
    expect((await ids({ factors: { a: [1, 2], b: ["x"] }, ...other })).some((id) => first.includes(id))).toBe(false);
  }
});

test("data decides by its content, not by its path", async () => {
  const factors = { a: [1] };
  writeFileSync(join(folder, "one.csv"), "1");
  writeFileSync(join(folder, "same.csv"), "1");
  writeFileSync(join(folder, "other.csv"), "2");
  const [one, same, other] = [
    await ids({ factors, data: ["one.csv"] }),
    await ids({ factors, data: ["same.csv"] }),
    await ids({ factors, data: ["other.csv"] }),
  ];
  expect(one).toEqual(same);
  expect(one).not.toEqual(other);
  await expect(ids({ factors, data: ["none.csv"] })).rejects.toThrow(/none\.csv/);
});

const stages = {
  name: "s",
  metrics: { score: "max" },
  stages: {
    second: {
      needs: "first",
      factors: { shots: [1, 5] },
      run: () => ({}),
      cost: ({ shots }: { shots: number }) => shots,
    },
    first: { factors: { size: [1, 2, 3, 4, 5, 6] }, run: () => ({}) },
  },
  quick: { first: { size: [1] } },
};

test("stages after those they need, cheap before dear; shards are parts that need no other", async () => {
  const study = checkStudy(stages, file);
  const runs = await planStudy(study, { file });
  expect(runs.map(({ stage }) => stage)).toEqual([...Array(6).fill("first"), ...Array(12).fill("second")]);
  expect(runs.slice(6).map(({ factors }) => factors.shots)).toEqual([...Array(6).fill(1), ...Array(6).fill(5)]);
  const parts = await Promise.all([1, 2, 3].map((index) => planStudy(study, { file, shard: { index, of: 3 } })));
  expect(
    parts
      .flat()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(runs.map(({ id }) => id).sort());
  for (const part of parts) {
    const own = new Set(part.map(({ id }) => id));
    for (const { parent } of part) expect(parent === undefined || own.has(parent)).toBe(true);
  }
  const quick = await planStudy(study, { file, quick: true });
  expect(quick.length).toBe(3);
  // A small study's runs are runs of the whole one.
  for (const { id } of quick) expect(runs.some((run) => run.id === id)).toBe(true);
});

test.each([
  [{}, /stage "run"|factors/],
  [{ factors: { a: [] } }, /factors\.a|study/],
  [{ factors: { a: [1] }, metric: {} }, /metric/],
  [{ factors: { a: [1] }, metrics: {} }, /no metric/],
  [{ factors: { score: [1] } }, /"score" is a factor and a metric/],
  [{ factors: { run: [1] } }, /may not be "run"/],
  [{ factors: { a: [1] }, command: undefined }, /neither run nor command/],
  [{ factors: { a: [1] }, run: () => ({}) }, /both run and command/],
  [{ factors: { a: [1] }, run: "later", command: undefined }, /run/],
  [{ factors: { a: [() => 1] } }, /factors/],
  [{ factors: { a: [1] }, name: "no name" }, /name/],
  [{ factors: { a: [1] }, quick: { other: {} } }, /no stage "other"/],
  [{ factors: { a: [1] }, analyses: [{ kind: "pie" }] }, /analyses/],
])("a declaration that is none is refused: %j", (change, message) => {
  expect(() => checkStudy({ ...plain, ...change }, file)).toThrow(message);
});

test("stages that need each other, or what is not there", () => {
  const { second, first } = stages.stages;
  const of = (changed: object) => () => checkStudy({ ...stages, stages: changed, quick: undefined }, file);
  expect(of({ second: { ...second, needs: "third" }, first })).toThrow(/needs "third", which is no stage.*/);
  expect(of({ second, first: { ...first, needs: "second" } })).toThrow(/needs itself/);
  expect(of({ second: { ...second, factors: { size: [1] } }, first })).toThrow(/"size" is a factor of stage "first"/);
  expect(of({})).toThrow(/no stage/);
});

test("files that are no declaration say so, whatever is in them", async () => {
  const load = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return loadStudy(join(folder, name));
  };
  await expect(loadStudy(join(folder, "nowhere.mjs"))).rejects.toMatchObject({ code: "not_found" });
  await expect(load("a.txt", "{}")).rejects.toMatchObject({ code: "wrong_use" });
  await expect(load("a.json", "{")).rejects.toMatchObject({ code: "bad_input" });
  await expect(load("none.mjs", "export const a = 1;")).rejects.toThrow(/no default export/);
  await expect(load("throws.mjs", "throw new Error('no luck')")).rejects.toThrow(/no luck/);
  const yaml = "name: y\nmetrics: {score: max}\nfactors: {a: [1, 2]}\ncommand: ['true']\n";
  expect(Object.keys((await load("good.yaml", yaml)).stages)).toEqual(["run"]);
  await fc.assert(
    fc.asyncProperty(fc.json(), async (text) => {
      await expect(load("any.json", text)).rejects.toMatchObject({ code: "bad_input" });
    }),
    { numRuns: 40 },
  );
});

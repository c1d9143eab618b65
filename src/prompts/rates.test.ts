import { describe, expect, test } from "vitest";
import { parseMixtureFile } from "./mixture-file.ts";
import { rateOf, t0Cap, t0Rate } from "./rates.ts";
import { t0DataSets, t0TotalRate } from "./t0.ts";

test.each([
  ["t0", 17_277_798, 38, 313],
  ["t0+", 20_672_671, 48, 392],
  ["t0++", 23_118_591, 54, 464],
] as const)("%s has the published total rate, data sets and templates", (name, total, sets, templates) => {
  const list = t0DataSets(name);
  expect(t0TotalRate(name)).toBe(total);
  expect([list.length, list.reduce((sum, one) => sum + one.templates, 0)]).toEqual([sets, templates]);
});

test("T0's cap is the data set's, and divided only above it", () => {
  expect(t0Rate(363_846, 6, t0Cap)).toBe(363_846);
  expect(t0Rate(3_600_000, 9, t0Cap)).toBe(55_555);
});

describe("rules", () => {
  const rule = (given: unknown) =>
    parseMixtureFile({ rule: given, tasks: {}, mixture: "t0", data: ".", templates: "." }, "m");
  const sized = { rows: 12_000, wordings: 10 };

  test("FLAN: at most 30,000 rows, rates in proportion up to 3,000, whatever the number of wordings", () => {
    const flan = rule("flan");
    expect(flan.max_examples).toBe(30_000);
    expect(rateOf(sized, flan.rule) * 10).toBeCloseTo(3000);
    expect(rateOf({ rows: 700, wordings: 10 }, flan.rule) * 10).toBeCloseTo(700);
  });

  test("caps of a task, weights, temperature, equal shares", () => {
    expect(rateOf({ ...sized, cap: 6000 }, rule("t0").rule)).toBe(600);
    expect(rateOf({ ...sized, weight: 5 }, rule("t0").rule)).toBe(0.5);
    expect(rateOf(sized, rule({ name: "t0", temperature: 2 }).rule)).toBeCloseTo(Math.sqrt(12_000));
    expect(rateOf(sized, rule({ name: "proportional", cap: 900, temperature: 2 }).rule)).toBeCloseTo(3);
    expect(rateOf(sized, rule("equal").rule)).toBe(0.1);
    expect(rateOf({ rows: 0, wordings: 3 }, rule("equal").rule)).toBe(0);
  });
});

describe("a mixture file", () => {
  const tasks = { news: { train: "news.jsonl", templates: "news.yaml" } };

  test.each([
    [{ tasks, seeds: 1 }, /unknown key.*seeds/],
    [{}, /tasks: give tasks, or a mixture by name/],
    [{ mixture: "t0" }, /mixture: a mixture by name needs data/],
    [{ tasks: { news: { train: "news.jsonl" } } }, /tasks\.news\.templates: give one of templates, patterns/],
    [{ tasks: { news: { templates: "news.yaml" } } }, /tasks\.news\.train: give train/],
    [{ tasks: { news: { ...tasks.news, cap: 0 } } }, /tasks\.news\.cap/],
    [{ tasks, rule: "t1" }, /rule: /],
  ])("an error names the key: %j", (json, message) => {
    expect(() => parseMixtureFile(json, "mixture.json")).toThrow(message);
  });

  test("defaults", () => {
    const { rule, max_examples, tasks: parsed } = parseMixtureFile({ tasks }, "mixture.json");
    expect([rule, max_examples, parsed.news!.use]).toEqual([{ name: "t0", temperature: 1 }, undefined, "all"]);
  });
});

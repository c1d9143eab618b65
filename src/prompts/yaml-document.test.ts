/** YAML as PyYAML 6.0.4 reads it, and texts that would take the library more time or depth than there is. */
import { expect, test } from "vitest";
import { parseTaskFile } from "../zeroshot/task-file.ts";
import { parseTemplates, writeTemplates } from "./yaml.ts";
import { plainYaml, pythonTags, readYaml } from "./yaml-document.ts";

const value = (text: string): unknown => {
  const { document } = readYaml(`a: ${text}`, "t.yaml", { version: "1.1", customTags: pythonTags });
  return (document.toJS() as { a: unknown }).a;
};

test.each(["y", "n", "Y", "N", "tRue", "1e3", "1.5e3", "+.5", "08", "12e03", "_1", "0o17", "1e+3"])(
  "%s is text",
  (text) => {
    expect(value(text)).toBe(text);
  },
);

test.each([
  ["yes", true],
  ["Off", false],
  ["ON", true],
  ["false", false],
  ["~", null],
  ["0x1F", 31],
  ["017", 15],
  ["1_000", 1000],
  ["1:30", 90],
  ["1:30.5", 90.5],
  ["1.0e+3", 1000],
  [".5", 0.5],
  ["1.", 1],
  ["-.INF", Number.NEGATIVE_INFINITY],
  ["0b11", 3],
  ["!!str 5", "5"],
])("%s is %j", (text, expected) => {
  expect(value(text)).toBe(expected);
});

const template = (fields: string) =>
  `dataset: d\ntemplates:\n  11111111-2222-4333-8444-555555555555: !Template\n${fields
    .split("\n")
    .map((line) => `    ${line}\n`)
    .join("")}`;

test("a template called n, with y for an answer, is read and written as that", () => {
  const file = parseTemplates(template("name: n\njinja: j\nanswer_choices: y\nreference: ''"), "t.yaml");
  expect(file.templates[0]).toMatchObject({ name: "n", answerChoices: "y" });
  expect(parseTemplates(writeTemplates(file), "t.yaml").templates[0]).toMatchObject({ name: "n", answerChoices: "y" });
});

test.each([
  ["explicit keys", "? ".repeat(200_000), /nested more than 200 deep/],
  ["lists", "- ".repeat(100_000), /nested more than 200 deep/],
  ["lists in brackets", `a: ${"[".repeat(50_000)}`, /nested more than 200 deep/],
  [
    "mappings line by line",
    Array.from({ length: 300 }, (_, i) => `${" ".repeat(i)}a:\n`).join(""),
    /t\.yaml:20\d: coll/,
  ],
  ["anchors", `${"&a ".repeat(40_000)}x`, /t\.yaml:1: not readable as YAML: A node can have at most one anchor/],
  ["quotes", `a: ${'"'.repeat(60_001)}`, /not readable as YAML/],
  ["keys", Array.from({ length: 10_000 }, (_, i) => `k${i}: 1\n`).join(""), /more keys in one mapping than are read/],
  ["comments", "#\n".repeat(100_000), /more than 100000 tokens/],
  [
    "aliases of aliases",
    `a: &a [x]\n${"bcdefghijklm"
      .split("")
      .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${"abcdefghijkl"[i]}`)}]\n`)
      .join("")}dataset: *m`,
    /alias/,
  ],
])("%s without end: an error with its line, soon", (_, text, says) => {
  for (const read of [parseTemplates, parseTaskFile]) {
    expect(() => read(text, "t.yaml")).toThrow(
      expect.objectContaining({ code: "bad_input", message: expect.stringMatching(says) }),
    );
  }
});

test("reading a value of an alias that is not there", () => {
  expect(() => plainYaml(() => readYaml("a: *b", "t.yaml", {}).document.toJS(), "t.yaml")).toThrow(/alias/i);
});

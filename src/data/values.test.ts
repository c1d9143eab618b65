import { expect, test } from "vitest";
import { ZerothError } from "../errors.ts";
import { Float, renamedColumns, rowFromJson, rowFromObject, valueFromJson } from "./values.ts";

test("JSON as Python reads it", () => {
  expect(valueFromJson("1")).toBe(1);
  expect(valueFromJson("1.0")).toEqual(new Float(1));
  expect(valueFromJson("1e3")).toEqual(new Float(1000));
  expect(valueFromJson("-0")).toBe(0);
  expect(valueFromJson("-0.0")).toEqual(new Float(-0));
  expect(valueFromJson("0.5")).toBe(0.5);
  expect(valueFromJson("9223372036854775807")).toBe(9223372036854775807n);
  expect(valueFromJson("[NaN, Infinity, -Infinity]")).toEqual([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
  expect(valueFromJson(' {"a": ["\\u00e9\\n", null, true], "a": {"__proto__": 1}} ')).toEqual(
    new Map([["a", new Map([["__proto__", 1]])]]),
  );
});

test("what is no JSON says where", () => {
  for (const text of [
    "",
    "{",
    "[1,]",
    '{"a" 1}',
    '"open',
    '"\n"',
    "01",
    "1.",
    "+1",
    "nul",
    "[1] 2",
    "'a'",
    '"\\x"',
    "[".repeat(300),
  ]) {
    expect(() => valueFromJson(text, "rows.jsonl, line 3"), text).toThrow(ZerothError);
    expect(() => valueFromJson(text, "rows.jsonl, line 3"), text).toThrow(/^rows\.jsonl, line 3: not valid JSON/);
  }
  expect(() => rowFromJson("[1]")).toThrow("expected an object, got a list");
});

test("rows from plain objects", () => {
  const row = rowFromObject({ a: 1, b: [1.5, { c: undefined }], d: 12n, e: new Float(2) });
  expect(row).toEqual(
    new Map<string, unknown>([
      ["a", 1],
      ["b", [1.5, new Map([["c", null]])]],
      ["d", 12],
      ["e", new Float(2)],
    ]),
  );
  expect(() => rowFromObject({ f: () => 1 })).toThrow("a function is no data");
  expect([...renamedColumns(rowFromJson('{"a-b": 1, "c": 2}')).keys()]).toEqual(["a_b", "c"]);
});

test("a text of millions of characters, escapes among them", () => {
  for (const long of ["snow ".repeat(2_000_000), '"\n\\'.repeat(1_000_000)]) {
    expect(rowFromJson(JSON.stringify({ long })).get("long") === long).toBe(true);
  }
  for (const broken of ['{"a":"b', '{"a":"b\\"}', '{"a":"b\u0007"}', '{"a":"\\x"}', '{"a":b"c"}']) {
    expect(() => rowFromJson(broken)).toThrow();
  }
});

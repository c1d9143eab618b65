import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { failure } from "../../test/support/failure.ts";
import { rowFromJson } from "../data/values.ts";
import type { ErrorCode } from "../errors.ts";
import { undeclared, unknown } from "./analysis.ts";
import type { Limits } from "./budget.ts";
import { render } from "./evaluate.ts";
import { contextOf } from "./scope.ts";
import { parse } from "./syntax/parse.ts";

interface Case {
  readonly template: string;
  readonly text?: string;
  readonly error?: string;
}
const fixture = new URL("../../test/fixtures/templates/cases.json", import.meta.url);
const { row, cases } = JSON.parse(readFileSync(fixture, "utf8")) as { row: string; cases: Case[] };

const middle = (n: number) => Math.floor(n / 2);
const rendered = (template: string, data = "{}", limits?: Limits) =>
  render(parse(template, "file, template"), contextOf(rowFromJson(data)), {
    where: "file, template",
    below: middle,
    ...(limits ? { limits } : {}),
  });

describe("prints what jinja2 prints, and fails where it fails", () => {
  test.each(cases)("$template", ({ template, text }) => {
    if (text !== undefined) expect(rendered(template, row)).toBe(text);
    else expect(failure(() => rendered(template, row)).code).toBe("bad_input");
  });
});

test("an error names the line, what is there, and the column that needs renaming", () => {
  const data = '{"text": "a", "other-name": 1}';
  expect(failure(() => rendered("one\ntwo {{ txt.x }}", data)).message).toBe(
    "file, template, line 2: 'txt' is undefined (there is text, other-name)",
  );
  expect(failure(() => rendered("{{ other_name.x }}", data)).message).toContain('"other-name" must be renamed so');
  expect(failure(() => rendered("a\n\n{% if x %}\nb")).message).toContain('line 3: "{% if %}" is never closed');
  expect(failure(() => rendered("{{ text | uper }}", data)).message).toContain('there is no filter "uper"');
});

describe("hostile names reach nothing", () => {
  test.each(["__proto__", "__class__", "__globals__", "__init__"])("%s", (name) => {
    for (const template of [
      `{{ text.${name} }}`,
      `{{ text["${name}"] }}`,
      `{{ d.${name} }}`,
      `{{ text | attr("${name}") }}`,
      `{{ [d] | map(attribute="${name}") | list }}`,
    ]) {
      const error = failure(() => rendered(template, '{"text": "a", "d": {"k": 1}}'));
      expect([error.code, error.message]).toEqual(["bad_input", expect.stringContaining("file, template, line 1")]);
    }
    expect(rendered(`[{{ ${name} }}]`)).toBe("[]");
  });

  test.each(["constructor", "toString", "hasOwnProperty", "valueOf", "length", "prototype"])("%s", (name) => {
    const data = '{"text": "a", "d": {"k": 1}, "l": [1]}';
    for (const of of ["text", "d", "l", "n", "loop", "range"])
      expect(rendered(`{{ text }}{{ ${of === "n" ? 1 : of === "loop" ? "d" : of}.${name} }}`, data)).toBe("a");
    expect(failure(() => rendered(`{{ text.${name}.${name} }}`, data)).code).toBe("bad_input");
    expect(failure(() => rendered(`{{ text.${name}("x") }}`, data)).code).toBe("bad_input");
    expect(rendered(`{% for x in l %}{{ loop.${name === "length" ? "nothing" : name} }}{% endfor %}`, data)).toBe("");
  });

  test("a row's own columns of those names are data", () => {
    const data = '{"__proto__": "p", "constructor": "c", "d": {"__proto__": 5, "__class__": 6}}';
    expect(rendered("{{ __proto__ }}{{ constructor }}{{ d.__proto__ }}{{ d['__class__'] }}", data)).toBe("pc56");
  });
});

describe("a budget that is the same everywhere", () => {
  const endless: readonly (readonly [string, ErrorCode])[] = [
    ["{% for x in range(10 ** 9) %}{% endfor %}", "too_long"],
    ["{{ range(10 ** 9) | list | length }}", "too_long"],
    ["{{ range(10 ** 18) | sum }}", "too_long"],
    ["{% set l = [1] %}{% for x in l %}{% set _ = l.append(x) %}{% endfor %}", "too_long"],
    ["{{ 'x' * 10 ** 9 }}", "too_long"],
    ["{{ [0] * 10 ** 9 }}", "too_long"],
    ["{{ 'a'.center(10 ** 9) }}", "too_long"],
    ["{{ '%1000000000d' % 1 }}", "too_long"],
    ["{{ 'a' | indent(10 ** 9) }}", "too_long"],
    ["{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "too_long"],
    [
      "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s.replace('x', 'xx') %}{% endfor %}",
      "too_long",
    ],
    ["{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}{% endfor %}", "too_long"],
    ["{% for x in range(1000) %}{{ 'x' * 100000 }}{% endfor %}", "too_long"],
    ["{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "too_long"],
    ["{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "too_long"],
    [
      "{% set ns = namespace(l=[]) %}{% for i in range(20000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
      "too_long",
    ],
    ["{% set s = 'x' * 3000000 %}{% for i in range(200000) %}{{ s[0] }}{% endfor %}", "too_long"],
    ["{% set s = 'x' * 3000000 %}{% for i in range(200000) %}{{ s.find('y') }}{% endfor %}", "too_long"],
    ["{% set s = 'x' * 3000000 %}{% for i in range(200000) %}{{ s | length }}{% endfor %}", "too_long"],
    ["{% set s = 'x' * 3000000 %}{% for i in range(200000) %}{% if s == s ~ '' %}{% endif %}{% endfor %}", "too_long"],
    ["{% set l = [0] * 900000 %}{% for i in range(90000) %}{% set _ = l.pop(0) %}{% endfor %}", "too_long"],
    [`{{ ${"9".repeat(100_000)} }}`, "bad_input"],
    ["{{ 9 ** 9 ** 9 ** 9 ** 9 }}", "bad_input"],
    [`{{ ${"(".repeat(5000)} }}`, "bad_input"],
    [`{{ ${"not ".repeat(5000)}1 }}`, "bad_input"],
    [`{{ ${"-".repeat(5000)}1 }}`, "bad_input"],
    ["{% if 1 %}".repeat(5000), "bad_input"],
    [`{{ 1${" + 1".repeat(20000)} }}`, "too_long"],
  ];
  test.each(endless)("%s", (template, code) => {
    const error = failure(() => rendered(template));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(/^file, template, line 1: /)]);
  });

  test("steps and characters are what the limits say", () => {
    const limits = { steps: 200, characters: 50, depth: 5 };
    expect(rendered("{% for x in range(20) %}x{% endfor %}", "{}", limits)).toBe("x".repeat(20));
    expect(failure(() => rendered("{% for x in range(200) %}{% endfor %}", "{}", limits)).message).toContain(
      "200 steps",
    );
    expect(failure(() => rendered("{{ 'x' * 51 }}", "{}", limits)).message).toContain("50 characters");
    expect(failure(() => rendered("{{ 'x' * 30 }}{{ 'x' * 30 }}", "{}", limits)).code).toBe("too_long");
  });
});

test("what a template asks for", () => {
  const names = (template: string) => [...undeclared(parse(template, "t"))].sort();
  expect(
    names("{{ a }}{% set b = a %}{{ b }}{% for c in d if c > e %}{{ c }}{{ loop.index }}{% endfor %}{{ c }}"),
  ).toEqual(["a", "c", "d", "e"]);
  expect(names("{% if a %}{% set b = 1 %}{% endif %}{{ b }}{{ range(3) }}{{ x.y['z'] | join(w) }}")).toEqual([
    "a",
    "w",
    "x",
  ]);
  expect(names("{% macro m(p, q=r) %}{{ p }}{{ q }}{{ s }}{% endmacro %}{{ m(t) }}")).toEqual(["r", "s", "t"]);
  expect(names("{% with a = b %}{{ a }}{% endwith %}{% set ns.x = y %}{% filter indent(z) %}{% endfilter %}")).toEqual([
    "b",
    "ns",
    "y",
    "z",
  ]);
  expect(unknown(parse("{{ a | nope }}\n{{ b is odder }}{{ c | upper }}", "t"))).toEqual([
    { what: 'there is no filter "nope"', line: 1 },
    { what: 'there is no test "odder"', line: 2 },
  ]);
});

test.each([
  ["filters", " | string"],
  ["attributes", ".a"],
  ["items", "[0]"],
  ["calls", "()"],
  ["sums", " + x"],
  ["powers", " ** 1"],
  ["and", " and x"],
  ["or", " or x"],
  ["conditions", " if x"],
])("a chain of thousands of steps is refused, whatever it is of (%s), and one of a thousand is read", (_, step) => {
  const chain = (count: number) => `\n{{ x${step.repeat(count)} }}`;
  expect(() => undeclared(parse(chain(1000), "t"))).not.toThrow();
  for (const template of [chain(2001), chain(50_000), `\n{{ (x${step.repeat(1500)})${step.repeat(1500)} }}`]) {
    const { code, where, message } = failure(() => parse(template, "t"));
    expect([code, where]).toEqual(["too_long", "t, line 2"]);
    expect(message).toContain("an expression of more than 2000 steps");
  }
  // Each expression counts for itself.
  expect(parse(chain(1500) + chain(1500), "t")).toHaveLength(4);
});

/** Whatever a template, a file or a row says: an answer, or an error that names file, template and line. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Float, rowFromJson, valueFromJson } from "../data/values.ts";
import { ZerothError } from "../errors.ts";
import { datasetsIn, ownTemplates } from "./library-node.ts";
import { applyTemplate, type Template } from "./template.ts";
import { parseTemplates, writeTemplates } from "./yaml.ts";

const { root, paths } = datasetsIn(ownTemplates());
const texts = paths.map((path) => readFileSync(join(root, path, "templates.yaml"), "utf8"));
const sources = texts.flatMap((text) => parseTemplates(text, "t.yaml").templates.map(({ jinja }) => jinja));
const row = rowFromJson(
  '{"s": "some text ||| here", "n": 3, "f": 1.5, "l": [1, "two", null, [3]], "d": {"k": 1, "__proto__": {"x": 1}}, "o": null, "label": 1, "premise": "p", "hypothesis": "h", "choices": {"text": ["a", "b"], "label": ["A", "B"]}}',
);
const limits = { steps: 20_000, characters: 20_000, depth: 10 };

function outcome(run: () => unknown, place: RegExp): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ZerothError)) throw error;
    expect(["bad_input", "too_long"]).toContain(error.code);
    expect(error.message).toMatch(place);
  }
}
const placed = /^t\.yaml, template "fuzzed"(, answer_choices)?(, line \d+)?: ./;
const attempt = (jinja: string, answerChoices?: string): void => {
  const template: Template = {
    id: "fuzz",
    name: "fuzzed",
    jinja,
    ...(answerChoices === undefined ? {} : { answerChoices }),
    metadata: { languages: [], metrics: [] },
    where: "t.yaml",
  };
  for (const truncate of [true, false]) outcome(() => applyTemplate(template, row, { truncate, limits }), placed);
};

const word = fc.constantFrom(
  ..."s n f l d o label missing loop range zip namespace dict cycler joiner answer_choices caller constructor __proto__ toString hasOwnProperty true none".split(
    " ",
  ),
);
const literal = fc.constantFrom(
  "0",
  "1",
  "-1",
  "2.5",
  "10 ** 9",
  "'a'",
  '"|||"',
  "[]",
  "[1, 2]",
  "{}",
  "{'a': 1}",
  "(1,)",
  "()",
  "1e308",
  "2 ** 4000",
);
const filterName = fc.constantFrom(
  ..."abs attr batch capitalize center choice count default dictsort first float format groupby indent int items join last length list lower map max min most_frequent random reject rejectattr replace reverse round select selectattr slice sort string sum title tojson trim truncate unique upper wordcount nope".split(
    " ",
  ),
);
const method = fc.constantFrom(
  ..."split rsplit splitlines partition strip replace lower capitalize title join startswith find index count zfill center format append extend insert pop remove sort copy keys items get update setdefault __class__ __init__ constructor valueOf".split(
    " ",
  ),
);
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    word,
    literal,
    fc
      .tuple(
        tie("expression"),
        fc.constantFrom("+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "not in", "and", "or"),
        tie("expression"),
      )
      .map((p) => `(${p.join(" ")})`),
    fc
      .tuple(tie("expression"), filterName, fc.option(tie("expression")))
      .map(([a, b, c]) => `(${a} | ${b}${c === null ? "" : `(${c})`})`),
    fc
      .tuple(tie("expression"), method, fc.array(tie("expression"), { maxLength: 2 }))
      .map(([a, b, c]) => `${a}.${b}(${c.join(", ")})`),
    fc.tuple(tie("expression"), tie("expression")).map(([a, b]) => `${a}[${b}]`),
    fc.tuple(tie("expression"), tie("expression"), tie("expression")).map(([a, b, c]) => `${a}[${b}:${c}]`),
    fc.tuple(tie("expression"), tie("expression"), tie("expression")).map(([a, b, c]) => `(${a} if ${b} else ${c})`),
    fc
      .tuple(tie("expression"), fc.constantFrom("odd", "none", "defined", "string", "divisibleby(2)", "in [1]", "nope"))
      .map(([a, b]) => `(${a} is ${b})`),
    fc.tuple(word, tie("expression")).map(([a, b]) => `${a}(${b})`),
  ),
}));
const { statements } = fc.letrec<{ statements: string }>((tie) => ({
  statements: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    expression.map((e) => `{{ ${e} }}`),
    fc.constantFrom(" ||| ", "text\n", "{# note #}", "{% raw %}{{ x }}{% endraw %}", "}}", "{%", "|||"),
    fc.tuple(tie("statements"), tie("statements")).map((p) => p.join("")),
    fc.tuple(expression, tie("statements")).map(([e, b]) => `{% if ${e} %}${b}{% else %}x{% endif %}`),
    fc.tuple(expression, tie("statements")).map(([e, b]) => `{%- for s in ${e} -%}${b}{{ loop.index }}{% endfor %}`),
    fc.tuple(word, expression).map(([w, e]) => `{% set ${w} = ${e} %}`),
    fc
      .tuple(expression, tie("statements"))
      .map(([e, b]) => `{% macro m(a, b=${e}) %}${b}{{ m(a) }}{% endmacro %}{{ m(${e}) }}`),
    fc
      .tuple(expression, tie("statements"))
      .map(
        ([e, b]) =>
          `{% set ns = namespace(x=${e}) %}{% for i in range(50) %}{% set ns.x = [ns.x, ns.x] %}${b}{% endfor %}{{ ns.x }}`,
      ),
    fc.tuple(expression, tie("statements")).map(([e, b]) => `{% set cap %}${b}{% endset %}{{ cap ~ ${e} }}`),
  ),
}));

test("templates of the whole language end, and say where they went wrong", () => {
  fc.assert(
    fc.property(statements, fc.option(statements, { freq: 3 }), (jinja, choices) =>
      attempt(jinja, choices ?? undefined),
    ),
    { numRuns: 600, seed: 7 },
  );
});

/** A text with one piece taken out, doubled or replaced. */
const broken = (from: readonly string[]) =>
  fc
    .tuple(
      fc.constantFrom(...from),
      fc.nat(),
      fc.nat({ max: 12 }),
      fc.oneof(
        fc.constantFrom(
          "",
          "{{",
          "}}",
          "{%",
          "%}",
          "'",
          "(",
          "[",
          "|",
          "\\",
          "{#",
          "-",
          "\u0000",
          "!x",
          "&a",
          "*a",
          ": ",
        ),
        fc.string({ maxLength: 4 }),
      ),
    )
    .map(([text, at, length, by]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + by + text.slice(place + length);
    });

test("good templates, broken somewhere", () => {
  fc.assert(
    fc.property(broken(sources), (jinja) => attempt(jinja)),
    { numRuns: 600, seed: 11 },
  );
});

test("good files, broken somewhere: templates, or the file and line", () => {
  fc.assert(
    fc.property(broken(texts), (text) => {
      outcome(() => {
        const file = parseTemplates(text, "t.yaml");
        parseTemplates(writeTemplates(file), "t.yaml");
      }, /^t\.yaml(:\d+)?(, template .*)?: ./s);
    }),
    { numRuns: 60, seed: 13 },
  );
});

test("JSON: what JSON.parse reads is read alike, the rest is refused", () => {
  const plain = (value: unknown): unknown =>
    value instanceof Map
      ? Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]))
      : Array.isArray(value)
        ? value.map(plain)
        : value instanceof Float
          ? value.value
          : typeof value === "bigint"
            ? Number(value)
            : value;
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.stringify(plain(valueFromJson(text)))).toBe(JSON.stringify(JSON.parse(text)));
    }),
    { numRuns: 500, seed: 17 },
  );
  const strict = ['{"a": [1, 2.5, "x"], "b": {"c": null}}', '[true, false, {"k": "\\u00e9"}]'];
  fc.assert(
    fc.property(broken(strict), (text) => {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = /NaN|Infinity/.test(text);
      }
      if (valid) valueFromJson(text, "t.yaml");
      else expect(() => valueFromJson(text, "t.yaml")).toThrow(ZerothError);
    }),
    { numRuns: 500, seed: 19 },
  );
});

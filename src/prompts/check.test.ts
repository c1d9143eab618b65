import { expect, test } from "vitest";
import { rowFromObject } from "../data/values.ts";
import { checkTemplates } from "./check.ts";
import type { Template } from "./template.ts";

const id = (n: number) => `5c2ef4b0-6a0f-4d3b-9f35-1f0e5f3f7a1${n}`;
const made = (n: number, parts: Partial<Template>): Template => ({
  id: id(n),
  name: `template ${n}`,
  jinja: "{{ text }} ||| {{ label }}",
  metadata: { languages: ["en"], metrics: ["Accuracy"] },
  where: "t.yaml",
  line: 10 * n,
  ...parts,
});
const problems = (parts: Partial<Template>, data: Record<string, unknown>[] = []) =>
  checkTemplates({ dataset: "d", templates: [made(1, parts)] }, data.map(rowFromObject)).map(({ problem }) => problem);

test("a finding names file, template and line", () => {
  expect(checkTemplates({ dataset: "d", templates: [made(1, {}), made(2, { jinja: "{{ text }}" })] })).toEqual([
    { file: "t.yaml", template: "template 2", line: 20, problem: 'there is no "|||" between prompt and target' },
  ]);
});

test.each<[string, Partial<Template>, string | RegExp]>([
  ["no UUID", { id: "one" }, 'its id "one" is no UUID'],
  ["a key that is not the id", { source: new Map([["\u0000key", id(9)]]) }, /stands under the key "5c2e.*19"/],
  ["no name", { name: " " }, "its name is empty"],
  ["no Jinja", { jinja: "a\n{% if x %} ||| b" }, /line 2: "{% if %}" is never closed/],
  ["choices that are no Jinja", { answerChoices: "a ||| {{ }" }, /answer_choices, line 1: /],
  ["an unknown filter", { jinja: "{{ text }} |||\n{{ label | uper }}" }, 'line 2: there is no filter "uper"'],
  [
    "an unknown test",
    { answerChoices: "a ||| {{ 'b' if x is odder }}" },
    'answer_choices, line 1: there is no test "odder"',
  ],
  ["an unknown metric", { metadata: { languages: [], metrics: ["accuracy"] } }, 'there is no metric "accuracy"'],
  ["an empty choice", { answerChoices: "a ||| " }, "one of its choices is empty"],
  ["one choice", { answerChoices: "a" }, "it has 1 choice, at least two are needed"],
  ["a choice twice", { answerChoices: "a ||| b ||| a" }, "a choice stands twice: a, b, a"],
])("%s", (_, parts, says) => {
  expect(problems(parts)).toEqual([typeof says === "string" ? says : expect.stringMatching(says)]);
});

test("names and ids are given once", () => {
  const twice = checkTemplates({ dataset: "d", templates: [made(1, {}), made(2, { name: "template 1", id: id(1) })] });
  expect(twice.map(({ problem }) => problem)).toEqual([
    "another template has the same name",
    "another template has the same id",
    "another template has the same name",
    "another template has the same id",
  ]);
});

test("with rows: missing columns, targets that are no choice, renders that fail; the first of each template", () => {
  const good = { text: "a", label: 1 };
  expect(problems({}, [good])).toEqual([]);
  expect(problems({}, [{ text: "a", other: 1 }])).toEqual(["it asks for label; the data has text, other"]);
  expect(problems({ jinja: "{{ text }} ||| {{ label | default('x') }}" }, [{ text: "a" }])).toEqual([]);
  expect(problems({ answerChoices: "yes ||| no" }, [good, good])).toEqual([
    'row 1: the target "1" is none of the choices yes, no',
  ]);
  expect(problems({}, [good, { text: "a", label: "" }])).toEqual(["row 2: the target is empty"]);
  expect(problems({ jinja: "{{ text }} ||| {{ label.x.y }}" }, [good])).toEqual([
    "row 1: line 1: 'int object' has no attribute 'x'",
  ]);
  expect(problems({ jinja: "{% if label %}{{ text }} ||| a{% endif %}" }, [{ text: "a", label: 0 }])).toEqual([]);
});

import { describe, expect, test } from "vitest";
import { failure } from "../../test/support/failure.ts";
import { rowFromJson } from "../data/values.ts";
import { applyTemplate, columnsOf, fixedChoices, type Template, taskName } from "./template.ts";
import { parseTemplates, writeTemplates } from "./yaml.ts";

const made = (jinja: string, answerChoices?: string): Template => ({
  id: "5c2ef4b0-6a0f-4d3b-9f35-1f0e5f3f7a11",
  name: "asks",
  jinja,
  ...(answerChoices === undefined ? {} : { answerChoices }),
  metadata: { languages: ["en"], metrics: [] },
  where: "t.yaml",
});
const apply = (template: Template, json: string, options = {}) => applyTemplate(template, rowFromJson(json), options);

describe("applying", () => {
  test("prompt, target and choices, stripped as Python strips", () => {
    const template = made(" {{ q }} \n ||| {{ answer_choices[label] }}\u001c", "No ||| Yes\u0085");
    expect(apply(template, '{"q": "Is it?", "label": 1}')).toEqual({
      prompt: "Is it?",
      target: "Yes",
      choices: ["No", "Yes"],
    });
    expect(apply(made("{{ q }} ||| \ufeff{{ q }}"), '{"q": "a"}')).toEqual({ prompt: "a", target: "\ufeffa" });
  });

  test("choices may be made from the row, and a text with ||| in it stays one", () => {
    const template = made(
      "{{ q }}: {{ answer_choices | join(', ') }} ||| {{ answer_choices[0] }}",
      "{{ options | join('|||') }}",
    );
    expect(apply(template, '{"q": "a ||| b", "options": ["x", "y"]}')).toEqual({
      prompt: "a ||| b: x, y",
      target: "x",
      choices: ["x", "y"],
    });
    const single = made("{{ q }} ||| {{ answer_choices[1] }}", "{{ q }} ||| no");
    const error = failure(() =>
      apply(made("{{ q }} ||| {{ answer_choices[0] }}", "{{ q }} ||| no"), '{"q": "a ||| b"}'),
    );
    expect([error.code, error.hint]).toEqual(["bad_input", 'a choice of this row contains "|||"']);
    expect(apply(single, '{"q": "a ||| b"}')).toEqual({ prompt: "a ||| b", target: "no", choices: ["a ||| b", "no"] });
  });

  test("values longer than 2048 characters are cut at a word, unless asked not to", () => {
    const row = JSON.stringify({ q: "word ".repeat(500) });
    expect(apply(made("{{ q }} ||| x"), row)!.prompt).toBe(`${"word ".repeat(408)}word...`);
    expect(apply(made("{{ q }} ||| x"), row, { truncate: false })!.prompt).toHaveLength(2499);
    // The rewrite is of the text: of a sum only the last term is shortened, and "}}" outside of tags is rewritten too.
    expect(apply(made("{{ q + q }} ||| x"), row)!.prompt).toHaveLength(2500 + 2047);
    expect(apply(made("{{ 'a' }} }} ||| x"), "{}")!.prompt).toBe("a  | string | truncate(2048) }}");
    expect(apply(made("{{ 'a' }} }} ||| x"), "{}", { truncate: false })!.prompt).toBe("a }}");
  });

  test("a template that prints nothing, or no prompt, does not apply", () => {
    const template = made("{% if label %}{{ q }} ||| yes{% endif %}");
    expect(apply(template, '{"q": "a", "label": 0}')).toBeUndefined();
    expect(apply(template, '{"q": "a", "label": 1}')).toEqual({ prompt: "a", target: "yes" });
    expect(apply(made("{{ q }} ||| x"), '{"q": "  "}')).toBeUndefined();
  });

  test("results that are no prompt and target are errors, and so is a column of the choices' name", () => {
    for (const [template, row, says] of [
      [made("{{ q }}"), '{"q": "a"}', 'no "|||" between prompt and target'],
      [made("{{ q }} ||| a ||| b"), '{"q": "a"}', '"|||" was printed 2 times'],
      [made("{{ q }} ||| a"), '{"q": "a", "answer_choices": []}', 'a column "answer_choices"'],
    ] as const) {
      const error = failure(() => apply(template, row));
      expect([error.code, error.message]).toEqual(["bad_input", expect.stringContaining(says)]);
      expect(error.message).toContain('t.yaml, template "asks"');
    }
    const choices = failure(() => apply(made("{{ q }} ||| a", "x\n{{ nope.x }}"), '{"q": "a"}'));
    expect(choices.message).toContain('template "asks", answer_choices, line 2');
  });

  test("random choices belong to the seed, the template and the example", () => {
    const template = made("{{ words | choice }} {{ words | random }} ||| x");
    const row = JSON.stringify({ words: "abcdefghijklmnopqrstuvwxyz".split("") });
    const draw = (seed: number, index: number, id = template.id) =>
      apply({ ...template, id }, row, { seed, index })!.prompt;
    expect(draw(1, 5)).toBe(draw(1, 5));
    expect(new Set([draw(1, 5), draw(2, 5), draw(1, 6), draw(1, 5, "other")]).size).toBe(4);
    const firsts = Array.from({ length: 260 }, (_, i) => draw(7, i)[0]!);
    expect(new Set(firsts).size).toBe(26);
  });

  test("a template cannot change the row, but its choices and its text share what they do", () => {
    const template = made("{{ l }} ||| {{ answer_choices[0] }}", "{{ l.append(4) }}{{ l | length }} ||| b");
    const row = rowFromJson('{"l": [1]}');
    expect(applyTemplate(template, row)).toEqual({ prompt: "[1, 4]", target: "None2", choices: ["None2", "b"] });
    expect(row.get("l")).toEqual([1]);
  });
});

test("fixed choices, columns and task names", () => {
  expect(fixedChoices(made("", "a ||| {{ 'b' | upper }}"))).toEqual(["a", "B"]);
  expect(fixedChoices(made("", "{{ x }} ||| b"))).toBeUndefined();
  expect(fixedChoices(made("x"))).toBeUndefined();
  const columns = columnsOf(
    made("{{ a }}{{ answer_choices[b] }}{{ d | default('x') }}{{ e if e is defined else f }}", "{{ c }}"),
  );
  expect([...columns.required].sort()).toEqual(["a", "b", "c"]);
  expect([...columns.optional].sort()).toEqual(["d", "e", "f"]);
  const template = { ...made("x"), name: "can it — be… (näive)?" };
  expect(taskName({ dataset: "super_glue", subset: "wsc.fixed" }, template)).toBe(
    "super_glue_wsc.fixed_can_it_be_näive_",
  );
  expect(taskName({ dataset: "ag_news" }, template)).toBe("ag_news_can_it_be_näive_");
});

const file = `dataset: toy
owner: somebody
subset: small
templates:
  5c2ef4b0-6a0f-4d3b-9f35-1f0e5f3f7a11: !Template
    answer_choices: No ||| Yes
    id: 5c2ef4b0-6a0f-4d3b-9f35-1f0e5f3f7a11
    jinja: |-
      {{ q }}

      ||| {{ answer_choices[label] }}
    metadata: !TemplateMetadata
      choices_in_prompt: null
      languages:
        - en
      metrics:
        - Accuracy
      original_task: true
      stars: 5
    name: 'yes'
    reference: ''
    task_template: false
`;

describe("files", () => {
  test("are read with their lines and written back in the same shape", () => {
    const read = parseTemplates(file, "t.yaml");
    expect(read).toMatchObject({ dataset: "toy", subset: "small" });
    expect(read.templates[0]).toMatchObject({
      name: "yes",
      line: 5,
      answerChoices: "No ||| Yes",
      reference: "",
      metadata: { originalTask: true, languages: ["en"], metrics: ["Accuracy"] },
    });
    expect(read.templates[0]!.metadata).not.toHaveProperty("choicesInPrompt");
    expect(writeTemplates(read)).toBe(file);
    const [first] = read.templates;
    const changed = writeTemplates({
      ...read,
      templates: [{ ...first!, name: "no", metadata: { ...first!.metadata, choicesInPrompt: true } }],
    });
    expect(changed).toContain("name: 'no'");
    expect(changed).toContain("choices_in_prompt: true");
    expect(changed).toContain("task_template: false");
  });

  test("templates of one's own are written as promptsource writes them", () => {
    const text = writeTemplates({ dataset: "mine", templates: [made("{{ q }} ||| a")] });
    expect(parseTemplates(text, "t.yaml").templates[0]).toMatchObject({ name: "asks", jinja: "{{ q }} ||| a" });
    expect(text).toContain("answer_choices: null");
    expect(text).toContain("!TemplateMetadata");
  });

  test.each([
    ["templates missing", "dataset: a\n", /t\.yaml:1: the key "templates" is missing/],
    ["dataset missing", "templates: {}\n", /the key "dataset" is missing/],
    ["no mapping", "- a\n", /expected a mapping/],
    ["not YAML", "dataset: [a\n", /t\.yaml:\d: not readable as YAML/],
    ["unknown tag", file.replace("!Template\n", "!!python/object:os.system\n"), /t\.yaml:5: not readable as YAML.*tag/],
    ["unknown own tag", file.replace("!TemplateMetadata", "!Other"), /t\.yaml:12: .*!Other/],
    ["a key twice", file.replace("    name:", "    id: x\n    name:"), /t\.yaml:20: .*unique/],
    ["name missing", file.replace("    name: 'yes'\n", ""), /t\.yaml:5, template "5c2e.*the key "name" is missing/],
    [
      "jinja a list",
      file.replace("jinja: |-", "jinja: [a]\n    other: |-"),
      /template "yes": jinja: expected a text, got an array/,
    ],
    [
      "a wrong flag",
      file.replace("original_task: true", "original_task: maybe"),
      /metadata\.original_task: expected true or false/,
    ],
    [
      "metrics a text",
      file.replace("metrics:\n        - Accuracy", "metrics: Accuracy"),
      /metadata\.metrics: expected a list/,
    ],
    ["two documents", `${file}---\na: 1\n`, /not readable as YAML/],
    ["too long", " ".repeat((4 << 20) + 1), /at most/],
  ])("%s", (_, text, says) => {
    const error = failure(() => parseTemplates(text, "t.yaml"));
    expect([error.code, error.message]).toEqual(["bad_input", expect.stringMatching(says)]);
  });

  test("aliases do not multiply", () => {
    const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${"bcdefghi"
      .split("")
      .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[i]}`).join(", ")}]`)
      .join("\n")}\ndataset: d\ntemplates: {}\n`;
    expect(failure(() => parseTemplates(bomb, "t.yaml")).message).toContain("alias");
  });
});

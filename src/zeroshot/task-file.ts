/** A task in a few lines: wordings, choices, and where the answer stands. What promptsource's format has in many. */
import { z } from "zod";
import { schemaIssue } from "../base/schema-issue.ts";
import { fail } from "../errors.ts";
import type { Template, TemplateFile } from "../prompts/template.ts";
import { plainYaml, readYaml } from "../prompts/yaml-document.ts";

const text = z.string().min(1);
const schema = z.strictObject({
  /** What the task is called. */
  task: text,
  /** Jinja over the columns of a row: one wording, several, or several with names. */
  prompts: z.union([text, z.array(text).min(1), z.record(text, text)]),
  /** The possible answers: a list, or Jinja that prints them with `|||` between. Without them answers are written. */
  choices: z.union([text, z.array(text).min(2)]).optional(),
  /** The column of the answer: a choice or its number, from 0. */
  label: text.optional(),
  /** Or Jinja that prints the answer. */
  answer: text.optional(),
  /** What written answers are measured by, in promptsource's words. */
  metrics: z.array(text).optional(),
});

/** Whether the keys of a YAML text are those of a task file, not of a file of templates. */
export const isTaskFile = (yaml: string): boolean => !/^\s*["']?templates["']?\s*:/m.test(yaml);

/**
 * The templates of a task file, YAML or JSON.
 * @throws bad_input naming the key that is wrong
 */
export function parseTaskFile(yaml: string, where: string): TemplateFile {
  const read = schema.safeParse(plainYaml(() => readYaml(yaml, where, {}).document.toJS(), where));
  if (!read.success) {
    const { what, hint } = schemaIssue(read.error, schema, "the task");
    fail("bad_input", what, {
      where,
      hint: hint ?? "a task has the keys task, prompts, choices, and label or answer (docs/evaluate.md)",
    });
  }
  const { task, prompts, choices, label, answer, metrics = [] } = read.data;
  if ((label === undefined) === (answer === undefined)) {
    fail("bad_input", "needs label, the column of the answer, or answer, Jinja that prints it; one of them", { where });
  }
  if (label !== undefined && !/^[A-Za-z_]\w*$/.test(label))
    fail("bad_input", `label: "${label}" is no column's name`, { where });
  const ranked = choices !== undefined;
  const target =
    answer ??
    (ranked ? `{{ ${label} if ${label} in answer_choices else answer_choices[${label} | int] }}` : `{{ ${label} }}`);
  const named: readonly (readonly [string, string])[] =
    typeof prompts === "string"
      ? [["prompt", prompts]]
      : Array.isArray(prompts)
        ? prompts.map((prompt, i) => [`prompt ${i + 1}`, prompt] as const)
        : Object.entries(prompts);
  const templates = named.map(
    ([name, prompt]): Template => ({
      id: `${task}/${name}`,
      name,
      jinja: `${prompt} ||| ${target}`,
      ...(ranked ? { answerChoices: typeof choices === "string" ? choices : choices.join(" ||| ") } : {}),
      metadata: { originalTask: true, languages: [], metrics },
      where,
    }),
  );
  return { dataset: task, templates };
}

/** What the words of `zeroth prompts` share: templates by name, as rows, and on rows. */
import { nearest } from "../../base/nearest.ts";
import type { Row } from "../../data/values.ts";
import { type Found, findTemplates, ownTemplates } from "../../prompts/library-node.ts";
import { columnsOf, fixedChoices, type Template, type TemplateFile } from "../../prompts/template.ts";
import type { Output } from "../output.ts";
import type { PromptsFlags } from "./options.ts";

/** A call of one of the words. */
export interface Call {
  /** What was typed behind the word. */
  readonly names: readonly string[];
  readonly flags: PromptsFlags;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** The file, and the template in it, that a name means. */
export const find = (name: string, { folder }: PromptsFlags): Found =>
  findTemplates(name, { folder: folder ?? ownTemplates(), nearest });

/** "super_glue/rte". */
export const datasetName = ({ dataset, subset }: TemplateFile): string =>
  subset === undefined ? dataset : `${dataset}/${subset}`;

/** How a template's choices are shown: themselves, or the text that makes them of a row. */
export const choicesText = (template: Template): string =>
  template.answerChoices === undefined ? "" : (fixedChoices(template)?.join(" | ") ?? template.answerChoices);

/** What is known of a template, as a row. */
export function templateRow(file: TemplateFile, template: Template): object {
  const { metadata, answerChoices } = template;
  const { required, optional } = columnsOf(template);
  const choices = fixedChoices(template);
  return {
    dataset: file.dataset,
    ...(file.subset === undefined ? {} : { subset: file.subset }),
    template: template.name,
    id: template.id,
    ...(choices ? { choices } : answerChoices === undefined ? {} : { answer_choices: answerChoices }),
    original_task: metadata.originalTask ?? null,
    choices_in_prompt: metadata.choicesInPrompt ?? null,
    metrics: metadata.metrics,
    columns: [...required],
    ...(optional.size > 0 ? { optional_columns: [...optional] } : {}),
  };
}

/** Say once which columns a row lacks: Jinja itself prints nothing for them. */
export function warnMissing(template: Template, row: Row, output: Output): void {
  const missing = [...columnsOf(template).required].filter((name) => !row.has(name));
  if (missing.length === 0) return;
  const there = [...row.keys()].join(", ") || "no columns";
  output.say(`"${template.name}" asks for ${missing.join(", ")}, which the row does not have; it has ${there}`);
}

/** How the flags say that a template is applied to a row. */
export const applyFlags = ({ seed, truncate }: PromptsFlags, index: number) => ({
  index,
  truncate: truncate !== false,
  ...(seed === undefined ? {} : { seed }),
});

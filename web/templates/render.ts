/** Templates run by the library's own code; loaded when the first one is picked. */
import { type Value, valueFrom } from "../../src/data/values.ts";
import { ZerothError } from "../../src/errors.ts";
import { type Template, templateParts } from "../../src/prompts/template.ts";
import { problemFrom } from "../client/words.ts";
import type { PageTemplate } from "./list.ts";

const read = new Map<string, Template>();

function templateOf({ id, name, jinja, choices, dataset }: PageTemplate): Template {
  const known = read.get(id);
  if (known) return known;
  const made: Template = {
    ...{ id, name, jinja, where: dataset, metadata: { languages: [], metrics: [] } },
    ...(choices !== undefined && { answerChoices: choices }),
  };
  read.set(id, made);
  return made;
}

/** The prompt and the choices; what a template would print as the target hangs on a label that nobody knows here. */
export function templatePrompt(page: PageTemplate, fields: ReadonlyMap<string, unknown>) {
  const row = new Map<string, Value>([["label", 0]]);
  for (const [name, value] of fields) row.set(name, valueFrom(value));
  try {
    const { parts, choices = [] } = templateParts(templateOf(page), row, { truncate: false, below: () => 0 });
    return { prompt: parts[0] ?? "", choices };
  } catch (error) {
    if (error instanceof ZerothError) throw problemFrom(error.code, error.message, error.hint);
    throw error;
  }
}

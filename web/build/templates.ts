/** The package's prompt templates as one file for the page: of each the part that makes the prompt. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { undeclared } from "../../src/jinja/analysis.ts";
import { parse } from "../../src/jinja/syntax/parse.ts";
import type { Template } from "../../src/prompts/template.ts";
import { parseTemplates } from "../../src/prompts/yaml.ts";
import type { PageTemplate } from "../templates/list.ts";

/** The text before the target where it is a template by itself; a block that reaches over both keeps them together. */
function promptPart({ jinja }: Template): string {
  const [part = ""] = jinja.split("|||", 1);
  try {
    parse(part, "");
    return part.trimEnd();
  } catch {
    return jinja;
  }
}

function pageTemplate(dataset: string, template: Template): PageTemplate {
  const { id, name, answerChoices } = template;
  const jinja = promptPart(template);
  const asked = [...undeclared(parse(jinja, name))];
  // Choices that are made of a row's fields ask for them, too.
  if (answerChoices !== undefined) asked.push(...undeclared(parse(answerChoices, name)));
  const fields = [...new Set(asked)].filter((field) => field !== "answer_choices" && field !== "label");
  return { dataset, name, id, jinja, ...(answerChoices !== undefined && { choices: answerChoices }), fields };
}

/** @param folder of promptsource's layout: a folder a data set, in each a `templates.yaml` */
export function pageTemplates(folder: string): readonly PageTemplate[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".yaml"));
  return files.sort().flatMap((file) => {
    const path = join(folder, file);
    const dataset = relative(folder, dirname(path)).replaceAll("\\", "/");
    return parseTemplates(readFileSync(path, "utf8"), file).templates.map((template) =>
      pageTemplate(dataset, template),
    );
  });
}

/** What is wrong with a file of templates: promptsource's own rules, and what its first rows show. */

import type { Row } from "../data/values.ts";
import { ZerothError } from "../errors.ts";
import { unknown } from "../jinja/analysis.ts";
import { parse } from "../jinja/syntax/parse.ts";
import { applyTemplate, columnsOf, fixedChoices, placeOf, type Template, type TemplateFile } from "./template.ts";
import { keyOf } from "./yaml.ts";

export interface Finding {
  readonly file: string;
  readonly template: string;
  /** The line of the file on which the template begins. */
  readonly line: number | undefined;
  readonly problem: string;
}

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;
const metrics = new Set([
  "BLEU",
  "ROUGE",
  "Squad",
  "Trivia QA",
  "Accuracy",
  "Pearson Correlation",
  "Spearman Correlation",
  "MultiRC",
  "AUC",
  "COQA F1",
  "Edit Distance",
  "Mean Reciprocal Rank",
  "Other",
]);

/** What went wrong in words, without the place, which a finding has anyway. */
function problemOf(error: unknown, template: Template): string {
  if (!(error instanceof ZerothError)) throw error;
  const place = placeOf(template);
  return error.message.startsWith(place) ? error.message.slice(place.length).replace(/^[,:] /, "") : error.message;
}

/** Rules that need the template alone. */
function ownProblems(template: Template): string[] {
  const problems: string[] = [];
  const say = (problem: string) => problems.push(problem);
  if (!uuid.test(template.id)) say(`its id "${template.id}" is no UUID`);
  if (keyOf(template) !== template.id) say(`it stands under the key "${keyOf(template)}", which is not its id`);
  if (template.name.trim() === "") say("its name is empty");
  if (!template.jinja.includes("|||")) say('there is no "|||" between prompt and target');
  for (const metric of template.metadata.metrics) if (!metrics.has(metric)) say(`there is no metric "${metric}"`);
  try {
    const parts = [template.jinja, ...(template.answerChoices === undefined ? [] : [template.answerChoices])];
    for (const [i, text] of parts.entries()) {
      const where = i === 0 ? "" : "answer_choices, ";
      const found = unknown(parse(text, `${placeOf(template)}${i === 0 ? "" : ", answer_choices"}`));
      for (const { what, line } of found) say(`${where}line ${line}: ${what}`);
    }
    const choices = problems.length === 0 ? fixedChoices(template) : undefined;
    if (choices?.some((choice) => choice === "")) say("one of its choices is empty");
    if (choices && choices.length < 2) say(`it has ${choices.length} choice, at least two are needed`);
    if (choices && new Set(choices).size < choices.length) say(`a choice stands twice: ${choices.join(", ")}`);
  } catch (error) {
    say(problemOf(error, template));
  }
  return problems;
}

/** What a row shows: columns that are not there, a render that fails, a target that is no choice. */
function rowProblems(template: Template, row: Row, index: number): string[] {
  const missing = [...columnsOf(template).required].filter((name) => !row.has(name));
  if (missing.length > 0) {
    return [`it asks for ${missing.join(", ")}; the data has ${[...row.keys()].join(", ") || "no columns"}`];
  }
  try {
    const applied = applyTemplate(template, row, { index });
    if (!applied) return [];
    const { target, choices } = applied;
    if (target === "") return [`row ${index + 1}: the target is empty`];
    if (choices && !choices.includes(target)) {
      return [`row ${index + 1}: the target "${target}" is none of the choices ${choices.join(", ")}`];
    }
    return [];
  } catch (error) {
    return [`row ${index + 1}: ${problemOf(error, template)}`];
  }
}

/**
 * Findings of a file, in the order of its templates: readable Jinja with known filters and tests, a separator, unique
 * names and ids, UUIDs that are their keys, choices; with rows also their columns and what the templates make of them.
 * Of each template, the first row that goes wrong is told.
 */
export function checkTemplates(file: TemplateFile, rows: readonly Row[] = []): Finding[] {
  const names = new Map<string, number>();
  const ids = new Map<string, number>();
  for (const { name, id } of file.templates) {
    names.set(name, (names.get(name) ?? 0) + 1);
    ids.set(id, (ids.get(id) ?? 0) + 1);
  }
  return file.templates.flatMap((template) => {
    const own = ownProblems(template);
    if (names.get(template.name)! > 1) own.push("another template has the same name");
    if (ids.get(template.id)! > 1) own.push("another template has the same id");
    if (own.length === 0) {
      for (const [i, row] of rows.entries()) {
        own.push(...rowProblems(template, row, i));
        if (own.length > 0) break;
      }
    }
    return own.map((problem) => ({ file: template.where, template: template.name, line: template.line, problem }));
  });
}

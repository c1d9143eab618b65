/** Data rows under a template: what the model is asked, what would be right, and what cannot be asked. */

import { Float, type Row, type Value } from "../data/values.ts";
import { fail } from "../errors.ts";
import { applyTemplate, columnsOf, placeOf, type Template } from "../prompts/template.ts";
import { normalAnswer } from "../text/metrics/text-metrics.ts";

export interface Example {
  /** Number of the row in its data, from 0. */
  readonly index: number;
  readonly prompt: string;
  readonly target: string;
  /** Of an answer that is written: every one that counts as right, the target first. */
  readonly references?: readonly string[];
  /** Possible answers and the place of the right one; without them the answer is written freely. */
  readonly ranked?: { readonly choices: readonly string[]; readonly gold: number };
}

export interface Examples {
  readonly examples: readonly Example[];
  /** Rows that the template does not apply to. */
  readonly skipped: number;
  readonly warnings: readonly string[];
}

/** Columns in which -1 means that nobody has told the answer. */
const labels = ["label", "answer", "gold"];
const isUnknown = (value: Value | undefined): boolean => {
  const plain = value instanceof Float ? value.value : value;
  return plain === -1 || plain === "-1";
};

/** Where data sets keep the other ways to say an answer: SQuAD, TriviaQA, Natural Questions, instructions. */
const accepted = ["answers", "aliases", "answer", "output"];

const textsIn = (value: Value | undefined): readonly string[] => {
  if (Array.isArray(value)) return value.every((item) => typeof item === "string") ? (value as string[]) : [];
  return value instanceof Map ? [...textsIn(value.get("text")), ...textsIn(value.get("aliases"))] : [];
};

/** The target, and what stands beside it in a list of accepted answers; a target that is in none is alone. */
export function referencesOf(row: Row, target: string): readonly string[] {
  const same = normalAnswer(target);
  const lists = accepted.map((name) => textsIn(row.get(name)));
  return [...new Set([target, ...lists.filter((list) => list.some((text) => normalAnswer(text) === same)).flat()])];
}

const quoted = (texts: readonly string[]): string => texts.map((text) => JSON.stringify(text)).join(", ");

function needColumns(template: Template, row: Row): void {
  const { required, optional } = columnsOf(template);
  const missing = [...required].filter((name) => !row.has(name));
  // A template that tests for one column and takes it instead of another asks for both.
  if (missing.length === 0 || [...optional].some((name) => row.has(name))) return;
  fail("bad_input", `asks for ${missing.join(", ")}; the data has ${[...row.keys()].join(", ") || "no columns"}`, {
    where: placeOf(template),
    hint: "give the data set this template was written for, or rename the columns",
  });
}

/**
 * Prompts, targets and choices of all rows. Rows to which the template does not apply are counted; whatever would make
 * the result wrong without a sign is an error that names the row.
 * @throws bad_input: a column or the label is missing, the target is none of the choices, there are fewer than two, one
 *   is empty
 */
export function examplesOf(template: Template, rows: readonly Row[], seed = 0): Examples {
  const examples: Example[] = [];
  const warnings: string[] = [];
  let skipped = 0;
  if (rows[0]) needColumns(template, rows[0]);
  const { required } = columnsOf(template);
  const label = labels.find((name) => required.has(name));
  rows.forEach((row, index) => {
    const where = `${placeOf(template)}, row ${index + 1}`;
    if (label && isUnknown(row.get(label))) {
      fail("bad_input", `its ${label} is -1, which means that the answer is not told`, {
        where,
        hint: "test splits are often so: take the validation split, or leave such rows out",
      });
    }
    const applied = applyTemplate(template, row, { seed, index });
    if (!applied || (!applied.choices && applied.target === "")) {
      skipped++;
      return;
    }
    const { prompt, target, choices } = applied;
    if (!choices) {
      examples.push({ index, prompt, target, references: referencesOf(row, target) });
      return;
    }
    if (choices.length < 2)
      fail("bad_input", `there is one choice, ${quoted(choices)}; at least two are needed`, { where });
    if (choices.includes("")) fail("bad_input", `one of the choices is empty: ${quoted(choices)}`, { where });
    const gold = choices.indexOf(target);
    if (gold < 0) {
      fail("bad_input", `the target ${quoted([target])} is none of the choices ${quoted(choices)}`, {
        where,
        hint: "the label may be of another data set, or the choices in another order",
      });
    }
    if (warnings.length === 0 && new Set(choices).size < choices.length) {
      warnings.push(`row ${index + 1}: a choice stands twice in ${quoted(choices)}; of equal ones the first counts`);
    }
    examples.push({ index, prompt, target, ranked: { choices, gold } });
  });
  return { examples, skipped, warnings };
}

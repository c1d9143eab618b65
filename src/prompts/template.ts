/** A prompt template and what it makes of a row: a prompt, a target and the choices, as promptsource's `apply` does. */

import { nameHash } from "../base/hash.ts";
import { randomAt } from "../base/rng.ts";
import type { Row, Value } from "../data/values.ts";
import { fail } from "../errors.ts";
import { siteSeed } from "../graph/random.ts";
import { guarded, undeclared } from "../jinja/analysis.ts";
import type { Limits } from "../jinja/budget.ts";
import { render } from "../jinja/evaluate.ts";
import { contextOf } from "../jinja/scope.ts";
import { parse } from "../jinja/syntax/parse.ts";
import type { Statement } from "../jinja/syntax/syntax.ts";
import { strip } from "../jinja/syntax/whitespace.ts";

export interface TemplateMetadata {
  /** The choices stand in the prompt. */
  readonly choicesInPrompt?: boolean;
  /** The template asks what the data set was made for. */
  readonly originalTask?: boolean;
  readonly languages: readonly string[];
  readonly metrics: readonly string[];
}

export interface Template {
  readonly id: string;
  /** Unique in its file. */
  readonly name: string;
  /** Jinja that prints the prompt, `|||` and the target. */
  readonly jinja: string;
  /** Jinja that prints the choices with `|||` between; the template sees them as the list `answer_choices`. */
  readonly answerChoices?: string;
  readonly reference?: string;
  readonly metadata: TemplateMetadata;
  /** The file, for messages. */
  readonly where: string;
  /** The line of the file on which the template begins, where it comes from one. */
  readonly line?: number;
  /** The keys of the file as they were, also those nothing here reads: they are written back. */
  readonly source?: ReadonlyMap<string, unknown>;
}

export interface TemplateFile {
  readonly dataset: string;
  readonly subset?: string;
  readonly templates: readonly Template[];
  /** Keys besides dataset, subset and templates. */
  readonly source?: ReadonlyMap<string, unknown>;
}

export interface ApplyOptions {
  /** With the template's id and the index, what `choice` and `random` draw from (0). */
  readonly seed?: number;
  /** The number of the example in its data set (0). */
  readonly index?: number;
  /** Shorten every printed value to 2048 characters, as T0's prompts were made (true). */
  readonly truncate?: boolean;
  readonly limits?: Limits;
}

export interface Applied {
  readonly prompt: string;
  readonly target: string;
  readonly choices?: readonly string[];
}

const separator = "|||";
/** Stands for `|||` in a row's texts while the template runs; the word is promptsource's. */
const protector = "3ed2dface8203c4c9dfb1a5dc58e41e0";
const truncation = " | string | truncate(2048) }}";

/** File, line and name of a template, for messages. */
export const placeOf = ({ where, line, name }: Template): string =>
  `${where}${line === undefined ? "" : `:${line}`}, template "${name}"`;

interface Compiled {
  readonly whole: readonly Statement[];
  readonly truncated: readonly Statement[];
  readonly choices: readonly Statement[] | undefined;
}

const compiled = new WeakMap<Template, Compiled>();

/** Syntax trees of a template, made once. */
function compile(template: Template): Compiled {
  const known = compiled.get(template);
  if (known) return known;
  const place = placeOf(template);
  const made = {
    whole: parse(template.jinja, place),
    // A rewrite of the text, not of the tree: "{{ a + b }}" shortens b only, and "}}" in plain text is rewritten too.
    truncated: parse(template.jinja.replaceAll("}}", truncation), place),
    choices:
      template.answerChoices === undefined ? undefined : parse(template.answerChoices, `${place}, answer_choices`),
  };
  compiled.set(template, made);
  return made;
}

const unprotected = (text: string): string => strip(text.replaceAll(protector, separator));

export interface PartOptions {
  readonly truncate: boolean;
  /** A whole number in [0, n), for `choice` and `random`. */
  readonly below: (n: number) => number;
  readonly limits?: Limits;
}

/**
 * What the template prints for a row, split at `|||`, and the choices: the four steps of promptsource's `apply`. One
 * empty part means that the template does not apply to the row.
 * @throws bad_input, too_long
 */
export function templateParts(
  template: Template,
  row: Row,
  { truncate, below, limits }: PartOptions,
): { parts: string[]; choices: readonly string[] | undefined } {
  const { whole, truncated, choices: choicesTree } = compile(template);
  if (row.has("answer_choices")) {
    fail("bad_input", 'the row has a column "answer_choices", which is the name of the template\'s choices', {
      where: placeOf(template),
      hint: "rename the column",
    });
  }
  const columns = new Map<string, Value>();
  for (const [name, value] of row) {
    columns.set(name, typeof value === "string" ? value.replaceAll(separator, protector) : value);
  }
  const options = { below, ...(limits ? { limits } : {}) };
  const context = contextOf(columns);
  const choices = choicesTree
    ? render(choicesTree, context, { ...options, where: `${placeOf(template)}, answer_choices` })
        .split(separator)
        .map((choice) => strip(choice).replaceAll(protector, separator))
    : undefined;
  const more = context.with("answer_choices", choices ?? null);
  const text = render(truncate ? truncated : whole, more, { ...options, where: placeOf(template) });
  return { parts: text.split(separator).map(unprotected), choices };
}

/**
 * Apply a template to a row. Undefined when it does not apply: it prints nothing, or no prompt.
 * @throws bad_input with file, template and line for a template that cannot be read or asks for what cannot be, and
 *   for a result that is not one prompt and one target; too_long when it exceeds the budget
 */
export function applyTemplate(
  template: Template,
  row: Row,
  { seed = 0, index = 0, truncate = true, limits }: ApplyOptions = {},
): Applied | undefined {
  const { below } = randomAt(siteSeed(seed, nameHash(template.id), 0), index);
  const { parts, choices } = templateParts(template, row, { truncate, below, ...(limits ? { limits } : {}) });
  const [prompt = "", target] = parts;
  if (parts.length === 1 && prompt === "") return undefined;
  if (target === undefined) {
    fail("bad_input", 'no "|||" between prompt and target was printed', { where: placeOf(template) });
  }
  if (parts.length > 2) {
    const holds = choices?.some((choice) => choice.includes(separator));
    fail("bad_input", `"|||" was printed ${parts.length - 1} times, expected once`, {
      where: placeOf(template),
      ...(holds ? { hint: 'a choice of this row contains "|||"' } : {}),
    });
  }
  if (prompt === "") return undefined;
  return { prompt, target, ...(choices ? { choices } : {}) };
}

/** The choices of a template where they are the same for every row. */
export function fixedChoices(template: Template): readonly string[] | undefined {
  const { choices } = compile(template);
  if (!choices || undeclared(choices).size > 0) return undefined;
  const text = render(choices, contextOf(new Map()), { where: placeOf(template), below: () => 0 });
  return text.split(separator).map(strip);
}

/**
 * Columns a template asks for, by its text and by its choices. Those it tests with `is defined` or gives a `default`
 * are optional.
 */
export function columnsOf(template: Template): { required: ReadonlySet<string>; optional: ReadonlySet<string> } {
  const { whole, choices } = compile(template);
  const body = [...whole, ...(choices ?? [])];
  const optional = guarded(body);
  const names = new Set([...undeclared(whole), ...undeclared(choices ?? [])]);
  names.delete("answer_choices");
  const required = new Set([...names].filter((name) => !optional.has(name)));
  return { required, optional: new Set([...names].filter((name) => optional.has(name))) };
}

/** `super_glue_rte_must_be_true`: the name of the task a data set and a template make, as T0's code writes it. */
export function taskName({ dataset, subset }: Pick<TemplateFile, "dataset" | "subset">, template: Template): string {
  const parts = subset === undefined ? [dataset, template.name] : [dataset, subset, template.name];
  return parts.join("_").replace(/[^\p{L}\p{N}_.]+/gu, "_");
}

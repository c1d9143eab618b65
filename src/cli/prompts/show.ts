/** `zeroth prompts show`: a template, and what it makes of a row. */
import { watch } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type Row, renamedColumns } from "../../data/values.ts";
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import { type Applied, applyTemplate } from "../../prompts/template.ts";
import type { Output } from "../output.ts";
import { promptRows } from "../prompt-rows.ts";
import { errorRow } from "../report.ts";
import { applyFlags, type Call, datasetName, find, templateRow, warnMissing } from "./templates.ts";

/** Row number `wanted` of a file, from 1. */
async function rowAt(path: string, wanted: number): Promise<Row> {
  let number = 0;
  for await (const row of promptRows(path)) {
    if (++number < wanted) continue;
    if (row instanceof ZerothError) throw row;
    return renamedColumns(row);
  }
  return fail("bad_input", `there is no row ${wanted}, the file has ${number}`, { where: path });
}

/** Tokens of a text by a model's tokenizer, the end token included. */
async function tokenCounter(name: string, output: Output, signal: AbortSignal): Promise<(text: string) => number> {
  const { openModelFolder, openTokenizer } = await import("../../folders/open-node.ts");
  const { modelFor } = await import("../downloads.ts");
  const tokenizer = openTokenizer(openModelFolder((await modelFor(name, output, signal)).path));
  return (text) => tokenizer.encode(text, { addSpecialTokens: true }).ids.length;
}

function preview(applied: Applied | undefined, count: ((text: string) => number) | undefined, output: Output): void {
  if (!applied) {
    output.text(output.dim("does not apply to this row\n"));
    return;
  }
  const { prompt, target, choices } = applied;
  const tokens = (text: string) => (count ? output.dim(`  ${count(text)} tokens`) : "");
  output.text(`${output.bold("prompt")}${tokens(prompt)}\n`);
  output.answer(`${prompt}\n\n`);
  const stray = choices && !choices.includes(target) ? output.dim("  is none of the choices") : "";
  output.text(`${output.bold("target")}${tokens(target)}${stray}\n`);
  output.answer(`${target}\n`);
  if (!choices) return;
  output.text(`\n${output.bold("choices")}\n`);
  for (const choice of choices) {
    output.text(choice === target ? "* " : "  ");
    output.answer(choice);
    output.text(`${tokens(choice)}\n`);
  }
}

/** The templates a name means, each with its text, what is known of it and, given data, what it makes of a row. */
async function showOnce(name: string, { flags, output, signal }: Call): Promise<void> {
  const { file, template: one } = find(name, flags);
  const row = flags.data ? await rowAt(flags.data, flags.row ?? 1) : undefined;
  const count = flags.model ? await tokenCounter(flags.model, output, signal) : undefined;
  for (const [i, template] of (one ? [one] : file.templates).entries()) {
    if (row) warnMissing(template, row, output);
    const applied = row && applyTemplate(template, row, applyFlags(flags, (flags.row ?? 1) - 1));
    const tokens =
      applied && count ? { prompt_tokens: count(applied.prompt), target_tokens: count(applied.target) } : {};
    output.row({
      ...templateRow(file, template),
      jinja: template.jinja,
      ...(template.reference ? { reference: template.reference } : {}),
      ...(row ? { preview: applied ?? null } : {}),
      ...tokens,
    });
    const { metadata, answerChoices, reference } = template;
    const choices = metadata.choicesInPrompt ? "choices in the prompt" : "choices not in the prompt";
    const facts = [
      template.id,
      metadata.originalTask ? "the data set's original task" : "another task on this data set",
      ...(answerChoices === undefined ? [] : [choices]),
      ...(metadata.metrics.length > 0 ? [metadata.metrics.join(", ")] : []),
      ...(reference ? [reference] : []),
    ];
    const heading = output.bold(`${datasetName(file)}/${template.name}`);
    output.text(`${i > 0 ? "\n" : ""}${heading}\n${output.dim(facts.join(" · "))}\n\n`);
    output.answer(`${template.jinja}\n`);
    if (answerChoices !== undefined) output.text(`\n${output.bold("answer choices")}\n${answerChoices}\n`);
    if (!row) continue;
    output.text(`\n${output.dim(`row ${flags.row ?? 1} of ${flags.data}`)}\n`);
    preview(applied, count, output);
  }
}

/** Every change of a file, also by editors that put another in its place. */
async function* changes(path: string, signal: AbortSignal): AsyncGenerator<void> {
  try {
    for await (const { filename } of watch(dirname(path), { signal })) if (filename === basename(path)) yield;
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}

export async function show(call: Call): Promise<number> {
  const { names, flags, output, signal } = call;
  const name = names[0] ?? flags.template;
  if (name === undefined) {
    return fail("wrong_use", "which template? DATASET/NAME or FILE.yaml:NAME", {
      hint: 'try: zeroth prompts show "ag_news/pick a desk"',
    });
  }
  if (!flags.watch) {
    await showOnce(name, call);
    return 0;
  }
  const { path } = find(name, flags);
  // The watch begins before the first showing, so that no change falls between.
  const changed = changes(path, signal);
  const nextChange = () => {
    const next = changed.next();
    // Ctrl-C may come while nobody waits for it yet.
    next.catch(() => {});
    return next;
  };
  let next = nextChange();
  for (;;) {
    try {
      await showOnce(name, call);
    } catch (error) {
      if (!(error instanceof ZerothError) || error.code === "interrupted") throw error;
      output.row(errorRow(error, undefined));
      output.say(error.message);
    }
    output.say(output.dim(`waiting for ${path} to change; Ctrl-C leaves`));
    await next;
    next = nextChange();
  }
}

/** `zeroth prompts`: list, show, render and check templates. */
import { existsSync } from "node:fs";
import { watch } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { Float, type Row, renamedColumns } from "../data/values.ts";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import { checkTemplates } from "../prompts/check.ts";
import { datasetsIn, type Found, findTemplates, ownTemplates, readTemplates } from "../prompts/library-node.ts";
import {
  type Applied,
  applyTemplate,
  columnsOf,
  fixedChoices,
  type Template,
  type TemplateFile,
} from "../prompts/template.ts";
import { nearest } from "./help.ts";
import { errorRow, type Output } from "./output.ts";
import { promptRows } from "./prompt-rows.ts";

export interface PromptsFlags {
  readonly folder?: string;
  readonly template?: string;
  readonly data?: string;
  readonly input?: string;
  readonly row?: number;
  readonly limit?: number;
  readonly seed?: number;
  readonly truncate?: boolean;
  readonly model?: string;
  readonly watch?: boolean;
}

const find = (name: string, { folder }: PromptsFlags): Found =>
  findTemplates(name, { folder: folder ?? ownTemplates(), nearest });

const datasetName = ({ dataset, subset }: TemplateFile): string =>
  subset === undefined ? dataset : `${dataset}/${subset}`;

/** How a template's choices are shown: themselves, or the text that makes them of a row. */
const choicesText = (template: Template): string =>
  template.answerChoices === undefined ? "" : (fixedChoices(template)?.join(" | ") ?? template.answerChoices);

function templateRow(file: TemplateFile, template: Template): object {
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

/** Lines of columns, each as wide as its widest cell, the last as it is. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]!.length))) ?? [];
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!)))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function list(names: readonly string[], flags: PromptsFlags, output: Output): number {
  const { root, paths } = datasetsIn(flags.folder ?? ownTemplates());
  const files =
    names.length > 0
      ? names.map((name) => find(name, flags).file)
      : paths.map((path) => readTemplates(`${root}/${path}/templates.yaml`));
  for (const file of files) for (const template of file.templates) output.row(templateRow(file, template));
  if (names.length > 0) {
    for (const file of files) {
      const rows = file.templates.map((template) => {
        const { originalTask, choicesInPrompt } = template.metadata;
        const marks = [originalTask ? "original" : "other task", ...(choicesInPrompt ? ["choices shown"] : [])].join(
          ", ",
        );
        return [`  ${template.name}`, marks, choicesText(template)] as const;
      });
      output.text(`${output.bold(datasetName(file))}\n${aligned(rows)}`);
    }
    return 0;
  }
  const rows = files.map((file) => {
    const ranked = file.templates.filter(({ answerChoices }) => answerChoices !== undefined).length;
    const original = file.templates.filter(({ metadata }) => metadata.originalTask).length;
    return [
      datasetName(file),
      `${file.templates.length} templates`,
      `${ranked} with choices`,
      `${original} original task`,
    ] as const;
  });
  output.text(aligned(rows));
  output.say(output.dim("zeroth prompts list DATASET names its templates; zeroth prompts show DATASET/NAME shows one"));
  return 0;
}

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

/** Say once which columns a row lacks: Jinja itself prints nothing for them. */
function warnMissing(template: Template, row: Row, output: Output): void {
  const missing = [...columnsOf(template).required].filter((name) => !row.has(name));
  if (missing.length === 0) return;
  const there = [...row.keys()].join(", ") || "no columns";
  output.say(`"${template.name}" asks for ${missing.join(", ")}, which the row does not have; it has ${there}`);
}

const applyFlags = ({ seed, truncate }: PromptsFlags, index: number) => ({
  index,
  truncate: truncate !== false,
  ...(seed === undefined ? {} : { seed }),
});

/** Tokens of a text by a model's tokenizer, the end token included. */
async function tokenCounter(name: string, output: Output, signal: AbortSignal): Promise<(text: string) => number> {
  const { openModelFolder, openTokenizer } = await import("../folders/open-node.ts");
  const { modelFor } = await import("./models.ts");
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
async function showOnce(name: string, flags: PromptsFlags, output: Output, signal: AbortSignal): Promise<void> {
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

async function show(
  names: readonly string[],
  flags: PromptsFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const name = names[0] ?? flags.template;
  if (name === undefined) {
    return fail("wrong_use", "which template? DATASET/NAME or FILE.yaml:NAME", {
      hint: 'try: zeroth prompts show "ag_news/pick a desk"',
    });
  }
  if (!flags.watch) {
    await showOnce(name, flags, output, signal);
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
      await showOnce(name, flags, output, signal);
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

/** The row's `id` as JSON has it. */
function idOf(row: Row): string | number | boolean | null | undefined {
  const id = row.get("id");
  if (id instanceof Float) return id.value;
  if (typeof id === "bigint") return String(id);
  return typeof id === "object" && id !== null ? undefined : id;
}

async function render(
  names: readonly string[],
  flags: PromptsFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const name = flags.template ?? names[0];
  const path = flags.input ?? flags.data;
  if (name === undefined || path === undefined) {
    fail("wrong_use", "a template and rows are needed", {
      hint: 'try: zeroth prompts render --template "ag_news/pick a desk" --data news.jsonl',
    });
  }
  const { file, template: one } = find(name, flags);
  const templates = one ? [one] : file.templates;
  let index = -1;
  let failed = 0;
  let skipped = 0;
  for await (const given of promptRows(path)) {
    if (++index >= (flags.limit ?? Number.POSITIVE_INFINITY)) break;
    throwIfAborted(signal);
    const row = given instanceof ZerothError ? given : renamedColumns(given);
    const id = row instanceof ZerothError ? undefined : idOf(row);
    for (const template of templates) {
      const names = one ? {} : { template: template.name };
      const label = { ...(id === undefined ? {} : { id }), ...names };
      try {
        if (row instanceof ZerothError) throw row;
        if (index === 0) warnMissing(template, row, output);
        const applied = applyTemplate(template, row, applyFlags(flags, index));
        if (applied) {
          output.row({ ...label, ...applied });
          output.answer(`${applied.prompt}\n`);
          output.text(output.bold("→ "));
          output.answer(`${applied.target}\n\n`);
        } else {
          skipped++;
          output.row({ ...label, skipped: "the template does not apply to this row" });
        }
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        failed++;
        output.row({ ...label, ...errorRow(error, undefined) });
        if (!output.json) output.say(`row ${index + 1}: ${error.message}`);
      }
    }
  }
  if (skipped > 0) output.say(`${skipped} not rendered: the template does not apply to them`);
  return failed > 0 ? 1 : 0;
}

async function check(names: readonly string[], flags: PromptsFlags, output: Output): Promise<number> {
  const rows: Row[] = [];
  if (flags.data) {
    for await (const row of promptRows(flags.data)) {
      if (row instanceof ZerothError) throw row;
      if (rows.push(renamedColumns(row)) >= (flags.limit ?? 100)) break;
    }
  }
  const { root, paths } = datasetsIn(flags.folder ?? ownTemplates());
  const all = names.length > 0 ? names : paths.map((path) => `${root}/${path}/templates.yaml`);
  let findings = 0;
  let templates = 0;
  for (const name of all) {
    const report = (finding: { file: string; template?: string; line?: number | undefined; problem: string }) => {
      findings++;
      output.row(finding);
      const place = `${finding.file}${finding.line === undefined ? "" : `:${finding.line}`}`;
      output.text(
        `${place}${finding.template === undefined ? "" : `  ${output.bold(finding.template)}`}  ${finding.problem}\n`,
      );
    };
    try {
      // A path that is a file is one, whatever its ending.
      const { file, template } = existsSync(name)
        ? { file: readTemplates(name), template: undefined }
        : find(name, flags);
      templates += template ? 1 : file.templates.length;
      for (const finding of checkTemplates(file, rows))
        if (!template || finding.template === template.name) report(finding);
    } catch (error) {
      if (!(error instanceof ZerothError) || error.code === "not_found") throw error;
      const [, line] = /:(\d+)(?:,|$)/.exec(error.where ?? "") ?? [];
      report({ file: name, ...(line ? { line: Number(line) } : {}), problem: error.message });
    }
  }
  const data = rows.length > 0 ? ` on ${rows.length} row${rows.length === 1 ? "" : "s"}` : "";
  output.say(
    `${templates} templates checked${data}: ${findings === 0 ? "nothing to report" : `${findings} finding${findings === 1 ? "" : "s"}`}`,
  );
  return findings === 0 ? 0 : 4;
}

export async function prompts(
  rest: readonly string[],
  flags: PromptsFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const [action, ...names] = rest;
  if (flags.row !== undefined && flags.row < 1) fail("wrong_use", `--row ${flags.row}: rows are counted from 1`);
  if (flags.limit !== undefined && flags.limit < 1) fail("wrong_use", `--limit ${flags.limit}: expected 1 or more`);
  if (action === undefined || action === "list") return list(names, flags, output);
  if (action === "show") return show(names, flags, output, signal);
  if (action === "render") return render(names, flags, output, signal);
  if (action === "check") return check(names, flags, output);
  const near = nearest(action, ["list", "show", "render", "check"]);
  return fail("wrong_use", `zeroth prompts ${action}: expected list, show, render or check`, {
    ...(near ? { hint: `did you mean zeroth prompts ${near}?` } : {}),
  });
}

/** What `zeroth eval` shows: rows for scripts, tables for people, a live line for those who wait. */
import type { TemplateResult } from "../../zeroshot/evaluate.ts";
import type { EvaluationProgress } from "../../zeroshot/evaluate-node.ts";
import type { Normalization } from "../../zeroshot/ranking.ts";
import { figure } from "../../zeroshot/statistics.ts";
import { type SuperGlueResult, superGlueRows } from "../../zeroshot/superglue.ts";
import type { TaskResult } from "../../zeroshot/tasks.ts";
import { duration, type Output } from "../output.ts";

/** How choices are ranked and what prompts and choices got: the recipe a row's numbers belong to. */
interface Recipe {
  readonly normalize: Normalization;
  readonly promptEnd: boolean;
  readonly eos: boolean;
  readonly delimiter: string;
}

export function templateRow(
  task: string,
  result: TemplateResult,
  { normalize, promptEnd, eos, delimiter }: Recipe,
): object {
  const { interval, ranked, written, warnings, ...rest } = result;
  return {
    task,
    ...rest,
    interval: [interval.low, interval.high],
    ...(ranked ? { ece: ranked.ece, normalize } : {}),
    prompt_end: promptEnd,
    ...(ranked && !eos ? { eos } : {}),
    ...(ranked && delimiter !== "" ? { delimiter } : {}),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

/**
 * Lines of columns, the first ones to the left, the others to the right. A narrow terminal gets as many as it has room
 * for: the last ones repeat themselves in every line or say little, and `--json` has them all.
 */
function columns(head: readonly string[], rows: readonly (readonly string[])[], left: number, output: Output): string {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const room = process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : Infinity;
  const ends = widths.map((_, i) => widths.slice(0, i + 1).reduce((sum, width) => sum + width + 2, 0));
  const shown = Math.max(left + 1, ends.filter((end) => end <= room).length);
  const line = (all: readonly string[]) =>
    `  ${all
      .slice(0, shown)
      .map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")}`.trimEnd();
  return `${output.dim(line(head))}\n${rows.map((row) => `${line(row)}\n`).join("")}`;
}

/** Templates with their values and intervals, then what they say together. */
export function table({ task, templates, aggregates }: TaskResult, normalize: Normalization, output: Output): string {
  const head = ["template", "metric", "value", "95 % interval", "n", "skipped", "chance", "majority"];
  const rows = templates.map((result) => [
    result.template,
    result.metric,
    figure(result.value),
    `${figure(result.interval.low)} … ${figure(result.interval.high)}`,
    String(result.n),
    String(result.skipped),
    figure(result.chance),
    figure(result.majority),
  ]);
  const together = aggregates.map(({ metric, median, mean, spread, chance, majority, templates: count }) => {
    const middle = output.bold(`${metric}: median ${figure(median)}`);
    const range = `mean ${figure(mean)}, ${figure(spread.min)} … ${figure(spread.max)} over ${count} template${count === 1 ? "" : "s"}`;
    return `  ${middle}, ${range}; chance ${figure(chance)}, majority ${figure(majority)}\n`;
  });
  const how = templates.some((result) => result.ranked) ? output.dim(`  choices ranked by ${normalize}`) : "";
  return `${output.bold(task)}${how}\n${columns(head, rows, 2, output)}${together.join("")}\n`;
}

export function superGlueTable(suite: SuperGlueResult, output: Output): string {
  const rows = superGlueRows(suite);
  const { average, missing } = suite;
  const absent =
    missing.length > 0 ? `; no data or templates of ${missing.join(", ")}, so not the official average` : "";
  const head = ["task", "official metrics", "score", "templates"];
  return `${output.bold("SuperGLUE")}${output.dim("  medians over templates")}\n${columns(head, rows, 2, output)}  ${output.bold(`average ${figure(average)}`)}${absent}\n\n`;
}

/** A live line: which template, how many examples, how fast, how long still. */
export function liveLine(output: Output): (progress: EvaluationProgress) => void {
  let current = "";
  let started = 0;
  return ({ task, template, at, of, done, total, known }) => {
    if (current !== `${task}/${template}`) {
      current = `${task}/${template}`;
      started = performance.now();
    }
    const seconds = (performance.now() - started) / 1000;
    const speed = (done - known) / seconds;
    const rest =
      done > known && seconds > 0 ? `  ${speed.toFixed(0)} examples/s  ${duration((total - done) / speed)} left` : "";
    output.progress(`${task}  ${at + 1}/${of} ${template}  ${done}/${total}${rest}`);
  };
}

/** SuperGLUE (Wang et al. 2019, arXiv 1905.00537) as a suite: the official metrics of its tasks, and their average. */
import type { Row, Value } from "../data/values.ts";
import { exactMatch, tokenF1 } from "../text/metrics/text-metrics.ts";
import type { RankedResult, TemplateResult } from "./evaluate.ts";
import { f1Of, figure, macroF1, mean, median } from "./statistics.ts";
import type { TaskResult } from "./tasks.ts";

type Measures = Readonly<Record<string, number>>;
type Measure = (results: readonly RankedResult[], rows: readonly Row[]) => Measures;

const isMap = (value: Value | undefined): value is ReadonlyMap<string, Value> => value instanceof Map;
const right = ({ gold, predicted }: RankedResult): boolean => gold === predicted;
const accuracy: Measure = (results) => ({ accuracy: mean(results.map((result) => Number(right(result)))) });

/** Classes are the places of the choices, which are the same for every row of a template. */
const accuracyAndF1: Measure = (results, rows) => ({
  ...accuracy(results, rows),
  f1: macroF1(
    results.map(({ gold }) => gold),
    results.map(({ predicted }) => predicted),
  ),
});

/** A question's place among those of all passages. */
function questionOf(row: Row): string {
  const idx = row.get("idx");
  const parts = isMap(idx) ? [idx.get("paragraph"), idx.get("question")] : [row.get("paragraph"), row.get("question")];
  return JSON.stringify(parts.map(String));
}

/** F1 of right answers over all answers, and the share of questions of which every answer is told right from wrong. */
const answers: Measure = (results, rows) => {
  const truth = results.map(({ index }) => Number(rows[index]!.get("label")));
  // There are two choices: a wrong prediction is the other label.
  const said = results.map((result, i) => (right(result) ? truth[i]! : 1 - truth[i]!));
  const questions = new Map<string, boolean>();
  for (const result of results) {
    const question = questionOf(rows[result.index]!);
    questions.set(question, (questions.get(question) ?? true) && right(result));
  }
  return { f1a: f1Of(truth, said, 1), em: mean([...questions.values()].map(Number)) };
};

/** The best agreement of the chosen entity with any of the right ones. */
const entities: Measure = (results, rows) => {
  const best = (measure: (text: string, reference: string) => number) =>
    mean(
      results.map(({ index, choices, predicted, target }) => {
        const wanted = rows[index]!.get("answers");
        const references = Array.isArray(wanted) ? (wanted as readonly Value[]).map(String) : [target];
        return Math.max(...references.map((reference) => measure(choices[predicted]!, reference)));
      }),
    );
  return { f1: best(tokenF1), em: best(exactMatch) };
};

export interface SuperGlueTask {
  /** As in the benchmark's table. */
  readonly name: string;
  /** Its templates. */
  readonly task: string;
  readonly measure: Measure;
}

/** The eight tasks; of two metrics the score is their mean. */
export const superGlueTasks: readonly SuperGlueTask[] = [
  { name: "boolq", task: "super_glue/boolq", measure: accuracy },
  { name: "cb", task: "super_glue/cb", measure: accuracyAndF1 },
  { name: "copa", task: "super_glue/copa", measure: accuracy },
  { name: "multirc", task: "super_glue/multirc", measure: answers },
  { name: "record", task: "super_glue/record", measure: entities },
  { name: "rte", task: "super_glue/rte", measure: accuracy },
  { name: "wic", task: "super_glue/wic", measure: accuracy },
  { name: "wsc", task: "super_glue/wsc.fixed", measure: accuracy },
];

export interface SuperGlueScore {
  readonly name: string;
  /** Medians over templates. */
  readonly metrics: Measures;
  readonly score: number;
  /** How many templates were counted: those that apply to every row. */
  readonly templates: number;
}

export interface SuperGlueResult {
  readonly scores: readonly SuperGlueScore[];
  /** Mean of the scores that are there; the official one is of all eight. */
  readonly average: number;
  /** Tasks without data or templates. */
  readonly missing: readonly string[];
}

/** What a table of the suite shows: task, metrics, score and how many templates, in words. */
export const superGlueRows = ({ scores }: SuperGlueResult): string[][] =>
  scores.map(({ name, metrics, score, templates }) => [
    name,
    Object.entries(metrics)
      .map(([metric, value]) => `${metric} ${figure(value)}`)
      .join(", "),
    figure(score),
    String(templates),
  ]);

/** The official metrics of one task: a template that skips rows has none; where all do, all are counted. */
export function superGlueScore(task: SuperGlueTask, { templates }: TaskResult, rows: readonly Row[]): SuperGlueScore {
  const ranked = templates.filter(
    (result): result is TemplateResult & { ranked: object } => result.ranked !== undefined,
  );
  const whole = ranked.filter(({ skipped }) => skipped === 0);
  const counted = whole.length > 0 ? whole : ranked;
  const measured = counted.map(({ ranked: { results } }) => task.measure(results, rows));
  const names = Object.keys(measured[0] ?? {});
  const metrics = Object.fromEntries(names.map((name) => [name, median(measured.map((one) => one[name]!))]));
  const score = median(measured.map((one) => mean(Object.values(one))));
  return { name: task.name, metrics, score, templates: counted.length };
}

export const superGlueResult = (scores: readonly SuperGlueScore[]): SuperGlueResult => ({
  scores,
  average: mean(scores.map(({ score }) => score)),
  missing: superGlueTasks.map(({ name }) => name).filter((name) => !scores.some((score) => score.name === name)),
});

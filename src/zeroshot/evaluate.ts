/** One template on one data set: examples, what the model says about them, and what that is worth. */

import type { Row } from "../data/values.ts";
import { fail } from "../errors.ts";
import { placeOf, type Template } from "../prompts/template.ts";
import { bleu, bleuCounts, exactMatch, rougeL, rougeN, tokenF1 } from "../text/metrics/text-metrics.ts";
import { type Example, examplesOf } from "./examples.ts";
import { bestOf, type Normalization, normalized, type Ranked, sameChoices, shares } from "./ranking.ts";
import { type AskOptions, type Subject, scoreChoices, writeAnswers } from "./scoring.ts";
import { bootstrap, type CalibrationBin, calibration, deviation, type Interval, mean } from "./statistics.ts";

/** Names of metrics; shares are 0 … 1, BLEU is 0 … 100. */
export type Metric = "accuracy" | "exact_match" | "f1" | "rouge1" | "rouge2" | "rougeL" | "bleu";

interface Common {
  /** Number of the row, from 0. */
  readonly index: number;
  readonly target: string;
}

/** What is kept of a ranked example: enough to rank it again in another way. */
export interface RankedResult extends Common, Ranked {
  readonly predicted: number;
  /** Softmax of the scores at the prediction. */
  readonly confidence: number;
}

export interface WrittenResult extends Common {
  readonly answer: string;
  /** What counts as right, the target first: the one that agrees best is counted, but for BLEU. */
  readonly references: readonly string[];
}

export interface TemplateResult {
  readonly template: string;
  readonly metric: Metric;
  readonly value: number;
  /** Of the mean over examples; of BLEU, which is no mean, over bootstrap resamples. */
  readonly stderr: number;
  /** 95 % bootstrap interval. */
  readonly interval: Interval;
  readonly n: number;
  /** Rows the template does not apply to. */
  readonly skipped: number;
  /** Prompts that were longer than the window and were cut. */
  readonly cut: number;
  /** What guessing among the choices gives; 0 for written answers. */
  readonly chance: number;
  /** What always giving the commonest answer gives. */
  readonly majority: number;
  /** The value by every way of counting that needs nothing more of the model. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  readonly ranked?: {
    readonly results: readonly RankedResult[];
    readonly bins: readonly CalibrationBin[];
    /** Expected calibration error. */
    readonly ece: number;
  };
  readonly written?: readonly WrittenResult[];
}

export interface TemplateOptions extends AskOptions {
  readonly normalize: Normalization;
  /** The prompt that says nothing, for `unconditional`. */
  readonly nullPrompt: string;
  /** Of templates that choose at random, and of the bootstrap. */
  readonly seed: number;
}

/** The commonest text, the first on ties. */
function commonest<T>(items: readonly T[]): T {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

/** A mean over examples with its standard error and interval. */
function summary(values: readonly number[], seed: number): Pick<TemplateResult, "value" | "stderr" | "interval"> {
  const picked = (places: readonly number[]) => {
    let sum = 0;
    for (const place of places) sum += values[place]!;
    return sum / places.length;
  };
  return {
    value: mean(values),
    stderr: deviation(values) / Math.sqrt(values.length),
    interval: bootstrap(values.length, picked, { seed }),
  };
}

type Base = Pick<TemplateResult, "template" | "n" | "skipped" | "cut" | "warnings">;

function rankedResult(
  base: Base,
  template: Template,
  ranked: readonly (Ranked & Common)[],
  { normalize, seed }: TemplateOptions,
): TemplateResult {
  const scores = normalized(ranked, normalize, placeOf(template));
  const results = ranked.map((example, i): RankedResult => {
    const predicted = bestOf(scores[i]!);
    return { ...example, predicted, confidence: shares(scores[i]!)[predicted]! };
  });
  const right = results.map(({ predicted, gold }) => predicted === gold);
  const ways = (["sum", "tokens", "characters", "calibrated"] as const).filter(
    (how) => how !== "calibrated" || sameChoices(ranked),
  );
  const free = ways.map((how) => {
    const predictions = normalized(ranked, how).map(bestOf);
    return [`accuracy_${how}`, mean(predictions.map((place, i) => Number(place === ranked[i]!.gold)))] as const;
  });
  const golds = ranked.map(({ gold }) => gold);
  const common = commonest(golds);
  const confidences = results.map(({ confidence }) => confidence);
  return {
    ...base,
    metric: "accuracy",
    ...summary(right.map(Number), seed),
    chance: mean(ranked.map(({ choices }) => 1 / choices.length)),
    majority: mean(golds.map((gold) => Number(gold === common))),
    metrics: Object.fromEntries(free),
    ranked: { results, ...calibration(confidences, right) },
  };
}

type Pairwise = (answer: string, target: string) => number;
const pairwise: Readonly<Record<Exclude<Metric, "accuracy" | "bleu">, Pairwise>> = {
  exact_match: exactMatch,
  f1: tokenF1,
  rouge1: (answer, target) => rougeN(answer, target, 1),
  rouge2: (answer, target) => rougeN(answer, target, 2),
  rougeL,
};

/** promptsource's names of metrics, as far as they are computed for written answers. */
const primary: Readonly<Record<string, Metric>> = {
  ROUGE: "rougeL",
  BLEU: "bleu",
  Squad: "f1",
  "Trivia QA": "exact_match",
  "COQA F1": "f1",
};

/** What a template's written answers are measured by: the first of its metrics that is known, else exact match. */
const metricOf = ({ metadata }: Template): Metric =>
  metadata.metrics.map((name) => primary[name]).find((metric) => metric !== undefined) ?? "exact_match";

function writtenResult(
  base: Base,
  template: Template,
  written: readonly WrittenResult[],
  { seed }: TemplateOptions,
): TemplateResult {
  const metric = metricOf(template);
  const best = (measure: Pairwise, answer: string, references: readonly string[]) =>
    Math.max(...references.map((reference) => measure(answer, reference)));
  const values = (measure: Pairwise) => written.map(({ answer, references }) => best(measure, answer, references));
  const counts = written.map(({ answer, target }) => bleuCounts(answer, target));
  const corpus = (places: readonly number[]) => bleu(places.map((place) => counts[place]!));
  const all = written.map((_, i) => i);
  const constant = commonest(written.map(({ target }) => target));
  const interval = metric === "bleu" ? bootstrap(written.length, corpus, { seed }) : undefined;
  const measure = metric === "bleu" || metric === "accuracy" ? exactMatch : pairwise[metric];
  const means = Object.entries(pairwise).map(([name, each]) => [name, mean(values(each))] as const);
  return {
    ...base,
    metric,
    ...(interval ? { value: corpus(all), stderr: interval.stderr, interval } : summary(values(measure), seed)),
    chance: 0,
    majority:
      metric === "bleu"
        ? bleu(written.map(({ target }) => bleuCounts(constant, target)))
        : mean(written.map(({ references }) => best(measure, constant, references))),
    metrics: { ...Object.fromEntries(means), bleu: corpus(all) },
    written,
  };
}

/**
 * Evaluate a template on rows: choices are ranked where it has them, else the answer is written and compared.
 * @throws bad_input where the rows do not fit the template, or it applies to none of them; too_long; interrupted
 */
export async function evaluateTemplate(
  subject: Subject,
  template: Template,
  rows: readonly Row[],
  options: TemplateOptions,
): Promise<TemplateResult> {
  const { examples, skipped, warnings } = examplesOf(template, rows, options.seed);
  if (examples.length === 0) {
    fail("bad_input", rows.length === 0 ? "there are no rows" : `applies to none of the ${rows.length} rows`, {
      where: placeOf(template),
    });
  }
  const base = { template: template.name, n: examples.length, skipped, warnings };
  const choices = examples.flatMap((example) => (example.ranked ? [{ ...example, ...example.ranked }] : []));
  if (choices.length > 0 && choices.length < examples.length) {
    fail("bad_input", "has choices for some rows and none for others", { where: placeOf(template) });
  }
  if (choices.length === 0) {
    const prompts = examples.map(({ prompt }) => prompt);
    const { answers, cut } = await writeAnswers(subject, prompts, options);
    const written = examples.map(({ index, target, references = [target] }: Example, i) => ({
      index,
      target,
      references,
      answer: answers[i]!,
    }));
    return writtenResult({ ...base, cut }, template, written, options);
  }
  const placed = choices.map((example) => ({ ...example, where: `${placeOf(template)}, row ${example.index + 1}` }));
  const { scores, cut } = await scoreChoices(subject, placed, options);
  const prior =
    options.normalize === "unconditional"
      ? (
          await scoreChoices(
            subject,
            placed.map((example) => ({ ...example, prompt: options.nullPrompt })),
            options,
          )
        ).scores
      : undefined;
  const ranked = choices.map(({ index, target, choices: texts, gold }, i) => {
    const unconditional = prior && { unconditional: prior[i]!.sums };
    return { index, target, choices: texts, gold, sums: scores[i]!.sums, tokens: scores[i]!.tokens, ...unconditional };
  });
  return rankedResult({ ...base, cut }, template, ranked, options);
}

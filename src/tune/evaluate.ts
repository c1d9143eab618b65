/** What a model in training makes of rows that it does not learn from. */
import type { NdArray } from "../graph/array.ts";
import type { Example } from "../models/kinds/loss.ts";
import type { Program } from "../runtime/program.ts";
import { answerIn } from "../text/heads/answer.ts";
import type { Passage } from "./long.ts";
import type { TuneModel } from "./model.ts";
import type { NamedSet } from "./sets.ts";
import { answerScores, classScores, isChoice, type Scores, type TuneExample, tagScores } from "./tasks.ts";

/** The place of the largest of `count` numbers from `at` on. */
function largestAt(data: Float32Array, at: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (data[at + i]! > data[at + best]!) best = i;
  return best;
}

/** A token's scores each, of a row's tokens [length, width]. */
const rowsOf = (data: Float32Array, at: number, length: number, width: number): Float32Array[] =>
  Array.from({ length }, (_, i) => data.subarray((at + i) * width, (at + i + 1) * width));

/** Answers as {@link answerIn} tells them of all windows of a passage. */
function answered(passages: ReadonlyMap<Passage, readonly Float32Array[][]>): Scores {
  const all = [...passages];
  // Where rows without an answer are among those that judge, the model is asked whether there is one.
  const unanswerable = all.some(([{ answers }]) => answers.length === 0);
  return answerScores(
    all.map(([{ context, encoded, windows, answers }, scores]) => [
      answerIn(context, encoded, windows, scores, { unanswerable }).text,
      answers,
    ]),
  );
}

/**
 * Scores of batches of examples with the trained values as they are; undefined when it was stopped on the way. Text is
 * measured by the mean log-likelihood of its target tokens, several tasks by the mean of what they have each.
 */
export async function evaluate(
  model: TuneModel,
  program: Program,
  values: ReadonlyMap<string, NdArray>,
  batches: readonly (readonly TuneExample[])[],
  labels: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Scores | undefined> {
  const { sets } = model;
  if (sets.length < 2) return evaluateOne(model, program, values, batches, { labels, from: 0 }, signal);
  const found: [name: string, scores: Scores][] = [];
  for (const [task, set] of sets.entries()) {
    const own = batches.filter(([first]) => (first?.task ?? 0) === task);
    if (own.length === 0) continue;
    const scores = await evaluateOne(model, program, values, own, set, signal);
    if (!scores) return undefined;
    found.push([set.name, scores]);
  }
  return {
    metric: found[0]![1].metric,
    value: found.reduce((sum, [, { value }]) => sum + value, 0) / found.length,
    more: Object.fromEntries(found.map(([name, { value }]) => [name, value])),
    flat: found.every(([, { flat }]) => flat),
  };
}

/** Of one task, whose classes begin at `from` among those of the head. */
async function evaluateOne(
  model: TuneModel,
  program: Program,
  values: ReadonlyMap<string, NdArray>,
  batches: readonly (readonly TuneExample[])[],
  { labels, from }: Pick<NamedSet, "labels" | "from">,
  signal: AbortSignal | undefined,
): Promise<Scores | undefined> {
  const trained = Object.fromEntries([...values].filter(([name]) => program.inputs.includes(name)));
  const classes: [number, number][] = [];
  /** By what parts of one row have in common; a row that fits is its own. */
  const sentences = new Map<object, [number, number][]>();
  const passages = new Map<Passage, Float32Array[][]>();
  let [loss, tokens] = [0, 0];
  for (const batch of batches) {
    if (signal?.aborted) return undefined;
    const { feeds, labels: right } = model.read(batch);
    const result = await program.run({ ...feeds, ...trained });
    const wanted = Array.from(right.data as BigInt64Array, Number);
    if (!model.head) {
      loss += Number(result.loss!.data[0]);
      tokens += batch.reduce((sum, example) => sum + model.labels(example), 0);
      continue;
    }
    const { data, shape } = result.scores!;
    const scores = data as Float32Array;
    const width = shape.at(-1)!;
    if (model.head === "sequence") {
      for (const row of batch.keys()) classes.push([largestAt(scores, row * width, width) - from, wanted[row]! - from]);
    } else if (model.head === "choice") {
      const each = scores.length / batch.length;
      batch.forEach((example, row) => {
        const count = isChoice(example) ? example.texts.length : each;
        classes.push([largestAt(scores, row * each, count), wanted[row]!]);
      });
    } else {
      const length = shape[1]!;
      batch.forEach((example, row) => {
        const at = row * length;
        if (example.passage) {
          const read = rowsOf(scores, at + model.fillers, (example as Example).input.length, width);
          passages.set(example.passage, [...(passages.get(example.passage) ?? []), read]);
          return;
        }
        const key = example.sentence ?? example;
        const pairs = sentences.get(key) ?? [];
        for (let i = at; i < at + length; i++) {
          if (wanted[i] !== -100) pairs.push([largestAt(scores, i * width, width) - from, wanted[i]! - from]);
        }
        sentences.set(key, pairs);
      });
    }
  }
  switch (model.head) {
    case undefined: {
      const mean = loss / Math.max(1, tokens);
      return { metric: "log_likelihood", value: -mean, more: { eval_loss: mean }, flat: false };
    }
    case "sequence":
      return { ...classScores(classes, labels.length), said: classes.map(([predicted]) => predicted) };
    case "choice":
      // Which place is right says nothing of a class: always the first is no sign of one.
      return { ...classScores(classes, Math.max(0, ...classes.flat()) + 1), more: {}, flat: false };
    case "tokens":
      return tagScores([...sentences.values()], labels);
    case "span":
      return answered(passages);
  }
}

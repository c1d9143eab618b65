/** What a model in training makes of rows that it does not learn from. */
import type { NdArray } from "../graph/array.ts";
import type { Program } from "../runtime/program.ts";
import type { TuneModel } from "./model.ts";
import { classScores, isChoice, type Scores, spanScores, type TuneExample, tagScores } from "./tasks.ts";

/** The place of the largest of `count` numbers from `at` on. */
function largestAt(data: Float32Array, at: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (data[at + i]! > data[at + best]!) best = i;
  return best;
}

const most = 30;

/** The likeliest stretch of scores [length, 2], at most `most` tokens. */
function bestSpan(data: Float32Array, at: number, length: number): readonly number[] {
  let best: readonly number[] = [0, 0];
  let top = -Infinity;
  for (let i = 0; i < length; i++) {
    for (let j = i; j < Math.min(length, i + most); j++) {
      const score = data[at + 2 * i]! + data[at + 2 * j + 1]!;
      if (score > top) [top, best] = [score, [i, j]];
    }
  }
  return best;
}

/**
 * Scores of batches of examples with the trained values as they are; undefined when it was stopped on the way. Text is
 * measured by the mean log-likelihood of its target tokens.
 */
export async function evaluate(
  model: TuneModel,
  program: Program,
  values: ReadonlyMap<string, NdArray>,
  batches: readonly (readonly TuneExample[])[],
  labels: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Scores | undefined> {
  const trained = Object.fromEntries([...values].filter(([name]) => program.inputs.includes(name)));
  const classes: [number, number][] = [];
  const sentences: [number, number][][] = [];
  const spans: [readonly number[], readonly number[]][] = [];
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
      for (const row of batch.keys()) classes.push([largestAt(scores, row * width, width), wanted[row]!]);
    } else if (model.head === "choice") {
      const each = scores.length / batch.length;
      batch.forEach((example, row) => {
        const count = isChoice(example) ? example.texts.length : each;
        classes.push([largestAt(scores, row * each, count), wanted[row]!]);
      });
    } else {
      const length = shape[1]!;
      batch.forEach((_, row) => {
        const at = row * length;
        if (model.head === "span") {
          spans.push([bestSpan(scores, at * 2, length), [wanted[2 * row]!, wanted[2 * row + 1]!]]);
          return;
        }
        const pairs: [number, number][] = [];
        for (let i = at; i < at + length; i++) {
          if (wanted[i] !== -100) pairs.push([largestAt(scores, i * width, width), wanted[i]!]);
        }
        sentences.push(pairs);
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
      return tagScores(sentences, labels);
    case "span":
      return spanScores(spans);
  }
}

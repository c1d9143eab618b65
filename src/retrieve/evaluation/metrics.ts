/**
 * How good lists of hits are, as trec_eval counts: hits by falling score, of equal scores the greater id first, whatever
 * order they were given in. A question that was judged and has no hits counts 0.
 */
import { fail } from "../../errors.ts";

/** Judgements of a question's documents by id: 0 or less is not relevant. */
export type Judged = ReadonlyMap<string, number>;
/** By question. */
export type Judgements = ReadonlyMap<string, Judged>;
/** Scores of the documents that were found for each question. */
export type Run = ReadonlyMap<string, ReadonlyMap<string, number>>;

const byteOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Ids of a list, best first. */
export const ranked = (scores: ReadonlyMap<string, number>): string[] =>
  [...scores].sort(([a, x], [b, y]) => y - x || byteOrder(b, a)).map(([id]) => id);

const relevant = (judged: Judged, id: string): boolean => (judged.get(id) ?? 0) > 0;

const discount = (place: number): number => Math.log2(place + 2);

interface Metric {
  /** Of one question, `list` best first; k Infinity for no cut. */
  readonly of: (list: readonly string[], judged: Judged, k: number) => number;
}

const found = (list: readonly string[], judged: Judged, k: number): number => {
  let count = 0;
  for (let i = 0; i < Math.min(k, list.length); i++) if (relevant(judged, list[i]!)) count++;
  return count;
};

const relevantOf = (judged: Judged): number => [...judged.values()].filter((grade) => grade > 0).length;

const metrics = {
  /** Share of the relevant documents that are among the first k. */
  recall: { of: (list, judged, k) => found(list, judged, k) / Math.max(1, relevantOf(judged)) },
  /** 1 where a relevant document is among the first k: the "R@k" of open question answering. */
  hit: { of: (list, judged, k) => Math.min(1, found(list, judged, k)) },
  precision: { of: (list, judged, k) => found(list, judged, k) / (k === Infinity ? Math.max(1, list.length) : k) },
  /** 1 over the rank of the first relevant document among the first k. */
  mrr: {
    of(list, judged, k) {
      const place = list.findIndex((id) => relevant(judged, id));
      return place < 0 || place >= k ? 0 : 1 / (place + 1);
    },
  },
  /** Mean of the precision at each relevant document among the first k, over all relevant ones. */
  map: {
    of(list, judged, k) {
      let [sum, count] = [0, 0];
      for (let i = 0; i < Math.min(k, list.length); i++) {
        if (!relevant(judged, list[i]!)) continue;
        count++;
        sum += count / (i + 1);
      }
      return sum / Math.max(1, relevantOf(judged));
    },
  },
  /** Gains are the grades themselves, over those of the best order of all that was judged. */
  ndcg: {
    of(list, judged, k) {
      const gains = list.slice(0, k === Infinity ? undefined : k).map((id) => Math.max(0, judged.get(id) ?? 0));
      const best = [...judged.values()].map((grade) => Math.max(0, grade)).sort((a, b) => b - a);
      const sum = (values: readonly number[]) => values.reduce((total, gain, i) => total + gain / discount(i), 0);
      const ideal = sum(best.slice(0, k === Infinity ? undefined : k));
      return ideal > 0 ? sum(gains) / ideal : 0;
    },
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof metrics;

export interface AskedMetric {
  readonly name: MetricName;
  /** Infinity for the whole list. */
  readonly k: number;
}

/** "ndcg@10" as a metric. @throws wrong_use for one that there is not */
export function parseMetric(text: string): AskedMetric {
  const [, name, at] = /^([a-z]+)(?:@(\d{1,6}))?$/i.exec(text.trim()) ?? [];
  const known = name?.toLowerCase().replace(/^(accuracy|success)$/, "hit");
  if (known === undefined || !Object.hasOwn(metrics, known) || at === "0") {
    fail("wrong_use", `there is no metric "${text}"`, {
      hint: `${Object.keys(metrics).join(", ")}, each with @k: ndcg@10`,
    });
  }
  return { name: known as MetricName, k: at === undefined ? Infinity : Number(at) };
}

/** A metric of every judged question, in the order of the judgements; those without a relevant document are left out. */
export function perQuestion(run: Run, judgements: Judgements, { name, k }: AskedMetric): Map<string, number> {
  const values = new Map<string, number>();
  for (const [question, judged] of judgements) {
    if (relevantOf(judged) === 0) continue;
    const list = ranked(run.get(question) ?? new Map());
    values.set(question, metrics[name].of(list, judged, k));
  }
  return values;
}

export const meanOf = (values: Iterable<number>): number => {
  let [sum, count] = [0, 0];
  for (const value of values) {
    sum += value;
    count++;
  }
  return count > 0 ? sum / count : 0;
};

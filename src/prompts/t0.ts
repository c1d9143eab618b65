/**
 * The training mixtures of T0 (Sanh et al. 2021, arXiv 2110.08207, appendix): data sets, rows of their train splits
 * and promptsource 0.1.0's templates of each, as t-zero's datasets.csv and the released templates have them.
 */
import { t0Cap, t0Rate } from "./rates.ts";

export type T0Mixture = "t0" | "t0+" | "t0++";

export interface T0DataSet {
  readonly dataset: string;
  readonly subset?: string;
  readonly rows: number;
  readonly templates: number;
}

type Line = readonly [name: string, rows: number, templates: number];

const base: readonly Line[] = [
  ["glue/mrpc", 3668, 7],
  ["glue/qqp", 363_846, 6],
  ["paws/labeled_final", 49_401, 12],
  ["kilt_tasks/hotpotqa", 88_869, 5],
  ["wiki_qa", 20_360, 11],
  ["adversarial_qa/dbidaf", 10_000, 5],
  ["adversarial_qa/dbert", 10_000, 5],
  ["adversarial_qa/droberta", 10_000, 5],
  ["duorc/SelfRC", 60_721, 9],
  ["duorc/ParaphraseRC", 69_524, 9],
  ["ropes", 10_924, 12],
  ["quoref", 19_399, 11],
  ["cos_e/v1.11", 9741, 11],
  ["cosmos_qa", 25_262, 13],
  ["dream", 6116, 5],
  ["qasc", 8134, 8],
  ["quail", 10_246, 13],
  ["quarel", 1941, 5],
  ["quartz", 2696, 8],
  ["sciq", 11_679, 5],
  ["social_i_qa", 33_410, 6],
  ["wiki_hop/original", 43_738, 9],
  ["wiqa", 29_808, 8],
  ["amazon_polarity", 3_600_000, 9],
  ["app_reviews", 288_065, 4],
  ["imdb", 25_000, 11],
  ["rotten_tomatoes", 8530, 10],
  ["yelp_review_full", 650_000, 7],
  ["common_gen", 67_389, 9],
  ["wiki_bio", 582_659, 5],
  ["cnn_dailymail/3.0.0", 287_113, 9],
  ["gigaword", 3_803_957, 9],
  ["multi_news", 44_972, 6],
  ["samsum", 14_732, 7],
  ["xsum", 204_045, 10],
  ["ag_news", 120_000, 7],
  ["dbpedia_14", 560_000, 4],
  ["trec", 5452, 18],
];

/** What T0+ adds: the evaluation sets of GPT-3. */
const plus: readonly Line[] = [
  ["ai2_arc/ARC-Challenge", 1119, 6],
  ["ai2_arc/ARC-Easy", 2251, 6],
  ["trivia_qa/unfiltered", 87_622, 5],
  ["web_questions", 3778, 5],
  ["squad_v2", 130_319, 12],
  ["openbookqa/main", 4957, 7],
  ["race/high", 62_445, 8],
  ["race/middle", 25_421, 8],
  ["piqa", 16_113, 11],
  ["hellaswag", 39_905, 11],
];

/** What T0++ adds: SuperGLUE without RTE and CB. */
const plusPlus: readonly Line[] = [
  ["super_glue/wsc.fixed", 554, 10],
  ["super_glue/record", 100_730, 20],
  ["super_glue/boolq", 9427, 10],
  ["super_glue/copa", 400, 12],
  ["super_glue/multirc", 27_243, 10],
  ["super_glue/wic", 5428, 10],
];

const lines: { readonly [name in T0Mixture]: readonly Line[] } = {
  t0: base,
  "t0+": [...base, ...plus],
  "t0++": [...base, ...plus, ...plusPlus],
};

/** The data sets of a mixture. */
export function t0DataSets(mixture: T0Mixture): T0DataSet[] {
  return lines[mixture].map(([name, rows, templates]) => {
    const [dataset, subset] = name.split("/") as [string, string?];
    return { dataset, ...(subset === undefined ? {} : { subset }), rows, templates };
  });
}

/** The sum of the rates of all tasks: what a task's rate is to be divided by. */
export function t0TotalRate(mixture: T0Mixture): number {
  return t0DataSets(mixture).reduce((sum, { rows, templates }) => sum + templates * t0Rate(rows, templates, t0Cap), 0);
}

/** The configuration of a retriever's or ranker's training: one JSON file, every key checked, unknown keys refused. */
import { z } from "zod";
import { schemaIssue } from "../../base/schema-issue.ts";
import { fail } from "../../errors.ts";

const count = z.number().int().positive();
const rate = z.number().positive();

const mining = z.strictObject({
  /** Where negatives are looked for. */
  source: z.enum(["bm25", "dense", "union", "given"]).optional(),
  /** How `mine` writes: Tevatron's lines, or DPR's list. */
  format: z.enum(["tevatron", "dpr"]).default("tevatron"),
  /** Hits of a question that are looked at. */
  depth: count.default(100),
  /** The first so many are left out: the likeliest to be right. */
  range_min: z.number().int().nonnegative().default(0),
  max_score: z.number().optional(),
  /** A negative's score is at most the positive's minus this. */
  absolute_margin: z.number().nonnegative().optional(),
  /** The same as a share of the positive's score; 0.05 is usual. */
  relative_margin: z.number().min(0).max(1).optional(),
  sampling: z.enum(["top", "random"]).default("random"),
  /** Leave out passages that hold an answer, where the data has answers. */
  exclude_answers: z.boolean().default(true),
});

export const retrieverConfigSchema = z.strictObject({
  /** The retriever to start from, and the ranker: an encoder without a head gets one. */
  model: z.string().optional(),
  ranker: z.string().optional(),
  /** A folder as BEIR has it, and the split to learn from; or a .json file of DPR's. */
  data: z.string(),
  split: z.string().default("train"),
  /** Questions of the split, drawn by the seed; all by default. */
  questions: count.optional(),
  out: z.string(),
  /** Steps of a stage; of ar2 those of the retriever in an iteration. */
  steps: count.default(500),
  ranker_steps: count.default(100),
  iterations: count.default(2),
  /** Questions of a step, and negatives of each: 1 in a batch, 7 in a list. */
  batch: count.default(16),
  negatives: z.number().int().nonnegative().optional(),
  /** Texts that are computed at once: memory grows with it, the result does not depend on it. */
  part: count.default(32),
  lr: rate.default(2e-5),
  ranker_lr: rate.default(1e-5),
  /** Share of the steps in which the rate rises. */
  warmup: z.number().min(0).max(1).default(0.1),
  weight_decay: z.number().nonnegative().default(0),
  clip: z.number().nonnegative().default(2),
  dropout: z.number().min(0).max(0.9).default(0),
  /** Regular expressions of parameters that stay as they are. */
  frozen: z.array(z.string()).default([]),
  /** Tokens of passages and questions: what is longer is cut, and counted. */
  max_length: count.default(128),
  max_question: count.default(64),
  /** Of scores; 20 of cosines and 1 of products where it is not given. */
  scale: rate.optional(),
  lambda: z.number().min(0).max(1).default(0),
  adv_reduction: z.enum(["sum", "mean"]).default("sum"),
  temperature: rate.default(1),
  ranker_temperature: rate.default(1),
  /** Go on where the ranker finds the right passage less often than the retriever, which it then spoils. */
  allow_weaker_ranker: z.boolean().default(false),
  mining: mining.prefault({}),
  seed: z.number().int().nonnegative().default(0),
  save_every: z.number().int().nonnegative().default(200),
  threads: count.optional(),
});

export type RetrieverConfig = z.infer<typeof retrieverConfigSchema>;
export type MiningConfig = RetrieverConfig["mining"];

/** Check a configuration; the error names the key, what was found and what is expected. */
export function parseRetrieverConfig(json: unknown, file: string): RetrieverConfig {
  const parsed = retrieverConfigSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { what, hint } = schemaIssue(parsed.error, retrieverConfigSchema, "the configuration");
  return fail("bad_input", what, { where: file, hint: hint ?? "docs/search.md lists every key" });
}

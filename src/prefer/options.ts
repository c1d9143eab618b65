/** What a training on comparisons is asked for: checked, with the defaults of the paper where it has them. */
import { z } from "zod";
import { schemaIssue } from "../base/schema-issue.ts";
import { fail } from "../errors.ts";

const count = z.number().int().positive();

/** What both kinds of training take. */
const common = {
  rank: count.max(10_000).default(8),
  alpha: z.number().positive().optional(),
  targets: z.union([z.array(z.string()).min(1), z.string()]).optional(),
  lr: z.number().positive().optional(),
  schedule: z.enum(["cosine", "linear", "constant"]).default("cosine"),
  warmup: z.number().int().nonnegative().default(0),
  /** Pairs of a step, and how many batches are added up before one. */
  batch: count.max(100_000).default(8),
  accumulate: count.max(10_000).default(1),
  /** One by default: people's choices are noisy, and a second pass learns the noise. */
  epochs: count.max(100_000).optional(),
  steps: count.optional(),
  patience: z.number().int().nonnegative().default(0),
  /** Steps between evaluations; an epoch by default. */
  evalEvery: count.optional(),
  clip: z.number().nonnegative().default(1),
  weightDecay: z.number().nonnegative().default(0),
  /** The model's own by default. */
  dropout: z.number().min(0).max(0.99).optional(),
  seed: z.number().int().nonnegative().default(0),
  shuffle: z.boolean().default(true),
  /** Share of the rows that is held out, by whole books, where no file for evaluation is given. */
  split: z.number().min(0).max(0.9).default(0.1),
  maxLength: count.optional(),
  recompute: z.boolean().default(false),
  threads: count.optional(),
};

const rewardSchema = z.strictObject({ ...common, method: z.enum(["full", "lora", "head"]).default("full") });
const dpoSchema = z.strictObject({
  ...common,
  method: z.enum(["lora", "full"]).default("lora"),
  /** How far the model may go from what it was: the smaller, the farther. */
  beta: z.number().positive().default(0.1),
});

export type CommonOptions = z.infer<z.ZodObject<typeof common>>;
export type RewardOptions = z.infer<typeof rewardSchema>;
export type RewardInput = z.input<typeof rewardSchema>;
export type DpoOptions = z.infer<typeof dpoSchema>;
export type DpoInput = z.input<typeof dpoSchema>;

function parsed<T extends z.ZodType<CommonOptions>>(schema: T, given: unknown): z.output<T> {
  const read = schema.safeParse(given);
  if (!read.success) {
    const { what, hint } = schemaIssue(read.error, schema, "the options");
    return fail("wrong_use", what, hint === undefined ? {} : { hint });
  }
  if (read.data.steps !== undefined && read.data.epochs !== undefined)
    fail("wrong_use", "give steps or epochs, not both");
  return read.data;
}

/** @throws wrong_use naming the option */
export const parseRewardOptions = (given: RewardInput): RewardOptions => parsed(rewardSchema, given);
/** @throws wrong_use naming the option */
export const parseDpoOptions = (given: DpoInput): DpoOptions => parsed(dpoSchema, given);

/** The options that decide a training's steps: it is not gone on with under others. */
export function decisive(o: CommonOptions): object {
  const { steps: _, epochs: __, patience: ___, threads: ____, evalEvery: _____, ...identity } = o;
  return identity;
}

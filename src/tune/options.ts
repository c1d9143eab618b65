/** What a tuning is asked for: checked, with the defaults of its method. */
import { z } from "zod";
import { fail } from "../errors.ts";
import { sites } from "../models/adapters/survey.ts";
import { usualOverlap } from "../text/heads/answer.ts";
import { longChoices } from "./long.ts";

export const methods = ["prefix", "p-tuning-v2", "prompt", "lora", "head", "full"] as const;
export type Method = (typeof methods)[number];

export const tasks = ["seq-cls", "token-cls", "qa", "choice", "seq2seq", "causal"] as const;
export type Task = (typeof tasks)[number];

export const optimizers = ["adamw", "adafactor"] as const;

/** What text is judged by, besides its likelihood: the likeliest of the rows' targets, or answers that are written. */
export const textMetrics = ["accuracy", "exact_match", "f1", "rouge1", "rouge2", "rougeL", "bleu"] as const;
export type TextMetric = (typeof textMetrics)[number];

export const schedules = ["linear", "exp", "constant", "cosine"] as const;

const count = z.number().int().positive();
const rate = z.number().positive();

/** Options as they are given. */
export const tuneSchema = z.strictObject({
  method: z.enum(methods),
  /** By the columns of the rows where it is not said. */
  task: z.enum(tasks).optional(),
  /** Virtual tokens of prefixes and prompts. */
  length: count.max(100_000).optional(),
  sites: z.array(z.enum(sites)).min(1).optional(),
  /** Whether positions count on behind a prefix; of encoder-decoders they do not by default. */
  counted: z.boolean().optional(),
  /** Channels of the two layers that make a prefix of a smaller matrix; none by default. */
  projection: count.optional(),
  rank: count.max(10_000).default(8),
  alpha: z.number().positive().optional(),
  targets: z.union([z.array(z.string()).min(1), z.string()]).optional(),
  /**
   * How virtual tokens start: `normal(0.02)`, `zero`, `text` (of `initText`), `vocabulary`, `labels` (words of the classes,
   * or of the targets, and more of the vocabulary where these are too few).
   */
  init: z.string().default("normal(0.02)"),
  initText: z.string().optional(),
  lr: rate.optional(),
  optimizer: z.enum(optimizers).default("adamw"),
  /** Of Adafactor: matrices keep means of rows and columns alone. Lester et al. have it off for prompts. */
  factored: z.boolean().default(true),
  /** Weight of (logsumexp of the logits)² in the loss of text. */
  zLoss: z.number().nonnegative().default(0),
  schedule: z.enum(schedules).default("linear"),
  warmup: z.number().int().nonnegative().default(0),
  batch: count.max(100_000).default(32),
  accumulate: count.max(10_000).default(1),
  epochs: count.max(100_000).optional(),
  steps: count.optional(),
  /** Evaluations without a better one after which the tuning ends; 0 for never. */
  patience: z.number().int().nonnegative().default(0),
  /** Steps between evaluations; an epoch by default. */
  evalEvery: count.optional(),
  /**
   * Of text: rows that are held out are judged by which of the rows' targets is the likeliest (`accuracy`), or by what is
   * written to them; by their likelihood without.
   */
  metric: z.enum(textMetrics).optional(),
  clip: z.number().nonnegative().default(1),
  weightDecay: z.number().nonnegative().default(0),
  /** The model's own by default. */
  dropout: z.number().min(0).max(0.99).optional(),
  seed: z.number().int().nonnegative().default(0),
  shuffle: z.boolean().default(true),
  /** Share of the rows that is held out where no file for evaluation is given. */
  split: z.number().min(0).max(0.9).optional(),
  maxLength: count.optional(),
  /** Rows that are too long; of answers and tags they are read in windows by default, else they are errors. */
  tooLong: z.enum(longChoices).optional(),
  /** Tokens that two windows of a row share, at most. */
  stride: z.number().int().nonnegative().max(100_000).default(usualOverlap),
  recompute: z.boolean().default(false),
  threads: count.optional(),
});

export type TuneOptions = z.infer<typeof tuneSchema>;
export type TuneInput = z.input<typeof tuneSchema>;

/** Learning rates that are usual for a method: large for few numbers that start near zero. */
const usualRates: Readonly<Record<Method, number>> = {
  prefix: 1e-2,
  "p-tuning-v2": 1e-2,
  prompt: 3e-2,
  lora: 1e-3,
  head: 1e-2,
  full: 5e-5,
};

export const usualRate = (method: Method): number => usualRates[method];

/** Virtual tokens where none are asked for. */
export const usualLength = 20;

/** @throws wrong_use naming the option */
export function parseTuneOptions(given: TuneInput): TuneOptions {
  const parsed = tuneSchema.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return fail("wrong_use", `${issue.path.join(".") || "the options"}: ${issue.message}`);
  }
  const { method, length, projection, steps, epochs, lr } = parsed.data;
  if (steps !== undefined && epochs !== undefined) fail("wrong_use", "give steps or epochs, not both");
  const virtual = method === "prefix" || method === "p-tuning-v2" || method === "prompt";
  if (length !== undefined && !virtual)
    fail("wrong_use", `--n is the length of prefixes and prompts; ${method} has none`);
  if (projection !== undefined && (!virtual || method === "prompt")) {
    fail("wrong_use", `--projection makes prefixes; ${method} has none`);
  }
  if (lr !== undefined && virtual && lr < 1e-5) {
    fail("wrong_use", `a learning rate of ${lr} moves ${method} by nothing`, { hint: "usual are 5e-3 to 3e-2" });
  }
  return parsed.data;
}

/** What is unusual about options that are not wrong: a sentence each. */
export function doubts({ method, lr, length }: TuneOptions): string[] {
  const said: string[] = [];
  const virtual = method === "prefix" || method === "p-tuning-v2" || method === "prompt";
  if (lr !== undefined && virtual && lr <= 1e-4) {
    said.push(`lr ${lr} is one for full fine-tuning: ${method} usually takes 5e-3 to 3e-2`);
  }
  if (lr !== undefined && method === "full" && lr >= 5e-3)
    said.push(`lr ${lr} is large for full fine-tuning: usual are 1e-5 to 1e-3`);
  if (length !== undefined && length > 512) said.push(`${length} virtual tokens: usual are 5 to 200`);
  return said;
}

/** The learning rate at a step as a factor: `exp` takes 5 % off after every epoch. */
export function exponential(step: number, perEpoch: number): number {
  return 0.95 ** Math.floor((step - 1) / Math.max(1, perEpoch));
}

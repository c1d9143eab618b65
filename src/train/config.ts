/** The training configuration: one JSON file, every key checked, unknown keys refused. */
import { z } from "zod";
import { schemaIssue } from "../base/schema-issue.ts";
import { fail } from "../errors.ts";

const count = z.number().int().positive();
const fraction = z.number().min(0).max(1);
const decay = { lr: z.number().nonnegative().nullish(), weight_decay: z.number().nonnegative().default(0) };
/** Patterns are regular expressions over parameter names. */
const patterns = z.array(z.string());

const optimizer = z.discriminatedUnion("name", [
  z.strictObject({
    name: z.literal("adamw"),
    ...decay,
    betas: z.tuple([fraction, fraction]).default([0.9, 0.999]),
    eps: z.number().positive().default(1e-8),
    no_decay: patterns.default([]),
  }),
  z.strictObject({
    name: z.literal("adafactor"),
    ...decay,
    eps: z.tuple([z.number().positive(), z.number().positive()]).default([1e-30, 1e-3]),
    clip_threshold: z.number().positive().default(1),
    decay_rate: z.number().negative().default(-0.8),
    beta1: fraction.nullable().default(null),
    scale_parameter: z.boolean().default(true),
    relative_step: z.boolean().default(true),
    warmup_init: z.boolean().default(false),
    no_decay: patterns.default([]),
  }),
  z.strictObject({ name: z.literal("sgd"), ...decay, momentum: fraction.default(0), no_decay: patterns.default([]) }),
]);

/** What rows become: pairs of prompt and target, texts to go on with or to fill in, texts with a class. */
export const objectives = ["seq2seq", "span-corruption", "prefix-lm", "causal-lm", "masked-lm", "classify"] as const;

export type Objective = (typeof objectives)[number];

const source = z.union([
  z.string(),
  z.strictObject({
    file: z.string(),
    objective: z.enum(objectives).optional(),
    /** How often each row is seen in an epoch. */
    weight: z.number().positive().default(1),
  }),
]);

const scheduleName = z.enum(["constant", "linear", "cosine", "inverse-sqrt"]);

export const trainingConfigSchema = z
  .strictObject({
    /** A model folder to start from … */
    model: z.string().optional(),
    /** … or an architecture with its config.json entries, from scratch. */
    architecture: z.string().optional(),
    sizes: z.record(z.string(), z.json()).optional(),
    /** A tokenizer.json, or a folder or a model whose tokenizer is taken; by default the one of `model`. */
    tokenizer: z.string().optional(),
    /** Starting token embeddings, raw float32 [vocabulary, width]. */
    embeddings: z.string().optional(),
    objective: z.enum(objectives).default("seq2seq"),
    data: z
      .strictObject({
        train: z.union([source, z.array(source).min(1)]).optional(),
        validation: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
        /** A mixture file instead of both. */
        mixture: z.string().optional(),
      })
      .refine((d) => (d.train === undefined) !== (d.mixture === undefined), {
        error: "give train (files of rows) or mixture (a mixture file)",
        path: ["train"],
      })
      .refine((d) => d.mixture === undefined || d.validation === undefined, {
        error: "a mixture file names the validation files of its tasks itself",
        path: ["validation"],
      }),
    batch: count.optional(),
    /** Tokens of input and target a micro-batch may hold, padding included; instead of `batch`. */
    batch_tokens: count.optional(),
    accumulate: count.default(1),
    max_input: count.default(512),
    max_target: count.default(128),
    /** Rows longer than the limits: an error, or left out or cut and counted. Nothing is cut in silence. */
    too_long: z.enum(["error", "skip", "cut"]).default("error"),
    /** Several pairs in a row of max_input and max_target tokens, which do not see one another. */
    pack: z.boolean().default(false),
    /** Prompts end with the end token; T0's do not. */
    prompt_end: z.boolean().default(true),
    /** Weight of the squared log-sum of the logits in the loss; 1e-4 in T0's training. */
    z_loss: z.number().nonnegative().default(0),
    optimizer: optimizer.default({
      name: "adamw",
      lr: 1e-3,
      weight_decay: 0,
      betas: [0.9, 0.999],
      eps: 1e-8,
      no_decay: [],
    }),
    schedule: z
      .union([scheduleName, z.strictObject({ name: scheduleName, warmup: z.number().int().nonnegative().default(0) })])
      .default("constant"),
    clip: z.number().nonnegative().default(1),
    dropout: z.number().min(0).max(0.99).optional(),
    shuffle: z.boolean().default(true),
    steps: count,
    seed: z.number().int().nonnegative().default(0),
    save_every: z.number().int().nonnegative().default(500),
    eval_every: z.number().int().nonnegative().default(0),
    /** Which parameters are trained; all by default. */
    trainable: patterns.optional(),
    /** Do not keep cheap values for the backward pass; compute them again. */
    recompute: z.boolean().default(false),
    threads: count.optional(),
    out: z.string(),
  })
  .refine((c) => (c.model === undefined) !== (c.architecture === undefined), {
    error: "give either model (a folder to start from) or architecture with sizes (from scratch)",
    path: ["model"],
  })
  .refine((c) => c.model !== undefined || c.tokenizer !== undefined, {
    error: "training from scratch needs a tokenizer: a tokenizer.json, a folder or a model's name",
    path: ["tokenizer"],
  })
  .refine((c) => c.batch === undefined || c.batch_tokens === undefined, {
    error: "give batch (rows) or batch_tokens, not both",
    path: ["batch_tokens"],
  })
  .refine((c) => c.data.mixture === undefined || c.objective === "seq2seq", {
    error: "a mixture gives prompts and targets: its objective is seq2seq",
    path: ["objective"],
  });

export type TrainingConfig = z.infer<typeof trainingConfigSchema>;

/** Check a configuration; the error names the key, what was found and what is expected. */
export function parseTrainingConfig(json: unknown, file: string): TrainingConfig {
  const parsed = trainingConfigSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { what, hint } = schemaIssue(parsed.error, trainingConfigSchema, "the configuration");
  return fail("bad_input", what, {
    where: file,
    hint: hint ?? "docs/train.md lists every key of a training configuration",
  });
}

/** A name matches when any pattern does, anywhere in it. */
export function matcher(list: readonly string[], key: string): (name: string) => boolean {
  const compiled = list.map((pattern) => {
    try {
      return new RegExp(pattern);
    } catch {
      return fail("bad_input", `${key}: "${pattern}" is no regular expression`);
    }
  });
  return (name) => compiled.some((pattern) => pattern.test(name));
}

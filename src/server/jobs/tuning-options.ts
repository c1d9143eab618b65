/** What a job of fine-tuning is asked for, in OpenAI's words and in ours, as the options of a tuning. */
import { z } from "@hono/zod-openapi";
import { longChoices } from "../../tune/long.ts";
import {
  parseTuneOptions,
  schedules,
  type TuneInput,
  type TuneOptions,
  tasks,
  textMetrics,
  usualRate,
} from "../../tune/options.ts";

const auto = z.literal("auto");
const whole = (min: number, max: number) => z.int().min(min).max(max).optional();
const number = (min: number, max: number) => z.number().min(min).max(max).optional();

export const hyperparametersField = z.object({
  n_epochs: z.union([auto, z.int().min(1).max(1_000)]).optional(),
  batch_size: z.union([auto, z.int().min(1).max(256)]).optional(),
  learning_rate_multiplier: z.union([auto, z.number().gt(0).max(1_000)]).optional(),
});

/** Methods whose result is an adapter. */
const methods = ["p-tuning-v2", "prefix", "prompt", "lora", "head"] as const;

/** Beyond OpenAI's: what is learnt and how, under the names of the command `zeroth tune`. */
export const tuningField = z.strictObject({
  method: z.enum(methods).optional().describe("what is learnt; p-tuning-v2 by default"),
  task: z.enum(tasks).optional().describe("what the rows are for, where their columns do not tell"),
  length: whole(1, 10_000).describe("virtual tokens of prefixes and prompts (20)"),
  sites: z
    .array(z.enum(["encoder", "decoder", "cross"]))
    .min(1)
    .max(3)
    .optional(),
  counted: z.boolean().optional().describe("positions count on behind the prefix"),
  projection: whole(1, 100_000).describe("make the prefix by two layers with so many channels"),
  rank: whole(1, 1_000).describe("of LoRA (8)"),
  alpha: number(1e-6, 1e6).describe("of LoRA: scale times rank (as the rank)"),
  targets: z.union([z.literal("all-linear"), z.array(z.string().min(1).max(200)).min(1).max(100)]).optional(),
  init: z.string().max(100).optional().describe("normal(0.02), zero, text, vocabulary, …"),
  init_text: z.string().max(10_000).optional().describe("the text that the start `text` is of"),
  learning_rate: number(1e-9, 1e3).describe("in the place of the method's usual one"),
  schedule: z.enum(schedules).optional(),
  warmup_steps: whole(0, 1_000_000),
  accumulate: whole(1, 1_000).describe("batches that are added up before a step"),
  patience: whole(0, 10_000).describe("end after so many evaluations without a better one"),
  eval_every: whole(1, 1_000_000).describe("steps between evaluations; an epoch by default"),
  clip: number(0, 1e6).describe("greatest norm of the gradients (1)"),
  weight_decay: number(0, 10),
  dropout: number(0, 0.99),
  split: number(0, 0.9).describe("share of the training rows that is held out to judge by, without a validation file"),
  max_length: whole(2, 1_000_000).describe("most tokens of a text"),
  too_long: z.enum(longChoices).optional().describe("what becomes of longer rows"),
  stride: whole(0, 100_000).describe("tokens that two windows of a row share"),
  metric: z.enum(textMetrics).optional().describe("what written answers are judged by; their likelihood by default"),
  recompute: z.boolean().optional().describe("less memory: cheap values are computed twice"),
});

export interface AskedTuning {
  readonly hyperparameters: z.infer<typeof hyperparametersField>;
  readonly tuning: z.infer<typeof tuningField>;
}

/** What is known once the rows are read: options of every step, and what the job's owner is shown. */
export interface ChosenTuning {
  readonly options: TuneOptions;
  readonly hyperparameters: {
    readonly n_epochs: number;
    readonly batch_size: number;
    readonly learning_rate_multiplier: number;
  };
  readonly rows: number;
  readonly held: number;
  readonly skipped: number;
  readonly labels: readonly string[];
  readonly task: string;
  readonly trained: number;
  readonly parameters: number;
}

/** Rows of a step where nobody says: about sixteen steps in an epoch, within what suits small and large files. */
const usualBatch = (rows: number): number => Math.min(32, Math.max(2, 2 ** Math.round(Math.log2(rows / 16))));
/** Steps that a short file is gone through for. */
const usualSteps = 200;
const usualEpochs = (steps: number): number => Math.min(50, Math.max(3, Math.ceil(usualSteps / steps)));

/** Names that differ from those of {@link TuneOptions}. */
const renamed = {
  init_text: "initText",
  learning_rate: "lr",
  warmup_steps: "warmup",
  eval_every: "evalEvery",
} as const;
const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/**
 * The options of a tuning.
 * @param rows that are learnt from
 * @param threads of the engine
 * @throws wrong_use for what does not go together
 */
export function chooseOptions(
  { hyperparameters, tuning }: AskedTuning,
  rows: number,
  seed: number,
  threads: number | undefined,
): Pick<ChosenTuning, "options" | "hyperparameters"> {
  const { method = "p-tuning-v2", split = 0, learning_rate, ...rest } = tuning;
  const given = (value: number | "auto" | undefined) => (typeof value === "number" ? value : undefined);
  const learnt = Math.max(1, Math.round(rows * (1 - split)));
  const batch = given(hyperparameters.batch_size) ?? usualBatch(learnt);
  const perEpoch = Math.max(1, Math.ceil(learnt / batch / (tuning.accumulate ?? 1)));
  const epochs = given(hyperparameters.n_epochs) ?? usualEpochs(perEpoch);
  const multiplier = given(hyperparameters.learning_rate_multiplier) ?? 1;
  const named = Object.entries(rest).map(([name, value]) => [
    renamed[name as keyof typeof renamed] ?? camel(name),
    value,
  ]);
  const input = {
    ...Object.fromEntries(named),
    ...{ method, split, batch, epochs, seed, lr: (learning_rate ?? usualRate(method)) * multiplier },
    ...(threads !== undefined && { threads }),
  } as TuneInput;
  return {
    options: parseTuneOptions(input),
    hyperparameters: { n_epochs: epochs, batch_size: batch, learning_rate_multiplier: multiplier },
  };
}

/** Flags of the command that a hint may name, as fields of a request. */
const fields: Readonly<Record<string, string>> = {
  "--n": "tuning.length",
  "--lr": "tuning.learning_rate",
  "--warmup": "tuning.warmup_steps",
  "--batch": "hyperparameters.batch_size",
  "--epochs": "hyperparameters.n_epochs",
  "--eval": "validation_file",
  "--data": "training_file",
  "--model": "model",
};

/** A message in the words of a request. */
export const inFields = (message: string): string =>
  message.replace(
    /(?<![\w-])--[a-z][a-z-]*/g,
    (flag) => fields[flag] ?? `tuning.${flag.slice(2).replaceAll("-", "_")}`,
  );

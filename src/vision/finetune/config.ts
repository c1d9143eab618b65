/** The typed configuration of a fine-tuning: what a project's config.json holds, and what the command's options set. */
import { z } from "zod";
import { fail } from "../../errors.ts";
import { parsePipeline } from "../../media/images/pipeline.ts";

const count = z.number().int().positive().max(1e9);
const share = z.number().min(0).lt(1);

export const visionSchema = z.strictObject({
  /** A folder or a name of the hub to start from. */
  model: z.string().optional(),
  /** Without a model: the config.json of one, which starts from random numbers. */
  architecture: z.record(z.string(), z.unknown()).optional(),
  data: z.string(),
  eval: z.string().optional(),
  /** Without `eval`: this share of every class is held out. */
  split: share.default(0.1),
  out: z.string(),
  method: z.enum(["full", "head", "lora"]).default("full"),
  /** The embeddings and so many first layers stay as they are. */
  freeze: z.number().int().nonnegative().max(512).optional(),
  /** A layer's learning rate is so many times that of the layer above it. */
  layer_decay: z.number().positive().max(1).default(1),
  rank: z.number().int().positive().max(1024).default(8),
  /** As large as the rank by default. */
  alpha: z.number().positive().max(1e6).optional(),
  targets: z.union([z.array(z.string()), z.literal("all-linear")]).optional(),
  /** Pixels a side, other than the model's: positions are interpolated once, and learnt from there. */
  size: z
    .number()
    .int()
    .positive()
    .max(2 ** 12)
    .optional(),
  augment: z.string().max(1000).default("random_resized_crop(0.05,1)|flip_lr"),
  repeat_last: z.boolean().default(false),
  optimizer: z.enum(["sgd", "adamw"]).default("sgd"),
  lr: z.number().positive().max(100).optional(),
  momentum: share.default(0.9),
  weight_decay: z.number().min(0).max(10).default(0),
  schedule: z.enum(["cosine", "linear", "constant"]).default("cosine"),
  /** A tenth of the steps by default. */
  warmup: z.number().int().nonnegative().max(1e9).optional(),
  batch: z.number().int().positive().max(4096).default(32),
  accumulate: z.number().int().positive().max(4096).default(1),
  epochs: count.default(10),
  steps: count.optional(),
  eval_every: count.optional(),
  patience: z.number().int().nonnegative().max(1e6).default(0),
  clip: z.number().min(0).max(1e6).default(1),
  dropout: share.optional(),
  /** Of every label, spread over all classes (Szegedy et al. 2015). */
  smoothing: share.default(0),
  /** Pairs of pictures are mixed by a share of Beta(α, α) (Zhang et al. 2017, arXiv 1710.09412). */
  mixup: z.number().min(0).max(1).default(0),
  seed: z
    .number()
    .int()
    .nonnegative()
    .max(2 ** 31)
    .default(0),
  threads: z.number().int().positive().max(1024).optional(),
});

export type VisionConfig = z.infer<typeof visionSchema>;

/** What a person writes: all that has no default. */
export type VisionInput = z.input<typeof visionSchema>;

/** @throws wrong_use naming the entry */
export function parseVisionConfig(given: unknown, where?: string): VisionConfig {
  const parsed = visionSchema.safeParse(given);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return fail("wrong_use", `${path.join(".") || "the configuration"}: ${message}`, {
      ...(where !== undefined && { where }),
      hint: `entries are ${Object.keys(visionSchema.shape).join(", ")}`,
    });
  }
  const c = parsed.data;
  if ((c.model === undefined) === (c.architecture === undefined)) {
    fail("wrong_use", "give a model to start from, or an architecture to start anew", {
      hint: 'for example "model": "google/vit-base-patch16-224-in21k"',
    });
  }
  if (c.architecture && c.method !== "full")
    fail("wrong_use", `${c.method} leaves a model as it is that knows nothing yet`);
  // The steps are stored with every number written out.
  return { ...c, augment: parsePipeline(c.augment).text };
}

/** The learning rate: of the reference for SGD (Dosovitskiy et al. 2020), and usual for Adam's steps. */
export const rateOf = ({ lr, optimizer, method }: VisionConfig): number =>
  lr ?? (optimizer === "sgd" ? 0.03 : method === "full" ? 1e-4 : 1e-3);

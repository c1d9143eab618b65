/** A T5 model as something to train: its loss with dropout, which parameters move, and where they start. */
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import type { GradientOptions } from "../graph/differentiate.ts";
import { add, bitwiseXor, mul } from "../graph/operators.ts";
import { dropout as drop, isDropoutMask, siteSeed, uniform } from "../graph/random.ts";
import { full, input, type Tensor } from "../graph/tensor.ts";
import { adafactor, adamw, type Optimizer, sgd } from "../learn/optimizers.ts";
import type { ParameterGroup } from "../learn/trainer.ts";
import type { T5Config } from "../models/t5-config.ts";
import { type LossOptions, t5Loss } from "../models/t5-training.ts";
import { initialValue } from "../nn/initial.ts";
import { createScope, type ParameterSpec } from "../nn/scope.ts";
import { matcher, type TrainingConfig } from "./config.ts";

export interface TrainingModel {
  readonly loss: Tensor;
  readonly all: readonly ParameterSpec[];
  readonly trained: readonly ParameterSpec[];
  /** What a step needs besides the batch: the seed of its noise. */
  extra(seed: number, step: number, micro: number): Readonly<Record<string, NdArray>>;
  readonly recompute: GradientOptions["recompute"];
}

/** Every place where something is random has its own seed, made of the step's and the place's number. */
function siteNoise(rate: number): LossOptions {
  const seed = input("seed", "uint32", []);
  let site = 0;
  const next = () => bitwiseXor(seed, full("uint32", siteSeed(0, 0, ++site)));
  return {
    ...(rate > 0 ? { dropout: (x: Tensor) => drop(x, rate, next()) } : {}),
    jitter: (x, range) => mul(x, add(mul(uniform(next(), x.shape), 2 * range), 1 - range)),
  };
}

/** Write the training graph of a T5 model for a configuration; `quiet` for its loss on held-out rows. */
export function t5Training(
  config: T5Config,
  options: Pick<TrainingConfig, "dropout" | "trainable" | "recompute"> &
    Partial<Pick<TrainingConfig, "pack" | "z_loss">>,
  quiet = false,
): TrainingModel {
  if (options.pack && config.experts) {
    fail("unsupported", "pack: the experts of a Switch Transformer count their tokens by row, of one pair each");
  }
  const scope = createScope();
  const rate = quiet ? 0 : (options.dropout ?? config.dropout);
  const random = rate > 0 || (!quiet && (config.experts?.jitter ?? 0) > 0);
  const { pack: packed = false, z_loss: zLoss = 0 } = quiet ? {} : options;
  const loss = t5Loss(scope, config, { ...(random ? siteNoise(rate) : {}), routers: !quiet, packed, zLoss });
  const all = [...scope.parameters.values()];
  const matches = options.trainable ? matcher(options.trainable, "trainable") : () => true;
  const trained = all.filter(({ name }) => matches(name));
  if (trained.length === 0) {
    fail("bad_input", `trainable: no parameter matches ${JSON.stringify(options.trainable)}`, {
      hint: `names look like ${all[0]!.name}; zeroth inspect --tensors lists them`,
    });
  }
  return {
    loss,
    all,
    trained,
    extra(seed, step, micro): Record<string, NdArray> {
      if (!random) return {};
      return { seed: { dtype: "uint32", shape: [], data: Uint32Array.of(siteSeed(seed, step, micro)) } };
    },
    recompute: options.recompute ? isDropoutMask : undefined,
  };
}

/** Starting values of a model trained from scratch; embeddings may be given. */
export function freshValues(model: TrainingModel, seed: number, embeddings?: Float32Array): Map<string, NdArray> {
  return new Map(
    model.all.map((spec): [string, NdArray] => {
      const value = initialValue(spec, seed);
      if (spec.name === "shared.weight" && embeddings) {
        if (embeddings.length !== value.data.length) {
          fail("bad_input", `embeddings hold ${embeddings.length} numbers, the model has [${spec.shape.join(", ")}]`);
        }
        (value.data as Float32Array).set(embeddings);
      }
      return [spec.name, value];
    }),
  );
}

/** The optimiser of a configuration. */
export function optimizerOf({ optimizer }: Pick<TrainingConfig, "optimizer">): Optimizer {
  switch (optimizer.name) {
    case "adamw":
      return adamw(optimizer);
    case "adafactor":
      return adafactor(optimizer);
    case "sgd":
      return sgd(optimizer);
  }
}

/** Weight decay by name. */
export function groupOf({ optimizer }: Pick<TrainingConfig, "optimizer">): (name: string) => ParameterGroup {
  const spared = matcher(optimizer.no_decay, "optimizer.no_decay");
  return (name) => ({ lrScale: 1, weightDecay: spared(name) ? 0 : optimizer.weight_decay });
}

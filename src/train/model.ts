/** A model as something to train: its loss with dropout, which parameters move, and where they start. */
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import type { GradientOptions } from "../graph/differentiate.ts";
import { graph } from "../graph/graph.ts";
import { siteSeed } from "../graph/random.ts";
import { isCheap } from "../graph/recompute.ts";
import type { Tensor } from "../graph/tensor.ts";
import { adafactor, adamw, type Optimizer, sgd } from "../learn/optimizers.ts";
import type { ParameterGroup } from "../learn/trainer.ts";
import type { Architecture } from "../models/family.ts";
import { decoderLoss } from "../models/kinds/decoder-loss.ts";
import { encoderDecoderLoss } from "../models/kinds/encoder-decoder-loss.ts";
import { encoderLoss, type TrainedHead } from "../models/kinds/encoder-loss.ts";
import type { Loss } from "../models/kinds/loss.ts";
import { siteNoise } from "../models/kinds/noise.ts";
import { wanted } from "../models/kinds/programs.ts";
import { initialValue } from "../nn/initial.ts";
import { createScope, type ParameterSpec } from "../nn/scope.ts";
import { matcher, type Objective, type TrainingConfig } from "./config.ts";

/** Heads that an objective trains. */
const headOf: { readonly [O in Objective]?: TrainedHead } = { "masked-lm": "masked", classify: "sequence" };

/** What a model of this kind is trained on. @throws unsupported naming what it can be trained on */
export function lossOf(architecture: Architecture, objective: Objective): Loss {
  const refuse = (known: string) =>
    fail("unsupported", `objective: ${architecture.type} is not trained on ${JSON.stringify(objective)}`, {
      hint: `it is trained on ${known}`,
    });
  switch (architecture.kind) {
    case "encoder-decoder":
      if (objective in headOf || objective === "causal-lm") return refuse("seq2seq, span-corruption, prefix-lm");
      return encoderDecoderLoss(architecture);
    case "decoder":
      if (objective in headOf || objective === "span-corruption") return refuse("causal-lm, seq2seq, prefix-lm");
      return decoderLoss(architecture);
    case "encoder": {
      const head = headOf[objective];
      return head ? encoderLoss(architecture, head) : refuse(Object.keys(headOf).join(", "));
    }
    case "image-encoder":
      return refuse("images and their classes, in a program of your own: imageEncoderLoss");
    case "two-towers":
      return refuse("images and their texts, in a program of your own: twoTowersLoss");
  }
}

export interface TrainingModel {
  readonly loss: Tensor;
  readonly collate: Loss["collate"];
  readonly labels: Loss["labels"];
  readonly all: readonly ParameterSpec[];
  readonly trained: readonly ParameterSpec[];
  /** What a step needs besides the batch: the seed of its noise. */
  extra(seed: number, step: number, micro: number): Readonly<Record<string, NdArray>>;
  readonly recompute: GradientOptions["recompute"];
}

/** Write the training graph of a model for a configuration; `quiet` for its loss on held-out rows. */
export function trainingModel(
  architecture: Architecture,
  options: Pick<TrainingConfig, "dropout" | "trainable" | "recompute"> &
    Partial<Pick<TrainingConfig, "objective" | "pack" | "z_loss">>,
  quiet = false,
): TrainingModel {
  const { objective = "seq2seq", pack: packed = false, z_loss: zLoss = 0 } = options;
  const unjoined = architecture.kind === "encoder-decoder" && architecture.unjoined === true;
  if (packed && unjoined) {
    fail("unsupported", "pack: the experts of a Switch Transformer count their tokens by row, of one pair each");
  }
  if (packed && architecture.kind === "encoder") {
    fail("unsupported", "pack: rows of an encoder hold one text each");
  }
  const scope = createScope();
  const rate = quiet ? 0 : (options.dropout ?? architecture.dropout);
  // Experts are chosen with jitter.
  const random = rate > 0 || (!quiet && unjoined);
  const { graph: write, collate, labels } = lossOf(architecture, objective);
  const loss = write(scope, { ...(random ? siteNoise(rate) : {}), quiet, packed: packed && !quiet, zLoss });
  const all = [...scope.parameters.values()];
  const matches = options.trainable ? matcher(options.trainable, "trainable") : () => true;
  const trained = all.filter(({ name }) => matches(name) && !architecture.frozen?.test(name));
  if (trained.length === 0) {
    fail("bad_input", `trainable: no parameter matches ${JSON.stringify(options.trainable)}`, {
      hint: `names look like ${all[0]!.name}; zeroth inspect --tensors lists them`,
    });
  }
  // A family with relative positions does not ask for absolute ones.
  const inputs = graph({ loss }).inputs.map(({ name }) => name);
  return {
    loss,
    collate: (...given) => wanted({ inputs }, collate(...given)),
    labels,
    all,
    trained,
    extra(seed, step, micro): Record<string, NdArray> {
      if (!random) return {};
      return { seed: { dtype: "uint32", shape: [], data: Uint32Array.of(siteSeed(seed, step, micro)) } };
    },
    recompute: options.recompute ? isCheap : undefined,
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

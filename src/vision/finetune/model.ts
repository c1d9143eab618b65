/** What is learnt of a model of images, and the graphs of its loss and of its judging. */
import { fail } from "../../errors.ts";
import { float32, int64, type NdArray } from "../../graph/array.ts";
import type { Dim } from "../../graph/dims.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { siteSeed } from "../../graph/random.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import type { StateVariable } from "../../learn/state.ts";
import type { ParameterGroup } from "../../learn/trainer.ts";
import { withProducts } from "../../models/adapters/learnt.ts";
import { loraSettings } from "../../models/adapters/peft-targets.ts";
import { isBeside, type LoraSettings, learning, names } from "../../models/adapters/settings.ts";
import type { Product } from "../../models/adapters/survey.ts";
import type { ImageEncoder, ImageEncoderArchitecture, NetworkOptions } from "../../models/family.ts";
import { siteNoise } from "../../models/kinds/noise.ts";
import { joinPixels, pixelInput } from "../../models/kinds/pixels.ts";
import { createScope, type ParameterSpec, type Scope } from "../../nn/scope.ts";
import type { VisionConfig } from "./config.ts";
import { depthOf, layerOf } from "./layers.ts";

/** What is told of a picture: its class. */
export interface VisionExample {
  readonly pixels: NdArray;
  readonly label: number;
}

export interface VisionTraining {
  readonly loss: Tensor;
  readonly all: readonly ParameterSpec[];
  readonly trained: readonly ParameterSpec[];
  /** Running statistics of batch norms. */
  readonly state: readonly StateVariable[];
  readonly lora: LoraSettings | undefined;
  readonly group: (name: string) => ParameterGroup;
  /** pixels to `logits`. */
  readonly evaluation: Graph;
  /** Inputs of a micro-batch; `total` are the examples of the whole step. */
  feeds(
    batch: readonly VisionExample[],
    total: number,
    at: readonly [step: number, micro: number],
  ): Record<string, NdArray>;
}

/** Products of a network by their paths, without its classifier's. */
function productsOf(model: ImageEncoderArchitecture): ReadonlyMap<string, Product> {
  const products = new Map<string, Product>();
  const scope = withProducts(createScope(), (path, x, out, plain) => {
    products.set(path, { in: x.shape.at(-1) as number, out });
    return plain();
  });
  model.network(scope).encode(pixelInput(model.image));
  return products;
}

/** Of transformers' names, of timm's, and where neither is there all products. */
const usualTargets = [["query", "value"], ["qkv"]] as const;

/** The LoRA of a configuration. @throws bad_input for targets that match nothing; unsupported without products */
export function loraOf(model: ImageEncoderArchitecture, c: VisionConfig): LoraSettings | undefined {
  if (c.method !== "lora") return undefined;
  const products = productsOf(model);
  if (products.size === 0) {
    fail("unsupported", `${model.type} has no products to put LoRA beside: it is made of convolutions`, {
      hint: "--method full or head",
    });
  }
  const usual = usualTargets.find((names) =>
    names.every((name) => [...products.keys()].some((path) => path.endsWith(`.${name}`))),
  );
  const targets = c.targets ?? (usual ? [...usual] : "all-linear");
  return loraSettings({ targets, rank: c.rank, alpha: c.alpha ?? c.rank }, products);
}

type Network = (scope: Scope, options?: NetworkOptions) => ImageEncoder;

/** The network with LoRA beside its products. */
function networkOf(model: ImageEncoderArchitecture, lora: LoraSettings | undefined): Network {
  if (!lora) return model.network;
  const learn = learning(lora, { attentions: {}, width: model.width, products: new Map(), body: new Set() });
  return (scope, options = {}) => {
    const { products } = learn(scope, options);
    return model.network(products ? withProducts(scope, products) : scope, options);
  };
}

function needClassifier({ classify }: ImageEncoder, type: string): (hidden: Tensor) => Tensor {
  return classify ?? fail("unsupported", `this ${type} has no classifier to train`);
}

/** The cross-entropy with shares of classes [batch, classes] that sum to 1, summed over the batch. */
const softLoss = (logits: Tensor, shares: Tensor): Tensor => o.neg(o.sum(o.mul(o.logSoftmax(logits), shares)));

/** λ · picture + (1 − λ) · another one of the batch, with its shares of classes likewise (Zhang et al. 2017). */
function mixer(batch: Dim): (x: Tensor) => Tensor {
  const other = input("other", "int64", [batch]);
  const share = input("share", "float32", []);
  return (x) => o.add(o.mul(x, share), o.mul(o.gather(x, other), o.sub(1, share)));
}

/** A share from Beta(α, α), α at most 1 (Jöhnk 1964). */
function betaShare(alpha: number, draw: () => number): number {
  for (;;) {
    const [a, b] = [draw() ** (1 / alpha), draw() ** (1 / alpha)];
    if (a + b > 0 && a + b <= 1) return a / (a + b);
  }
}

/** Which parameters a configuration moves. */
function mover(model: ImageEncoderArchitecture, c: VisionConfig): (name: string) => boolean {
  return (name) => {
    if (model.frozen?.test(name)) return false;
    if (model.classifier.test(name) || isBeside(name)) return true;
    if (c.method !== "full") return false;
    return c.freeze === undefined || layerOf(name) > c.freeze;
  };
}

/** Biases and norms have one axis and are not decayed. */
const decays = (shape: readonly number[]): boolean => shape.filter((side) => side > 1).length > 1;

/** Write the graphs of a fine-tuning. @throws unsupported for a freeze or LoRA that the network has no place for */
export function visionTraining(model: ImageEncoderArchitecture, c: VisionConfig): VisionTraining {
  const lora = loraOf(model, c);
  const network = networkOf(model, lora);
  const rate = c.dropout ?? model.dropout;
  const noise = rate > 0 ? siteNoise(rate) : {};
  const state: StateVariable[] = [];
  // Where the body stays as it is, its running statistics are those it was trained with.
  const track = c.method === "full" ? (tensor: Tensor, next: Tensor) => void state.push({ tensor, next }) : undefined;
  const scope = createScope();
  const made = network(scope, { training: true, ...noise, track });
  const classify = needClassifier(made, model.type);
  const classes = model.labels?.length ?? 0;
  const soft = c.smoothing > 0 || c.mixup > 0;
  const pixels = pixelInput(model.image);
  const mixed = c.mixup > 0 ? mixer("batch") : (x: Tensor) => x;
  const logits = classify(made.encode(mixed(pixels)));
  const summed = soft
    ? softLoss(logits, mixed(input("shares", "float32", ["batch", classes])))
    : o.sum(o.softmaxCrossEntropy(logits, input("labels", "int64", ["batch"])));
  const loss = o.mul(summed, input("scale", "float32", []));
  const all = [...scope.parameters.values()];
  const moves = mover(model, c);
  const trained = all.filter(({ name }) => moves(name));
  const depth = depthOf(all.map(({ name }) => name));
  if (c.freeze !== undefined && c.freeze > depth) {
    fail("wrong_use", `freeze ${c.freeze}: the model has ${depth} layers`, {
      hint: "--method head learns the head alone",
    });
  }
  const shapes = new Map(all.map(({ name, shape }) => [name, shape]));
  const quiet = network(createScope());
  const evaluation = graph({ logits: needClassifier(quiet, model.type)(quiet.encode(pixelInput(model.image))) });
  return {
    ...{ loss, all, trained, state, lora, evaluation },
    group: (name) => ({
      // What is above all layers has the whole rate.
      lrScale: isBeside(name) ? 1 : c.layer_decay ** Math.max(0, depth + 1 - Math.min(depth + 1, layerOf(name))),
      weightDecay: decays(shapes.get(name)!) ? c.weight_decay : 0,
    }),
    feeds(batch, total, [step, micro]) {
      const labels = batch.map(({ label }) => label);
      const seed = siteSeed(c.seed, step, micro);
      let drawn = 0;
      const draw = () => siteSeed(seed, ++drawn, 0) / 2 ** 32;
      const even = c.smoothing / classes;
      return {
        pixels: joinPixels(
          batch.map((example) => example.pixels),
          model.image,
        ),
        scale: float32([], [1 / total]),
        ...(soft
          ? {
              shares: float32(
                [batch.length, classes],
                labels.flatMap((label) =>
                  Array.from({ length: classes }, (_, i) => even + (i === label ? 1 - c.smoothing : 0)),
                ),
              ),
            }
          : { labels: int64([batch.length], labels) }),
        ...(c.mixup > 0 && {
          other: int64(
            [batch.length],
            labels.map((_, i) => batch.length - 1 - i),
          ),
          share: float32([], [betaShare(c.mixup, draw)]),
        }),
        ...(rate > 0 && { seed: { dtype: "uint32", shape: [], data: Uint32Array.of(seed) } as NdArray }),
      };
    },
  };
}

export const mergedPrefix = "merged/";

/** Weights with LoRA's additions in them, W + scale · B A, as outputs `merged/NAME`. */
export function mergeGraph({ products }: LoraSettings, all: readonly ParameterSpec[]): Graph {
  const tensors = new Map(all.map(({ name, tensor }) => [name, tensor]));
  const outputs = [...products].map(([path, { scale }]) => {
    const [a, b] = names.lora(path).map((name) => tensors.get(name)!) as [Tensor, Tensor];
    const weight = `${path}.weight`;
    return [`${mergedPrefix}${weight}`, o.add(tensors.get(weight)!, o.matmul(b, a, { alpha: scale }))] as const;
  });
  return graph<string>(Object.fromEntries(outputs));
}

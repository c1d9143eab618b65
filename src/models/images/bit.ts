/** BiT, a ResNet v2 with group norms and standardised kernels (Kolesnikov et al. 2019, arXiv 1912.11370). */
import { z } from "zod";
import { fail } from "../../errors.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { convolution, samePadding } from "../../nn/convolutions.ts";
import { groupNorm } from "../../nn/norms.ts";
import { kaimingNormal, type Scope } from "../../nn/scope.ts";
import { labelsOf, needConsistent, rate, readConfig, refuse, size } from "../config.ts";
import type { Family, ImageEncoder, ImageEncoderArchitecture, ImageSize, NetworkOptions, Stored } from "../family.ts";
import {
  classifierOf,
  convolvedArchitecture,
  convolvedSchema,
  globalMean,
  type Named,
  storedDepths,
  usualSide,
} from "./convolutional.ts";
import { isTimm, timmImage, timmLabels, timmSchema } from "./timm.ts";

const schema = convolvedSchema.extend({
  layer_type: z.enum(["preactivation", "bottleneck"]).default("preactivation"),
  global_padding: z.string().nullish(),
  num_groups: size.default(32),
  drop_path_rate: rate.default(0),
  embedding_dynamic_padding: z.boolean().default(false),
  output_stride: size.default(32),
  width_factor: z.number().positive().max(64).default(1),
});

type Config = Omit<z.infer<typeof schema>, "id2label" | "num_labels" | "architectures">;

/** How a checkpoint names its parts. */
interface Parts {
  readonly stem: string;
  readonly stemNorm: string;
  readonly block: (stage: number, block: number) => string;
  readonly norm: string;
  readonly classifier: string;
  /** The classifier is a convolution of one place. */
  readonly convolved: boolean;
}

const transformersParts: Parts = {
  stem: "bit.embedder.convolution",
  stemNorm: "bit.embedder.norm",
  block: (stage, block) => `bit.encoder.stages.${stage}.layers.${block}`,
  norm: "bit.norm",
  classifier: "classifier.1",
  convolved: false,
};

const timmParts: Parts = {
  stem: "stem.conv",
  stemNorm: "stem.norm",
  block: (stage, block) => `stages.${stage}.blocks.${block}`,
  norm: "norm",
  classifier: "head.fc",
  convolved: true,
};

const kernelEpsilon = 1e-8;
const normEpsilon = 1e-5;

/** A multiple of 8 near the width, never below 90 % of it. */
function divisibleBy8(width: number): number {
  const near = Math.max(8, Math.floor((width + 4) / 8) * 8);
  return near < 0.9 * width ? near + 8 : near;
}

/** Padding of the kind that the checkpoint has, as begins and ends. */
function padsOf(c: Config, x: Tensor, kernel: number, stride: number): number[] {
  const way = c.global_padding?.toLowerCase();
  if (way === "valid") return [0, 0, 0, 0];
  if (way !== "same") return Array<number>(4).fill(Math.floor((stride - 1 + kernel - 1) / 2));
  const sides = x.shape.slice(2).map((side) => samePadding(side as number, kernel, stride));
  return [...sides.map(([begin]) => begin), ...sides.map(([, end]) => end)];
}

function network(
  scope: Scope,
  c: Config,
  parts: Parts,
  classes: number | undefined,
  options: NetworkOptions,
): ImageEncoder {
  const act = activations[c.hidden_act];
  const conv = (at: Scope, x: Tensor, out: number, kernel: number, stride = 1) =>
    convolution(at, x, out, [kernel, kernel], {
      ...{ stride, pads: padsOf(c, x, kernel, stride), standardise: kernelEpsilon },
      initial: kaimingNormal({ fan: "out" }),
    });
  const norm = (at: Scope, x: Tensor) => groupNorm(at, x, c.num_groups, normEpsilon);
  const normAct = (at: Scope, x: Tensor) => act(norm(at, x));
  const early = c.layer_type === "preactivation";

  function block(at: Scope, x: Tensor, out: number, stride: number, first: boolean): Tensor {
    const middle = divisibleBy8(out / 4);
    const before = early ? normAct(at.at("norm1"), x) : x;
    const shortcut = first ? conv(at.at("downsample.conv"), before, out, 1, stride) : x;
    if (early) {
      const a = conv(at.at("conv1"), before, middle, 1);
      const b = conv(at.at("conv2"), normAct(at.at("norm2"), a), middle, 3, stride);
      return o.add(conv(at.at("conv3"), normAct(at.at("norm3"), b), out, 1), shortcut);
    }
    const a = normAct(at.at("norm1"), conv(at.at("conv1"), x, middle, 1));
    const b = normAct(at.at("norm2"), conv(at.at("conv2"), a, middle, 3, stride));
    const y = norm(at.at("norm3"), conv(at.at("conv3"), b, out, 1));
    return act(o.add(y, first ? norm(at.at("downsample.norm"), shortcut) : shortcut));
  }

  return {
    encode(pixels) {
      const stem = conv(scope.at(parts.stem), pixels, c.embedding_size, 7, 2);
      // Zeros, not what a pool would leave out: at the border a negative value becomes 0.
      const same = c.global_padding?.toLowerCase() === "same";
      const padded = same ? stem : o.pad(stem, [0, 0, 1, 1], [0, 0, 1, 1]);
      const normed = early ? padded : normAct(scope.at(parts.stemNorm), padded);
      const sides = normed.shape.slice(2).map((side) => samePadding(side as number, 3, 2));
      const pooled = c.embedding_dynamic_padding
        ? o.pad(normed, [0, 0, ...sides.map(([begin]) => begin)], [0, 0, ...sides.map(([, end]) => end)])
        : normed;
      let x = o.maxPool(pooled, 3, { stride: 2 });
      options.watch?.hidden?.(x);
      c.depths.forEach((depth, stage) => {
        const out = divisibleBy8(c.hidden_sizes[stage]! * c.width_factor);
        for (let i = 0; i < depth; i++) {
          x = block(scope.at(parts.block(stage, i)), x, out, i === 0 && stage > 0 ? 2 : 1, i === 0);
        }
        options.watch?.hidden?.(x);
      });
      return early ? normAct(scope.at(parts.norm), x) : x;
    },
    features: globalMean,
    ...(classes !== undefined && {
      classify: (hidden) => classifierOf(scope.at(parts.classifier), globalMean(hidden), classes, parts.convolved),
    }),
  };
}

/** A configuration of timm's: what its name does not tell, the tensors do. */
function fromTimm(json: unknown, stored: Stored | undefined) {
  const t = readConfig(timmSchema, json, "BiT");
  refuse(!/bit/.test(t.architecture), `${t.architecture}, a ResNet v2 with other norms or kernels,`);
  const width = (name: string) => stored?.shape(name)?.[0];
  const found = storedDepths(stored, timmParts.block);
  const image = timmImage(t);
  const c: Config = {
    ...schema.parse({}),
    num_channels: image.channels,
    ...(found.length > 0 && {
      depths: found,
      hidden_sizes: found.map((_, stage) => width(`stages.${stage}.blocks.0.conv3.weight`) ?? 256),
      embedding_size: width("stem.conv.weight") ?? 64,
    }),
  };
  return { c, image, labels: timmLabels(t, stored?.has("head.fc.weight")) };
}

function architecture(c: Config, image: ImageSize, named: Named<Parts>): ImageEncoderArchitecture {
  refuse(c.output_stride !== 32, `an output_stride of ${c.output_stride}`);
  const way = c.global_padding?.toLowerCase();
  if (way && way !== "same" && way !== "valid") {
    fail("unsupported", `global_padding ${JSON.stringify(c.global_padding)} is not known`, {
      ...{ where: "config.json", hint: "known: SAME, VALID, null" },
    });
  }
  for (const width of [c.embedding_size, ...c.hidden_sizes.flatMap((w) => [w, divisibleBy8(w / 4)])]) {
    needConsistent(width % c.num_groups === 0, `num_groups ${c.num_groups} and ${width} channels`);
  }
  return convolvedArchitecture(c, image, named, network);
}

export const bit: Family = {
  title: "BiT",
  types: ["bit", "timm/bit"],
  read(json, stored) {
    if (isTimm(json)) {
      const { c, image, labels } = fromTimm(json, stored);
      return architecture(c, image, { parts: timmParts, labels, type: "timm/bit", anchor: "stem.conv.weight" });
    }
    const c = readConfig(schema, json, "BiT");
    const classified = stored?.has("classifier.1.weight") ?? c.architectures?.[0] === "BitForImageClassification";
    const image = { channels: c.num_channels, height: usualSide, width: usualSide };
    const labels = classified ? labelsOf(c) : undefined;
    const anchor = "bit.embedder.convolution.weight";
    return architecture(c, image, { parts: transformersParts, labels, type: "bit", anchor });
  },
};

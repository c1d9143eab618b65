/** MLP-Mixer as timm names it (Tolstikhin et al. 2021, arXiv 2105.01601). */
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { keepAll } from "../../nn/attend.ts";
import { linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import { lecunNormal, type Scope, xavierUniform, zerosInit } from "../../nn/scope.ts";
import { needConsistent, type PatchedImage, patchedImage, problemOf, readConfig, refuse, sidesOf } from "../config.ts";
import type { Family, ImageEncoder, NetworkOptions, Stored } from "../family.ts";
import { patchTokens } from "./patches.ts";
import { actOf, type TimmConfig, timmImage, timmLabels, timmSchema } from "./timm.ts";

const epsilon = 1e-6;

/** Width and blocks of the sizes that names have. */
const sizes = { s: [512, 8], b: [768, 12], l: [1024, 24] } as const;

interface Config {
  readonly width: number;
  readonly blocks: number;
  /** Widths inside of the mixing of tokens and of channels. */
  readonly tokens: number;
  readonly channels: number;
  readonly image: PatchedImage;
  readonly labels: string[] | undefined;
  readonly act: (x: Tensor) => Tensor;
}

function configOf(t: TimmConfig, stored: Stored | undefined): Config {
  const args = t.model_args ?? {};
  refuse(stored?.has("blocks.0.mlp_tokens.gate.norm.weight") === true, "a Mixer with gates");
  const kernel = stored?.shape("stem.proj.weight");
  const [namedWidth, namedBlocks] = sizes[(/^mixer_([sbl])\d/.exec(t.architecture)?.[1] ?? "b") as keyof typeof sizes];
  const width = kernel?.[0] ?? args.embed_dim ?? t.num_features ?? namedWidth;
  let blocks = 0;
  while (stored?.has(`blocks.${blocks}.norm1.weight`)) blocks++;
  const patch = kernel?.[2] ?? args.patch_size ?? Number(/^mixer_[sbl](\d{1,3})/.exec(t.architecture)?.[1] ?? 16);
  const [first, second] = Array.isArray(args.mlp_ratio) ? args.mlp_ratio : [0.5, args.mlp_ratio ?? 4];
  const { height, width: columns, channels } = timmImage(t);
  const image = patchedImage({ image_size: [height, columns], patch_size: patch, num_channels: channels });
  const mixing = stored?.shape("blocks.0.mlp_tokens.fc1.weight");
  needConsistent(!mixing || mixing[1] === image.count, `mixing of ${mixing?.[1]} tokens and ${image.count} patches`);
  return {
    ...{ width, image },
    blocks: blocks || args.num_blocks || namedBlocks,
    tokens: mixing?.[0] ?? Math.floor(width * first!),
    channels: stored?.shape("blocks.0.mlp_channels.fc1.weight")?.[0] ?? Math.floor(width * second!),
    labels: timmLabels(t, stored?.has("head.weight")),
    act: actOf(t),
  };
}

function network(scope: Scope, c: Config, { dropout = keepAll, watch }: NetworkOptions): ImageEncoder {
  const { width, image } = c;
  const start = xavierUniform();
  const dense = (at: Scope, x: Tensor, out: number) => linear(at, x, out, start, { bias: true });
  const mlp = (at: Scope, x: Tensor, inner: number) =>
    dropout(dense(at.at("fc2"), dropout(c.act(dense(at.at("fc1"), x, inner))), x.shape.at(-1) as number));
  const turned = (x: Tensor) => o.transpose(x, [0, 2, 1]);
  const features = (hidden: Tensor) => o.mean(hidden, [1]);

  return {
    encode(pixels) {
      const side = [image.patch, image.patch];
      // As timm: by the fans of a convolution, Xavier would begin several times smaller.
      let x = patchTokens(scope.at("stem.proj"), pixels, side, width, lecunNormal, { bias: true });
      watch?.hidden?.(x);
      for (let i = 0; i < c.blocks; i++) {
        const block = scope.at(`blocks.${i}`);
        const tokens = turned(layerNorm(block.at("norm1"), x, epsilon));
        x = o.add(x, turned(mlp(block.at("mlp_tokens"), tokens, c.tokens)));
        x = o.add(x, mlp(block.at("mlp_channels"), layerNorm(block.at("norm2"), x, epsilon), c.channels));
        watch?.hidden?.(x);
      }
      return layerNorm(scope.at("norm"), x, epsilon);
    },
    features,
    ...(c.labels && {
      classify: (hidden) => linear(scope.at("head"), features(hidden), c.labels!.length, zerosInit, { bias: true }),
    }),
  };
}

export const mixer: Family = {
  title: "MLP-Mixer",
  types: ["timm/mixer"],
  read(json, stored) {
    const c = configOf(readConfig(timmSchema, json, "Mixer"), stored);
    return {
      kind: "image-encoder",
      type: "timm/mixer",
      names: { anchor: "stem.proj.weight" },
      dropout: 0,
      width: c.width,
      image: sidesOf(c.image),
      classifier: /^head\./,
      ...(c.labels && { labels: c.labels, problem: problemOf(undefined, c.labels) }),
      network: (scope, options = {}) => network(scope, c, options),
    };
  },
};

/** ViT as timm names it, q, k and v in one matrix (Dosovitskiy et al. 2020, arXiv 2010.11929). */
import { fail } from "../../errors.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { keepAll } from "../../nn/attend.ts";
import { linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import { wholeRow } from "../../nn/pass.ts";
import {
  type Initial,
  lecunNormal,
  normal,
  type Scope,
  torchUniform,
  truncatedNormal,
  xavierUniform,
  zerosInit,
} from "../../nn/scope.ts";
import {
  needConsistent,
  needHeads,
  type PatchedImage,
  patchedImage,
  problemOf,
  readConfig,
  refuse,
  repatched,
  sidesOf,
} from "../config.ts";
import type { Family, ImageEncoder, ImageEncoderArchitecture, NetworkOptions, Stored } from "../family.ts";
import { type Interpolation, positionsFor, watchedAttention } from "./blocks.ts";
import { firstToken, patchTokens, withClassToken } from "./patches.ts";
import { actOf, type TimmConfig, timmImage, timmLabels, timmSchema } from "./timm.ts";

const epsilon = 1e-6;

/** Width, width of the layers' inside, heads and layers of the sizes that names have. */
export const vitSizes = {
  tiny: [192, 768, 3, 12],
  small: [384, 1536, 6, 12],
  base: [768, 3072, 12, 12],
  large: [1024, 4096, 16, 24],
  huge: [1280, 5120, 16, 32],
} as const;

interface Config {
  readonly width: number;
  readonly inner: number;
  readonly heads: number;
  readonly depth: number;
  readonly trained: PatchedImage;
  /** The class token stands for the image, else the mean of all patches. */
  readonly token: boolean;
  readonly labels: string[] | undefined;
  readonly act: (x: Tensor) => Tensor;
  readonly way: Interpolation;
  /** Where the matrices of its layers begin. */
  readonly start: Initial;
  readonly patchStart: Initial;
}

/** Tensors of variants whose arithmetic is another. */
const variants = [
  ["reg_token", "register tokens"],
  ["blocks.0.ls1.gamma", "a scale for each layer"],
  ["blocks.0.attn.q_norm.weight", "norms of queries and keys"],
  ["norm_pre.weight", "a norm before the layers"],
  ["blocks.0.mlp.fc1_g.weight", "gated layers"],
  ["patch_embed.backbone.stem.conv.weight", "patches of a ResNet's map"],
] as const;

function configOf(t: TimmConfig, stored: Stored | undefined): Config {
  const args = t.model_args ?? {};
  for (const [name, what] of variants) refuse(stored?.has(name) === true, `a ViT with ${what} (${name})`);
  const named = (Object.keys(vitSizes) as (keyof typeof vitSizes)[]).find((size) =>
    t.architecture.includes(`_${size}`),
  );
  const [namedWidth, , namedHeads, namedDepth] = vitSizes[named ?? "base"];
  const kernel = stored?.shape("patch_embed.proj.weight");
  const width = kernel?.[0] ?? args.embed_dim ?? t.num_features ?? namedWidth;
  let depth = 0;
  while (stored?.has(`blocks.${depth}.norm1.weight`)) depth++;
  const patch = kernel?.[2] ?? args.patch_size ?? Number(/patch(\d{1,3})/.exec(t.architecture)?.[1] ?? 16);
  const heads = args.num_heads ?? (width === namedWidth ? namedHeads : undefined);
  if (heads === undefined) {
    return fail("unsupported", `how many heads a ${t.architecture} of width ${width} has is not known`, {
      where: "config.json",
      hint: "add model_args: { num_heads: … }, or take a name with tiny, small, base, large or huge in it",
    });
  }
  const ratio = typeof args.mlp_ratio === "number" ? args.mlp_ratio : 4;
  const { height, width: columns, channels } = timmImage(t);
  const trained = patchedImage({ image_size: [height, columns], patch_size: patch, num_channels: channels });
  const pool = args.global_pool ?? t.global_pool ?? "token";
  refuse(pool !== "token" && pool !== "avg", `global_pool ${JSON.stringify(pool)}`);
  const positions = stored?.shape("pos_embed");
  const token = stored ? stored.has("cls_token") : (args.class_token ?? true);
  refuse(token !== (pool === "token"), `a ViT with the pool "${pool}" and ${token ? "a" : "no"} class token`);
  needConsistent(
    !positions || positions[1] === trained.count + (token ? 1 : 0),
    `${positions?.[1]} positions and ${trained.count} patches`,
  );
  needHeads("embed_dim", width, heads);
  return {
    width,
    inner: stored?.shape("blocks.0.mlp.fc1.weight")?.[0] ?? Math.floor(width * ratio),
    heads,
    depth: depth || args.depth || namedDepth,
    ...{ trained, token },
    labels: timmLabels(t, stored?.has("head.weight")),
    act: actOf(t),
    way: t.position_interpolation ?? "timm",
    ...(args.weight_init === "jax"
      ? { start: xavierUniform(), patchStart: lecunNormal }
      : { start: truncatedNormal(0.02), patchStart: torchUniform }),
  };
}

function network(scope: Scope, c: Config, image: PatchedImage, options: NetworkOptions): ImageEncoder {
  const { dropout = keepAll, training, watch } = options;
  const { width, trained, token } = c;
  const start = truncatedNormal(0.02);
  const first = token ? 1 : 0;
  const heads = { heads: c.heads, scale: (width / c.heads) ** -0.5 };
  const dense = (at: Scope, x: Tensor, out: number) => linear(at, x, out, c.start, { bias: true });
  const features = (hidden: Tensor) => {
    if (token) return firstToken(hidden);
    return layerNorm(scope.at("fc_norm"), o.mean(hidden, [1]), epsilon);
  };

  return {
    encode(pixels) {
      const side = [image.patch, image.patch];
      const patches = patchTokens(scope.at("patch_embed.proj"), pixels, side, width, c.patchStart, { bias: true });
      const rows = token ? withClassToken(patches, scope.param("cls_token", [1, 1, width], normal(1e-6))) : patches;
      const table = scope.param("pos_embed", [1, trained.count + first, width], start);
      const pass = wholeRow(image.count + first, { causal: false, training, dropout });
      let x = dropout(o.add(rows, positionsFor(table, trained.grid, image.grid, first, c.way)));
      watch?.hidden?.(x);
      for (let layer = 0; layer < c.depth; layer++) {
        const block = scope.at(`blocks.${layer}`);
        const joint = dense(block.at("attn.qkv"), layerNorm(block.at("norm1"), x, epsilon), 3 * width);
        const qkv = o.split(joint, 2, [width, width, width]) as readonly [Tensor, Tensor, Tensor];
        x = o.add(
          x,
          dropout(dense(block.at("attn.proj"), watchedAttention({ layer, pass, watch }, qkv, heads), width)),
        );
        const inner = c.act(dense(block.at("mlp.fc1"), layerNorm(block.at("norm2"), x, epsilon), c.inner));
        x = o.add(x, dropout(dense(block.at("mlp.fc2"), inner, width)));
        watch?.hidden?.(x);
      }
      return token ? layerNorm(scope.at("norm"), x, epsilon) : x;
    },
    features,
    ...(c.labels && {
      classify: (hidden) => linear(scope.at("head"), features(hidden), c.labels!.length, zerosInit, { bias: true }),
    }),
  };
}

export const timmVit: Family = {
  title: "ViT of timm",
  types: ["timm/vit"],
  read(json, stored) {
    const c = configOf(readConfig(timmSchema, json, "ViT"), stored);
    const over = (image: PatchedImage): ImageEncoderArchitecture => ({
      kind: "image-encoder",
      type: "timm/vit",
      names: { anchor: "patch_embed.proj.weight" },
      dropout: 0,
      width: c.width,
      image: sidesOf(image),
      places: { first: c.token ? 1 : 0, times: 1, rows: image.grid[0], columns: image.grid[1] },
      positions: [
        {
          name: "pos_embed",
          shape: [1, c.trained.count + (c.token ? 1 : 0), c.width],
          interpolated: (table) => positionsFor(table, c.trained.grid, image.grid, c.token ? 1 : 0, c.way),
        },
      ],
      classifier: /^head\./,
      ...(c.labels && { labels: c.labels, problem: problemOf(undefined, c.labels) }),
      resized: (sides) => over(repatched(c.trained, sides)),
      network: (scope, options = {}) => network(scope, c, image, options),
    });
    return over(c.trained);
  },
};

/** config.json as timm writes it: a name of an architecture, how images are prepared, and what departs from the name. */
import { z } from "zod";
import type { JsonObject } from "../../base/json.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { layers, size } from "../config.ts";
import type { ImageSize } from "../family.ts";

const side = z.union([size, z.tuple([size, size])]);

export const timmSchema = z.object({
  architecture: z.string().max(200),
  num_classes: z
    .number()
    .int()
    .nonnegative()
    .max(2 ** 20)
    .nullish(),
  num_features: size.nullish(),
  global_pool: z.string().nullish(),
  label_names: z.array(z.string()).nullish(),
  /** Ours: how positions are interpolated, where not as timm does. */
  position_interpolation: z.literal("original").nullish(),
  pretrained_cfg: z.object({ input_size: z.tuple([size, size, size]).nullish() }).nullish(),
  model_args: z
    .object({
      img_size: side.nullish(),
      in_chans: size.nullish(),
      patch_size: size.nullish(),
      depth: layers.nullish(),
      num_blocks: layers.nullish(),
      embed_dim: size.nullish(),
      num_heads: size.nullish(),
      mlp_ratio: z.union([z.number().positive().max(64), z.array(z.number().positive().max(64))]).nullish(),
      num_classes: z.number().int().nonnegative().nullish(),
      global_pool: z.string().nullish(),
      class_token: z.boolean().nullish(),
      /** Of a ViT from scratch: timm's own start, or the original code's. */
      weight_init: z.enum(["", "jax"]).nullish(),
      act_layer: z.enum(["gelu", "gelu_tanh"]).nullish(),
    })
    .nullish(),
});

export type TimmConfig = z.infer<typeof timmSchema>;

/** timm's configurations have an architecture in the place of a model_type. */
export const isTimm = (config: JsonObject): boolean =>
  config.model_type === undefined && typeof config.architecture === "string";

const kinds: readonly (readonly [RegExp, string])[] = [
  [/^(?:vit|deit)_/, "timm/vit"],
  [/^mixer_/, "timm/mixer"],
  [/^resnetv2_/, "timm/bit"],
  [/^resnet\d+/, "timm/resnet"],
];

/** Which family's row a configuration of timm's belongs to. */
export function timmType(config: JsonObject): string | undefined {
  if (!isTimm(config)) return undefined;
  return kinds.find(([pattern]) => pattern.test(config.architecture as string))?.[1];
}

/** GELU exactly, as timm has it, or by its tanh as in the original code. */
export const actOf = ({ model_args }: TimmConfig): ((x: Tensor) => Tensor) =>
  activations[model_args?.act_layer === "gelu_tanh" ? "gelu_new" : "gelu"];

/** Sides and channels of the images that the model was trained on. */
export function timmImage({ architecture, pretrained_cfg, model_args }: TimmConfig): ImageSize {
  const [channels, height, width] = pretrained_cfg?.input_size ?? [3];
  const given = model_args?.img_size;
  const named = Number(/_(\d{2,4})(?:[._]|$)/.exec(architecture)?.[1] ?? 224);
  const [rows, columns] = typeof given === "number" ? [given, given] : (given ?? [height ?? named, width ?? named]);
  return { channels: model_args?.in_chans ?? channels, height: rows, width: columns };
}

/** Names of the classes; none where there is no classifier. */
export function timmLabels(c: TimmConfig, stored: boolean | undefined): string[] | undefined {
  const count = c.num_classes ?? c.model_args?.num_classes ?? 1000;
  if (count === 0 || stored === false) return undefined;
  return Array.from({ length: count }, (_, i) => c.label_names?.[i] ?? `LABEL_${i}`);
}

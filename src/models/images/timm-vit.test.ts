/** timm's ViT from scratch: which tensors there are, and where they begin. */
import { expect, test } from "vitest";
import { initialValue } from "../../nn/initial.ts";
import { createScope } from "../../nn/scope.ts";
import { familyOf } from "../families.ts";
import { imageEncoderLoss } from "../kinds/image-encoder-loss.ts";

function fresh(model_args: object) {
  const config = {
    architecture: "vit_tiny_patch7_28",
    num_classes: 5,
    model_args: { img_size: 28, in_chans: 1, patch_size: 7, embed_dim: 32, depth: 1, num_heads: 2, ...model_args },
  };
  const architecture = familyOf(config, "fresh").read(config);
  if (architecture.kind !== "image-encoder") throw new Error(architecture.kind);
  const scope = createScope();
  imageEncoderLoss(architecture).graph(scope);
  return scope.parameters;
}

test("the mean of all patches needs no class token, and has a norm of its own", () => {
  const mean = fresh({ global_pool: "avg", class_token: false });
  expect([mean.has("cls_token"), mean.has("fc_norm.weight"), mean.get("pos_embed")!.shape]).toEqual([
    false,
    true,
    [1, 16, 32],
  ]);
  // timm keeps it unless it is told not to, and takes the mean of the patches beside it: a variant that is not read.
  expect(() => fresh({ global_pool: "avg" })).toThrow(/the pool "avg" and a class token/);
  const token = fresh({});
  expect([token.has("cls_token"), token.has("norm.weight"), token.get("pos_embed")!.shape]).toEqual([
    true,
    true,
    [1, 17, 32],
  ]);
});

test("layers begin as timm's do, or as the original code's", () => {
  const spread = (weight_init: string, name = "blocks.0.mlp.fc1.weight") => {
    const { data } = initialValue(fresh({ weight_init }).get(name)!, 1);
    return Math.sqrt((data as Float32Array).reduce((sum, x) => sum + x * x, 0) / data.length);
  };
  expect(spread("")).toBeCloseTo(0.02, 3);
  // Xavier: the variance is 2 by the sum of both sides.
  expect(spread("jax")).toBeCloseTo(Math.sqrt(2 / (32 + 128)), 2);
  // A patch of 7 by 7 is 49 numbers: PyTorch's own start of a convolution, and LeCun's.
  expect(spread("", "patch_embed.proj.weight")).toBeCloseTo(1 / Math.sqrt(3 * 49), 2);
  expect(spread("jax", "patch_embed.proj.weight")).toBeCloseTo(1 / 7, 2);
});

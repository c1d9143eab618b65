/**
 * The original checkpoints of ViT, MLP-Mixer and BiT (google-research/vision_transformer, big_transfer) by timm's names:
 * kernels turned to [out, in, …], q, k and v in one matrix.
 */
import type { JsonObject } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import { transposed } from "./read.ts";

type Arrays = ReadonlyMap<string, NdArray<"float32">>;
type Array32 = NdArray<"float32">;

export interface Original {
  readonly config: JsonObject;
  readonly tensors: ReadonlyMap<string, Array32>;
}

const turned = (array: Array32): Array32 => transposed(array, [1, 0]);
/** Rows, columns, in, out to out, in, rows, columns. */
const kernel = (array: Array32): Array32 => transposed(array, [3, 2, 0, 1]);
const reshaped = ({ data }: Array32, shape: readonly number[]): Array32 => float32(shape, data as Float32Array);
/** Group norms may carry leading axes of 1. */
const flat = (array: Array32): Array32 => reshaped(array, [array.data.length]);

function joined(parts: readonly Array32[]): Array32 {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  parts.reduce((at, part) => {
    data.set(part.data as Float32Array, at);
    return at + part.data.length;
  }, 0);
  const [first, ...rest] = parts[0]!.shape;
  return float32([first! * parts.length, ...rest], data);
}

/** Asks for arrays by name, and knows which were not asked for. */
function reader(arrays: Arrays, where: string) {
  const asked = new Set<string>();
  return {
    has: (name: string) => arrays.has(name),
    take(name: string, rank?: number): Array32 {
      const found = arrays.get(name);
      asked.add(name);
      if (!found) {
        return fail("corrupt_file", `there is no array "${name}"`, {
          where,
          hint: `it holds ${[...arrays.keys()].slice(0, 10).join(", ")}`,
        });
      }
      if (rank !== undefined && found.shape.length !== rank)
        fail("corrupt_file", `"${name}" has ${found.shape.length} axes, expected ${rank}`, { where });
      return found;
    },
    leave: (name: string) => void asked.add(name),
    /** Refuse what would be passed over in silence. */
    needAll() {
      const left = [...arrays.keys()].filter((name) => !asked.has(name));
      if (left.length > 0) {
        fail("unsupported", `arrays that are not computed here: ${left.slice(0, 10).join(", ")}`, { where });
      }
    },
  };
}

type Reader = ReturnType<typeof reader>;

function square(count: number, where: string): number {
  const side = Math.round(Math.sqrt(count));
  return side * side === count ? side : fail("corrupt_file", `${count} positions are of no square image`, { where });
}

/** What is done to pictures: the whole one resized to a square, from −1 to 1. */
const prepared = (channels: number, side: number, classes: number) => ({
  ...{ input_size: [channels, side, side], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  ...{ interpolation: "bilinear", crop_pct: 1, crop_mode: "squash", num_classes: classes },
});

/** A zero head of a checkpoint that was pre-trained alone says nothing; so does one behind a layer that is left out. */
function headOf(from: Reader, tensors: Map<string, Array32>, left: boolean): number {
  if (!from.has("head/kernel")) return 0;
  const [weight, bias] = [from.take("head/kernel", 2), from.take("head/bias", 1)];
  if (left) return 0;
  tensors.set("head.weight", turned(weight));
  tensors.set("head.bias", bias);
  return bias.data.length;
}

function normOf(from: Reader, tensors: Map<string, Array32>, name: string, to: string): void {
  tensors.set(`${to}.weight`, from.take(`${name}/scale`, 1));
  tensors.set(`${to}.bias`, from.take(`${name}/bias`, 1));
}

function denseOf(from: Reader, tensors: Map<string, Array32>, name: string, to: string): void {
  tensors.set(`${to}.weight`, turned(from.take(`${name}/kernel`, 2)));
  tensors.set(`${to}.bias`, from.take(`${name}/bias`, 1));
}

function vit(arrays: Arrays, from: Reader, where: string): Original {
  const tensors = new Map<string, Array32>();
  if (!from.has("cls")) fail("unsupported", "a ViT without a class token is not computed here", { where });
  const patches = from.take("embedding/kernel", 4);
  const [patch, , channels, width] = patches.shape as [number, number, number, number];
  tensors.set("cls_token", reshaped(from.take("cls", 3), [1, 1, width]));
  tensors.set("patch_embed.proj.weight", kernel(patches));
  tensors.set("patch_embed.proj.bias", from.take("embedding/bias", 1));
  const positions = from.take("Transformer/posembed_input/pos_embedding", 3);
  tensors.set("pos_embed", positions);
  let depth = 0;
  let heads = 0;
  for (; from.has(`Transformer/encoderblock_${depth}/LayerNorm_0/scale`); depth++) {
    const block = `Transformer/encoderblock_${depth}`;
    const attention = `${block}/MultiHeadDotProductAttention_1`;
    const [q, k, v] = ["query", "key", "value"].map((name) => from.take(`${attention}/${name}/kernel`, 3)) as [
      Array32,
      Array32,
      Array32,
    ];
    heads = q.shape[1]!;
    const matrix = (array: Array32) => turned(reshaped(array, [width, array.data.length / width]));
    tensors.set(`blocks.${depth}.attn.qkv.weight`, joined([q, k, v].map(matrix)));
    const biases = ["query", "key", "value"].map((name) => flat(from.take(`${attention}/${name}/bias`, 2)));
    tensors.set(`blocks.${depth}.attn.qkv.bias`, joined(biases));
    const out = from.take(`${attention}/out/kernel`, 3);
    tensors.set(`blocks.${depth}.attn.proj.weight`, turned(reshaped(out, [out.data.length / width, width])));
    tensors.set(`blocks.${depth}.attn.proj.bias`, from.take(`${attention}/out/bias`, 1));
    normOf(from, tensors, `${block}/LayerNorm_0`, `blocks.${depth}.norm1`);
    normOf(from, tensors, `${block}/LayerNorm_2`, `blocks.${depth}.norm2`);
    denseOf(from, tensors, `${block}/MlpBlock_3/Dense_0`, `blocks.${depth}.mlp.fc1`);
    denseOf(from, tensors, `${block}/MlpBlock_3/Dense_1`, `blocks.${depth}.mlp.fc2`);
  }
  normOf(from, tensors, "Transformer/encoder_norm", "norm");
  // The layer before the head of upstream checkpoints; fine-tuning drops it, and its head with it.
  const early = from.has("pre_logits/kernel");
  for (const name of arrays.keys()) if (name.startsWith("pre_logits/")) from.leave(name);
  const classes = headOf(from, tensors, early);
  const side = patch * square(positions.shape[1]! - 1, where);
  const inner = tensors.get("blocks.0.mlp.fc1.bias")?.data.length ?? width;
  return {
    tensors,
    config: {
      architecture: `vit_original_patch${patch}_${side}`,
      ...{ num_classes: classes, num_features: width, global_pool: "token", position_interpolation: "original" },
      model_args: {
        ...{ img_size: side, patch_size: patch, depth, embed_dim: width, num_heads: heads, mlp_ratio: inner / width },
        ...{ act_layer: "gelu_tanh" },
      },
      pretrained_cfg: prepared(channels, side, classes),
    },
  };
}

function mixer(from: Reader, where: string): Original {
  const tensors = new Map<string, Array32>();
  const patches = from.take("stem/kernel", 4);
  const [patch, , channels, width] = patches.shape as [number, number, number, number];
  tensors.set("stem.proj.weight", kernel(patches));
  tensors.set("stem.proj.bias", from.take("stem/bias", 1));
  let blocks = 0;
  for (; from.has(`MixerBlock_${blocks}/LayerNorm_0/scale`); blocks++) {
    const block = `MixerBlock_${blocks}`;
    normOf(from, tensors, `${block}/LayerNorm_0`, `blocks.${blocks}.norm1`);
    normOf(from, tensors, `${block}/LayerNorm_1`, `blocks.${blocks}.norm2`);
    for (const [mixing, to] of [
      ["token_mixing", "mlp_tokens"],
      ["channel_mixing", "mlp_channels"],
    ] as const) {
      denseOf(from, tensors, `${block}/${mixing}/Dense_0`, `blocks.${blocks}.${to}.fc1`);
      denseOf(from, tensors, `${block}/${mixing}/Dense_1`, `blocks.${blocks}.${to}.fc2`);
    }
  }
  normOf(from, tensors, "pre_head_layer_norm", "norm");
  const classes = headOf(from, tensors, false);
  const tokens = tensors.get("blocks.0.mlp_tokens.fc2.bias")?.data.length ?? 0;
  const side = patch * square(tokens, where);
  return {
    tensors,
    config: {
      architecture: `mixer_original${patch}_${side}`,
      ...{ num_classes: classes, num_features: width },
      model_args: { img_size: side, patch_size: patch, num_blocks: blocks, embed_dim: width, act_layer: "gelu_tanh" },
      pretrained_cfg: prepared(channels, side, classes),
    },
  };
}

/** Pixels of a side that BiT's published models are run at. */
const bitSide = 224;

function bit(from: Reader): Original {
  const tensors = new Map<string, Array32>();
  const conv = (name: string, to: string) =>
    tensors.set(`${to}.weight`, kernel(from.take(`${name}/standardized_conv2d/kernel`, 4)));
  const norm = (name: string, to: string, take: (name: string) => Array32) => {
    tensors.set(`${to}.weight`, take(`${name}/gamma`));
    tensors.set(`${to}.bias`, take(`${name}/beta`));
  };
  const take = (name: string) => flat(from.take(name));
  conv("resnet/root_block", "stem.conv");
  for (let stage = 1; from.has(`resnet/block${stage}/unit01/a/standardized_conv2d/kernel`); stage++) {
    for (let unit = 1; ; unit++) {
      const at = `resnet/block${stage}/unit${String(unit).padStart(2, "0")}`;
      if (!from.has(`${at}/a/standardized_conv2d/kernel`)) break;
      const to = `stages.${stage - 1}.blocks.${unit - 1}`;
      for (const [i, part] of ["a", "b", "c"].entries()) {
        conv(`${at}/${part}`, `${to}.conv${i + 1}`);
        norm(`${at}/${part}/group_norm`, `${to}.norm${i + 1}`, take);
      }
      if (from.has(`${at}/a/proj/standardized_conv2d/kernel`)) conv(`${at}/a/proj`, `${to}.downsample.conv`);
    }
  }
  norm("resnet/group_norm", "norm", take);
  let classes = 0;
  if (from.has("resnet/head/conv2d/kernel")) {
    const head = kernel(from.take("resnet/head/conv2d/kernel", 4));
    tensors.set("head.fc.weight", head);
    tensors.set("head.fc.bias", take("resnet/head/conv2d/bias"));
    classes = head.shape[0]!;
  }
  const channels = tensors.get("stem.conv.weight")!.shape[1]!;
  return {
    tensors,
    config: {
      ...{ architecture: "resnetv2_original_bit", num_classes: classes },
      pretrained_cfg: prepared(channels, bitSide, classes),
    },
  };
}

/** @throws unsupported for a checkpoint of another model, and for arrays that nothing here computes with */
export function originalModel(arrays: Arrays, where: string): Original {
  // Flax's trainer puts the parameters below a name of its own, beside its optimiser's.
  const prefix = ["", "params/", "opt/target/", "optimizer/target/"].find((one) =>
    [...arrays.keys()].some(
      (name) => /^(?:embedding|stem|resnet\/root_block)\//.test(name.slice(one.length)) && name.startsWith(one),
    ),
  );
  if (prefix === undefined) {
    return fail("unsupported", "these are no arrays of a ViT, an MLP-Mixer or a BiT", {
      where,
      hint: `it holds ${[...arrays.keys()].slice(0, 8).join(", ")}`,
    });
  }
  const own = new Map(
    [...arrays].flatMap(([name, array]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), array] as const] : [],
    ),
  );
  const from = reader(own, where);
  const made = own.has("embedding/kernel")
    ? vit(own, from, where)
    : own.has("stem/kernel")
      ? mixer(from, where)
      : bit(from);
  from.needAll();
  return made;
}

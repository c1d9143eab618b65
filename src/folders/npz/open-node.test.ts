/** Original checkpoints: written from the fixtures of timm's models in the layout of the original code, they compute the same. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { fixtures } from "../../../test/support/fixtures.ts";
import { readFixture } from "../../../test/support/models/models.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import { graph } from "../../graph/graph.ts";
import { readModel } from "../../models/families.ts";
import type { ImageEncoderArchitecture } from "../../models/family.ts";
import { pixelInput, shapeOf } from "../../models/kinds/pixels.ts";
import { createScope } from "../../nn/scope.ts";
import { compile } from "../../runtime/compile-node.ts";
import { toFloat32 } from "../../weights/convert.ts";
import { readStored } from "../../weights/safetensors-node.ts";
import type { Weights } from "../../weights/weights.ts";
import { openModelFolder } from "../open-node.ts";
import { readNpz, transposed } from "./read.ts";

const home = mkdtempSync(join(tmpdir(), "npz-"));

function npy({ shape, data }: NdArray<"float32">): Uint8Array {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const header = `${text.padEnd(117)}\n`;
  const bytes = new Uint8Array(128 + 4 * data.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(new Uint8Array((data as Float32Array).slice().buffer), 128);
  return bytes;
}

const npzOf = (arrays: Record<string, NdArray<"float32">>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npy(array)])));

type Take = (name: string) => NdArray<"float32">;
const reshaped = ({ data }: NdArray<"float32">, shape: number[]) => float32(shape, data as Float32Array);
/** out, in, rows, columns to rows, columns, in, out. */
const hwio = (array: NdArray<"float32">) => transposed(array, [2, 3, 1, 0]);
const turned = (array: NdArray<"float32">) => transposed(array, [1, 0]);
const rows = ({ shape, data }: NdArray<"float32">, part: number, of: number) => {
  const size = data.length / of;
  return float32([shape[0]! / of, ...shape.slice(1)], (data as Float32Array).slice(part * size, (part + 1) * size));
};

function vitArrays(take: Take): Record<string, NdArray<"float32">> {
  const [width, heads] = [12, 3];
  const arrays: Record<string, NdArray<"float32">> = {
    cls: take("cls_token"),
    "embedding/kernel": hwio(take("patch_embed.proj.weight")),
    "embedding/bias": take("patch_embed.proj.bias"),
    "Transformer/posembed_input/pos_embedding": take("pos_embed"),
    "Transformer/encoder_norm/scale": take("norm.weight"),
    "Transformer/encoder_norm/bias": take("norm.bias"),
    "head/kernel": turned(take("head.weight")),
    "head/bias": take("head.bias"),
  };
  for (const i of [0, 1]) {
    const [block, to] = [`blocks.${i}`, `Transformer/encoderblock_${i}`];
    const attention = `${to}/MultiHeadDotProductAttention_1`;
    for (const [part, name] of ["query", "key", "value"].entries()) {
      const weight = turned(rows(take(`${block}.attn.qkv.weight`), part, 3));
      arrays[`${attention}/${name}/kernel`] = reshaped(weight, [width, heads, width / heads]);
      arrays[`${attention}/${name}/bias`] = reshaped(rows(take(`${block}.attn.qkv.bias`), part, 3), [
        heads,
        width / heads,
      ]);
    }
    arrays[`${attention}/out/kernel`] = reshaped(turned(take(`${block}.attn.proj.weight`)), [
      heads,
      width / heads,
      width,
    ]);
    arrays[`${attention}/out/bias`] = take(`${block}.attn.proj.bias`);
    for (const [norm, name] of [
      ["norm1", "LayerNorm_0"],
      ["norm2", "LayerNorm_2"],
    ] as const) {
      arrays[`${to}/${name}/scale`] = take(`${block}.${norm}.weight`);
      arrays[`${to}/${name}/bias`] = take(`${block}.${norm}.bias`);
    }
    for (const j of [0, 1]) {
      arrays[`${to}/MlpBlock_3/Dense_${j}/kernel`] = turned(take(`${block}.mlp.fc${j + 1}.weight`));
      arrays[`${to}/MlpBlock_3/Dense_${j}/bias`] = take(`${block}.mlp.fc${j + 1}.bias`);
    }
  }
  return arrays;
}

function mixerArrays(take: Take): Record<string, NdArray<"float32">> {
  const arrays: Record<string, NdArray<"float32">> = {
    "stem/kernel": hwio(take("stem.proj.weight")),
    "stem/bias": take("stem.proj.bias"),
    "pre_head_layer_norm/scale": take("norm.weight"),
    "pre_head_layer_norm/bias": take("norm.bias"),
    "head/kernel": turned(take("head.weight")),
    "head/bias": take("head.bias"),
  };
  for (const i of [0, 1]) {
    for (const [j, norm] of ["norm1", "norm2"].entries()) {
      arrays[`MixerBlock_${i}/LayerNorm_${j}/scale`] = take(`blocks.${i}.${norm}.weight`);
      arrays[`MixerBlock_${i}/LayerNorm_${j}/bias`] = take(`blocks.${i}.${norm}.bias`);
    }
    for (const [mlp, name] of [
      ["mlp_tokens", "token_mixing"],
      ["mlp_channels", "channel_mixing"],
    ] as const) {
      for (const j of [0, 1]) {
        arrays[`MixerBlock_${i}/${name}/Dense_${j}/kernel`] = turned(take(`blocks.${i}.${mlp}.fc${j + 1}.weight`));
        arrays[`MixerBlock_${i}/${name}/Dense_${j}/bias`] = take(`blocks.${i}.${mlp}.fc${j + 1}.bias`);
      }
    }
  }
  return arrays;
}

function bitArrays(take: Take): Record<string, NdArray<"float32">> {
  const arrays: Record<string, NdArray<"float32">> = {
    "resnet/root_block/standardized_conv2d/kernel": hwio(take("stem.conv.weight")),
    "resnet/group_norm/gamma": take("norm.weight"),
    "resnet/group_norm/beta": take("norm.bias"),
    "resnet/head/conv2d/kernel": hwio(take("head.fc.weight")),
    "resnet/head/conv2d/bias": take("head.fc.bias"),
    "resnet/block1/unit01/a/proj/standardized_conv2d/kernel": hwio(take("stages.0.blocks.0.downsample.conv.weight")),
  };
  for (const [j, part] of ["a", "b", "c"].entries()) {
    const to = `resnet/block1/unit01/${part}`;
    arrays[`${to}/standardized_conv2d/kernel`] = hwio(take(`stages.0.blocks.0.conv${j + 1}.weight`));
    for (const [mine, theirs] of [
      ["weight", "gamma"],
      ["bias", "beta"],
    ] as const) {
      const value = take(`stages.0.blocks.0.norm${j + 1}.${mine}`);
      arrays[`${to}/group_norm/${theirs}`] = reshaped(value, [1, 1, 1, value.data.length]);
    }
  }
  return arrays;
}

async function logitsOf(model: ImageEncoderArchitecture, weights: Weights): Promise<Float32Array> {
  const network = model.network(createScope());
  const shape = [2, ...shapeOf(model.image)];
  const size = shape.reduce((a, b) => a * b);
  const pixels = float32(
    shape,
    Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
  );
  const g = graph({ logits: network.classify!(network.encode(pixelInput(model.image))) });
  await using program = await compile(g, { weights, threads: 1 });
  return (await program.run({ pixels })).logits.data as Float32Array;
}

describe.each([
  ["timm-vit", vitArrays, { act_layer: "gelu_tanh" }],
  ["timm-mixer", mixerArrays, { act_layer: "gelu_tanh" }],
  ["timm-bit", bitArrays, {}],
] as const)("%s", (name, write, args) => {
  const fixture = readFixture(`vision/${name}`, "image-encoder");
  const take: Take = (tensor) => {
    const stored = fixture.weights.get(tensor)!;
    return float32(stored.shape, (toFloat32(readStored(stored)).data as Float32Array).slice());
  };

  test("computes what timm's checkpoint does, with the original GELU", async () => {
    const path = join(home, `${name}.npz`);
    writeFileSync(path, npzOf(write(take)));
    const folder = openModelFolder(path);
    const { architecture, weights } = readModel(folder.config, folder.weights, path, folder);
    expect(architecture).toMatchObject({ kind: "image-encoder", type: fixture.architecture.type });
    const config = JSON.parse(readFileSync(join(fixtures, `vision/${name}/config.json`), "utf8")) as {
      model_args?: object;
    };
    const same = readModel({ ...config, model_args: { ...config.model_args, ...args } }, fixture.weights, name);
    const sides = same.architecture as ImageEncoderArchitecture;
    const mine = architecture as ImageEncoderArchitecture;
    const over = mine.positions || !mine.resized ? mine : mine.resized({ height: 30, width: 26 });
    const theirs = sides.positions || !sides.resized ? sides : sides.resized({ height: 30, width: 26 });
    const [got, wanted] = [await logitsOf(over, weights), await logitsOf(theirs, same.weights)];
    expect(got.length).toBe(wanted.length);
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i]!, 5);
    });
  });

  test("arrays that nothing computes with, and those that lack, are named", () => {
    const arrays = write(take);
    const path = join(home, `${name}-bad.npz`);
    writeFileSync(path, npzOf({ ...arrays, "surprise/kernel": float32([1], [1]) }));
    expect(() => openModelFolder(path)).toThrow(/surprise\/kernel/);
    const [last] = Object.keys(arrays).filter((key) => /bias|beta/.test(key));
    const { [last!]: _, ...rest } = arrays;
    writeFileSync(path, npzOf(rest));
    expect(() => openModelFolder(path)).toThrow(last!.slice(0, 10));
  });
});

test("arrays of half precision, a step beside them, and what is none", () => {
  const half = npy(float32([2], [0, 0]));
  const text = new TextDecoder("latin1").decode(half);
  const halves = half.slice(0, 132);
  halves.set(new TextEncoder().encode("<f2"), text.indexOf("<f4"));
  halves.set([0x00, 0x3c, 0x00, 0xc0], 128);
  expect([...readNpz(zipSync({ "a.npy": halves }), "x").get("a")!.data]).toEqual([1, -2]);
  expect(() => readNpz(zipSync({ "a.npy": half.slice(0, 131) }), "x")).toThrow(/3 bytes of numbers, \[2\] are 8/);
  expect(() => readNpz(zipSync({ "a.npy": new Uint8Array(40) }), "x")).toThrow(/no \.npy array/);
  expect(() => readNpz(new Uint8Array(40), "x")).toThrow(/no whole zip/);
  expect(() => readNpz(zipSync({ "readme.txt": new Uint8Array(4) }), "x")).toThrow(/holds no array/);
  expect([...transposed(float32([2, 3], [1, 2, 3, 4, 5, 6]), [1, 0]).data]).toEqual([1, 4, 2, 5, 3, 6]);
});

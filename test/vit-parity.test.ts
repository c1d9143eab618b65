/** Tiny random ViTs against what transformers computes with them (parity/vit.py). */
import { describe, expect, test } from "vitest";
import type { NdArray } from "../src/graph/array.ts";
import { imageEncoderModel } from "../src/models/kinds/image-encoder.ts";
import { type ImageExample, imageEncoderLoss } from "../src/models/kinds/image-encoder-loss.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { expectClose, readFloats, readJson, readTensors, readWeights } from "./support/fixtures.ts";
import { imageOf, imagesOf, type Planes } from "./support/images.ts";
import { readFixture } from "./support/models/models.ts";
import { trainingTests } from "./support/training.ts";

const names = ["hidden", "pooled", "scores"] as const;

describe.each(["classifier", "bare"])("%s", (name) => {
  const folder = `vit/${name}`;
  const { architecture, weights } = readFixture(folder, "image-encoder");
  const { pixels } = readJson<{ pixels: Planes[] }>(folder, "expected.json");
  const expected = readTensors(folder, "expected.safetensors");

  async function everything(images: NdArray, stored = weights) {
    await using model = imageEncoderModel(architecture, (g) => compile(g, { weights: stored, threads: 1 }));
    const scores = await model.classify?.(images);
    return { ...(await model.encode(images)), ...(scores && { scores }) };
  }
  function same(got: Awaited<ReturnType<typeof everything>>) {
    expect(Object.keys(got).sort()).toEqual([...expected.keys()].sort());
    for (const key of names) {
      const wanted = expected.get(key);
      if (!wanted) continue;
      expect(got[key]!.shape).toEqual(wanted.shape);
      expectClose(got[key]!.data as Float32Array, readFloats(wanted), 1e-4, key);
    }
  }

  test("hidden states, the pooled vector and scores", async () => {
    same(await everything(imagesOf(pixels)));
  });

  test("an image alone gives what it gives among others", async () => {
    const [alone, together] = [await everything(imagesOf(pixels.slice(1, 2))), await everything(imagesOf(pixels))];
    const width = alone.hidden.data.length;
    const among = (together.hidden.data as Float32Array).subarray(width, 2 * width);
    expectClose(alone.hidden.data as Float32Array, among, 1e-6, "hidden");
  });

  test("the names that transformers 5 uses in memory are the same tensors", async () => {
    const inMemory = [
      ["encoder.layer.", "layers."],
      ["attention.attention.query", "attention.q_proj"],
      ["attention.attention.key", "attention.k_proj"],
      ["attention.attention.value", "attention.v_proj"],
      ["attention.output.dense", "attention.o_proj"],
      ["intermediate.dense", "mlp.fc1"],
      ["output.dense", "mlp.fc2"],
    ] as const;
    const renamed = new Map(
      [...readWeights(folder)].map(([key, stored]) => [
        inMemory.reduce((old, [file, memory]) => old.replace(file, memory), key),
        stored,
      ]),
    );
    expect(renamed.has(`${name === "bare" ? "" : "vit."}layers.1.attention.q_proj.weight`)).toBe(true);
    const read = readFixture(folder, "image-encoder", renamed);
    expect([...read.weights.keys()].sort()).toEqual([...weights.keys()].sort());
    same(await everything(imagesOf(pixels), read.weights));
  });
});

describe("training", () => {
  const { architecture } = readFixture("vit/classifier", "image-encoder");
  trainingTests("vit/classifier", imageEncoderLoss(architecture), (row: { pixels: Planes; target: number[] }) => {
    return { pixels: imageOf(row.pixels), target: row.target } satisfies ImageExample;
  });
});

test("names of classes are those of config.json; a bare encoder has none", () => {
  expect(readFixture("vit/classifier", "image-encoder").architecture.labels).toEqual([
    "a circle",
    "a square",
    "a cross",
  ]);
  expect(readFixture("vit/bare", "image-encoder").architecture.labels).toBeUndefined();
});

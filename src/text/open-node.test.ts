/** Models of images by name: opened as what they are, also in few bits, and what they cannot do. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clipConfig, freshFolder, vitConfig } from "../../test/support/models/fresh.ts";
import { float32 } from "../graph/array.ts";
import { isQuantized } from "../weights/weights.ts";
import { openEncoder, openLanguageModel, openModel } from "./open-node.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-open-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
let [vit, clip] = ["", ""];
beforeAll(async () => {
  vit = await freshFolder(join(place, "vit"), vitConfig);
  clip = await freshFolder(join(place, "clip"), clipConfig);
});

const pixels = float32(
  [2, 3, 16, 16],
  Array.from({ length: 1536 }, (_, i) => Math.sin(i * i)),
);
const quantize = { env: { ZEROTH_HOME: join(place, "home") } };
const engine = { threads: 1, quantize };

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x, (v, i) => v * y[i]!).reduce((s, v) => s + v);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

test.each([undefined, "int8", "int4"] as const)("a ViT, its weights in %s", async (dtype) => {
  await using plain = await openModel(vit, engine);
  await using opened = await openModel(vit, { ...engine, ...(dtype && { dtype }) });
  if (opened.kind !== "image-encoder" || plain.kind !== "image-encoder") throw new Error(opened.kind);
  expect(opened.model.labels).toEqual(["cat", "dog", "fish"]);
  const scores = await opened.model.classify!(pixels);
  expect(scores.shape).toEqual([2, 3]);
  expect((await opened.model.encode(pixels)).hidden.shape).toEqual([2, 5, 64]);
  const exact = (await plain.model.classify!(pixels)).data as Float32Array;
  expect(cosine(scores.data as Float32Array, exact)).toBeGreaterThan(dtype === "int4" ? 0.97 : 0.999);
  const stored = (name: string) => {
    const tensor = opened.weights.get(name)!;
    return isQuantized(tensor) ? tensor.format : tensor.dtype;
  };
  // Convolutions and tables of positions stay numbers.
  expect(stored("vit.embeddings.patch_embeddings.projection.weight")).toBe("float32");
  expect(stored("vit.embeddings.position_embeddings")).toBe("float32");
  expect(stored("vit.encoder.layer.0.intermediate.dense.weight")).toBe(dtype ?? "float32");
});

test.each([undefined, "int8", "int4"] as const)("a CLIP, its weights in %s", async (dtype) => {
  await using plain = await openModel(clip, engine);
  await using opened = await openModel(clip, { ...engine, ...(dtype && { dtype }) });
  if (opened.kind !== "two-towers" || plain.kind !== "two-towers") throw new Error(opened.kind);
  const ids = ["a red square", "a green circle", "red"].map((text) => opened.tokenizer.encode(text).ids);
  expect(ids[2]).toEqual([5, 3]);
  const [texts, images] = [await opened.model.text(ids), await opened.model.images(pixels)];
  expect((await opened.model.compare(images, texts)).shape).toEqual([2, 3]);
  const enough = dtype === "int4" ? 0.97 : 0.999;
  expect(cosine(texts.data as Float32Array, (await plain.model.text(ids)).data as Float32Array)).toBeGreaterThan(
    enough,
  );
  const exact = (await plain.model.images(pixels)).data as Float32Array;
  expect(cosine(images.data as Float32Array, exact)).toBeGreaterThan(enough);
  if (!dtype) return;
  const format = (name: string) => {
    const tensor = opened.weights.get(name)!;
    return isQuantized(tensor) ? tensor.format : tensor.dtype;
  };
  expect(format("text_model.embeddings.token_embedding.weight")).toBe("int8_rows");
  expect(format("text_model.embeddings.position_embedding.weight")).toBe("float32");
  expect(format("vision_model.embeddings.patch_embedding.weight")).toBe("float32");
  expect(format("visual_projection.weight")).toBe(dtype);
});

test("what they cannot do is said", async () => {
  await expect(openLanguageModel(vit)).rejects.toMatchObject({
    code: "unsupported",
    message: expect.stringContaining("vit is an encoder of images: it cannot generate text"),
  });
  await expect(openLanguageModel(clip)).rejects.toMatchObject({
    code: "unsupported",
    message: expect.stringContaining("clip is an encoder of texts beside one of images: it cannot generate text"),
  });
  await expect(openEncoder(vit)).rejects.toMatchObject({ code: "unsupported" });
});

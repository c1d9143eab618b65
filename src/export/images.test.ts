/** Exported models of images, opened by the engine directly and by transformers.js, against transformers. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { expectClose, fixtures, readFloats, readJson, readTensors } from "../../test/support/fixtures.ts";
import { imagesOf, type Planes } from "../../test/support/images.ts";
import { openModelFolder } from "../folders/open-node.ts";
import { exportOnnx, exportTransformersJs } from "./export-node.ts";

const out = mkdtempSync(join(tmpdir(), "zeroth-export-images-"));
afterAll(() => rmSync(out, { recursive: true }));

/** The fixture's folder with a file that says how images are prepared. */
function prepared(name: string): string {
  const path = join(out, "from", name);
  cpSync(join(fixtures, name), path, { recursive: true });
  writeFileSync(join(path, "preprocessor_config.json"), '{"image_mean":[0.5,0.5,0.5]}');
  return path;
}

const session = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const;

async function run(path: string, feeds: Record<string, Tensor>): Promise<Record<string, Float32Array>> {
  expect(readFileSync(path, "latin1")).not.toContain("com.microsoft.");
  const opened = await InferenceSession.create(path, session);
  const result = await opened.run(feeds);
  await opened.release();
  return Object.fromEntries(Object.entries(result).map(([name, { data }]) => [name, data as Float32Array]));
}

interface Expected {
  pixels: Planes[];
  rows: number[][];
}

function fixture(name: string) {
  const { pixels, rows } = readJson<Expected>(name, "expected.json");
  const images = imagesOf(pixels);
  const tensors = readTensors(name, "expected.safetensors");
  const width = Math.max(0, ...(rows ?? []).map((row) => row.length));
  const ids = (rows ?? []).flatMap((row) => [...row, ...new Array<number>(width - row.length).fill(row.at(-1)!)]);
  return {
    pixels: { data: images.data as Float32Array, shape: [...images.shape] },
    ids: { data: BigInt64Array.from(ids, BigInt), shape: [rows?.length ?? 0, width] },
    close: (actual: ArrayLike<number>, key: string) =>
      expectClose(actual, readFloats(tensors.get(key)!), 1e-4, `${name}: ${key}`),
    shape: (key: string) => tensors.get(key)!.shape,
  };
}

/** Vectors at length 1. */
function normalised(data: Float32Array, width: number): Float32Array {
  return data.map((value, i) => {
    const row = data.subarray(Math.floor(i / width) * width, (Math.floor(i / width) + 1) * width);
    return value / Math.hypot(...row);
  });
}

test.each(["classifier", "bare"])("ViT, %s: model.onnx", async (name) => {
  const { pixels, close } = fixture(`vit/${name}`);
  const folder = join(out, `onnx-vit-${name}`);
  const written = await exportOnnx(openModelFolder(prepared(`vit/${name}`)), folder);
  expect(written).toEqual(["model.onnx", "weights.onnx_data", "preprocessor_config.json", "config.json"]);
  const pixel_values = new Tensor("float32", pixels.data, pixels.shape);
  const result = await run(join(folder, "model.onnx"), { pixel_values });
  if (name === "classifier") return close(result.logits!, "scores");
  close(result.last_hidden_state!, "hidden");
  close(result.pooler_output!, "pooled");
});

describe.each(["end-token", "largest-id"])("CLIP, %s", (name) => {
  const { pixels, ids, close, shape } = fixture(`clip/${name}`);

  test("model.onnx and a file for each tower, over one file of weights", async () => {
    const folder = join(out, `onnx-clip-${name}`);
    const written = await exportOnnx(openModelFolder(join(fixtures, "clip", name)), folder);
    expect(written.filter((file) => file.includes("onnx"))).toEqual([
      "model.onnx",
      "text_model.onnx",
      "vision_model.onnx",
      "weights.onnx_data",
    ]);
    const input_ids = new Tensor("int64", ids.data, ids.shape);
    const pixel_values = new Tensor("float32", pixels.data, pixels.shape);
    const both = await run(join(folder, "model.onnx"), { input_ids, pixel_values });
    close(both.logits_per_image!, "scores");
    close(both.text_embeds!, "texts");
    close(both.image_embeds!, "images");
    const [images, texts] = shape("scores") as [number, number];
    expect(both.logits_per_text![1]).toBe(both.logits_per_image![texts]);
    expect(both.logits_per_text).toHaveLength(images * texts);
    const [, width] = shape("texts") as [number, number];
    const { text_embeds } = await run(join(folder, "text_model.onnx"), { input_ids });
    close(normalised(text_embeds!, width), "texts");
    const { image_embeds } = await run(join(folder, "vision_model.onnx"), { pixel_values });
    close(normalised(image_embeds!, width), "images");
  });

  test("transformers.js", async () => {
    const folder = join(out, `js-clip-${name}`);
    await exportTransformersJs(openModelFolder(join(fixtures, "clip", name)), folder);
    const { AutoModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection, Tensor } = await import(
      "@huggingface/transformers"
    );
    const options = { local_files_only: true, dtype: "fp32" } as const;
    const input_ids = new Tensor("int64", ids.data, ids.shape);
    const pixel_values = new Tensor("float32", pixels.data, pixels.shape);
    const attention_mask = new Tensor(
      "int64",
      ids.data.map(() => 1n),
      ids.shape,
    );
    const both = await AutoModel.from_pretrained(folder, options);
    const { logits_per_image } = await both({ input_ids, attention_mask, pixel_values });
    close(logits_per_image.data, "scores");
    const [, width] = shape("texts") as [number, number];
    const text = await CLIPTextModelWithProjection.from_pretrained(folder, options);
    close(normalised((await text({ input_ids, attention_mask })).text_embeds.data, width), "texts");
    const vision = await CLIPVisionModelWithProjection.from_pretrained(folder, options);
    close(normalised((await vision({ pixel_values })).image_embeds.data, width), "images");
    for (const model of [both, text, vision]) await model.dispose();
  });
});

test("ViT in transformers.js, with how images are prepared", async () => {
  const { pixels, close } = fixture("vit/classifier");
  const folder = join(out, "js-vit");
  const written = await exportTransformersJs(openModelFolder(prepared("vit/classifier")), folder);
  expect(written).toContain("preprocessor_config.json");
  expect(written).not.toContain("generation_config.json");
  const { AutoModelForImageClassification, Tensor } = await import("@huggingface/transformers");
  const model = await AutoModelForImageClassification.from_pretrained(folder, {
    local_files_only: true,
    dtype: "fp32",
  });
  const { logits } = await model({ pixel_values: new Tensor("float32", pixels.data, pixels.shape) });
  close(logits.data, "scores");
  await model.dispose();
});

/** A model of images over files: a fresh ViT, pictures of one colour. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { freshFolder, vitConfig } from "../../test/support/models/fresh.ts";
import { probabilities } from "./features.ts";
import { openVisionModel } from "./open-node.ts";

const home = mkdtempSync(join(tmpdir(), "vision-"));
const colour = (r: number, g: number, b: number, path: string) =>
  sharp({ create: { width: 20, height: 12, channels: 3, background: { r, g, b } } })
    .png()
    .toFile(path);

beforeAll(async () => {
  await freshFolder(join(home, "model"), vitConfig);
  for (const name of ["red", "blue"]) mkdirSync(join(home, "data", name), { recursive: true });
  for (let i = 0; i < 3; i++) {
    await colour(200 + i, 10, 10, join(home, "data", "red", `${i}.png`));
    await colour(10, 10, 200 + i, join(home, "data", "blue", `${i}.png`));
  }
});

test("classes, and vectors of layers by every pool", async () => {
  await using model = await openVisionModel(join(home, "model"), { threads: 1 });
  expect(model.warnings[0]).toContain("preprocessor_config.json");
  const { pixels, notes } = await model.read(join(home, "data", "red", "0.png"));
  expect([pixels.shape, notes]).toEqual([[3, 16, 16], []]);
  const [{ logits, scores }] = (await model.classify([pixels])) as [{ logits: Float32Array; scores: number[] }];
  expect([logits.length, scores.reduce((a, b) => a + b)]).toEqual([3, expect.closeTo(1, 6)]);
  const [whole] = await model.features([pixels, pixels]);
  expect(whole).toHaveLength(64);
  const [first] = await model.features([pixels], { layer: 1, pool: "cls" });
  const [head] = await model.features([pixels], { layer: 1, pool: "head" });
  const [mean] = await model.features([pixels], { layer: 1, pool: "mean" });
  expect(first).toEqual(head);
  expect(mean).not.toEqual(head);
  await expect(model.features([pixels], { layer: 2 })).rejects.toMatchObject({
    code: "wrong_use",
    hint: "layers of this model: 0 to 1",
  });
});

test("pictures of other sides, which its patches must fill", async () => {
  await using model = await openVisionModel(join(home, "model"), { threads: 1, sides: { height: 24, width: 24 } });
  const { pixels } = await model.read(join(home, "data", "blue", "1.png"));
  expect(pixels.shape).toEqual([3, 24, 24]);
  expect(await model.classify([pixels])).toHaveLength(1);
  await expect(openVisionModel(join(home, "model"), { sides: { height: 20, width: 24 } })).rejects.toMatchObject({
    code: "bad_input",
  });
});

test("independent classes each have a probability of their own", () => {
  expect(probabilities(Float32Array.of(0, 0), "multi")).toEqual([0.5, 0.5]);
  expect(probabilities(Float32Array.of(0, 0), "single")).toEqual([0.5, 0.5]);
  expect(probabilities(Float32Array.of(3), "regression")).toEqual([3]);
});

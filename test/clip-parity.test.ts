/** Tiny random CLIPs against what transformers computes with them (parity/clip.py). */
import { describe, expect, test } from "vitest";
import { twoTowersModel } from "../src/models/kinds/two-towers.ts";
import { type PairExample, twoTowersLoss } from "../src/models/kinds/two-towers-loss.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { expectClose, readFloats, readJson, readTensors } from "./support/fixtures.ts";
import { imageOf, imagesOf, type Planes } from "./support/images.ts";
import { readFixture } from "./support/models/models.ts";
import { trainingTests } from "./support/training.ts";

describe.each(["end-token", "largest-id"])("%s", (name) => {
  const folder = `clip/${name}`;
  const { architecture, weights } = readFixture(folder, "two-towers");
  const { rows, pixels } = readJson<{ rows: number[][]; pixels: Planes[] }>(folder, "expected.json");
  const expected = readTensors(folder, "expected.safetensors");
  const wanted = (key: string) => readFloats(expected.get(key)!);
  const open = () => twoTowersModel(architecture, (g) => compile(g, { weights, threads: 1 }));

  test("vectors of texts and images, and their scaled cosines", async () => {
    await using model = open();
    const [texts, images] = [await model.text(rows), await model.images(imagesOf(pixels))];
    expectClose(texts.data as Float32Array, wanted("texts"), 1e-4, "texts");
    expectClose(images.data as Float32Array, wanted("images"), 1e-4, "images");
    const scores = await model.compare(images, texts);
    expect(scores.shape).toEqual([pixels.length, rows.length]);
    expectClose(scores.data as Float32Array, wanted("scores"), 1e-4, "scores");
  });

  test("a text alone gives what it gives filled up among longer ones", async () => {
    await using model = open();
    const each = await Promise.all(rows.map(async (ids) => [...((await model.text([ids])).data as Float32Array)]));
    expectClose(each.flat(), wanted("texts"), 1e-4, "texts");
  });

  test("what fills a text up, and what stands behind its end, does not count", async () => {
    await using model = open();
    const end = architecture.end ?? architecture.vocabulary - 1;
    const longer = rows.map((ids) => (ids.length < architecture.longest ? [...ids, end] : ids));
    expect(longer).not.toEqual(rows);
    expectClose((await model.text(longer)).data as Float32Array, wanted("texts"), 1e-4, "texts");
  });
});

describe("training", () => {
  const { architecture } = readFixture("clip/end-token", "two-towers");
  trainingTests("clip/end-token", twoTowersLoss(architecture), (row: { pixels: Planes; ids: number[] }) => {
    return { pixels: imageOf(row.pixels), ids: row.ids } satisfies PairExample;
  });
});

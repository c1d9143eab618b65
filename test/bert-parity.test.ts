/** Tiny random BERTs, a head each, against what transformers computes with them (parity/bert.py). */
import { describe, expect, test } from "vitest";
import type { NdArray } from "../src/graph/array.ts";
import { type EncodedText, encoderModel } from "../src/models/kinds/encoder.ts";
import { encoderLoss, type TrainedHead } from "../src/models/kinds/encoder-loss.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { expectClose, readFloats, readJson, readTensors } from "./support/fixtures.ts";
import { readFixture } from "./support/models/models.ts";
import { trainingTests } from "./support/training.ts";

interface Expected {
  head: string | null;
  rows: number[][];
  types: number[][];
}

const cases = ["masked", "pretraining-old", "single", "multi", "regression", "tokens", "span", "choice", "bare"];
const ofTokens = ["masked", "tokens", "span", null];

describe.each(cases)("%s", (name) => {
  const folder = `bert/${name}`;
  const { architecture, weights } = readFixture(folder, "encoder");
  const { head, rows, types } = readJson<Expected>(folder, "expected.json");
  const expected = readFloats(readTensors(folder, "expected.safetensors").get("scores")!);
  const texts = rows.map((ids, row): EncodedText => ({ ids, types: types[row]! }));
  const open = () => encoderModel(architecture, (g) => compile(g, { weights, threads: 1 }));

  test("the head follows from config.json and the weights that are there", () => {
    expect(architecture.head ?? null).toBe(head);
  });

  test.each([
    ["alone", texts.map((text) => [text])],
    ["filled up", [texts]],
  ])("what the head gives, texts %s", async (_, groups) => {
    await using model = open();
    const got: number[] = [];
    for (const group of groups) {
      const result = model.answer ? (await model.answer(group)).scores : (await model.encode(group)).hidden;
      const { data, shape } = result as NdArray;
      const width = data.length / group.length;
      const each = data.length / (shape[0]! * shape[1]!);
      group.forEach(({ ids }, row) => {
        const length = ofTokens.includes(head) ? ids.length * each : width;
        got.push(...(data as Float32Array).subarray(row * width, row * width + length));
      });
    }
    expectClose(got, expected, 1e-4, "scores");
  });

  test("texts without types are first texts", async () => {
    await using model = open();
    const plain = texts.map(({ ids }) => ({ ids }));
    const first = texts.map(({ ids }) => ({ ids, types: ids.map(() => 0) }));
    const [a, b] = [await model.encode(plain), await model.encode(first)];
    expect(a.hidden.data).toEqual(b.hidden.data);
    expect((await model.encode(texts)).hidden.data).not.toEqual(b.hidden.data);
  });
});

describe.each(["masked", "single", "multi", "regression", "tokens", "span"])("training of %s", (name) => {
  const { architecture } = readFixture(`bert/${name}`, "encoder");
  trainingTests(`bert/${name}`, encoderLoss(architecture, architecture.head as TrainedHead));
});

test("names of classes", () => {
  const labels = (name: string) => readFixture(`bert/${name}`, "encoder").architecture.labels;
  expect(labels("single")).toEqual(["no", "perhaps", "yes"]);
  expect(labels("tokens")).toEqual(["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3", "LABEL_4"]);
});

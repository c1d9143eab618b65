/** Tiny relatives of BERT, a head each, against what transformers computes with them (parity/encoders.py). */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  expectClose,
  fixtures,
  readFloats,
  readJson,
  readTensors,
  readWeights,
} from "../../../test/support/fixtures.ts";
import { readFixture } from "../../../test/support/models/models.ts";
import { trainingTests } from "../../../test/support/training.ts";
import { compile } from "../../runtime/compile-node.ts";
import type { Weights } from "../../weights/weights.ts";
import { type EncodedText, encoderModel } from "../kinds/encoder.ts";
import { encoderLoss, type TrainedHead } from "../kinds/encoder-loss.ts";
import { distanceRows } from "./deberta.ts";

interface Expected {
  head: string | null;
  rows: number[][];
  types?: number[][];
}

const folderOf = (name: string) => `encoders/${name}`;
const cases = readdirSync(join(fixtures, "encoders"));
const has = (name: string, file: string) => existsSync(join(fixtures, "encoders", name, file));
const ofTokens = ["masked", "tokens", "span", "discriminator", null];

/** What the head gives of every text, padding left out, one text after another. */
async function scoresOf(name: string, groups: readonly (readonly EncodedText[])[], config?: string) {
  const { architecture, weights } = readFixture(folderOf(name), "encoder", undefined, config);
  await using model = encoderModel(architecture, (g) => compile(g, { weights, threads: 1 }));
  const got: number[] = [];
  for (const group of groups) {
    const { data, shape } = model.answer ? (await model.answer(group)).scores : (await model.encode(group)).hidden;
    const width = data.length / group.length;
    const each = data.length / (shape[0]! * shape[1]!);
    group.forEach(({ ids }, row) => {
      const length = ofTokens.includes(architecture.head ?? null) ? ids.length * each : width;
      got.push(...(data as Float32Array).subarray(row * width, row * width + length));
    });
  }
  return got;
}

const textsOf = ({ rows, types }: Expected) => rows.map((ids, row): EncodedText => ({ ids, types: types?.[row] }));

describe.each(cases)("%s", (name) => {
  const expected = readJson<Expected>(folderOf(name), "expected.json");
  const scores = readFloats(readTensors(folderOf(name), "expected.safetensors").get("scores")!);
  const texts = textsOf(expected);

  test("the head follows from config.json and the weights that are there", () => {
    expect(readFixture(folderOf(name), "encoder").architecture.head ?? null).toBe(expected.head);
  });

  test.each([
    ["alone", texts.map((text) => [text])],
    ["filled up", [texts]],
  ])("what the head gives, texts %s", async (_, groups) => {
    expectClose(await scoresOf(name, groups), scores, 1e-4, "scores");
  });

  if (has(name, "config.v4.json")) {
    test("the same by the config.json of an older release", async () => {
      expectClose(await scoresOf(name, [texts], "config.v4.json"), scores, 1e-4, "scores");
    });
  }
});

describe.each(cases.filter((name) => has(name, "training.json")))("training of %s", (name) => {
  const { architecture } = readFixture(folderOf(name), "encoder");
  trainingTests(folderOf(name), encoderLoss(architecture, architecture.head as TrainedHead));
});

test("rows of distances are those of the reference, in buckets and clipped", () => {
  const distances = [-512, -511, -400, -200, -130, -129, -128, -1, 0, 1, 127, 128, 129, 130, 140, 200, 300, 400, 511];
  const rowsAt = (buckets: number) => distances.map((distance) => distanceRows(buckets, 512)[distance + 512]);
  // transformers' build_relative_position, clamped as its attention does.
  const of256 = [511, 511, 489, 425, 386, 385, 384, 257, 256, 255, 129, 128, 127, 126, 119, 87, 49, 23, 1];
  expect(rowsAt(256)).toEqual(of256);
  const of320 = [639, 639, 606, 511, 450, 449, 448, 321, 320, 319, 193, 192, 191, 190, 180, 129, 73, 34, 1];
  expect(rowsAt(320)).toEqual(of320);
  expect(distanceRows(-1, 3)).toEqual([5, 5, 4, 3, 2, 1, 0]);
});

/** A checkpoint with a head for words, what stands before its encoder's names, and the second name of its words. */
const named = [
  ["roberta-masked", "roberta.", "lm_head.decoder.weight"],
  ["distilbert-masked", "distilbert.", "vocab_projector.weight"],
  ["electra-masked", "electra.", "generator_lm_head.weight"],
  ["mpnet-masked", "mpnet.", "lm_head.decoder.weight"],
  ["modernbert-masked", "model.", "decoder.weight"],
  ["deberta-masked", "deberta.", "cls.predictions.decoder.weight"],
] as const;

describe.each(named)("names of %s", (name, prefix, second) => {
  const stored = readWeights(folderOf(name));
  const words = [...stored.keys()].find((key) => /(word|tok)_embeddings\.weight$/.test(key))!;
  const opened = (weights: Weights) => readFixture(folderOf(name), "encoder", weights);
  const names = (weights: Weights) => [...opened(weights).weights.keys()].sort();

  test("wrapped, with buffers, the words under their second name alone", () => {
    const wrapped = new Map([...stored].map(([key, tensor]) => [`module.${key === words ? second : key}`, tensor]));
    wrapped.set(`module.${prefix}embeddings.position_ids`, { dtype: "int64", shape: [1, 4], data: new Uint8Array(32) });
    expect(names(wrapped)).toEqual([...stored.keys()].sort());
  });

  test("of the encoder alone, without its prefix: no head, vectors", () => {
    const bare = new Map(
      [...stored].flatMap(([key, tensor]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), tensor]] : [])),
    );
    const { architecture, weights } = opened(bare);
    expect(architecture.head).toBeUndefined();
    expect(weights.has(words)).toBe(true);
  });

  test("a tensor that lacks is named", () => {
    const lacking = new Map([...stored].filter(([key]) => !/layers?\.1\..*(inner|lin1|intermediate|Wi)/.test(key)));
    expect(lacking.size).toBeLessThan(stored.size);
    expect(() => opened(lacking)).toThrow(/missing: .*layers?\.1\./);
  });
});

import { expect, test } from "vitest";
import type { Architecture } from "../models/family.ts";
import { roomFor, trainedLength } from "./lengths-node.ts";

test("room for a prompt grows with the root of the memory, and is without an end for a decoder", () => {
  const model = { kind: "encoder-decoder", memory: { layers: 2, kvHeads: 4, headWidth: 8 } } as Architecture;
  // 3 arrays of 4 heads, 4 bytes a number: 48 bytes for every pair of tokens. Measured with 8,006 tokens: 49.
  expect(roomFor(model, 48 * 1000 ** 2)).toBe(1000);
  expect(roomFor(model, 48 * 4000 ** 2)).toBe(4000);
  expect(roomFor(model)).toBeGreaterThan(1000);
  expect(roomFor({ kind: "decoder" } as Architecture, 1000)).toBe(Infinity);
});

test("the length that a folder tells: its tokenizer's, else T5's; 1e30 says nothing", () => {
  expect(trainedLength({ n_positions: 512 }, { model_max_length: 256 })).toBe(256);
  expect(trainedLength({ n_positions: 512 }, { model_max_length: 1e30 })).toBe(512);
  expect(trainedLength({}, undefined)).toBeUndefined();
  expect(trainedLength({ n_positions: "many" }, { model_max_length: 0 })).toBeUndefined();
});

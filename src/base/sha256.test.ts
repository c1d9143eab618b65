import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sha256 } from "./sha256.ts";

const theirs = (given: Uint8Array | string) => createHash("sha256").update(given).digest("hex");

test("the sum is Node's, of bytes of every length around a block's, and of texts", () => {
  for (let length = 0; length < 130; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) % 256);
    expect(sha256(bytes)).toBe(theirs(bytes));
    expect(sha256(bytes.subarray(length >> 1))).toBe(theirs(bytes.subarray(length >> 1)));
  }
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => sha256(text) === theirs(text)));
  const long = new Uint8Array(1 << 20).fill(7);
  expect(sha256(long)).toBe(theirs(long));
});

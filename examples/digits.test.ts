import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { trainDigits } from "./digits.ts";

test("a classifier in one file learns, and its checkpoint gives the same answers", async () => {
  const folder = await mkdtemp(join(tmpdir(), "digits-"));
  try {
    const { before, after, losses, logits, reloaded } = await trainDigits(folder);
    console.log(`accuracy: ${before} untrained, ${after} trained`);
    expect(before).toBeLessThan(0.3);
    expect(after).toBeGreaterThan(0.9);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(reloaded).toEqual(logits);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 240_000);

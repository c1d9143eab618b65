import fc from "fast-check";
import { expect, test } from "vitest";
import { planBatches } from "./batching.ts";

test("every prompt is in one batch, and no batch wastes more than its limits allow", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 200 });
  const limits = fc.record({
    rows: fc.integer({ min: 1, max: 40 }),
    tokens: fc.integer({ min: 1, max: 9000 }),
    ratio: fc.double({ min: 1, max: 3, noNaN: true }),
  });
  fc.assert(
    fc.property(lengths, limits, (all, { rows, tokens, ratio }) => {
      const batches = planBatches(all, { rows, tokens, ratio });
      expect(batches.flat().sort((a, b) => a - b)).toEqual([...all.keys()]);
      for (const batch of batches) {
        const sizes = batch.map((i) => all[i]!);
        const [shortest, longest] = [Math.min(...sizes), Math.max(...sizes)];
        expect(batch.length).toBeLessThanOrEqual(rows);
        // One prompt alone may be over the cap: it is never cut.
        if (batch.length > 1) expect(longest * batch.length).toBeLessThanOrEqual(tokens);
        expect(longest).toBeLessThanOrEqual(Math.max(shortest * ratio, shortest + 8));
      }
    }),
  );
});

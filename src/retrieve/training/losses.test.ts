import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { float32, int64, type NdArray } from "../../graph/array.ts";
import { compile } from "../../runtime/compile-node.ts";
import { inBatchGraph, listwiseGraph, rankerGraph } from "./losses.ts";

const fixture = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/retrieval/losses.json", import.meta.url), "utf8"),
);

const close = (array: NdArray | undefined, expected: readonly number[], digits = 5) => {
  expect(array!.data.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(array!.data[i]).toBeCloseTo(value, digits);
  });
};

describe("losses are PyTorch's, with their gradients", () => {
  it("over a batch", async () => {
    for (const one of fixture.inBatch) {
      const { width, gold, masked } = one;
      await using program = await compile(inBatchGraph(width, { scale: one.scale, normalize: one.normalize }), {
        threads: 1,
      });
      const [batch, passages] = [gold.length, one.d.length / width];
      const result = await program.run({
        q: float32([batch, width], one.q),
        d: float32([passages, width], one.d),
        gold: int64([batch], gold),
        masked: float32([batch, passages], masked.flat()),
      });
      close(result.loss, [one.loss]);
      close(result.dq, one.dq);
      close(result.dd, one.dd);
    }
  });

  it("of AR2's retriever", async () => {
    for (const one of fixture.listwise) {
      const { width, ranker } = one;
      const [batch, candidates] = [ranker.length, ranker[0].length];
      const options = { lambda: one.lambda, advReduction: one.reduction, temperature: one.tau, rankerTemperature: 1 };
      await using program = await compile(
        listwiseGraph(width, batch, candidates, { scale: 1, normalize: false, ...options }),
        { threads: 1 },
      );
      const result = await program.run({
        q: float32([batch, width], one.q),
        d: float32([batch * candidates, width], one.d),
        ranker: float32([batch, candidates], ranker.flat()),
      });
      close(result.loss, [one.loss]);
      close(result.dq, one.dq);
      close(result.dd, one.dd);
    }
  });

  it("with the published numbers of one example", async () => {
    // Vectors whose products are the scores: questions are unit vectors.
    const z = [2, 1, 0, -1, 0.5, 0.4, 0.3, 0.2];
    const d = z.flatMap((value, i) => (i < 4 ? [value, 0] : [0, value]));
    const options = {
      lambda: 0.5,
      advReduction: "sum",
      temperature: 1,
      rankerTemperature: 1,
      scale: 1,
      normalize: false,
    } as const;
    await using program = await compile(listwiseGraph(2, 2, 4, options), { threads: 1 });
    const ranker = [3, 1, 0, -2, 0.2, 1.5, -1, 0.1];
    const result = await program.run({
      q: float32([2, 2], [1, 0, 0, 1]),
      d: float32([8, 2], d),
      ranker: float32([2, 4], ranker),
    });
    close(result.loss, [2.970669]);
    const own = Array.from({ length: 8 }, (_, i) => Number(result.dd!.data[2 * i + (i < 4 ? 0 : 1)]));
    close(float32([8], own), [-0.113517, 0.07105, 0.025191, 0.017275, 0.136486, -0.451044, 0.285876, 0.028682]);
    await using rank = await compile(rankerGraph(4), { threads: 1 });
    close((await rank.run({ scores: float32([2, 4], ranker) })).loss, [0.973139]);
  });

  it("of a ranker", async () => {
    const { scores, loss, gradient } = fixture.ranker;
    await using program = await compile(rankerGraph(4), { threads: 1 });
    const result = await program.run({ scores: float32([3, 4], scores) });
    close(result.loss, [loss]);
    close(result.dscores, gradient);
  });
});

/** Packed rows: what they hold, and that loss and gradients are those of the pairs one by one. */
import { describe, expect, test } from "vitest";
import { randomAt } from "../src/base/rng.ts";
import { float32, type NdArray } from "../src/graph/array.ts";
import { gradients } from "../src/graph/differentiate.ts";
import { graph } from "../src/graph/graph.ts";
import { parseT5Config } from "../src/models/encoder-decoders/t5/config.ts";
import { t5Architecture } from "../src/models/encoder-decoders/t5/family.ts";
import { encoderDecoderLoss } from "../src/models/kinds/encoder-decoder-loss.ts";
import type { Example, LossOptions } from "../src/models/kinds/loss.ts";
import { wanted } from "../src/models/kinds/programs.ts";
import { wholeGraph } from "../src/models/kinds/whole.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { trainingModel } from "../src/train/model.ts";
import { type PackedRow, packer } from "../src/train/packing.ts";
import { expectClose, readFloats, readJson, readTensors } from "./support/fixtures.ts";
import { t5Loss } from "./support/models/models.ts";

const sizes = { vocab_size: 64, d_model: 16, d_kv: 8, d_ff: 32, num_heads: 2, num_layers: 2 };
const small = parseT5Config({ model_type: "t5", ...sizes });

const pair = (input: number, target: number, id = 5): Example => ({
  input: new Array<number>(input).fill(id),
  target: new Array<number>(target).fill(id),
});

describe("first fit", () => {
  const sizes = (rows: readonly PackedRow[]) => rows.map((row) => row.map(({ input }) => input.length));

  test("each pair goes into the first row with room for both parts; one that fits nowhere ends the batch", () => {
    const batch = packer({ rows: 2, maxInput: 10, maxTarget: 4 });
    expect([6, 5, 4, 3].map((length) => batch.add(pair(length, 1)))).toEqual([true, true, true, true]);
    expect(sizes(batch.rows())).toEqual([
      [6, 4],
      [5, 3],
    ]);
    // Room for its input, none for its target.
    expect(batch.add(pair(1, 3))).toBe(false);
    expect(batch.add(pair(2, 2))).toBe(true);
  });

  test("one row closes at the first pair that does not fit", () => {
    const batch = packer({ rows: 1, maxInput: 10, maxTarget: 10 });
    expect([4, 4, 4].map((length) => batch.add(pair(length, 1)))).toEqual([true, true, false]);
    expect(sizes(batch.rows())).toEqual([[4, 4]]);
  });

  test("a pair longer than a row is an error", () => {
    expect(() => packer({ rows: 2, maxInput: 3, maxTarget: 3 }).add(pair(4, 1))).toThrow(/4 and 1 tokens.*empty row/);
  });

  test("segments, shifted targets, padding", () => {
    const a = { input: [7, 8], target: [3, 1] };
    const b = { input: [9], target: [4, 5, 1] };
    const { collate } = encoderDecoderLoss({ ...t5Architecture(small), pad: 0, start: 2 });
    const feeds = collate([[a, b], [b]], 8, true);
    const list = (name: string) => Array.from(feeds[name]!.data as BigInt64Array, Number);
    expect(list("ids")).toEqual([7, 8, 9, 9, 0, 0]);
    expect(list("segments")).toEqual([1, 1, 2, 1, 0, 0]);
    expect(list("tokens")).toEqual([2, 3, 2, 4, 5, 2, 4, 5, 0, 0]);
    expect(list("labels")).toEqual([3, 1, 4, 5, 1, 4, 5, 1, -100, -100]);
    expect(list("target_segments")).toEqual([1, 1, 2, 2, 2, 1, 1, 1, 0, 0]);
    expect(feeds.scale!.data[0]).toBeCloseTo(1 / 8);
  });
});

describe.each(["tied-relu", "untied-gated"])("%s", (name) => {
  const folder = `training/${name}`;
  const weights = readTensors(folder, "model.safetensors");
  const config = parseT5Config(readJson(folder, "config.json"), weights);
  const { collate } = encoderDecoderLoss(t5Architecture(config));
  const values = Object.fromEntries(
    [...weights].map(([key, stored]) => [key, float32(stored.shape, readFloats(stored))]),
  );

  const open = async (options: LossOptions) => {
    const { loss, parameters } = t5Loss(config, options);
    const grads = gradients(
      loss,
      parameters.map(({ tensor }) => tensor),
    );
    const named = Object.fromEntries(parameters.map((p, i) => [`d.${p.name}`, grads[i]!]));
    return compile(graph({ loss, ...named }), { threads: 1, trained: () => true });
  };

  test.each([0, 1e-2])("a packed batch equals its pairs, z-loss %s", async (zLoss) => {
    const random = randomAt(3, 1);
    const draw = (length: number) => Array.from({ length }, () => 3 + random.below(config.vocabulary - 3));
    const pairs = [
      [9, 4],
      [3, 2],
      [14, 6],
      [1, 1],
      [6, 5],
    ].map(([i, t]): Example => ({ input: draw(i!), target: [...draw(t! - 1), 1] }));
    const batch = packer({ rows: 2, maxInput: 20, maxTarget: 11 });
    for (const one of pairs) expect(batch.add(one)).toBe(true);
    const rows = batch.rows();
    expect(rows.map((row) => row.length)).toEqual([3, 2]);
    const tokens = pairs.reduce((sum, { target }) => sum + target.length, 0);
    await using packed = await open({ packed: true, zLoss });
    await using plain = await open({ zLoss });
    const whole = await packed.run({ ...values, ...wanted(packed, collate(rows, tokens, true)) });
    const sums = new Map<string, Float64Array>();
    for (const one of pairs) {
      const result: Record<string, NdArray> = await plain.run({ ...values, ...collate([[one]], tokens) });
      for (const [key, { data }] of Object.entries(result)) {
        const sum = sums.get(key) ?? new Float64Array(data.length);
        for (let i = 0; i < sum.length; i++) sum[i]! += Number(data[i]);
        sums.set(key, sum);
      }
    }
    expect([...sums.keys()].sort()).toEqual(Object.keys(whole).sort());
    const all: Record<string, NdArray> = whole;
    for (const [key, sum] of sums) expectClose(all[key]!.data as Float32Array, sum, 1e-5, key);
  });

  test("the z-loss is the squared logarithm of the sum of exponentials", async () => {
    const feeds: Record<string, NdArray> = {
      ...values,
      ...collate([[{ input: [5, 6, 7], target: [8, 9, 1] }]], 3),
    };
    const lossAt = async (zLoss: number) => {
      await using program = await open({ zLoss });
      return Number((await program.run(feeds)).loss!.data[0]);
    };
    await using program = await compile(wholeGraph(t5Architecture(config)), { threads: 1, trained: () => true });
    const given = Object.fromEntries(program.inputs.map((key) => [key, feeds[key]!]));
    const z = Array.from((await program.run(given)).logits!.data as Float32Array);
    const rows = [0, 1, 2].map((t) => z.slice(t * config.vocabulary, (t + 1) * config.vocabulary));
    const squares = rows.map((row) => Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) ** 2);
    const expected = squares.reduce((a, b) => a + b) / 3;
    expect((await lossAt(0.5)) - (await lossAt(0))).toBeCloseTo(0.5 * expected, 3);
  });
});

test("a Switch Transformer is not packed: its experts count by row", () => {
  const config = parseT5Config({ model_type: "switch_transformers", ...sizes, num_experts: 2 });
  expect(() => trainingModel(t5Architecture(config), { recompute: false, pack: true })).toThrow(/pack: the experts/);
});

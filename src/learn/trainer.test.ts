/** What a trainer does besides its steps (those are in test/training-parity.test.ts): outputs, state, rates. */
import { describe, expect, expectTypeOf, test } from "vitest";
import { float32, int64, type NdArray } from "../graph/array.ts";
import * as o from "../graph/operators.ts";
import { input, parameter, type Tensor } from "../graph/tensor.ts";
import { compile } from "../runtime/compile-node.ts";
import { adafactor, adamw, sgd } from "./optimizers.ts";
import { averagedWeights } from "./state.ts";
import { createTrainer, type TrainerOptions } from "./trainer.ts";

const compileTrained: TrainerOptions["compile"] = (g) =>
  compile(g, { threads: 2, trained: () => true, optimize: "disabled" });

const numbers = (array: NdArray | undefined) => Array.from(array!.data as Float32Array, Number);
/** Numbers that repeat never, between −1 and 1. */
const waves = (count: number, from = 1) => Array.from({ length: count }, (_, i) => Math.sin(1.7 * (i + from) + from));

/** Mean squared error of x W against t; x [batch, 3], t [batch, 2], W [2, 3]. */
function regression() {
  const weight = parameter("weight", [2, 3]);
  const y = o.matmul(input("x", "float32", ["batch", 3]), weight, { transB: true });
  const error = o.sub(y, input("t", "float32", ["batch", 2]));
  const parameters = [{ name: "weight", shape: [2, 3], tensor: weight }];
  const values = new Map([["weight", float32([2, 3], waves(6))]]);
  return { weight, y, error, loss: o.mean(o.square(error)), parameters, values };
}
const batch = (rows: number, from = 1) => ({
  x: float32([rows, 3], waves(rows * 3, from)),
  t: float32([rows, 2], waves(rows * 2, from + 50)),
});

describe("outputs", () => {
  test("come from the weights before the step, by name and type, also of sizes that only values tell", async () => {
    const { weight, y, error, ...rest } = regression();
    const start = numbers(rest.values.get("weight"));
    const outputs = {
      y,
      largest: o.argmax(y, 1),
      weight,
      turned: o.transpose(weight, [1, 0]),
      positive: o.nonZero(o.greater(error, 0), "found"),
    };
    await using trainer = await createTrainer({ ...rest, outputs, optimizer: sgd(), compile: compileTrained });
    const feeds = batch(4);
    const report = await trainer.step([feeds], 0.5);
    expectTypeOf(report.outputs).toEqualTypeOf<
      Readonly<Record<"y" | "largest" | "weight" | "turned" | "positive", readonly NdArray[]>>
    >();
    const [x, t] = [numbers(feeds.x), numbers(feeds.t)];
    const expected = Array.from({ length: 8 }, (_, i) =>
      [0, 1, 2].reduce((sum, k) => sum + x[(i >> 1) * 3 + k]! * start[(i & 1) * 3 + k]!, 0),
    );
    expect(report.outputs.y[0]!.shape).toEqual([4, 2]);
    numbers(report.outputs.y[0]).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 5);
    });
    expect(numbers(report.outputs.largest[0])).toEqual(
      [0, 1, 2, 3].map((r) => Number(expected[2 * r + 1]! > expected[2 * r]!)),
    );
    expect(numbers(report.outputs.weight[0])).toEqual(start);
    expect(numbers(report.outputs.turned[0])).toEqual([0, 3, 1, 4, 2, 5].map((i) => start[i]));
    expect(report.outputs.positive[0]!.shape).toEqual([2, expected.filter((value, i) => value > t[i]!).length]);
    expect(numbers(rest.values.get("weight"))).not.toEqual(start);
  });

  test("are a list over micro-batches, which may differ in size", async () => {
    const { error, weight: _, y: __, ...rest } = regression();
    const outputs = { error };
    await using trainer = await createTrainer({
      ...rest,
      outputs,
      accumulate: 2,
      optimizer: adamw(),
      compile: compileTrained,
    });
    const report = await trainer.step([batch(2), batch(5, 9)], 0.1);
    expect(report.outputs.error.map(({ shape }) => shape)).toEqual([
      [2, 2],
      [5, 2],
    ]);
    const losses = report.outputs.error.map(
      (array) => numbers(array).reduce((s, e) => s + e * e, 0) / array.data.length,
    );
    expect(report.loss).toBeCloseTo(losses[0]! + losses[1]!, 5);
  });
});

/**
 * Batch norm in training over the rows of x [batch, width]: the result and the statistics' next values, with the
 * unbiased variance kept, as PyTorch does.
 */
function batchNorm(x: Tensor, mean: Tensor, variance: Tensor, momentum: number) {
  const rows = o.sizeValue(x.shape[0]!);
  const m = o.mean(x, [0]);
  const centred = o.sub(x, m);
  const v = o.mean(o.square(centred), [0]);
  const y = o.div(centred, o.sqrt(o.add(v, 1e-5)));
  const unbiased = o.mul(v, o.div(rows, o.sub(rows, 1)));
  const blend = (old: Tensor, fresh: Tensor) => o.add(o.mul(old, 1 - momentum), o.mul(fresh, momentum));
  return { y, mean: blend(mean, m), variance: blend(variance, unbiased) };
}

/** The same statistics in plain numbers. */
function statistics(x: readonly number[], width: number, [mean, variance]: number[][], momentum: number): number[][] {
  const rows = x.length / width;
  const columns = Array.from({ length: width }, (_, c) => x.filter((_, i) => i % width === c));
  const m = columns.map((column) => column.reduce((a, b) => a + b, 0) / rows);
  const v = columns.map((column, c) => column.reduce((a, b) => a + (b - m[c]!) ** 2, 0) / (rows - 1));
  const blend = (old: number[], fresh: number[]) =>
    old.map((value, c) => (1 - momentum) * value + momentum * fresh[c]!);
  return [blend(mean!, m), blend(variance!, v)];
}

/** A network with batch norm, averaged weights and counters. */
function normalised() {
  const [scale, mean, variance] = [parameter("bn.weight", [3]), parameter("bn.mean", [3]), parameter("bn.var", [3])];
  const x = input("x", "float32", ["batch", 3]);
  const normed = batchNorm(x, mean, variance, 0.1);
  const weight = parameter("weight", [2, 3]);
  const y = o.matmul(o.mul(normed.y, scale), weight, { transB: true });
  const loss = o.mean(o.square(o.sub(y, input("t", "float32", ["batch", 2]))));
  const parameters = [
    { name: "bn.weight", shape: [3], tensor: scale },
    { name: "weight", shape: [2, 3], tensor: weight },
  ];
  const values = new Map([
    ["bn.weight", float32([3], [1, 1, 1])],
    ["weight", float32([2, 3], waves(6))],
    ["bn.mean", float32([3], [0, 0, 0])],
    ["bn.var", float32([3], [1, 1, 1])],
  ]);
  const batches = input("batches", "int64", []);
  const steps = input("steps", "int64", []);
  const state = [
    { tensor: mean, next: normed.mean },
    { tensor: variance, next: normed.variance },
    { tensor: batches, next: o.add(batches, 1), initial: int64([], [100]) },
    { tensor: steps, next: () => o.add(steps, 1) },
    ...averagedWeights(parameters, values, 0.9),
  ];
  return { loss, parameters, values, state };
}

describe("state without a gradient", () => {
  test.each([1, 3])(
    "twenty steps of batch norm, averaged weights and counters, %i micro-batches",
    async (accumulate) => {
      const { values, ...rest } = normalised();
      let expected = [
        [0, 0, 0],
        [1, 1, 1],
      ];
      let averaged = numbers(values.get("weight"));
      await using trainer = await createTrainer({
        ...rest,
        values,
        accumulate,
        optimizer: adamw(),
        clip: 1,
        compile: compileTrained,
      });
      for (let step = 0; step < 20; step++) {
        const micro = Array.from({ length: accumulate }, (_, i) => batch(4 + i, step * 31 + i * 7));
        await trainer.step(micro, 0.05);
        for (const { x } of micro) expected = statistics(numbers(x), 3, expected, 0.1);
        averaged = averaged.map((old, i) => 0.9 * old + 0.1 * numbers(values.get("weight"))[i]!);
      }
      const near = (name: string, wanted: number[]) =>
        numbers(trainer.state.get(name)).forEach((value, i) => {
          expect(value, `${name} ${i}`).toBeCloseTo(wanted[i]!, 5);
        });
      near("bn.mean", expected[0]!);
      near("bn.var", expected[1]!);
      near("ema/weight", averaged);
      expect(trainer.state.get("batches")!.data[0]).toBe(BigInt(100 + 20 * accumulate));
      expect(trainer.state.get("steps")!.data[0]).toBe(20n);
      // Saved with the model as well, under the checkpoint's name.
      expect(trainer.state.get("bn.mean")).toBe(values.get("bn.mean"));
    },
  );

  test("is part of what is saved: a restored trainer goes on bit by bit", async () => {
    const run = async (
      from: number,
      to: number,
      saved?: { state: Map<string, NdArray>; values: Map<string, NdArray> },
    ) => {
      const { values, ...rest } = normalised();
      await using trainer = await createTrainer({ ...rest, values, optimizer: adamw(), compile: compileTrained });
      if (saved) {
        trainer.restore(saved.state, from);
        for (const [name, { data }] of values) (data as Float32Array).set(saved.values.get(name)!.data as Float32Array);
      }
      for (let step = from; step < to; step++) await trainer.step([batch(5, step * 13)], 0.05);
      const copy = (arrays: ReadonlyMap<string, NdArray>) =>
        new Map([...arrays].map(([name, array]): [string, NdArray] => [name, { ...array, data: array.data.slice() }]));
      return { state: copy(trainer.state), values: copy(values) };
    };
    const whole = await run(0, 9);
    const half = await run(0, 4);
    expect(await run(4, 9, half)).toEqual(whole);
    expect(half).not.toEqual(whole);
    const { batches: _, ...less } = Object.fromEntries(half.state);
    const torn = { ...half, state: new Map(Object.entries(less)) };
    await expect(run(4, 5, torn)).rejects.toMatchObject({ code: "corrupt_file", message: /"batches" of int64\[\]/ });
  });

  test("what cannot be kept is refused, and says why", async () => {
    const { weight, loss, parameters, values } = regression();
    const base = { loss, parameters, values, optimizer: sgd(), compile: compileTrained };
    const s = input("s", "float32", [2, 3]);
    const cases: [NonNullable<TrainerOptions["state"]>, RegExp][] = [
      [[{ tensor: weight, next: weight }], /"weight" is trained/],
      [[{ tensor: o.add(s, 1), next: s }], /a computed value/],
      [[{ tensor: s, next: o.sum(s) }], /next value of "s" is float32\[\], the variable float32\[2, 3\]/],
      [[{ tensor: s, next: () => o.sum(s) }], /next value of "s" is float32\[\]/],
      [[{ tensor: s, next: s, initial: float32([1], [0]) }], /starting value of "s" is float32\[1\]/],
      [
        [
          { tensor: s, next: s },
          { tensor: s, next: s },
        ],
        /two state variables/,
      ],
      [[{ tensor: input("n", "float32", ["n"]), next: s }], /sizes must be numbers/],
      [[{ tensor: input("h", "float16", [1]), next: s }], /is float16: expected one of/],
      // The old weight is gone when it would be read.
      [[{ tensor: s, next: (updated) => o.sub(updated("weight"), weight) }], /reads "weight", whose old value is gone/],
      [[{ tensor: s, next: (updated) => updated("other") }], /no trained parameter "other"/],
      [[{ tensor: parameter("mean", [2, 3]), next: s }], /no starting value for "mean"/],
    ];
    for (const [state, message] of cases) {
      await expect(createTrainer({ ...base, state }), String(message)).rejects.toThrow(message);
    }
    await expect(createTrainer({ ...base, parameters: [] })).rejects.toThrow(/no parameters/);
  });
});

describe("rates", () => {
  const makers = { adamw: adamw(), adafactor: adafactor({ relative_step: false }), sgd: sgd({ momentum: 0.9 }) };

  test.each(Object.entries(makers))(
    "of named groups change between steps, as if written into the graph: %s",
    async (_, optimizer) => {
      const schedule = [
        { lrScale: 1, weightDecay: 0.1 },
        { lrScale: 0.5, weightDecay: 0 },
        { lrScale: 2, weightDecay: 0.3 },
      ];
      const { weight: _w, y: __, error: ___, values, ...rest } = regression();
      let compiled = 0;
      await using trainer = await createTrainer({
        ...rest,
        values,
        optimizer,
        group: () => ({ name: "matrices", lrScale: 1, weightDecay: 0.1 }),
        compile: (g) => {
          compiled++;
          return compileTrained(g);
        },
      });
      const fixed = regression();
      let state: ReadonlyMap<string, NdArray> | undefined;
      for (const [step, rates] of schedule.entries()) {
        // A trainer of its own for every step, with the rates as numbers.
        const { weight: _w, y: __, error: ___, ...other } = fixed;
        await using constant = await createTrainer({
          ...other,
          optimizer,
          group: () => rates,
          compile: compileTrained,
        });
        if (state) constant.restore(state, step);
        await constant.step([batch(4, step)], 0.1);
        state = constant.state;
        await trainer.step([batch(4, step)], 0.1, step === 0 ? {} : { matrices: rates });
        const found = numbers(values.get("weight"));
        numbers(fixed.values.get("weight")).forEach((value, i) => {
          expect(found[i]).toBeCloseTo(value, 6);
        });
      }
      expect(compiled).toBe(1);
    },
  );

  test("a group that is not there, or has two rates, is refused", async () => {
    const { weight: _, y: __, error: ___, ...rest } = regression();
    const base = { ...rest, optimizer: sgd(), compile: compileTrained };
    await using trainer = await createTrainer({ ...base, group: () => ({ name: "all", lrScale: 1, weightDecay: 0 }) });
    await expect(trainer.step([batch(2)], 1, { none: { lrScale: 2 } })).rejects.toThrow(
      /no group "none".*there are all/,
    );
    const other = parameter("other", [1]);
    const two = createTrainer({
      ...base,
      loss: o.add(base.loss, o.sum(o.square(other))),
      parameters: [...base.parameters, { name: "other", shape: [1], tensor: other }],
      values: new Map([...base.values, ["other", float32([1], [1])]]),
      group: (name) => ({ name: "all", lrScale: name.length, weightDecay: 0 }),
    });
    await expect(two).rejects.toThrow(/"all" has two different rates/);
  });
});

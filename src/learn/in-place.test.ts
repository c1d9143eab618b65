/**
 * An output written into an input's memory must depend on every other use of that input. Each of these graphs has such
 * a use that the update does not need; repeated, as the engine may happen to do the right thing once.
 */
import { expect, test } from "vitest";
import { float32, type NdArray } from "../graph/array.ts";
import * as o from "../graph/operators.ts";
import { input, parameter, type Tensor } from "../graph/tensor.ts";
import { compile } from "../runtime/compile-node.ts";
import { sgd } from "./optimizers.ts";
import { createTrainer, type TrainerOptions } from "./trainer.ts";

const compileTrained: TrainerOptions["compile"] = (g) =>
  compile(g, { threads: 2, trained: () => true, optimize: "disabled" });
const numbers = (array: NdArray | undefined) => Array.from(array!.data as Float32Array, Number);
const waves = (count: number, from = 1) => Array.from({ length: count }, (_, i) => Math.sin(1.7 * (i + from) + from));
/** A value that comes late, and the same of a number. */
const deep = (x: Tensor) => Array.from({ length: 20 }).reduce<Tensor>((y) => o.add(o.tanh(y), 1e-3), x);
const deepValue = (x: number) => Array.from({ length: 20 }).reduce<number>((y) => Math.tanh(y) + 1e-3, x);

const size = 64;
const start = () => new Map([["w", float32([size, size], waves(size * size))]]);
const plain = waves(size * size).map(Math.fround);
const near = (found: number, wanted: number) => expect(Math.abs(found - wanted)).toBeLessThan(1e-3 * Math.abs(wanted));

test("a loss that is linear in a weight, and outputs that are not differentiated", async () => {
  const w = parameter("w", [size, size]);
  const c = input("c", "float32", [size, size]);
  const values = start();
  await using trainer = await createTrainer({
    loss: o.sum(o.mul(o.transpose(w, [1, 0]), c)),
    outputs: { deep: o.sum(deep(o.neg(w))), squares: o.sum(o.square(w)) },
    parameters: [{ name: "w", shape: [size, size], tensor: w }],
    values,
    optimizer: sgd(),
    compile: compileTrained,
  });
  const given = waves(size * size, 7).map(Math.fround);
  for (let step = 0; step < 5; step++) {
    const before = numbers(values.get("w"));
    const { loss, outputs } = await trainer.step([{ c: float32([size, size], given) }], 3);
    near(
      loss,
      before.reduce((sum, _, i) => sum + before[(i % size) * size + Math.floor(i / size)]! * given[i]!, 0),
    );
    near(
      Number(outputs.squares[0]!.data[0]),
      before.reduce((sum, x) => sum + x * x, 0),
    );
    near(
      Number(outputs.deep[0]!.data[0]),
      before.reduce((sum, x) => sum + deepValue(-x), 0),
    );
  }
});

test("a product that takes over a transpose which the gradient needs as well", async () => {
  const w = parameter("w", [size, size]);
  const turned = o.transpose(w, [1, 0]);
  const late = deep(input("c", "float32", [size, size]));
  const values = start();
  await using trainer = await createTrainer({
    loss: o.sum(o.square(turned)),
    outputs: { product: o.matmul(late, turned) },
    parameters: [{ name: "w", shape: [size, size], tensor: w }],
    values,
    optimizer: sgd(),
    compile: compileTrained,
  });
  for (let step = 0; step < 3; step++) {
    const before = numbers(values.get("w"));
    const one = float32([size, size], new Array(size * size).fill(1));
    const { outputs } = await trainer.step([{ c: one }], 0.3);
    const times = deepValue(1);
    near(
      Number(outputs.product[0]!.data[3]),
      before.slice(3 * size, 4 * size).reduce((sum, x) => sum + times * x, 0),
    );
  }
});

/** The value of w, late, besides what has a gradient: what is there for gradients only is neither awaited nor a copy. */
const unseen: Record<string, (w: Tensor, late: Tensor, x: Tensor) => { part: Tensor; sum: Tensor }> = {
  // x forward, the sum's gradient backward, which needs neither the sum nor what it is made of.
  "given to a gradient rule of one's own": (w, late, x) => {
    const sum = o.add(late, w);
    return { sum, part: o.withGradient(x, [sum], ({ g }) => [g]) };
  },
  "behind stopGradient": (w, late) => {
    const frozen = o.stopGradient(w);
    return { sum: o.add(late, frozen), part: o.mul(w, frozen) };
  },
};
test.each(Object.entries(unseen))("an output %s", async (_, write) => {
  const w = parameter("w", [size, size]);
  const x = input("x", "float32", [size, size]);
  const { part, sum } = write(w, deep(input("c", "float32", [])), x);
  await using trainer = await createTrainer({
    loss: o.add(o.sum(o.square(part)), o.sum(x)),
    outputs: { sum },
    parameters: [{ name: "w", shape: [size, size], tensor: w }],
    values: start(),
    optimizer: sgd(),
    compile: compileTrained,
  });
  const feeds = { c: float32([], [1]), x: float32([size, size], new Array(size * size).fill(1)) };
  for (let step = 0; step < 3; step++) {
    const before = numbers(trainer.values.get("w"));
    const { outputs } = await trainer.step([feeds], 0.3);
    numbers(outputs.sum[0]).forEach((value, i) => {
      expect(value).toBeCloseTo(deepValue(1) + before[i]!, 4);
    });
    expect(numbers(trainer.values.get("w"))).not.toEqual(before);
  }
});

test("variables that read each other, themselves out of order, and weights", async () => {
  const w = parameter("w", [size, size]);
  const x = input("x", "float32", [size]);
  const variable = (name: string) => input(name, "float32", [size, size]);
  const [a, b, queue, copy, turning] = [
    variable("a"),
    variable("b"),
    variable("queue"),
    variable("copy"),
    variable("turning"),
  ];
  const y = o.matmul(w, o.reshape(x, [size, 1]));
  const values = start();
  const row = o.reshape(x, [1, size]);
  await using trainer = await createTrainer({
    // The gradient reads b, too, long after b's next value could be there.
    loss: o.add(o.mean(o.square(y)), o.mean(o.mul(o.tanh(o.mul(w, b)), 0.1))),
    outputs: { after: o.sum(queue) },
    state: [
      { tensor: a, next: b, initial: float32([size, size], plain) },
      { tensor: b, next: a },
      // A queue: the rows move up, the new one comes last.
      { tensor: queue, next: o.concat([o.slice(queue, 0, 1), row], 0) },
      { tensor: copy, next: o.transpose(w, [1, 0]) },
      // Nobody else reads this one: only its own node could read what it has written already.
      { tensor: turning, next: o.transpose(turning, [1, 0]), initial: float32([size, size], plain) },
    ],
    parameters: [{ name: "w", shape: [size, size], tensor: w }],
    values,
    optimizer: sgd(),
    compile: compileTrained,
  });
  const rows: number[][] = Array.from({ length: size }, () => new Array(size).fill(0));
  const zero = new Array(size * size).fill(0);
  for (let step = 1; step <= 6; step++) {
    const before = numbers(values.get("w"));
    const sent = waves(size, step).map(Math.fround);
    const { outputs } = await trainer.step([{ x: float32([size], sent) }], 0.1);
    const inQueue = rows.flat().reduce((p, q) => p + q, 0);
    expect(Number(outputs.after[0]!.data[0])).toBeCloseTo(inQueue, 2);
    rows.push(sent);
    rows.shift();
    expect(numbers(trainer.state.get("queue"))).toEqual(rows.flat());
    expect(numbers(trainer.state.get("a"))).toEqual(step % 2 === 0 ? plain : zero);
    expect(numbers(trainer.state.get("b"))).toEqual(step % 2 === 1 ? plain : zero);
    const transposed = (matrix: number[]) => matrix.map((_, i) => matrix[(i % size) * size + Math.floor(i / size)]);
    expect(numbers(trainer.state.get("copy"))).toEqual(transposed(before));
    expect(numbers(trainer.state.get("turning"))).toEqual(step % 2 === 1 ? transposed(plain) : plain);
  }
});

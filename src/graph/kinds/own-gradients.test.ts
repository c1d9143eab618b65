/** Gradients of one's own: nothing of them is left when lowered, and slopes are those asked for. */
import { describe, expect, test } from "vitest";
import { fromArray } from "../../../test/support/plain.ts";
import { runGraph } from "../../../test/support/run-graph.ts";
import { float32 } from "../array.ts";
import { gradients } from "../differentiate.ts";
import { dump, graph } from "../graph.ts";
import { lower } from "../lower.ts";
import * as o from "../operators.ts";
import { full, input, type Tensor } from "../tensor.ts";

const values = [-2.6, -1, -0.2, 0.3, 1.1, 3];
const feed = float32([6], values);
const x = input("x", "float32", [6]);

const run = async (outputs: Record<string, Tensor>) => {
  const out = await runGraph(graph(outputs), { x: feed });
  return Object.fromEntries(Object.entries(out).map(([name, value]) => [name, [...fromArray(value).data]]));
};

const close = (got: readonly number[], wanted: readonly number[], digits = 4) => {
  expect(got).toHaveLength(wanted.length);
  got.forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i]!, digits);
  });
};

const slope = (f: (v: number) => number, h: number) => (v: number) => (f(v + h) - f(v - h)) / (2 * h);

test("nothing flows through stopGradient, by whatever else it flows", async () => {
  const y = o.sum(o.mul(o.stopGradient(o.square(x)), x));
  const [d] = gradients(y, [x]);
  const [none] = gradients(o.sum(o.exp(o.stopGradient(x))), [x]);
  const { d: got, none: zeros } = await run({ d: d!, none: none! });
  close(
    got!,
    values.map((v) => v * v),
  );
  expect(zeros).toEqual(values.map(() => 0));
});

test("a straight-through estimator has the value of one side and the slope of the other", async () => {
  const y = o.straightThrough(o.round(x), o.mul(o.tanh(x), 3));
  const [d] = gradients(o.sum(y), [x]);
  const [second] = gradients(o.sum(d!), [x]);
  const out = await run({ y, d: d!, second: second! });
  close(
    out.y!,
    values.map((v) => Math.sign(v) * Math.round(Math.abs(v))),
  );
  close(out.d!, values.map(slope((v) => 3 * Math.tanh(v), 1e-5)));
  close(
    out.second!,
    values.map(
      slope(
        slope((v) => 3 * Math.tanh(v), 1e-4),
        1e-4,
      ),
    ),
    3,
  );
  expect(() => o.straightThrough(o.cast(x, "int64"), x)).toThrow(/int64\[6\] to float32\[6\]/);
  expect(() => o.straightThrough(o.sum(x), x)).toThrow(/one type and shape/);
});

/** Two values with one rule: r = √(1 + x²) and x / r, the slopes written with the results. */
function pair(at: Tensor): readonly [Tensor, Tensor] {
  const r = o.sqrt(o.add(o.square(at), 1));
  const [y, z] = o.withGradients([r, o.div(at, r)], [at], ({ gs: [g, h], y: [r, z] }) => {
    const parts = [g && o.mul(g, z!), h && o.div(h, o.mul(o.square(r!), r!))].flatMap((part) => part ?? []);
    return [parts.reduce((a, b) => o.add(a, b))];
  });
  return [y!, z!];
}

describe("a rule of one's own", () => {
  test("first and second derivatives are those of central differences where it is the true one", async () => {
    const [y, z] = pair(x);
    const loss = o.sum(o.add(o.mul(y, 2), o.square(z)));
    const f = (v: number) => 2 * Math.sqrt(1 + v * v) + v ** 2 / (1 + v * v);
    const [d] = gradients(loss, [x]);
    const [second] = gradients(o.sum(d!), [x]);
    const out = await run({ d: d!, second: second! });
    close(out.d!, values.map(slope(f, 1e-5)));
    close(out.second!, values.map(slope(slope(f, 1e-3), 1e-3)), 3);
  });

  test("is taken instead of what the values are made of, for one output alone too", async () => {
    const twice = o.withGradient(o.square(x), [x], ({ g }) => [o.mul(g, 10)]);
    const [d] = gradients(o.sum(twice), [x]);
    const [first] = gradients(o.sum(pair(x)[0]), [x]);
    const out = await run({ d: d!, first: first! });
    close(
      out.d!,
      values.map(() => 10),
    );
    close(
      out.first!,
      values.map((v) => v / Math.sqrt(1 + v * v)),
    );
  });

  test("may give nothing to an input, and is refused gradients that do not fit", () => {
    const w = input("w", "float32", [6]);
    const y = o.withGradient(o.mul(x, w), [x, w], ({ g, x: [, w] }) => [o.mul(g, w!), null]);
    const [, dw] = gradients(o.sum(y), [x, w]);
    expect(dump(graph({ dw: dw! }))).not.toContain("Mul");
    const wrong = o.withGradient(x, [x], ({ g }) => [o.sum(g)]);
    expect(() => gradients(o.sum(wrong), [x])).toThrow(/gives float32\[\] for input 0: expected float32\[6\]/);
    const few = o.withGradient(x, [x, w], ({ g }) => [g]);
    expect(() => gradients(o.sum(few), [x])).toThrow(/1 gradients for 2 inputs/);
  });

  test("is named in a listing, not printed", () => {
    const y = o.withGradient(o.exp(x), [x], function half({ g }) {
      return [o.mul(g, 0.5)];
    });
    expect(dump(graph({ y }))).toContain("CustomGradient(%");
    expect(dump(graph({ y }))).toContain("rule=half}");
  });
});

test("lowering adds no node, not even for a value that is an output", () => {
  const soft = o.tanh(o.mul(x, 2));
  const hard = o.round(soft);
  const plain = o.matmul(o.reshape(o.exp(hard), [6, 1]), o.transpose(o.reshape(hard, [6, 1]), [1, 0]));
  const through = o.straightThrough(hard, soft);
  const turned = o.stopGradient(o.transpose(o.stopGradient(o.reshape(through, [6, 1])), [1, 0]));
  const marked = o.stopGradient(o.matmul(o.reshape(o.exp(through), [6, 1]), turned));
  const [d] = gradients(o.sum(marked), [x]);
  expect(d).toBeDefined();
  const count = (y: Tensor, target: "cpu" | "onnx") =>
    lower(graph({ y }), { target })
      .nodes.map(({ op }) => op)
      .sort();
  for (const target of ["cpu", "onnx"] as const) expect(count(marked, target)).toEqual(count(plain, target));
  expect(count(marked, "cpu")).not.toContain("Identity");
});

test("softplus has the slope 1/2 at 0, and SiLU and quick GELU are x times a sigmoid", async () => {
  const zero = input("x", "float32", [1]);
  const [d] = gradients(o.sum(o.softplus(zero)), [zero]);
  const at0 = await runGraph(graph({ d: d! }), { x: float32([1], [0]) });
  expect(at0.d!.data[0]).toBe(0.5);
  const large = await runGraph(graph({ y: o.softplus(x) }), { x: float32([6], [-200, -30, 0, 30, 90, 200]) });
  close([...fromArray(large.y!).data], [0, 0, Math.LN2, 30, 90, 200]);
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  const [ds, dq] = [o.silu(x), o.quickGelu(x)].map((y) => gradients(o.sum(y), [x])[0]!);
  const out = await run({ s: o.silu(x), q: o.quickGelu(x), ds: ds!, dq: dq! });
  const functions = { s: (v: number) => v * sigmoid(v), q: (v: number) => v * sigmoid(1.702 * v) };
  close(out.s!, values.map(functions.s));
  close(out.q!, values.map(functions.q));
  close(out.ds!, values.map(slope(functions.s, 1e-5)));
  close(out.dq!, values.map(slope(functions.q, 1e-5)));
});

test("slopes of ELU stay finite where its exponent would not", async () => {
  const [d] = gradients(o.sum(o.elu(x, 0.5)), [x]);
  const out = await runGraph(graph({ d: d! }), { x: float32([6], [-200, -1, 0, 1, 100, 2000]) });
  close([...fromArray(out.d!).data], [0, 0.5 * Math.exp(-1), 0.5, 1, 1, 1]);
});

test("constants of 16-bit floats are rounded to, and numbers beside them are", async () => {
  const half = o.cast(x, "float16");
  const scaled = o.add(o.mul(half, 0.1), 1);
  expect(o.mul(half, 1)).toBe(half);
  const product = o.matmul(o.reshape(scaled, [1, 6]), o.reshape(scaled, [6, 1]), { alpha: 0.5 });
  for (const target of ["cpu", "onnx"] as const) {
    const g = graph({ y: o.cast(scaled, "float32"), p: o.cast(product, "float32") });
    const out = await runGraph(g, { x: feed }, { target });
    close(
      [...fromArray(out.y!).data],
      values.map((v) => 1 + v / 10),
      2,
    );
    const sum = values.reduce((total, v) => total + (1 + v / 10) ** 2 / 2, 0);
    expect(Math.abs(Number(out.p!.data[0]) - sum)).toBeLessThan(0.02);
  }
  const one = o.cast(o.oneHot(o.cast(o.relu(x), "int64"), 4, "float16"), "float32");
  const rows = await runGraph(graph({ one }), { x: feed });
  expect([...fromArray(rows.one!).data].slice(-4)).toEqual([0, 0, 0, 1]);
  const wide = await runGraph(graph({ y: o.add(x, o.cast(full("bfloat16", 1.5, [6]), "float32")) }), { x: feed });
  close(
    [...fromArray(wide.y!).data],
    values.map((v) => v + 1.5),
  );
});

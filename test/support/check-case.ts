/** One random application of an operator as a graph with its first and second gradients, and what they should be. */

import { ZerothError } from "../../src/errors.ts";
import type { NdArray } from "../../src/graph/array.ts";
import { gradients } from "../../src/graph/differentiate.ts";
import type { Dim } from "../../src/graph/dims.ts";
import { isFloat } from "../../src/graph/dtype.ts";
import { type Graph, graph } from "../../src/graph/graph.ts";
import { add, apply, mul, sum } from "../../src/graph/operators.ts";
import { rowOf } from "../../src/graph/rules/rules.ts";
import { type Attributes, input, type OpName, type OpNode, type Tensor } from "../../src/graph/tensor.ts";
import type { Case } from "./cases/draw.ts";
import { referenceOf } from "./cases.ts";
import { type Plain, toArray } from "./plain.ts";
import type { Feeds } from "./run-graph.ts";

export interface Expected {
  readonly name: string;
  readonly value: Plain;
  readonly tolerance: number;
}

export interface Problem {
  readonly graph: Graph;
  readonly feeds: Feeds;
  /** What each output should be; computed on demand, since central differences take time. */
  expected(): Expected[];
}

/** Fixed weights that make a scalar of any output, so that its gradient shows every element. */
const weightsFor = (shape: readonly number[], salt: number): Plain => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Array.from({ length: size }, (_, i) => Math.fround(Math.sin(i * 1.7 + salt) + 0.2));
  return { dtype: "float32", shape, data };
};

const dot = (a: Plain, b: Plain) => a.data.reduce((total, value, i) => total + value * b.data[i]!, 0);

/** A kernel's output with NaN, which is anything, where the reference has it: places of a cache that nobody has written. */
export function known<K extends OpName>(op: K, c: Case<K>, output: string, value: Plain): Plain {
  const wanted = referenceOf(op)(c.inputs, c.attributes)[Number(output.slice(1))];
  return { ...value, data: value.data.map((x, i) => (Number.isNaN(wanted?.data[i]) ? Number.NaN : x)) };
}

/** The inputs the operator's rule gives gradients for. */
function differentiable(outputs: readonly Tensor[]): number[] {
  const { op, inputs, attributes } = outputs[0]!.node as OpNode;
  const parts = rowOf(op).gradient({ g: outputs[0]!, gs: outputs, x: inputs, y: outputs, attributes });
  return inputs.flatMap((x, i) => (parts[i] && isFloat(x.dtype) ? [i] : []));
}

/** How a size of the inputs is declared in the graph: itself, or a symbol. */
export type Naming = (size: number) => Dim;

/** Attributes that hold sizes of the inputs, declared the same way. */
function renamed<K extends OpName>(op: K, attributes: Attributes[K], naming: Naming): Attributes[K] {
  if (op === "NonZero") return { ...attributes, count: naming((attributes as Attributes["NonZero"]).count as number) };
  if (op !== "Reshape" && op !== "Expand") return attributes;
  const { shape } = attributes as Attributes["Reshape"];
  return { ...attributes, shape: shape.map((dim) => naming(dim as number)) };
}

/** The graph of a case: outputs y0…, gradients d0… and, with `second`, directional second derivatives s0…. */
export function problem<K extends OpName>(op: K, c: Case<K>, second: boolean, naming: Naming = (n) => n): Problem {
  const attributes = renamed(op, c.attributes, naming);
  const inputs = c.inputs.map((x, i) => input(`x${i}`, x.dtype, x.shape.map(naming)));
  const outputs = apply(op, inputs, attributes);
  const named: Record<string, Tensor> = {};
  outputs.forEach((y, i) => {
    named[`y${i}`] = y;
  });
  const reference = referenceOf(op);
  const results = reference(c.inputs, c.attributes);
  const floats = outputs.flatMap((y, i) => (y.dtype === "float32" ? [i] : []));
  const wanted = floats.length > 0 ? differentiable(outputs) : [];
  const weights = results.map((y, i) => weightsFor(y.shape, i));
  const directions = c.inputs.map((x, i) => weightsFor(x.shape, i + 7));
  const scalar = (terms: readonly Tensor[]) => terms.map((t) => sum(t)).reduce((a, b) => add(a, b));
  const feeds: Record<string, NdArray> = {};
  c.inputs.forEach((x, i) => {
    feeds[`x${i}`] = toArray(x);
  });
  const weighted = (values: readonly Tensor[], by: readonly Plain[], name: string) =>
    scalar(
      values.map((value, i) => {
        feeds[`${name}${i}`] = toArray(by[i]!);
        return mul(value, input(`${name}${i}`, "float32", value.shape));
      }),
    );
  if (wanted.length > 0) {
    const loss = weighted(
      floats.map((i) => outputs[i]!),
      floats.map((i) => weights[i]!),
      "w",
    );
    const sources = wanted.map((i) => inputs[i]!);
    const first = gradients(loss, sources);
    wanted.forEach((i, n) => {
      named[`d${i}`] = first[n]!;
    });
    if (second) {
      const again = gradients(
        weighted(
          first,
          wanted.map((i) => directions[i]!),
          "v",
        ),
        sources,
      );
      wanted.forEach((i, n) => {
        named[`s${i}`] = again[n]!;
      });
    }
  }

  /** The loss with every wanted input moved along its direction and one element moved alone. */
  const lossAt = (along: number, which: number, element: number, step: number): number => {
    const moved = c.inputs.map((x, i): Plain => {
      if (!wanted.includes(i)) return x;
      const data = x.data.map(
        (v, n) => v + along * directions[i]!.data[n]! + (i === which && n === element ? step : 0),
      );
      return { ...x, data };
    });
    const ys = reference(moved, c.attributes);
    return floats.reduce((total, i) => total + dot(ys[i]!, weights[i]!), 0);
  };
  const perElement = (i: number, f: (n: number) => number): Plain => ({
    ...c.inputs[i]!,
    data: c.inputs[i]!.data.map((_, n) => f(n)),
  });
  const [h, k] = [1e-5, 2e-4];
  return {
    graph: graph(named),
    feeds,
    expected: () => [
      ...results.map((value, i) => ({ name: `y${i}`, value, tolerance: 2e-5 })),
      ...wanted.map((i) => ({
        name: `d${i}`,
        value: perElement(i, (n) => (lossAt(0, i, n, h) - lossAt(0, i, n, -h)) / (2 * h)),
        tolerance: 2e-4,
      })),
      ...(second ? wanted : []).map((i) => ({
        name: `s${i}`,
        value: perElement(
          i,
          (n) => (lossAt(k, i, n, k) - lossAt(k, i, n, -k) - lossAt(-k, i, n, k) + lossAt(-k, i, n, -k)) / (4 * k * k),
        ),
        tolerance: 2e-3,
      })),
    ],
  };
}

/**
 * The first element that differs by more than the tolerance, relative to the largest value, in words. Where NaN is
 * expected anything may be.
 */
export function difference(got: Plain, { name, value, tolerance }: Expected): string | undefined {
  if (got.dtype !== value.dtype) return `${name}: dtype ${got.dtype}, expected ${value.dtype}`;
  if (got.shape.join() !== value.shape.join()) return `${name}: shape [${got.shape}], expected [${value.shape}]`;
  const scale = value.data.reduce((top, v) => (Number.isFinite(v) ? Math.max(top, Math.abs(v)) : top), 1);
  const exact = !isFloat(value.dtype);
  const wrong = got.data.findIndex((v, i) => {
    const e = value.data[i]!;
    if (v === e || Number.isNaN(e)) return false;
    return exact || !(Math.abs(v - e) <= tolerance * scale);
  });
  return wrong < 0 ? undefined : `${name}[${wrong}] is ${got.data[wrong]}, expected ${value.data[wrong]}`;
}

/** What a slice of a symbolic size promises. */
function staysInside({ inputs, attributes: { axis, start, end, step } }: Case<"Slice">): boolean {
  if (step < 0) return true;
  const size = inputs[0]!.shape[axis]!;
  const [from, to] = [start, Math.min(end, size)].map((at) => (at < 0 ? at + size : at)) as [number, number];
  return from >= 0 && from <= to && (end === Infinity || end <= size);
}

/** The case with as many sizes as symbols as the operator takes: all, or those equal to the first one's, or none. */
export function symbolic(op: OpName, c: Case, second: boolean): Problem | undefined {
  if (op === "Slice" && !staysInside(c as Case<"Slice">)) return undefined;
  const first = c.inputs[0]?.shape[0];
  const symbols: Naming[] = [(n) => (n > 1 ? `s${n}` : n), (n) => (n === first && n > 1 ? "batch" : n)];
  for (const naming of symbols) {
    if (!c.inputs.some(({ shape }) => shape.some((n) => typeof naming(n) === "string"))) continue;
    try {
      return problem(op, c, second, naming);
    } catch (error) {
      // A size that must be a number is one of these; anything else is a fault.
      if (!(error instanceof ZerothError) || error.code === "internal") throw error;
    }
  }
  return undefined;
}

import { describe, expect, test } from "vitest";
import { parameter } from "../graph/tensor.ts";
import { fans, initialValue } from "./initial.ts";
import * as s from "./scope.ts";

const draw = (shape: readonly number[], initial: s.Initial, { name = "layer.weight", seed = 1 } = {}) =>
  initialValue({ name, shape, initial, tensor: parameter(name, shape) }, seed).data as Float32Array;

function moments(data: Float32Array) {
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length;
  return { mean, std: Math.sqrt(variance), low: Math.min(...data), high: Math.max(...data) };
}

test("normal numbers are those that earlier models started with", () => {
  const found = draw([5], s.normal(0.5), { name: "encoder.final_layer_norm.weight", seed: 7 });
  expect(Array.from(found)).toEqual([
    -0.01957581751048565, -0.1716119796037674, 0.0971374437212944, -0.5275716781616211, 0.07779364287853241,
  ]);
});

test("follow from seed, name and place", () => {
  for (const initial of [s.normal(1), s.uniformInit(-1, 1), s.truncatedNormal(1), s.xavierUniform()]) {
    const one = draw([30, 40], initial);
    expect(draw([30, 40], initial)).toEqual(one);
    expect(draw([30, 40], initial, { seed: 2 })).not.toEqual(one);
    expect(draw([30, 40], initial, { name: "other" })).not.toEqual(one);
    expect(new Set(one).size).toBeGreaterThan(1195);
  }
  expect(draw([10], s.normal(1))).toEqual(draw([20], s.normal(1)).slice(0, 10));
});

/** A shape, its fans, and rows of: how it is drawn, mean, standard deviation, bound (none for normal numbers). */
const linear = [300, 200] as const;
const convolution = [64, 32, 5, 7] as const;
const uniformStd = (bound: number) => bound / Math.sqrt(3);
/** Of a normal of deviation 1 between −2 and 2: √(1 − 4 φ(2) / (Φ(2) − Φ(−2))). */
const cutStd = Math.sqrt(1 - (4 * (Math.exp(-2) / Math.sqrt(2 * Math.PI))) / 0.9544997361036416);

test.each<[string, readonly number[], s.Initial, number, number, [number, number]?]>([
  ["normal", linear, s.normal(0.02), 0, 0.02],
  ["normal around 3", linear, { kind: "normal", std: 2, mean: 3 }, 3, 2],
  ["uniform", linear, s.uniformInit(-1, 3), 1, uniformStd(2), [-1, 3]],
  ["truncated", linear, s.truncatedNormal(1), 0, cutStd, [-2, 2]],
  ["truncated around 5", linear, s.truncatedNormal(0.1, { mean: 5, low: 4.8, high: 5.2 }), 5, 0.1 * cutStd, [4.8, 5.2]],
  // A half normal: mean √(2 / π), deviation √(1 − 2 / π).
  [
    "half a normal",
    linear,
    s.truncatedNormal(1, { low: 0, high: 50 }),
    Math.sqrt(2 / Math.PI),
    Math.sqrt(1 - 2 / Math.PI),
    [0, 5],
  ],
  ["Xavier uniform", linear, s.xavierUniform(), 0, Math.sqrt(2 / 500), [-Math.sqrt(6 / 500), Math.sqrt(6 / 500)]],
  ["Xavier normal, of tanh", linear, s.xavierNormal(s.gainOf("tanh")), 0, (5 / 3) * Math.sqrt(2 / 500)],
  [
    "Xavier uniform of a convolution",
    convolution,
    s.xavierUniform(2),
    0,
    2 * Math.sqrt(2 / (96 * 35)),
    [-2 * Math.sqrt(6 / (96 * 35)), 2 * Math.sqrt(6 / (96 * 35))],
  ],
  ["Kaiming uniform", linear, s.kaimingUniform(), 0, Math.sqrt(2 / 200), [-Math.sqrt(6 / 200), Math.sqrt(6 / 200)]],
  ["Kaiming normal, fan out", linear, s.kaimingNormal({ fan: "out" }), 0, Math.sqrt(2 / 300)],
  [
    "Kaiming normal of a convolution",
    convolution,
    s.kaimingNormal({ gain: s.gainOf("leaky_relu", 0.2) }),
    0,
    Math.sqrt(2 / 1.04 / (32 * 35)),
  ],
])("%s: mean, deviation, bounds", (_, shape, initial, mean, std, bounds) => {
  const data = draw(shape, initial);
  const found = moments(data);
  const error = 4 / Math.sqrt(data.length);
  expect(Math.abs(found.mean - mean)).toBeLessThan(error * std);
  expect(Math.abs(found.std / std - 1)).toBeLessThan(error);
  if (bounds) {
    const [low, high] = bounds;
    const step = 1e-6 * (high - low);
    expect(found.low).toBeGreaterThanOrEqual(low - step);
    expect(found.high).toBeLessThanOrEqual(high + step);
    // They are filled, to about a thousandth; the half normal's upper bound is never reached.
    expect(found.low).toBeLessThan(low + (high - low) / 100);
    expect(found.high).toBeGreaterThan(high - (high - low) / 4);
  } else {
    // Normal tails: of tens of thousands some lie beyond 3.5 deviations, none beyond 6.
    expect(found.high - mean).toBeGreaterThan(3.4 * std);
    expect(found.high - mean).toBeLessThan(6 * std);
  }
});

test("gains are PyTorch's", () => {
  const names = ["linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu"] as const;
  // torch.nn.init.calculate_gain of each.
  const expected = [1, 1, 1.6666666666666667, Math.SQRT2, 0.75, 1.4141428569978354];
  expect(names.map((name) => s.gainOf(name))).toEqual(expected);
});

describe("orthogonal", () => {
  test.each([[[6, 6]], [[9, 4]], [[4, 9]], [[3, 2, 2, 2]], [[70, 50]]])(
    "%j: at right angles, of length gain",
    (shape) => {
      const data = draw(shape, s.orthogonal(2));
      const rows = shape[0]!;
      const columns = data.length / rows;
      const few = Math.min(rows, columns);
      const at = (vector: number, i: number) =>
        rows < columns ? data[vector * columns + i]! : data[i * columns + vector]!;
      for (let a = 0; a < few; a++) {
        for (let b = 0; b <= a; b++) {
          let dot = 0;
          for (let i = 0; i < Math.max(rows, columns); i++) dot += at(a, i) * at(b, i);
          expect(Math.abs(dot - (a === b ? 4 : 0))).toBeLessThan(2e-6);
        }
      }
    },
  );

  test("has no direction it prefers: the first number has mean 0 and variance 1 / size", () => {
    const firsts = Float32Array.from({ length: 2000 }, (_, seed) => draw([4, 4], s.orthogonal(), { seed })[0]!);
    const { mean, std } = moments(firsts);
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.abs(std - 0.5)).toBeLessThan(0.03);
    // Half of them turn the sense of rotation.
    const determinants = Array.from({ length: 400 }, (_, seed) => {
      const [a, b, c, d] = draw([2, 2], s.orthogonal(), { seed });
      return a! * d! - b! * c!;
    });
    for (const value of determinants) expect(Math.abs(Math.abs(value) - 1)).toBeLessThan(1e-5);
    expect(Math.abs(determinants.filter((value) => value > 0).length - 200)).toBeLessThan(50);
  });
});

test("identity: eye of a matrix, dirac of a convolution", () => {
  expect(Array.from(draw([2, 3], s.identityInit))).toEqual([1, 0, 0, 0, 1, 0]);
  expect(Array.from(draw([2, 2, 3], s.identityInit))).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
  const kernel = draw([3, 2, 3, 4], s.identityInit);
  // The middle of 3 × 4 is (1, 2), of out 0 in 0 and out 1 in 1.
  expect([...kernel.entries()].filter(([, value]) => value !== 0)).toEqual([
    [6, 1],
    [(1 * 2 + 1) * 12 + 6, 1],
  ]);
});

test("fans of matrices and convolutions; what has none is refused", () => {
  expect(fans([5, 3])).toEqual({ in: 3, out: 5 });
  expect(fans([5, 3, 2, 4])).toEqual({ in: 24, out: 40 });
  for (const initial of [s.xavierUniform(), s.kaimingNormal(), s.orthogonal(), s.identityInit]) {
    expect(() => draw([5], initial)).toThrow(/"layer.weight" of shape \[5\].*2 axes or more/);
  }
  expect(() => draw([5], s.truncatedNormal(1, { low: 20, high: 30 }))).toThrow(/lies next to nothing/);
  expect(() => draw([5], s.truncatedNormal(1, { low: 2, high: -2 }))).toThrow(/between 2 and -2/);
  for (const initial of [s.orthogonal(), s.xavierUniform(), s.identityInit])
    expect(draw([0, 3], initial).length).toBe(0);
});

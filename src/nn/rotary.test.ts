/** Rotation of heads against plain numbers. */
import { expect, test } from "vitest";
import { expectClose } from "../../test/support/fixtures.ts";
import { runGraph } from "../../test/support/run-graph.ts";
import { float32, int64 } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import { input } from "../graph/tensor.ts";
import { anglesAt, type Rotary, rotate } from "./rotary.ts";

const [rows, length, heads, size] = [2, 5, 3, 8];
const values = Float32Array.from({ length: rows * length * heads * size }, (_, i) => Math.sin(1.7 * i));
// The second row begins with two places of padding.
const positions = [0, 1, 2, 3, 40, 0, 0, 0, 1, 1000];

/** (a, b) of every pair becomes (a cos − b sin, b cos + a sin), the angle being position · θ^(−2j/width). */
function rotated(width: number, theta: number, pairs: Rotary["pairs"], magnitude = 1): number[] {
  const out = [...values];
  for (let place = 0; place < rows * length; place++) {
    for (let head = 0; head < heads; head++) {
      const begin = (place * heads + head) * size;
      for (let j = 0; j < width / 2; j++) {
        const angle = positions[place]! * theta ** ((-2 * j) / width);
        const [i, k] = pairs === "half" ? [begin + j, begin + width / 2 + j] : [begin + 2 * j, begin + 2 * j + 1];
        const [a, b] = [values[i]!, values[k]!];
        out[i] = magnitude * (a * Math.cos(angle) - b * Math.sin(angle));
        out[k] = magnitude * (b * Math.cos(angle) + a * Math.sin(angle));
      }
    }
  }
  return out;
}

async function turned(rotary: Rotary): Promise<Float32Array> {
  const x = input("x", "float32", ["rows", "length", heads * size]);
  const places = input("positions", "int64", ["rows", "length"]);
  const angles = anglesAt(rotary, { positions: places, lengths: () => places });
  const feeds = {
    x: float32([rows, length, heads * size], values),
    positions: int64([rows, length], positions),
  };
  const { y } = await runGraph(graph({ y: rotate(x, heads, angles) }), feeds);
  expect(y!.shape).toEqual([rows, length, heads * size]);
  return y!.data as Float32Array;
}

const scaling = { kind: "default" } as const;

test.each([
  ["all channels, halves", 8, "half"],
  ["all channels, neighbours", 8, "interleaved"],
  ["some channels, halves", 4, "half"],
  ["some channels, neighbours", 4, "interleaved"],
  ["one pair", 2, "half"],
] as const)("%s", async (_, width, pairs) => {
  // Angles of a thousand radians are rounded to float32 before their sine is taken.
  expectClose(await turned({ width, theta: 10000, scaling, pairs }), rotated(width, 10000, pairs), 1e-4, "rotated");
});

test("channels that do not turn pass as they are, whatever the magnitude", async () => {
  const yarn = {
    kind: "yarn",
    factor: 1,
    trained: 64,
    betaFast: 32,
    betaSlow: 1,
    truncate: true,
    magnitude: 1.5,
  } as const;
  const got = await turned({ width: 4, theta: 100, scaling: yarn, pairs: "half" });
  expectClose(got, rotated(4, 100, "half", 1.5), 1e-4, "rotated");
  values.forEach((value, i) => {
    if (i % size >= 4) expect(got[i]).toBe(value);
  });
});

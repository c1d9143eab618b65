/** Scaled rotary frequencies against those of transformers' ROPE_INIT_FUNCTIONS (heads of 16 channels). */
import { expect, test } from "vitest";
import { expectClose } from "../../test/support/fixtures.ts";
import { runGraph } from "../../test/support/run-graph.ts";
import { int64 } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import { input } from "../graph/tensor.ts";
import { longestWith, type RopeScaling, scaledFrequencies, steadyUpTo } from "./rope-scaling.ts";

/** The frequencies of texts of these lengths, a row each. */
async function frequencies(scaling: RopeScaling, theta: number, lengths: readonly number[] = [1]) {
  const texts = input("lengths", "int64", ["rows", 1]);
  const { inverse, magnitude } = scaledFrequencies({ width: 16, theta, scaling }, () => texts);
  if ("data" in inverse) return { magnitude, rows: [inverse.data] };
  const feeds = { lengths: int64([lengths.length, 1], lengths) };
  const { f } = await runGraph(graph({ f: inverse.tensor }), feeds);
  expect(f!.shape).toEqual([lengths.length, 1, 1, 8]);
  return { magnitude, rows: lengths.map((_, i) => (f!.data as Float32Array).slice(i * 8, i * 8 + 8)) };
}

const plain = [1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786, 0.00100000005, 0.000316227786];

const known: [name: string, scaling: RopeScaling, theta: number, magnitude: number, expected: number[]][] = [
  ["default", { kind: "default" }, 10000, 1, plain],
  [
    "linear",
    { kind: "linear", factor: 4 },
    10000,
    1,
    [0.25, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466, 0.000250000012, 7.90569466e-5],
  ],
  [
    "llama3",
    { kind: "llama3", factor: 8, trained: 8192, low: 1, high: 4 },
    500000,
    1,
    [1, 0.193922758, 0.0376060307, 0.00729266508, 0.000524846022, 3.42810235e-5, 6.64786967e-6, 1.28917316e-6],
  ],
  [
    "yarn",
    { kind: "yarn", factor: 4, trained: 4096, betaFast: 32, betaSlow: 1, truncate: true, magnitude: 1.138629436111989 },
    10000,
    1.138629436111989,
    [1, 0.316227764, 0.100000001, 0.025693506, 0.00624999963, 0.00138349656, 0.000250000012, 7.90569466e-5],
  ],
  [
    "yarn without truncating",
    { kind: "yarn", factor: 40, trained: 256, betaFast: 16, betaSlow: 2, truncate: false, magnitude: 0.895 },
    1000,
    0.895,
    [1, 0.421696514, 0.111772649, 0.0167739224, 0.000790569466, 0.000333380391, 0.000140585325, 5.92843462e-5],
  ],
];

test.each(known)("%s", async (_, scaling, theta, magnitude, expected) => {
  const got = await frequencies(scaling, theta);
  expect(got.magnitude).toBe(magnitude);
  got.rows[0]!.forEach((value, i) => {
    expectClose([value], [expected[i]!], 1e-6, `pair ${i}`, 0);
  });
  expect(steadyUpTo(scaling)).toBeUndefined();
});

test("dynamic follows the length of each text beyond the trained one", async () => {
  const expected: [number, number[]][] = [
    [50, plain],
    [64, plain],
    [65, [1, 0.314840704, 0.0991246626, 0.0312084779, 0.00982569903, 0.00309352996, 0.000973969174, 0.000306645117]],
    [100, [1, 0.283945143, 0.0806248412, 0.0228930302, 0.00650036521, 0.001845747, 0.000524090894, 0.000148813066]],
    [1000, [1, 0.194297776, 0.0377516225, 0.00733505562, 0.00142518489, 0.000276910228, 5.38030399e-5, 1.04538103e-5]],
  ];
  const scaling: RopeScaling = { kind: "dynamic", factor: 2, trained: 64 };
  const { rows } = await frequencies(
    scaling,
    10000,
    expected.map(([length]) => length),
  );
  expected.forEach(([length, values], row) => {
    values.forEach((value, i) => {
      expectClose([rows[row]![i]!], [value], 2e-6, `length ${length}, pair ${i}`, 0);
    });
  });
  expect(steadyUpTo(scaling)).toBe(64);
});

test("longrope has long factors for texts beyond the trained length", async () => {
  const short = [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7];
  const long = [1.5, 2, 3, 4, 6, 8, 12, 16];
  const scaling: RopeScaling = { kind: "longrope", trained: 64, short, long, magnitude: 1.25 };
  const { rows, magnitude } = await frequencies(scaling, 10000, [64, 65, 1]);
  expect(magnitude).toBe(1.25);
  const [of64, of65] = [
    [1, 0.287479758, 0.0833333358, 0.0243252143, 0.00714285718, 0.00210818532, 0.000624999986, 0.000186016332],
    [
      0.666666687, 0.158113882, 0.0333333351, 0.00790569466, 0.00166666671, 0.000395284733, 8.33333324e-5,
      1.97642366e-5,
    ],
  ];
  [of64, of65, of64].forEach((values, row) => {
    values!.forEach((value, i) => {
      expectClose([rows[row]![i]!], [value], 1e-6, `row ${row}, pair ${i}`, 0);
    });
  });
  expect(steadyUpTo(scaling)).toBe(64);
});

test("the longest text: YaRN goes beyond the length that the file may still tell, dynamic scaling takes any", () => {
  const yarn = {
    kind: "yarn",
    factor: 4,
    trained: 100,
    betaFast: 32,
    betaSlow: 1,
    truncate: true,
    magnitude: 1,
  } as const;
  expect(longestWith(160, [yarn])).toBe(400);
  expect(longestWith(500, [yarn, { kind: "default" }])).toBe(500);
  expect(longestWith(160, [{ kind: "linear", factor: 2 }])).toBe(160);
  expect(longestWith(160, [{ kind: "dynamic", factor: 2, trained: 160 }])).toBeUndefined();
});

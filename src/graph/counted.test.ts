/** Sizes that only the values tell: gathering what a condition picks, and products with none of it. */
import { expect, test } from "vitest";
import { fromArray } from "../../test/support/plain.ts";
import { runGraph } from "../../test/support/run-graph.ts";
import { float32, type NdArray } from "./array.ts";
import { gradients } from "./differentiate.ts";
import { graph } from "./graph.ts";
import * as o from "./operators.ts";
import { full, input, type Tensor } from "./tensor.ts";

const row = (places: Tensor) => o.gather(places, full("int64", 0));
const bools = (values: readonly number[]): NdArray => ({
  dtype: "bool",
  shape: [values.length],
  data: Uint8Array.from(values),
});

/** Rows of x where `picked` holds, times w, put back where they were; the others 0. */
function partial() {
  const x = input("x", "float32", ["n", 4]);
  const w = input("w", "float32", [3, 4]);
  const places = row(o.nonZero(input("picked", "bool", ["n"]), "some"));
  const y = o.matmul(o.gather(x, places), w, { transB: true });
  const spread = o.expand(o.reshape(places, ["some", 1]), ["some", 3]);
  const back = o.scatterAdd(o.filled("float32", 0, ["n", 3]), spread, y, 0);
  const loss = o.sum(o.mul(back, input("g", "float32", ["n", 3])));
  const [dx, dw] = gradients(loss, [x, w]);
  // Work of the same sizes before it, so that what the engine hands out again is not clean by chance.
  const dirt = o.mul(o.sum(o.mul(o.expand(input("seven", "float32", []), [3, 4]), w)), 0);
  return graph({ y, back, dx: dx!, dw: o.add(dw!, dirt) });
}

const x = float32(
  [5, 4],
  Array.from({ length: 20 }, (_, i) => Math.sin(i)),
);
const w = float32(
  [3, 4],
  Array.from({ length: 12 }, (_, i) => Math.cos(i)),
);
const g = float32(
  [5, 3],
  Array.from({ length: 15 }, (_, i) => i - 7),
);

test.each([[[0, 1, 0, 1, 1]], [[1, 1, 1, 1, 1]], [[0, 0, 0, 0, 1]], [[0, 0, 0, 0, 0]]])(
  "rows picked by %j: product and gradients, of none too",
  async (picked) => {
    const places = picked.flatMap((on, i) => (on ? [i] : []));
    const at = (a: NdArray, i: number, j: number) => Number(a.data[i * a.shape[1]! + j]);
    const y = places.map((i) => [0, 1, 2].map((j) => [0, 1, 2, 3].reduce((s, k) => s + at(x, i, k) * at(w, j, k), 0)));
    const dw = [0, 1, 2].flatMap((j) =>
      [0, 1, 2, 3].map((k) => places.reduce((s, i) => s + at(g, i, j) * at(x, i, k), 0)),
    );
    const dx = picked.flatMap((on, i) =>
      [0, 1, 2, 3].map((k) => (on ? [0, 1, 2].reduce((s, j) => s + at(g, i, j) * at(w, j, k), 0) : 0)),
    );
    for (const target of ["cpu", "onnx"] as const) {
      for (let again = 0; again < 3; again++) {
        const feeds = { x, w, g, picked: bools(picked), seven: float32([], [7]) };
        const out = await runGraph(partial(), feeds, { target });
        expect(out.y!.shape).toEqual([places.length, 3]);
        const close = (name: "y" | "dw" | "dx", wanted: number[]) =>
          fromArray(out[name]!).data.forEach((value, i) => {
            expect(value).toBeCloseTo(wanted[i]!, 4);
          });
        close("y", y.flat());
        close("dw", dw);
        close("dx", dx);
        expect(
          fromArray(out.back!)
            .data.filter((_, i) => !picked[Math.floor(i / 3)])
            .every((v) => v === 0),
        ).toBe(true);
      }
    }
  },
);

test("a size may be asked for before what counts it has had its turn", async () => {
  const early = o.filled("float32", 2, ["some"]);
  const places = row(o.nonZero(input("picked", "bool", ["n"]), "some"));
  const out = await runGraph(graph({ sum: o.add(early, o.cast(places, "float32")) }), { picked: bools([0, 1, 1]) });
  expect(fromArray(out.sum!)).toEqual({ dtype: "float32", shape: [2], data: [3, 4] });
});

test("two counts under one name are refused", async () => {
  const [a, b] = ["a", "b"].map((name) => row(o.nonZero(input(name, "bool", ["n"]), "some")));
  await expect((async () => runGraph(graph({ c: o.add(a!, b!) }), { a: bools([1]), b: bools([1]) }))()).rejects.toThrow(
    /two different counts/,
  );
});

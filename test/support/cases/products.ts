/** Matrix products. */
import type { Attributes } from "../../../src/graph/tensor.ts";
import { at, broadcastSizes, build, type Plain } from "../plain.ts";
import type { TestRow, TestRows } from "./draw.ts";

const drawMatMul: TestRow<"MatMul">["draw"] = (draw) => {
  const [m, k, n] = [draw.size(), draw.size(), draw.size()];
  const lead = Array.from({ length: draw.int(0, 2) }, () => draw.size(3));
  const narrow = draw.pick([lead, [], lead.map((dim) => (draw.bool() ? dim : 1))]);
  const [leadA, leadB] = draw.bool() ? [lead, narrow] : [narrow, lead];
  const [transA, transB] = [draw.bool(), draw.bool()];
  return {
    inputs: [
      draw.floats([...leadA, ...(transA ? [k, m] : [m, k])]),
      draw.floats([...leadB, ...(transB ? [n, k] : [k, n])]),
    ],
    attributes: { transA, transB, alpha: draw.pick([1, 1, 0.5, -2]) },
  };
};

function matmul([a, b]: readonly Plain[], { transA, transB, alpha }: Attributes["MatMul"]): Plain[] {
  const [rows, inner] = transA ? [a!.shape.at(-1)!, a!.shape.at(-2)!] : [a!.shape.at(-2)!, a!.shape.at(-1)!];
  const columns = transB ? b!.shape.at(-2)! : b!.shape.at(-1)!;
  const lead = broadcastSizes(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
  const matrix = (x: Plain, p: readonly number[], i: number, j: number) => {
    const own = x.shape.slice(0, -2);
    const skip = lead.length - own.length;
    return at(x, [...own.map((dim, k) => (dim === 1 ? 0 : p[k + skip]!)), i, j]);
  };
  return [
    build(a!.dtype, [...lead, rows, columns], (p) => {
      const [i, j] = [p.at(-2)!, p.at(-1)!];
      let total = 0;
      for (let k = 0; k < inner; k++) {
        total += matrix(a!, p, transA ? k : i, transA ? i : k) * matrix(b!, p, transB ? j : k, transB ? k : j);
      }
      return alpha * total;
    }),
  ];
}

const rows = {
  MatMul: { draw: drawMatMul, reference: matmul },
} satisfies TestRows;

export default rows;

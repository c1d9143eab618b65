/** Softmax, norms and cross-entropy. */
import type { Attributes } from "../../../src/graph/tensor.ts";
import { at, build, lines, type Plain, sum } from "../plain.ts";
import { axisOf, type Draw, type TestRow, type TestRows } from "./draw.ts";

const norm = (extra: number) => (draw: Draw) => {
  const shape = [...draw.shape(1, 3), draw.int(2, 5)];
  const vectors = Array.from({ length: extra }, () => draw.floats([shape.at(-1)!]));
  return { inputs: [draw.floats(shape), ...vectors], attributes: { epsilon: draw.pick([1e-6, 1e-2]) } };
};

const drawCrossEntropy: TestRow<"SoftmaxCrossEntropy">["draw"] = (draw) => {
  const shape = draw.shape(0, 2);
  const classes = draw.int(1, 5);
  const labels = draw.integers("int64", shape, 0, classes - 1);
  const ignore = draw.pick([-100, 0]);
  const data = labels.data.map((label) => (draw.int(0, 3) === 0 ? ignore : label));
  return { inputs: [draw.floats([...shape, classes]), { ...labels, data }], attributes: { ignore } };
};

const alongAxis = (draw: Draw) => {
  const shape = draw.shape(1, 4);
  return { inputs: [draw.floats(shape)], attributes: { axis: axisOf(draw, shape) } };
};

const logSoftmaxLine = (line: number[]) => {
  const top = Math.max(...line);
  const total = Math.log(sum(line.map((v) => Math.exp(v - top)))) + top;
  return line.map((v) => v - total);
};

function crossEntropy([logits, labels]: readonly Plain[], { ignore }: Attributes["SoftmaxCrossEntropy"]): Plain[] {
  const logp = lines(logits!, logits!.shape.length - 1, logSoftmaxLine);
  const loss = build(logits!.dtype, labels!.shape, (p, n) => {
    const label = labels!.data[n]!;
    return label === ignore ? 0 : -at(logp, [...p, label]);
  });
  return [loss, logp];
}

const rows = {
  Softmax: {
    draw: alongAxis,
    reference: ([x], { axis }) => [lines(x!, axis, (line) => logSoftmaxLine(line).map(Math.exp))],
  },
  LogSoftmax: { draw: alongAxis, reference: ([x], { axis }) => [lines(x!, axis, logSoftmaxLine)] },
  RmsNorm: {
    draw: norm(1),
    reference: ([x, w], { epsilon }) => [
      lines(x!, x!.shape.length - 1, (line) => {
        const r = 1 / Math.sqrt(sum(line.map((v) => v * v)) / line.length + epsilon);
        return line.map((v, i) => v * r * w!.data[i]!);
      }),
    ],
  },
  LayerNorm: {
    draw: norm(2),
    reference: ([x, w, b], { epsilon }) => [
      lines(x!, x!.shape.length - 1, (line) => {
        const mean = sum(line) / line.length;
        const r = 1 / Math.sqrt(sum(line.map((v) => (v - mean) ** 2)) / line.length + epsilon);
        return line.map((v, i) => (v - mean) * r * w!.data[i]! + b!.data[i]!);
      }),
    ],
  },
  SoftmaxCrossEntropy: { draw: drawCrossEntropy, reference: crossEntropy },
} satisfies TestRows;

export default rows;

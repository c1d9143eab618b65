/** Convolutions and pools, in plain numbers as sums over positions. */
import type { Attributes } from "../../../src/graph/tensor.ts";
import { at, build, count, offset, type Plain, place } from "../plain.ts";
import type { Draw, TestRow, TestRows } from "./draw.ts";

interface Geometry {
  strides: number[];
  pads: number[];
  dilations: number[];
  kernel: number[];
  group: number;
  rank: number;
}

function geometry(draw: Draw): Geometry {
  const rank = draw.pick([1, 1, 2, 2, 3]);
  const each = (f: () => number, n = rank) => Array.from({ length: n }, f);
  // Central differences take time by the square of the elements: three axes are kept short.
  const short = rank === 3;
  return {
    rank,
    kernel: each(() => draw.int(1, short ? 2 : 3)),
    strides: each(() => draw.int(1, 2)),
    pads: each(() => draw.int(0, 1), 2 * rank),
    dilations: each(() => draw.int(1, short ? 1 : 2)),
    group: draw.int(1, 2),
  };
}

/** Now and then a size that no other axis has, which may then be a symbol. */
const drawBatch = (draw: Draw, rank: number) => draw.pick(rank === 1 ? [1, 2, 7] : [1, 2]);

const drawConv: TestRow<"Conv">["draw"] = (draw) => {
  const { rank, kernel, group, ...window } = geometry(draw);
  const [perGroup, out] = [draw.int(1, 2), draw.int(1, 2) * group];
  const size = Array.from(
    { length: rank },
    (_, i) => window.dilations[i]! * (kernel[i]! - 1) + draw.int(1, rank === 3 ? 2 : 3),
  );
  const inputs = [
    draw.floats([drawBatch(draw, rank), perGroup * group, ...size]),
    draw.floats([out, perGroup, ...kernel]),
    ...(draw.bool() ? [draw.floats([out])] : []),
  ];
  return { inputs, attributes: { ...window, group } };
};

const drawConvTranspose: TestRow<"ConvTranspose">["draw"] = (draw) => {
  const { rank, kernel, group, ...window } = geometry(draw);
  const [perGroup, out] = [draw.int(1, 2), draw.int(1, 2)];
  // The padding may not eat the whole result, and the engine wants the output's own smaller than the stride.
  const size = Array.from({ length: rank }, () => (rank === 3 ? 2 : draw.int(3, 4)));
  const outputPadding = window.strides.map((stride) => draw.int(0, stride - 1));
  const inputs = [
    draw.floats([drawBatch(draw, rank), perGroup * group, ...size]),
    draw.floats([perGroup * group, out, ...kernel]),
    ...(draw.bool() ? [draw.floats([out * group])] : []),
  ];
  return { inputs, attributes: { ...window, group, outputPadding } };
};

const drawPool = (draw: Draw) => {
  const { rank, kernel, strides, pads } = geometry(draw);
  const size = kernel.map((k) => k + draw.int(0, rank === 3 ? 1 : 3));
  // A window must reach at least one element: the padding stays smaller than the kernel.
  const fitting = pads.map((p, i) => Math.min(p, kernel[i % rank]! - 1));
  const inputs = [draw.floats([draw.int(1, 2), draw.int(1, 2), ...size])];
  return { inputs, attributes: { kernel, strides, pads: fitting } };
};

type Conv = Attributes["Conv"];

/** Positions of the input under each position of the kernel: in = out · stride + k · dilation − pad. */
function under(out: readonly number[], k: readonly number[], { strides, pads, dilations }: Conv): number[] {
  return out.map((o, i) => o * strides[i]! + k[i]! * dilations[i]! - pads[i]!);
}

const inside = (position: readonly number[], size: readonly number[]) =>
  position.every((p, i) => p >= 0 && p < size[i]!);

function outSizes(x: Plain, kernel: readonly number[], { strides, pads, dilations }: Conv): number[] {
  return x.shape.slice(2).map((dim, i) => {
    const span = dim + pads[i]! + pads[i + kernel.length]! - dilations[i]! * (kernel[i]! - 1) - 1;
    return Math.floor(span / strides[i]!) + 1;
  });
}

function conv([x, w, bias]: readonly Plain[], attributes: Conv): Plain[] {
  const kernel = w!.shape.slice(2);
  const perGroup = w!.shape[1]!;
  const outPerGroup = w!.shape[0]! / attributes.group;
  const shape = [x!.shape[0]!, w!.shape[0]!, ...outSizes(x!, kernel, attributes)];
  return [
    build(x!.dtype, shape, ([b, o, ...out]) => {
      const first = Math.floor(o! / outPerGroup) * perGroup;
      let total = bias ? bias.data[o!]! : 0;
      for (let n = 0; n < count(kernel); n++) {
        const k = place(kernel, n);
        const from = under(out, k, attributes);
        if (!inside(from, x!.shape.slice(2))) continue;
        for (let c = 0; c < perGroup; c++) total += at(x!, [b!, first + c, ...from]) * at(w!, [o!, c, ...k]);
      }
      return total;
    }),
  ];
}

/** The transpose: every input position adds its kernel to the output. */
function convTranspose([x, w, bias]: readonly Plain[], attributes: Attributes["ConvTranspose"]): Plain[] {
  const { strides, pads, dilations, group, outputPadding } = attributes;
  const kernel = w!.shape.slice(2);
  const [inPerGroup, outPerGroup] = [x!.shape[1]! / group, w!.shape[1]!];
  const size = x!.shape.slice(2).map((dim, i) => {
    const padded = pads[i]! + pads[i + kernel.length]!;
    return (dim - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1 + outputPadding[i]! - padded;
  });
  const shape = [x!.shape[0]!, outPerGroup * group, ...size];
  const result = build(x!.dtype, shape, ([, o]) => (bias ? bias.data[o!]! : 0)).data.slice();
  x!.data.forEach((value, n) => {
    const [b, c, ...from] = place(x!.shape, n);
    const firstOut = Math.floor(c! / inPerGroup) * outPerGroup;
    for (let m = 0; m < count(kernel); m++) {
      const k = place(kernel, m);
      const to = under(from, k, attributes);
      if (!inside(to, size)) continue;
      for (let o = 0; o < outPerGroup; o++) {
        result[offset(shape, [b!, firstOut + o, ...to])]! += value * at(w!, [c!, o, ...k]);
      }
    }
  });
  return [{ dtype: x!.dtype, shape, data: result }];
}

const pooled = (a: Attributes["MaxPool"]): Conv => ({ ...a, dilations: a.kernel.map(() => 1), group: 1 });

/** Values under each window with their place in the whole tensor; padding is left out. */
function windows(x: Plain, attributes: Attributes["MaxPool"]) {
  const conv = pooled(attributes);
  const shape = [...x.shape.slice(0, 2), ...outSizes(x, attributes.kernel, conv)];
  const under_ = ([b, c, ...out]: number[]) => {
    const found: [number, number][] = [];
    for (let n = 0; n < count(attributes.kernel); n++) {
      const from = under(out, place(attributes.kernel, n), conv);
      if (!inside(from, x.shape.slice(2))) continue;
      const position = [b!, c!, ...from];
      found.push([at(x, position), offset(x.shape, position)]);
    }
    return found;
  };
  return { shape, under: under_ };
}

function maxPool([x]: readonly Plain[], attributes: Attributes["MaxPool"]): Plain[] {
  const { shape, under: values } = windows(x!, attributes);
  const best = (p: number[]) => values(p).reduce((a, b) => (b[0] > a[0] ? b : a));
  return [build(x!.dtype, shape, (p) => best(p)[0]), build("int64", shape, (p) => best(p)[1])];
}

function averagePool([x]: readonly Plain[], attributes: Attributes["AveragePool"]): Plain[] {
  const { shape, under: values } = windows(x!, attributes);
  return [build(x!.dtype, shape, (p) => values(p).reduce((sum, [value]) => sum + value, 0) / count(attributes.kernel))];
}

const rows = {
  Conv: { draw: drawConv, reference: conv },
  ConvTranspose: { draw: drawConvTranspose, reference: convTranspose },
  MaxPool: { draw: drawPool, reference: maxPool },
  AveragePool: { draw: drawPool, reference: averagePool },
} satisfies TestRows;

export default rows;

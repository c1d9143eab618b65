/** Convolutions, pools and attention in plain numbers, as sums over positions. */
import type { Attributes } from "../../src/graph/tensor.ts";
import { at, atBroadcast, build, count, offset, type Plain, place, replace } from "./plain.ts";

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

export function conv([x, w, bias]: readonly Plain[], attributes: Conv): Plain[] {
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
export function convTranspose([x, w, bias]: readonly Plain[], attributes: Attributes["ConvTranspose"]): Plain[] {
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

export function maxPool([x]: readonly Plain[], attributes: Attributes["MaxPool"]): Plain[] {
  const { shape, under: values } = windows(x!, attributes);
  const best = (p: number[]) => values(p).reduce((a, b) => (b[0] > a[0] ? b : a));
  return [build(x!.dtype, shape, (p) => best(p)[0]), build("int64", shape, (p) => best(p)[1])];
}

export function averagePool([x]: readonly Plain[], attributes: Attributes["AveragePool"]): Plain[] {
  const { shape, under: values } = windows(x!, attributes);
  return [build(x!.dtype, shape, (p) => values(p).reduce((sum, [value]) => sum + value, 0) / count(attributes.kernel))];
}

/** [batch, length, heads·k] as [batch, heads, length, k], which it may be already. */
function byHead(x: Plain, heads: number): Plain {
  if (x.shape.length === 4) return x;
  const [batch, length, width] = x.shape as [number, number, number];
  const each = width / heads;
  return build(x.dtype, [batch, heads, length, each], ([b, h, i, d]) => at(x, [b!, i!, h! * each + d!]));
}

export function attention(
  [q, k, v, bias]: readonly Plain[],
  { heads, kvHeads, scale }: Attributes["Attention"],
): Plain[] {
  const [qs, ks, vs] = [byHead(q!, heads), byHead(k!, kvHeads), byHead(v!, kvHeads)];
  const shared = (h: number) => Math.floor(h / (heads / kvHeads));
  const weights = (b: number, h: number, i: number): number[] => {
    const scores = Array.from({ length: ks.shape[2]! }, (_, j) => {
      let dot = 0;
      for (let d = 0; d < ks.shape[3]!; d++) dot += at(qs, [b, h, i, d]) * at(ks, [b, shared(h), j, d]);
      return scale * dot + (bias ? atBroadcast(bias, [b, h, i, j]) : 0);
    });
    const top = Math.max(...scores);
    const raw = scores.map((s) => Math.exp(s - top));
    const total = raw.reduce((a, c) => a + c, 0);
    return raw.map((s) => s / total);
  };
  const each = vs.shape[3]!;
  return [
    build(q!.dtype, [qs.shape[0]!, qs.shape[2]!, heads * each], ([b, i, c]) => {
      const h = Math.floor(c! / each);
      return weights(b!, h, i!).reduce((sum, p, j) => sum + p * at(vs, [b!, shared(h), j, c! % each]), 0);
    }),
  ];
}

export function cachedAttention(inputs: readonly Plain[], attributes: Attributes["CachedAttention"]): Plain[] {
  const [q, k, v, pastK, pastV, positions, bias] = inputs as [Plain, Plain, Plain, Plain, Plain, Plain, Plain];
  const total = positions.shape[0]!;
  // What lies after the rows in use is nobody's business: NaN says that anything may be there.
  const written = (past: Plain, row: Plain) =>
    build(past.dtype, past.shape, (p) => {
      if (p[2]! >= total) return Number.NaN;
      return p[2] === total - 1 ? at(byHead(row, attributes.kvHeads), replace(p, 2, 0)) : at(past, p);
    });
  const used = (x: Plain) => build(x.dtype, replace(x.shape, 2, total), (p) => at(x, p));
  const [nextK, nextV] = [written(pastK, k), written(pastV, v)];
  return [...attention([q, used(nextK), used(nextV), bias], attributes), nextK, nextV];
}

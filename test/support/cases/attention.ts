/** Attention by heads. */
import type { Attributes } from "../../../src/graph/tensor.ts";
import { at, atBroadcast, build, type Plain, replace } from "../plain.ts";
import type { Draw, TestRow, TestRows } from "./draw.ts";

/** Heads of queries and of keys. */
const headsOf = (draw: Draw) =>
  draw.pick([
    [1, 1],
    [2, 2],
    [2, 1],
    [4, 2],
    [6, 2],
  ] as const);

const drawAttention: TestRow<"Attention">["draw"] = (draw) => {
  const [heads, kvHeads] = headsOf(draw);
  const [batch, queries, keys, dk, dv] = [
    draw.int(1, 2),
    draw.int(1, 3),
    draw.int(1, 3),
    draw.int(1, 3),
    draw.int(1, 3),
  ];
  const headed = draw.bool();
  const kv = (each: number) => draw.floats(headed ? [batch, kvHeads, keys, each] : [batch, keys, kvHeads * each]);
  const bias = [draw.pick([1, batch]), draw.pick([1, heads]), draw.pick([1, queries]), keys];
  return {
    inputs: [draw.floats([batch, queries, heads * dk]), kv(dk), kv(dv), ...(draw.bool() ? [draw.floats(bias)] : [])],
    attributes: { heads, kvHeads, scale: draw.pick([1, 0.4]) },
  };
};

const drawCached: TestRow<"CachedAttention">["draw"] = (draw) => {
  const [heads, kvHeads] = headsOf(draw);
  const [rows, each, capacity] = [draw.pick([1, 3]), draw.pick([2, 8]), draw.int(2, 4)];
  const total = draw.int(1, capacity);
  const row = (n: number) => draw.floats([rows, 1, n * each]);
  const past = () => draw.floats([rows, kvHeads, capacity, each]);
  const bias = [draw.pick([1, rows]), draw.pick([1, heads]), 1, total];
  const positions = { dtype: "int64", shape: [total], data: Array.from({ length: total }, (_, i) => i) } as const;
  return {
    inputs: [row(heads), row(kvHeads), row(kvHeads), past(), past(), positions, draw.floats(bias)],
    attributes: { heads, kvHeads, scale: draw.pick([1, 0.4]) },
  };
};

/** [batch, length, heads·k] as [batch, heads, length, k], which it may be already. */
function byHead(x: Plain, heads: number): Plain {
  if (x.shape.length === 4) return x;
  const [batch, length, width] = x.shape as [number, number, number];
  const each = width / heads;
  return build(x.dtype, [batch, heads, length, each], ([b, h, i, d]) => at(x, [b!, i!, h! * each + d!]));
}

function attention([q, k, v, bias]: readonly Plain[], { heads, kvHeads, scale }: Attributes["Attention"]): Plain[] {
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

function cachedAttention(inputs: readonly Plain[], attributes: Attributes["CachedAttention"]): Plain[] {
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

const rows = {
  Attention: { draw: drawAttention, reference: attention },
  CachedAttention: { draw: drawCached, reference: cachedAttention },
} satisfies TestRows;

export default rows;

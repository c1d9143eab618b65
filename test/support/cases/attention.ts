/** Attention by heads. */
import type { Attributes } from "../../../src/graph/tensor.ts";
import { at, atBroadcast, build, type Plain, replace } from "../plain.ts";
import type { Draw, TestRow, TestRows } from "./draw.ts";
import { rotate } from "./rotary.ts";

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

const drawRows: TestRow<"RowAttention">["draw"] = (draw) => {
  const [heads, kvHeads] = draw.pick([
    [1, 1],
    [2, 1],
    [4, 2],
  ] as const);
  const [each, capacity] = [draw.pick([2, 8, 16]), draw.int(3, 4)];
  // A prompt's begin, in which rows may be shorter; a row that goes on by several; rows that go on by one each.
  const [rows, length, first] = draw.pick([
    [draw.pick([1, 3]), draw.int(1, 2), true],
    [1, draw.int(1, capacity - 1), false],
    [draw.pick([1, 3]), 1, false],
  ] as const);
  const starts = Array.from({ length: rows }, () => (first ? 0 : draw.int(1, capacity - length)));
  const ends = starts.map((start, row) => start + (first && row > 0 ? draw.int(1, length) : length));
  const int64s = (data: number[]) => ({ dtype: "int64", shape: [rows], data }) as const;
  const row = (n: number) => draw.floats([rows, length, n * each]);
  const past = () => draw.floats([rows, kvHeads, capacity, each]);
  const table = () => draw.floats([capacity, draw.pick([1, each / 2])]);
  const [tables, bias]: [Plain[], Plain[]] = [[], []];
  const beside = draw.pick(["tables", "bias", "nothing"] as const);
  if (beside === "tables") {
    const cos = table();
    tables.push(cos, draw.floats(cos.shape));
  } else if (beside === "bias" && length === 1) {
    bias.push(draw.floats([draw.pick([1, rows]), draw.pick([1, heads]), 1, Math.max(...ends)]));
  }
  return {
    inputs: [row(heads), row(kvHeads), row(kvHeads), past(), past(), int64s(starts), int64s(ends), ...tables, ...bias],
    attributes: {
      heads,
      kvHeads,
      scale: draw.pick([1, 0.4]),
      window: draw.pick([undefined, 1, 2, 9]),
      interleaved: tables.length > 0 && draw.bool(),
    },
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

function rowAttention(inputs: readonly Plain[], attributes: Attributes["RowAttention"]): Plain[] {
  const { window, interleaved, ...heads } = attributes;
  const [q0, k0, v, pastK, pastV, starts, ends, ...more] = inputs as [
    Plain,
    Plain,
    Plain,
    Plain,
    Plain,
    Plain,
    Plain,
    ...Plain[],
  ];
  const [bias] = more.length === 1 ? more : [];
  const [cos, sin] = more.length === 2 ? more : [];
  const turned = (x: Plain, count: number) => {
    if (!cos || !sin) return x;
    const places = build("int64", x.shape.slice(0, 2), ([row, i]) => starts.data[row!]! + i!);
    return rotate([x, places, cos, sin], { heads: count, interleaved })[0]!;
  };
  const [q, k] = [turned(q0, heads.heads), turned(k0, heads.kvHeads)];
  const length = q.shape[1]!;
  const [from, to] = [(row: number) => starts.data[row]!, (row: number) => ends.data[row]!];
  // What lies after the row's end is nobody's business: NaN says that anything may be there.
  const written = (past: Plain, x: Plain) =>
    build(past.dtype, past.shape, (p) => {
      const [row, , place] = p as [number, number, number, number];
      if (place >= to(row)) return Number.NaN;
      return place < from(row) ? at(past, p) : at(byHead(x, heads.kvHeads), replace(p, 2, place - from(row)));
    });
  const [nextK, nextV] = [written(pastK, k), written(pastV, v)];
  const answers = Array.from({ length: q.shape[0]! }, (_, row) =>
    Array.from({ length }, (_, i) => {
      const last = from(row) + i;
      if (last >= to(row)) return undefined;
      const first = Math.max(0, window === undefined ? 0 : last - window + 1);
      const part = (x: Plain) =>
        build(x.dtype, [1, x.shape[1]!, last - first + 1, x.shape[3]!], ([, h, j, d]) =>
          at(x, [row, h!, first + j!, d!]),
        );
      const query = build(q.dtype, [1, 1, q.shape[2]!], ([, , c]) => at(q, [row, i, c!]));
      const added =
        bias &&
        build(bias.dtype, [1, bias.shape[1]!, 1, last - first + 1], ([, h, , j]) =>
          at(bias, [bias.shape[0] === 1 ? 0 : row, h!, 0, first + j!]),
        );
      return attention([query, part(nextK), part(nextV), ...(added ? [added] : [])], heads)[0]!;
    }),
  );
  const y = build(q.dtype, q.shape, ([row, i, c]) => {
    const one = answers[row!]![i!];
    return one ? at(one, [0, 0, c!]) : Number.NaN;
  });
  return [y, nextK, nextV];
}

const rows = {
  Attention: { draw: drawAttention, reference: attention },
  CachedAttention: { draw: drawCached, reference: cachedAttention },
  RowAttention: { draw: drawRows, reference: rowAttention },
} satisfies TestRows;

export default rows;

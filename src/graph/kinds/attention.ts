/** Attention by heads, and what lays values out by heads. */
import { fail } from "../../errors.ts";
import { type Dim, divideDims, mulDims, type Shape, showShape } from "../dims.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./elementwise.ts";
import { makers, type ShapeRules, sameDType } from "./kind.ts";
import { softmax } from "./norms.ts";
import { matmul } from "./products.ts";
import { reshape, transpose } from "./shapes.ts";

export interface AttentionHeads {
  /** Heads of the queries. */
  readonly heads: number;
  /** Heads of the keys and values: a divisor of `heads`. */
  readonly kvHeads: number;
  readonly scale: number;
}

export interface RowHeads extends AttentionHeads {
  readonly window: number | undefined;
  /** With tables: pairs of channels that turn are (2j, 2j + 1) instead of (j, j + r/2). */
  readonly interleaved: boolean;
}

declare module "../tensor.ts" {
  interface Attributes {
    /**
     * softmax(scale · q kᵀ + bias) v; q [batch, query, heads·k], k and v [batch, key, kvHeads·k] or [batch, kvHeads, key,
     * k], bias [1 | batch, 1 | heads, 1 | query, key]. With fewer heads of keys and values than of queries, head h reads
     * head ⌊h / (heads / kvHeads)⌋ of them (Ainslie et al. 2023).
     */
    Attention: AttentionHeads;
    /**
     * Attention of one new position over a cache: writes k and v into the past at the last of `positions` and attends
     * over those positions. Inputs q [rows, 1, heads·k], k and v [rows, 1, kvHeads·k], past k and v [rows, kvHeads,
     * capacity, k], positions [total], bias [1 | rows, 1 | heads, 1, total]; outputs the answer and the updated past.
     * Heads as in `Attention`. Inference only.
     */
    CachedAttention: AttentionHeads;
    /**
     * Attention of the next positions of every row over a cache of its own length: writes k and v of row r into the past
     * from place `starts[r]` on, and lets its query i see the places up to `starts[r]` + i; with a `window` the last so
     * many of them. Inputs q [rows, length, heads·k], k and v [rows, length, kvHeads·k], past k and v [rows, kvHeads,
     * capacity, k], starts and ends int64 [rows]; outputs the answer and the updated past. With tables of cosines
     * and sines [any, r/2] after them, queries and new keys are turned by their places first. Where a row has fewer than
     * `length` new positions, which only rows that start at 0 may, `ends` says where it ends: what is written and
     * answered beyond is of no meaning. Several rows that do not start at 0 go on by one position each. In the place of the
     * tables a bias [1 | rows, 1 | heads, 1, total] may stand where every row goes on by one position: total is the
     * greatest of `ends`. Inference only.
     */
    RowAttention: RowHeads;
  }
}

/** Width of each head, a number. */
function headWidth({ shape }: Tensor, heads: number): number {
  const width = shape.at(-1);
  return typeof width === "number" && width % heads === 0
    ? width / heads
    : fail("wrong_use", `width ${width} in ${heads} heads`);
}

/** As many heads of queries for each head of keys. */
function needGroups(heads: number, kvHeads: number): void {
  if (!(Number.isInteger(heads) && Number.isInteger(kvHeads) && kvHeads >= 1 && heads % kvHeads === 0)) {
    fail("wrong_use", `${heads} heads of queries over ${kvHeads} heads of keys and values: expected a multiple`);
  }
}

/** A bias is as large as the scores, or the same for all rows of a batch, all heads or all queries. */
function needBias(bias: Tensor | undefined, scores: Shape): void {
  const fits = (dim: Dim, axis: number) => dim === scores[axis] || (axis < 3 && dim === 1);
  if (bias && !(bias.shape.length === 4 && bias.shape.every(fits))) {
    fail("wrong_use", `a bias ${showShape(bias.shape)} for scores ${showShape(scores)}`);
  }
}

const shapes = {
  Attention: (inputs, { heads, kvHeads }) => {
    const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
    needGroups(heads, kvHeads);
    const joined = (x: Tensor): Shape =>
      x.shape.length === 4 ? [x.shape[0]!, x.shape[2]!, mulDims(x.shape[1]!, x.shape[3]!)] : x.shape;
    const byHead = [k, v].every(({ shape }) => shape.length !== 4 || shape[1] === kvHeads);
    const [keys, values] = [joined(k), joined(v)];
    if (!byHead || keys[2] !== kvHeads * headWidth(q, heads) || keys[1] !== values[1]) {
      const shapes = `q ${showShape(q.shape)}, k ${showShape(k.shape)}, v ${showShape(v.shape)}`;
      fail("wrong_use", `attention over ${shapes} with ${heads} heads of queries, ${kvHeads} of keys and values`);
    }
    needBias(inputs[3], [q.shape[0]!, heads, q.shape[1]!, keys[1]!]);
    const width = heads * headWidth({ ...v, shape: values }, kvHeads);
    return [{ dtype: sameDType(inputs), shape: [q.shape[0]!, q.shape[1]!, width] }];
  },
  CachedAttention: ([q, , , pastK, pastV, positions, bias], { heads, kvHeads }) => {
    needGroups(heads, kvHeads);
    if (pastK!.shape[1] !== kvHeads || pastK!.shape[3] !== headWidth(q!, heads)) {
      const past = `a past ${showShape(pastK!.shape)} of ${kvHeads} heads`;
      fail("wrong_use", `${past} for ${heads} heads of queries ${showShape(q!.shape)}`);
    }
    needBias(bias, [q!.shape[0]!, heads, 1, positions!.shape[0]!]);
    return [q!, pastK!, pastV!].map(({ dtype, shape }) => ({ dtype, shape }));
  },
  RowAttention: ([q, k, , pastK, pastV, starts, ends, ...more], { heads, kvHeads }) => {
    needGroups(heads, kvHeads);
    const width = headWidth(q!, heads);
    const [bias] = more.length === 1 ? more : [];
    needBias(bias, [q!.shape[0]!, heads, 1, bias?.shape[3] ?? 1]);
    if (bias && q!.shape[1] !== 1) fail("wrong_use", `a bias for ${q!.shape[1]} new positions a row: it is for one`);
    const fits = pastK!.shape[1] === kvHeads && pastK!.shape[3] === width && k!.shape[2] === kvHeads * width;
    const rows = [pastK, starts, ends].every((x) => x!.shape[0] === q!.shape[0]);
    if (!fits || !rows) {
      const [a, b, c] = [q!, k!, pastK!].map(({ shape }) => showShape(shape));
      fail("wrong_use", `attention of queries ${a} and keys ${b} over a past ${c} by ${heads} heads over ${kvHeads}`);
    }
    return [q!, pastK!, pastV!].map(({ dtype, shape }) => ({ dtype, shape }));
  },
} satisfies ShapeRules;

export default shapes;

const { one, all } = makers(shapes);

/**
 * softmax(scale · q kᵀ + bias) v by heads; q [batch, query, heads · k], k and v [batch, key, kvHeads · k] or by heads,
 * bias [1 | batch, 1 | heads, 1 | query, key]. `kvHeads` is as many as `heads`, or a divisor of it; see `Attention` in
 * {@link Attributes}.
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  bias: Tensor | undefined,
  heads: number,
  scale: number,
  kvHeads = heads,
): Tensor {
  return one("Attention", bias ? [q, k, v, bias] : [q, k, v], { heads, kvHeads, scale });
}

/** See `CachedAttention` in {@link Attributes}: the answer and the updated past keys and values. */
export function cachedAttention(
  [q, k, v]: readonly [Tensor, Tensor, Tensor],
  past: { readonly k: Tensor; readonly v: Tensor },
  positions: Tensor,
  bias: Tensor,
  { heads, kvHeads = heads, scale }: Pick<AttentionHeads, "heads" | "scale"> & { readonly kvHeads?: number },
): readonly [Tensor, Tensor, Tensor] {
  const [y, nextK, nextV] = all("CachedAttention", [q, k, v, past.k, past.v, positions, bias], {
    heads,
    kvHeads,
    scale,
  });
  return [y!, nextK!, nextV!];
}

/** Tables of cosines and sines [any, r/2]. */
interface RowTurn {
  readonly cos: Tensor;
  readonly sin: Tensor;
  readonly interleaved: boolean;
}

/** [1 | rows, 1 | heads, 1, total]. */
interface RowBias {
  readonly bias: Tensor;
}

/** See `RowAttention` in {@link Attributes}: the answer and the updated past keys and values. */
export function rowAttention(
  [q, k, v]: readonly [Tensor, Tensor, Tensor],
  past: { readonly k: Tensor; readonly v: Tensor },
  { starts, ends }: { readonly starts: Tensor; readonly ends: Tensor },
  attributes: Omit<RowHeads, "interleaved">,
  more: RowTurn | RowBias | undefined = undefined,
): readonly [Tensor, Tensor, Tensor] {
  const turn = more && "cos" in more ? more : undefined;
  const added = turn ? [turn.cos, turn.sin] : more && "bias" in more ? [more.bias] : [];
  const inputs = [q, k, v, past.k, past.v, starts, ends, ...added];
  const { heads, kvHeads, scale, window } = attributes;
  const interleaved = turn?.interleaved ?? false;
  const [y, nextK, nextV] = all("RowAttention", inputs, { heads, kvHeads, scale, window, interleaved });
  return [y!, nextK!, nextV!];
}

/** Split the last axis into heads and bring them forward: [batch, length, heads·k] to [batch, heads, length, k]. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, length, width] = x.shape as [Dim, Dim, Dim];
  if (typeof width !== "number" || width % heads !== 0) fail("wrong_use", `width ${width} in ${heads} heads`);
  return transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** [batch, length, heads·k] as [batch, heads, length, k], which it may be already. */
export function asHeads(x: Tensor, heads: number): Tensor {
  return x.shape.length === 4 ? x : splitHeads(x, heads);
}

/**
 * Heads of queries that share a head of keys as more rows of one: [batch, heads, query, k] to [batch, kvHeads, heads /
 * kvHeads · query, k]. One product a head of keys then serves all of its queries, without a copy of the keys.
 */
export function groupHeads(x: Tensor, kvHeads: number): Tensor {
  const [batch, heads, query, width] = x.shape as [Dim, number, Dim, Dim];
  return reshape(x, [batch, kvHeads, mulDims(heads / kvHeads, query), width]);
}

/** The inverse of {@link groupHeads}. */
export function ungroupHeads(x: Tensor, heads: number): Tensor {
  const [batch, kvHeads, rows, width] = x.shape as [Dim, number, Dim, Dim];
  const query =
    divideDims(rows, heads / kvHeads) ?? fail("wrong_use", `${rows} rows for ${heads / kvHeads} heads each`);
  return reshape(x, [batch, heads, query, width]);
}

/**
 * {@link attention} written out in products, so that the probabilities [batch, heads, query, key] can be changed (by
 * dropout) and are kept for the backward pass.
 */
export function attentionInParts(
  [q, k, v, bias]: readonly [Tensor, Tensor, Tensor, Tensor?],
  { heads, kvHeads = heads, scale }: Pick<AttentionHeads, "heads" | "scale"> & { readonly kvHeads?: number },
  change: (probabilities: Tensor) => Tensor = (p) => p,
): Tensor {
  const query = groupHeads(asHeads(q, heads), kvHeads);
  const [keys, values] = [asHeads(k, kvHeads), asHeads(v, kvHeads)];
  const scores = ungroupHeads(matmul(query, keys, { transB: true, alpha: scale }), heads);
  const probabilities = change(softmax(bias ? add(scores, bias) : scores));
  return joinHeads(ungroupHeads(matmul(groupHeads(probabilities, kvHeads), values), heads));
}

/** The inverse of {@link splitHeads}. */
export function joinHeads(x: Tensor): Tensor {
  const [batch, heads, length, width] = x.shape as [Dim, Dim, Dim, Dim];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, length, mulDims(heads, width)]);
}

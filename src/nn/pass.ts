/**
 * A pass of tokens through a stack of layers: where the tokens stand, whom they see, and what is remembered of earlier
 * ones. A kind of model writes passes (a whole row, a cached step, training); a family asks them and knows none by name.
 */
import { fail } from "../errors.ts";
import { addDims, type Dim, mulDims, type Shape } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import type { OpNode, Tensor } from "../graph/tensor.ts";
import { attend, type Dropout, type Heads, keepAll } from "./attend.ts";
import { beside, type Front, inFront, type KeyValue, ofRows, thereOf, widened } from "./front.ts";
import { biasOf, causalMask, nearMask, paddingBias } from "./masks.ts";

export type { Front, KeyValue } from "./front.ts";

export interface SelfAttention extends Heads {
  /** Keys further back than this many, the token itself included, are not seen. */
  readonly window?: number | undefined;
  /** The family's own, [1 | rows, 1 | heads, query, key]: relative positions. */
  readonly bias?: Tensor | undefined;
}

export interface Pass {
  /** Index in the row of every query [query] and key [key], int64: what relative positions are counted with. */
  readonly queries: Tensor;
  readonly keys: Tensor;
  /** Position of every token in its own text, int64 [1 | rows, query]: what learned and rotary positions are asked for. */
  readonly positions: Tensor;
  /** Tokens so far of the text that each token belongs to, int64 [1 | rows, 1 | query]. */
  lengths(): Tensor;
  /**
   * A table of what depends on positions alone, `make` of int64 [any] to [any, …], where the pass keeps tables from run
   * to run; `positions` are places in it.
   */
  readonly tabled?: ((make: (places: Tensor) => Tensor) => Tensor) | undefined;
  /** The embeddings of the tokens as the first layer gets them: with a tuned prompt in front, say. */
  enter(embedded: Tensor): Tensor;
  /** Self-attention of a layer over q [rows, query, heads · k] and the keys and values of the same tokens. */
  self(layer: number, q: Tensor, k: Tensor, v: Tensor, options: SelfAttention): Tensor;
  /** The same pass behind what has been learnt; see {@link Front}. */
  behind?(front: Front): Pass;
}

/** A decoder's pass: it also attends to what an encoder has read. */
export interface CrossPass extends Pass {
  /** Attention of a layer's q [rows, query, heads · k] over the encoder's keys and values. */
  cross(layer: number, q: Tensor, options: Heads): Tensor;
}

export interface Noise {
  readonly training?: boolean | undefined;
  readonly dropout?: Dropout | undefined;
}

/** The family's bias and the pass's, added once for every pair of them. */
function biases(own: (window: number | undefined) => Tensor | undefined, query: Dim) {
  const made = new Map<string, Tensor | undefined>();
  const once = (key: string, make: () => Tensor | undefined) => {
    if (!made.has(key)) made.set(key, make());
    return made.get(key);
  };
  return (window: number | undefined, family: Tensor | undefined): Tensor | undefined => {
    const mine = once(`${window}`, () => own(window));
    if (!mine) return family;
    if (!family) {
      // The fused kernel takes a bias for every query, not one for all.
      const [rows, heads, queries, keys] = mine.shape as [Dim, Dim, Dim, Dim];
      if (queries === query) return mine;
      return once(`${window} wide`, () => o.expand(mine, [rows, heads, query, keys]));
    }
    return once(`${window} ${family.node.id} ${family.index}`, () => o.add(family, mine));
  };
}

export interface WholeRow extends Noise {
  /** No token sees what comes after it. */
  readonly causal: boolean;
  /** 1 where there is text: [rows, length], or [rows, query, key] where queries differ. */
  readonly mask?: Tensor | undefined;
  /** Where rows begin with padding or hold several texts; else positions are indices. */
  readonly positions?: Tensor | undefined;
  /** 1 where two tokens are of the same text, [rows, query, key], where rows hold several. */
  readonly together?: Tensor | undefined;
  /** Changes the tokens' embeddings to those of `length` places. */
  readonly enter?: ((embedded: Tensor) => Tensor) | undefined;
  /** Keys and values of earlier tokens, [rows, kvHeads, past, k] a layer: the row goes on from there. */
  readonly past?: readonly KeyValue[] | undefined;
  /** Told the keys and values of every layer, [rows, kvHeads, past + length, k]. */
  readonly collect?: (layer: number, kept: KeyValue) => void;
  readonly front?: Front | undefined;
}

/** A pass over `length` tokens of every row. */
export function wholeRow(length: Dim, options: WholeRow): Pass {
  const { causal, mask, past, training, dropout = keepAll, collect, enter = (x) => x, front } = options;
  const before = past?.[0]?.k.shape[2] ?? 0;
  const total = addDims(before, length);
  const keys = o.iota(total);
  const queries = before === 0 ? keys : o.add(o.iota(length), o.sizeValue(before, "int64"));
  const moved = (x: Tensor) => (front?.counted ? o.add(x, front.lengths ?? front.length) : x);
  const positions = moved(options.positions ?? o.reshape(queries, [1, length]));
  /** Which places of the front are seen, [1 | rows, 1 | query, front], and the row's own bias behind them. */
  const ahead = (bias: Tensor | undefined, window?: number): Tensor | undefined => {
    if (!front) return bias;
    const places = o.reshape(o.iota(front.length), [1, 1, front.length]);
    const there = thereOf(front);
    const near =
      window !== undefined && front.distances
        ? o.greater(places, o.sub(o.reshape(positions, [...positions.shape, 1]), window))
        : undefined;
    const seen = there && near ? o.and(there, near) : (there ?? near);
    if (!seen) return bias && widened(bias, front.length);
    return beside(paddingBias(seen), bias ?? o.filled("float32", 0, [1, 1, 1, total]));
  };
  const biasFor = biases((window) => {
    const rowBias = mask && paddingBias(mask);
    if (!causal) return ahead(rowBias, window);
    // Where rows hold several texts, two tokens are as far apart as their positions, not as their places in the row.
    const places = mask?.shape.length === 3 && window !== undefined ? options.positions : undefined;
    const order = o.reshape(biasOf(causalMask(queries, keys, places ? undefined : window)), [1, 1, length, total]);
    const near = places ? o.add(order, paddingBias(nearMask(places, window!))) : order;
    return ahead(rowBias ? o.add(near, rowBias) : near, window);
  }, length);
  const distances = front?.distances === true;
  return {
    get queries() {
      return distances ? o.add(queries, front.length) : queries;
    },
    get keys() {
      return distances ? o.iota(addDims(front.length, total)) : keys;
    },
    positions,
    lengths() {
      const { positions, together } = options;
      if (!positions) return moved(o.reshape(o.sizeValue(total, "int64"), [1, 1]));
      if (!together) return moved(o.add(o.max(positions, [1], true), 1));
      const own = o.where(together, o.reshape(positions, [positions.shape[0]!, 1, length]), 0);
      return moved(o.add(o.max(own, [2]), 1));
    },
    enter,
    behind: (next) => wholeRow(length, { ...options, front: next }),
    self(layer, q, k, v, { window, bias, ...heads }) {
      const family = bias && front && !distances ? widened(bias, front.length) : bias;
      const added = { ...heads, bias: biasFor(window, family), training, dropout };
      const first = front?.past?.[layer];
      if (!past && !collect && !first) return attend(q, k, v, added);
      const kvHeads = heads.kvHeads ?? heads.heads;
      const rows = q.shape[0]!;
      const earlier = past?.[layer];
      const own: KeyValue = { k: o.splitHeads(k, kvHeads), v: o.splitHeads(v, kvHeads) };
      const kept = earlier ? { k: o.concat([earlier.k, own.k], 2), v: o.concat([earlier.v, own.v], 2) } : own;
      collect?.(layer, kept);
      if (!first) return attend(q, earlier ? kept.k : k, earlier ? kept.v : v, added);
      const joined = (part: "k" | "v") => o.concat([dropout(ofRows(first[part], rows)), kept[part]], 2);
      return attend(q, joined("k"), joined("v"), added);
    },
  };
}

export interface CachedStep {
  /** The first places of the buffers are this front's, and `indices` counts them. */
  readonly front?: Front | undefined;
  /** Filled with the buffers as they are after it. */
  readonly present?: KeyValue[];
  /** Buffers of all layers, [rows, kvHeads, capacity, k]. */
  readonly past: readonly KeyValue[];
  /** Indices of the keys so far, the current one included: 0 … step, int64 [total]. */
  readonly indices: Tensor;
  /** 1 where a row has text, [rows, total]; every row has it everywhere without. */
  readonly mask?: Tensor | undefined;
  /** [1 | rows, 1]; the index without. */
  readonly positions?: Tensor | undefined;
}

/** A pass of one token a row over cached keys and values; `present` are the buffers with it in. */
export function cachedStep(options: CachedStep): Pass & { readonly present: KeyValue[] } {
  const { past, indices, mask, front, present = [] } = options;
  const query = o.slice(indices, 0, -1);
  const total = indices.shape[0]!;
  /** Places that do not count. */
  const before = front && !front.counted ? front.length : 0;
  const text = (x: Tensor) => (before === 0 ? x : o.sub(x, before));
  const places = options.positions ?? o.reshape(text(query), [1, 1]);
  const biasFor = biases((window) => {
    const rowBias = mask && paddingBias(mask);
    if (window === undefined) return rowBias;
    const near = o.reshape(biasOf(causalMask(query, indices, window)), [1, 1, 1, total]);
    return rowBias ? o.add(near, rowBias) : near;
  }, 1);
  return {
    queries: text(query),
    keys: before === 0 ? indices : text(o.slice(indices, 0, before)),
    positions: places,
    lengths: () => o.add(places, 1),
    enter: (embedded) => embedded,
    behind: (next) => cachedStep({ ...options, present, front: next }),
    present,
    self(layer, q, k, v, { window, bias, ...heads }) {
      const family = bias && before > 0 ? widened(bias, before) : bias;
      const added = biasFor(window, family) ?? o.filled("float32", 0, [1, 1, 1, total]);
      const [answer, nextK, nextV] = o.cachedAttention([q, k, v], past[layer]!, indices, added, heads);
      present[layer] = { k: nextK, v: nextV };
      return answer;
    },
  };
}

/** What was made of a tensor before is not made again. */
function once(make: (x: Tensor) => Tensor) {
  const made = new Map<Tensor, Tensor>();
  return (x: Tensor): Tensor => {
    const known = made.get(x) ?? make(x);
    made.set(x, known);
    return known;
  };
}

export interface ContinuedRows {
  /** Buffers of all layers, [rows, kvHeads, capacity, k]. */
  readonly past: readonly KeyValue[];
  /** Place in its row of every row's first token, and the place after its last one, int64 [rows]. */
  readonly starts: Tensor;
  readonly ends: Tensor;
  /** Tokens of every row's text, int64 [rows]: those that are read later, in another pass, count. */
  readonly lengths: Tensor;
  readonly tabled?: Pass["tabled"];
  /** Where rows go on by one token each and relative positions are counted: 0, 1, … below the greatest of `ends`, int64. */
  readonly keys?: Tensor | undefined;
  readonly front?: Front | undefined;
  /**
   * How many of the first places of each row hold what has been learnt before its text and counts as no position, int64
   * [rows]: no bias of positions covers them. For rows that go on by one token each.
   */
  readonly bare?: Tensor | undefined;
  /** Filled with the buffers as they are after it. */
  readonly present?: KeyValue[];
}

/** Queries and keys as they were before both were turned by the same tables, which attention can do itself. */
function turnOf(q: Tensor, k: Tensor, positions: Tensor) {
  const [a, b] = [q, k].map(({ node }) => (node.kind === "op" && node.op === "Rotate" ? node : undefined));
  if (!a || !b || [1, 2, 3].some((i) => a.inputs[i] !== b.inputs[i]) || a.inputs[1] !== positions) return undefined;
  const { interleaved } = (a as OpNode<"Rotate">).attributes;
  return { q: a.inputs[0]!, k: b.inputs[0]!, cos: a.inputs[2]!, sin: a.inputs[3]!, interleaved };
}

/**
 * A pass of the next `length` tokens of every row over cached keys and values, each row from where it has got to: a
 * prompt, a piece of one, or a step. Rows are filled up on the right. `present` are the buffers with the tokens in.
 * See `RowAttention` in {@link Attributes} for which rows may go together.
 */
export function continuedRows(length: Dim, options: ContinuedRows): Pass & { readonly present: KeyValue[] } {
  const { past, starts, ends, lengths, tabled, keys, front, bare, present = [] } = options;
  const rows = starts.shape[0]!;
  const begins = bare ? o.sub(starts, bare) : starts;
  const positions = o.add(o.reshape(begins, [rows, 1]), o.reshape(o.iota(length), [1, length]));
  const apart = () => fail("unsupported", "positions counted from key to query in a decoder of its own");
  // A row's only token is a query each, so that a bias of theirs has a row for every one: [1, heads, rows, total].
  const biasFor = once((bias: Tensor) => {
    const laid = o.transpose(bias, [2, 1, 0, 3]);
    if (!bare || !keys) return laid;
    const outside = o.less(o.reshape(keys, [1, 1, 1, keys.shape[0]!]), o.reshape(bare, [rows, 1, 1, 1]));
    return o.where(outside, 0, laid);
  });
  return {
    get queries() {
      return keys ? starts : apart();
    },
    get keys() {
      return keys ?? apart();
    },
    positions,
    lengths: () => o.reshape(lengths, [rows, 1]),
    tabled,
    enter: (embedded) => embedded,
    behind(next) {
      // Whose first places those would be: only the maker of such a cache knows.
      if (keys) fail("unsupported", "what was learnt before the rows of a decoder with an encoder that go on together");
      return continuedRows(length, { ...options, present, front: next });
    },
    present,
    self(layer, q, k, v, { window, bias, heads, kvHeads = heads, scale }) {
      const attributes = { heads, kvHeads, scale, window };
      const first = front?.past?.[layer];
      const turn = bias || first ? undefined : turnOf(q, k, positions);
      const row = first
        ? ([q, inFront(front!, first.k, k, positions), inFront(front!, first.v, v, positions)] as const)
        : turn
          ? ([turn.q, turn.k, v] as const)
          : ([q, k, v] as const);
      const more = bias ? { bias: biasFor(bias) } : turn;
      const [answer, nextK, nextV] = o.rowAttention(row, past[layer]!, { starts, ends }, attributes, more);
      present[layer] = { k: nextK, v: nextV };
      return answer;
    },
  };
}

/**
 * The pass with attention to an encoder's `memories` [batch, heads, sequence, k]. The rows are batch · beams, where the
 * beams are alternatives for one input: they are simply more queries over its keys. The mask says which keys are seen,
 * [batch, sequence], or for every query, [batch, beams · length, sequence].
 */
export function crossing<P extends Pass>(
  pass: P,
  memories: readonly KeyValue[],
  options: Noise & { batch: Dim; beams: Dim; mask?: Tensor | undefined; front?: Front | undefined },
): P & CrossPass {
  const { batch, beams, mask, training, dropout = keepAll, front } = options;
  const first = front?.crossed;
  let bias: Tensor | undefined;
  /** Which of the front's and the encoder's keys are seen, as a bias. */
  const seen = (keys: Dim): Tensor | undefined => {
    const own = mask && paddingBias(mask);
    if (!first) return own;
    const there = thereOf(front);
    if (!there) return own && widened(own, front.length);
    return beside(paddingBias(there), own ?? o.filled("float32", 0, [1, 1, 1, keys]));
  };
  return {
    ...pass,
    behind: (next) => crossing(pass.behind!(next), memories, { ...options, front: next }) as P & CrossPass,
    cross(layer, q, heads) {
      const memory = memories[layer]!;
      const [rows, length, width] = q.shape as [Dim, Dim, Dim];
      const across = mulDims(beams, length);
      const queries = o.reshape(q, [batch, across, width]);
      bias ??= seen(memory.k.shape[2]!);
      const joined = (part: "k" | "v") =>
        first ? o.concat([dropout(ofRows(first[layer]![part], batch)), memory[part]], 2) : memory[part];
      const answer = attend(queries, joined("k"), joined("v"), { ...heads, bias, training, dropout });
      return o.reshape(answer, [rows, length, answer.shape.at(-1)!] as Shape);
    },
  };
}

/**
 * The pass of one token a row with attention to what an encoder has read of that row's own input: buffers [rows, heads,
 * capacity, k], of which a row has `lengths` [rows] places. No row's result depends on how long another's input is. The
 * kernel that knows lengths by row also writes: it is given the last key and value that are there already, and `kept`
 * are the buffers as they were.
 */
export function crossingRows<P extends Pass>(
  pass: P,
  memories: readonly KeyValue[],
  lengths: Tensor,
): P & CrossPass & { readonly kept: KeyValue[] } {
  const kept: KeyValue[] = [];
  const last = o.sub(lengths, 1);
  const lastOf = (x: Tensor): Tensor => {
    const [rows, heads, , width] = x.shape as [Dim, number, Dim, number];
    const at = o.expand(o.reshape(last, [rows, 1, 1, 1]), [rows, heads, 1, width]);
    return o.reshape(o.gatherElements(x, at, 2), [rows, 1, heads * width]);
  };
  return {
    ...pass,
    kept,
    cross(layer, q, { heads, kvHeads = heads, scale }) {
      const memory = memories[layer]!;
      const own = [q, lastOf(memory.k), lastOf(memory.v)] as const;
      const attributes = { heads, kvHeads, scale, window: undefined };
      const [answer, k, v] = o.rowAttention(own, memory, { starts: last, ends: lengths }, attributes);
      kept[layer] = { k, v };
      return answer;
    },
  };
}

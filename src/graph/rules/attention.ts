/** Rules of attention. */
import { fail } from "../../errors.ts";
import { type Dim, sameShape } from "../dims.ts";
import { dtypes } from "../dtype.ts";
import type { Emitter, NodeOptions } from "../emit.ts";
import type { NodeReader } from "../onnx/node-reader.ts";
import * as o from "../operators.ts";
import { type Attributes, full, type OpNode, type Tensor } from "../tensor.ts";
import { none, softmaxGradient, unbroadcast } from "./gradients.ts";
import { int, microsoft, names } from "./onnx.ts";
import type { Cotangent, Decomposition, KernelLowering, Rows } from "./row.ts";

/** Attention's gradient recomputes the probabilities: the fused kernel does not give them. */
function attentionGradients({ g, x, attributes: { heads, kvHeads, scale } }: Cotangent<"Attention">) {
  const like = (t: Tensor, d: Tensor) => (t.shape.length === 4 ? d : o.joinHeads(d));
  const grouped = (t: Tensor) => o.groupHeads(t, kvHeads);
  const q = grouped(o.splitHeads(x[0]!, heads));
  const [k, v] = [x[1]!, x[2]!].map((t) => o.asHeads(t, kvHeads)) as [Tensor, Tensor];
  const raw = o.ungroupHeads(o.matmul(q, k, { transB: true, alpha: scale }), heads);
  const p = o.softmax(x[3] ? o.add(raw, x[3]) : raw);
  const gHeads = grouped(o.splitHeads(g, heads));
  const scores = softmaxGradient(p, o.ungroupHeads(o.matmul(gHeads, v, { transB: true }), heads), -1);
  const byGroup = grouped(scores);
  return [
    () => o.joinHeads(o.ungroupHeads(o.matmul(byGroup, k, { alpha: scale }), heads)),
    () => like(x[1]!, o.matmul(byGroup, q, { transA: true, alpha: scale })),
    () => like(x[2]!, o.matmul(grouped(p), gHeads, { transA: true })),
    () => unbroadcast(scores, x[3]!.shape),
  ];
}

const attention: Decomposition<"Attention"> = (inputs, attributes) => [
  o.attentionInParts(inputs as [Tensor, Tensor, Tensor, Tensor?], attributes),
];

/** Keeps the whole buffer: the new row goes in by comparison, and the rows in use are picked by their positions. */
const cachedAttention: Decomposition<"CachedAttention"> = (inputs, attributes) => {
  const [q, k, v, pastK, pastV, positions, bias] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const capacity = pastK.shape[2]!;
  const here = o.reshape(o.equal(o.iota(capacity), o.slice(positions, 0, -1)), [1, 1, capacity, 1]);
  const [nextK, nextV] = [
    o.where(here, o.splitHeads(k, attributes.kvHeads), pastK),
    o.where(here, o.splitHeads(v, attributes.kvHeads), pastV),
  ];
  const used = (x: Tensor) => o.gather(x, positions, 2);
  return [...attention([q, used(nextK), used(nextV), bias], attributes), nextK, nextV];
};

/** New positions go in by comparing places; every query sees the places up to its own, as a bias over all of them. */
const rowAttention: Decomposition<"RowAttention"> = (inputs, attributes) => {
  const [q, k, v, k0, v0, starts, ends, cos, sin] = inputs as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor?,
    Tensor?,
  ];
  if (!cos || !sin) return untabledRows(inputs, attributes, cos);
  // What turns the heads and what attends may each have a kernel of its own.
  const { heads, kvHeads, interleaved } = attributes;
  const [rows, length] = q.shape as [Dim, Dim];
  const places = o.add(o.reshape(starts, [rows, 1]), o.reshape(o.iota(length), [1, length]));
  const turned = (x: Tensor, count: number) => o.rotateBy(x, places, { cos, sin }, { heads: count, interleaved });
  return o.rowAttention([turned(q, heads), turned(k, kvHeads), v], { k: k0, v: v0 }, { starts, ends }, attributes);
};

const untabledRows = (
  inputs: readonly Tensor[],
  { window, ...attributes }: Attributes["RowAttention"],
  more: Tensor | undefined,
): readonly Tensor[] => {
  const [q, k, v, pastK, pastV, starts] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const [rows, length] = q.shape as [Dim, Dim];
  const [, kvHeads, capacity, width] = pastK.shape as [Dim, number, Dim, number];
  // How many positions after the row's first new one a place lies.
  const after = o.sub(o.reshape(o.iota(capacity), [1, capacity]), o.reshape(starts, [rows, 1]));
  const isNew = o.and(o.greaterOrEqual(after, 0), o.less(after, o.sizeValue(length, "int64")));
  const written = o.reshape(isNew, [rows, 1, capacity, 1]);
  const from = o.reshape(o.where(isNew, after, 0), [rows, 1, capacity, 1]);
  const next = (x: Tensor, past: Tensor) => {
    const made = o.splitHeads(x, kvHeads);
    const spread = length === 1 ? made : o.gatherElements(made, o.expand(from, [rows, kvHeads, capacity, width]), 2);
    return o.where(written, spread, past);
  };
  const [nextK, nextV] = [next(k, pastK), next(v, pastV)];
  const [place, query] = [o.reshape(after, [rows, 1, 1, capacity]), o.reshape(o.iota(length), [1, 1, length, 1])];
  const near = window === undefined ? undefined : o.greater(place, o.sub(query, window));
  const seen = o.lessOrEqual(place, query);
  const bias = o.where(near ? o.and(seen, near) : seen, full("float32", 0), -1e9);
  const every = more ? o.add(bias, o.gather(more, withinSize(capacity, more.shape[3]!), 3)) : bias;
  return [...attention([q, nextK, nextV, every], attributes), nextK, nextV];
};

/** 0, 1, … of a size, none beyond the last place of another: int64 [size]. */
const withinSize = (size: Dim, other: Dim): Tensor => o.minimum(o.iota(size), o.sub(o.sizeValue(other, "int64"), 1));

/** The kernel wants a row of the bias for every query. */
function everyQuery(emit: Emitter, node: OpNode<"Attention">, bias: string, options: NodeOptions): string {
  const { shape } = node.inputs[3]!;
  const queries = node.inputs[0]!.shape[1]!;
  if (shape[2] === queries) return bias;
  const wide = emit.shape([shape[0]!, shape[1]!, queries, shape[3]!]);
  return emit.node("Expand", [bias, wide], {}, options)[0]!;
}

const lowerAttention: KernelLowering<"Attention"> = (emit, node, options) => {
  const { heads, kvHeads, scale } = node.attributes;
  const [, k, v] = node.inputs as [Tensor, Tensor, Tensor];
  // Grouped heads are as fast in products as in any kernel that takes them, and no kernel takes them everywhere.
  if (heads !== kvHeads) return undefined;
  // The kernel takes keys and values by heads only when they are of one shape.
  if (k.shape.length !== v.shape.length || (k.shape.length === 4 && !sameShape(k.shape, v.shape))) return undefined;
  const [q, keys, values, bias] = names(emit, node) as [string, string, string, string?];
  const inputs = bias ? [q, keys, values, "", "", everyQuery(emit, node, bias, options)] : [q, keys, values];
  const attributes = { num_heads: int(heads), scale: { float: scale } };
  return emit.node("MultiHeadAttention", inputs, attributes, { ...microsoft, ...options });
};

/** Grouped-query attention: the one kernel that updates its cache in place. */
const lowerCached: KernelLowering<"CachedAttention"> = (emit, node, options) => {
  // The kernel takes heads of a multiple of 8 only.
  if ((node.inputs[3]!.shape[3] as number) % 8 !== 0) return undefined;
  const { heads, kvHeads, scale } = node.attributes;
  const [q, k, v, pastK, pastV, , bias] = names(emit, node) as [string, string, string, string, string, string, string];
  const int32 = (name: string) => emit.node("Cast", [name], { to: int(dtypes.int32.onnx) })[0]!;
  const total = emit.size(node.inputs[5]!.shape[0]!);
  const last = emit.node("Sub", [total, emit.ints([1])])[0]!;
  const lengths = emit.node("Expand", [int32(last), emit.size(node.inputs[0]!.shape[0]!)])[0]!;
  const length = emit.node("Reshape", [int32(total), emit.ints([])])[0]!;
  const inputs = [q, k, v, pastK, pastV, lengths, length, "", "", "", bias];
  const attributes = { num_heads: int(heads), kv_num_heads: int(kvHeads), scale: { float: scale } };
  return emit.node("GroupQueryAttention", inputs, attributes, { ...microsoft, ...options, outputs: 3 });
};

const lowerRows: KernelLowering<"RowAttention"> = (emit, node, options) => {
  // The kernel takes heads of a multiple of 8 only.
  const width = node.inputs[3]!.shape[3] as number;
  if (width % 8 !== 0) return undefined;
  // And turns those of a multiple of 16 only, as many channels as are a multiple of 16.
  const half = node.inputs[8] && (node.inputs[7]!.shape[1] as number);
  if (half !== undefined && (width % 16 !== 0 || half % 8 !== 0)) return undefined;
  const { heads, kvHeads, scale, window, interleaved } = node.attributes;
  const [q, k, v, pastK, pastV, , ends, ...more] = names(emit, node) as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    ...string[],
  ];
  const counts = emit.node("Cast", [ends], { to: int(dtypes.int32.onnx) })[0]!;
  const one = emit.constant({ dtype: "int32", shape: [], data: Int32Array.of(1) });
  const last = emit.node("Sub", [counts, one])[0]!;
  const most = emit.node("ReduceMax", [counts], { keepdims: int(0) })[0]!;
  const attributes = {
    num_heads: int(heads),
    kv_num_heads: int(kvHeads),
    scale: { float: scale },
    ...(window !== undefined && { local_window_size: int(window) }),
    ...(half !== undefined && { do_rotary: int(1), rotary_interleaved: int(interleaved) }),
  };
  const inputs = [q, k, v, pastK, pastV, last, most, ...(more.length === 1 ? ["", "", "", ...more] : more)];
  return emit.node("GroupQueryAttention", inputs, attributes, { ...microsoft, ...options, outputs: 3 });
};

function readAttention(node: NodeReader): Tensor[] {
  const [q, bias] = [node.tensor(0), node.optional(5)];
  if ([3, 4, 6, 7].some((at) => node.optional(at))) fail("unsupported", "MultiHeadAttention with a mask, bias or past");
  for (const name of ["unidirectional", "mask_filter_value"]) node.fixed(name, 0);
  const heads = node.int("num_heads", 1);
  const width = q.shape[2];
  const usual = typeof width === "number" ? 1 / Math.sqrt(width / heads) : 1;
  return [o.attention(q, node.tensor(1), node.tensor(2), bias, heads, node.float("scale", 0) || usual)];
}

/** As written by our own lowering: the cache as long as the length says. */
function readCached(node: NodeReader): readonly Tensor[] {
  const heads = node.int("num_heads", 1);
  const kvHeads = node.int("kv_num_heads", heads);
  if ([7, 8, 9, 11].some((at) => node.optional(at)) || !node.optional(10)) {
    fail("unsupported", "GroupQueryAttention with rotary embedding, positions or sinks, or without a bias");
  }
  const scale = node.float("scale", 0);
  if (scale === 0) fail("unsupported", "GroupQueryAttention without a scale");
  const [total] = node.dims(6);
  const past = { k: node.tensor(3), v: node.tensor(4) };
  const row = [node.tensor(0), node.tensor(1), node.tensor(2)] as const;
  return o.cachedAttention(row, past, o.iota(total!), node.tensor(10), { heads, kvHeads, scale });
}

const rows = {
  Attention: {
    gradient: attentionGradients,
    fused: { on: ["cpu", "cuda", "wasm", "webgpu"], lower: lowerAttention },
    decompose: attention,
    read: { "com.microsoft:MultiHeadAttention": readAttention },
  },
  CachedAttention: {
    gradient: none,
    fused: { on: ["cpu", "wasm"], lower: lowerCached },
    decompose: cachedAttention,
    read: { "com.microsoft:GroupQueryAttention": readCached },
  },
  RowAttention: {
    gradient: none,
    fused: { on: ["cpu", "wasm"], lower: lowerRows },
    decompose: rowAttention,
    read: null,
  },
} satisfies Rows;

export default rows;

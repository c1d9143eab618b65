/**
 * Checkpoints of Megatron-LM's GPT as tensors of GPT-2. Megatron stores matrices as [out, in], the rows of queries, keys
 * and values in an order that depends on the checkpoint's version, and splits both over ranks: tensor-parallel ones
 * hold whole heads and parts of the feed-forward layer, pipeline stages hold some of the layers.
 */
import { shown } from "../base/json.ts";
import { fail } from "../errors.ts";
import { type NdArray, ndarray } from "../graph/array.ts";
import { dtypes, type TypedArray } from "../graph/dtype.ts";

/** Reads a tensor of one rank, by its name below `language_model`. */
export interface Rank {
  readonly names: readonly string[];
  read(name: string): NdArray;
}

export interface MegatronLayout {
  /** [stage][tensor-parallel rank]. */
  readonly stages: readonly (readonly Rank[])[];
  /** Of the checkpoint: below 1 the rows of queries, keys and values are [3, heads, k], then [heads, k, 3], from 2 on [heads, 3, k]. */
  readonly version: number;
  readonly heads: number;
  /** Rows of the table of words that count; it is filled up to a round number. */
  readonly vocabulary?: number | undefined;
  readonly where: string;
}

/** GPT-2's parts of a layer, and what releases of Megatron call them; `*` is weight or bias. */
const layerParts = {
  ln_1: ["input_layernorm.*", "self_attention.layernorm_qkv.layer_norm_*"],
  "attn.c_attn": ["attention.query_key_value.*", "self_attention.query_key_value.*", "self_attention.layernorm_qkv.*"],
  "attn.c_proj": ["attention.dense.*", "self_attention.dense.*", "self_attention.proj.*"],
  ln_2: ["post_attention_layernorm.*", "layernorm_mlp.layer_norm_*"],
  "mlp.c_fc": ["mlp.dense_h_to_4h.*", "layernorm_mlp.fc1_*"],
  "mlp.c_proj": ["mlp.dense_4h_to_h.*", "layernorm_mlp.fc2_*"],
} as const;
type Part = keyof typeof layerParts;

const stacks = ["transformer", "encoder"];
const finalNorms = ["final_layernorm.*", "final_norm.*"];

const rowsOf = ({ shape }: NdArray) => shape[0] ?? 0;
const widthOf = ({ shape }: NdArray) => (shape.length > 1 ? shape[1]! : 1);

type Row = readonly [array: NdArray, row: number];

/** Values moved one by one: by type they are numbers or big integers, and both sides have the same. */
function filled(
  like: NdArray,
  shape: readonly number[],
  from: (set: (to: number, at: NdArray, i: number) => void) => void,
) {
  const data = new dtypes[like.dtype].array(shape.reduce((a, b) => a * b, 1)) as Float32Array;
  from((to, array, i) => {
    data[to] = (array.data as Float32Array)[i]!;
  });
  return ndarray(like.dtype, shape, data as TypedArray);
}

/** Rows of matrices [out, in], taken in this order, as a matrix [in, rows]; of vectors, the vector of them. */
function taken(rows: readonly Row[]): NdArray {
  const [first] = rows[0]!;
  const width = widthOf(first);
  const shape = first.shape.length > 1 ? [width, rows.length] : [rows.length];
  return filled(first, shape, (set) => {
    rows.forEach(([array, row], to) => {
      for (let column = 0; column < width; column++) set(column * rows.length + to, array, row * width + column);
    });
  });
}

const allRows = (arrays: readonly NdArray[]): Row[] =>
  arrays.flatMap((array) => Array.from({ length: rowsOf(array) }, (_, row) => [array, row] as const));

/** Matrices [out, in / ranks] side by side, as one [in, out]. */
function besides(arrays: readonly NdArray[]): NdArray {
  const turned = arrays.map((array) => taken(allRows([array])));
  const [first] = turned as [NdArray, ...NdArray[]];
  const out = widthOf(first);
  const shape = [turned.reduce((sum, array) => sum + rowsOf(array), 0), out];
  return filled(first, shape, (set) => {
    let to = 0;
    for (const array of turned) for (let i = 0; i < array.data.length; i++) set(to++, array, i);
  });
}

/** Rows of queries, then keys, then values, each head after head. */
function regrouped(arrays: readonly NdArray[], { version, heads, where }: MegatronLayout): Row[] {
  const own = heads / arrays.length;
  const width = rowsOf(arrays[0]!) / 3 / own;
  if (!Number.isInteger(own) || !Number.isInteger(width)) {
    const rows = arrays.length * rowsOf(arrays[0]!);
    fail("corrupt_file", `${rows} rows of queries, keys and values are not those of ${heads} heads`, { where });
  }
  const row = (part: number, head: number, channel: number) =>
    version >= 2
      ? (head * 3 + part) * width + channel
      : version >= 1
        ? (head * width + channel) * 3 + part
        : (part * own + head) * width + channel;
  return [0, 1, 2].flatMap((part) =>
    Array.from({ length: heads }, (_, head) => head).flatMap((head) =>
      Array.from({ length: width }, (_, channel): Row => {
        return [arrays[Math.floor(head / own)]!, row(part, head % own, channel)];
      }),
    ),
  );
}

function sameData(a: NdArray, b: NdArray): boolean {
  return a.data.length === b.data.length && (a.data as Float32Array).every((value, i) => Object.is(value, b.data[i]));
}

/** The tensors of GPT-2, `transformer.…`. @throws corrupt_file for a tensor that lacks, or ranks that do not agree */
export function gpt2OfMegatron(layout: MegatronLayout): Map<string, NdArray> {
  const { stages, where, vocabulary } = layout;
  const found = new Map<string, NdArray>();
  const prefixIn = (rank: Rank) => stacks.find((stack) => rank.names.some((name) => name.startsWith(`${stack}.`)));

  /** One tensor of every rank of a stage, under the first of its names that is there. */
  const each = (ranks: readonly Rank[], names: readonly string[]): NdArray[] =>
    ranks.map((rank) => {
      const name = names.find((one) => rank.names.includes(one));
      return name !== undefined
        ? rank.read(name)
        : fail("corrupt_file", `a GPT of Megatron lacks the tensor ${shown(names[0]!)}`, {
            where,
            hint: "checkpoints of GPT are read, with learned positions, biases and norms with both",
          });
    });
  /** A tensor that every rank has whole. */
  const whole = (ranks: readonly Rank[], names: readonly string[]): NdArray => {
    const [first, ...rest] = each(ranks, names) as [NdArray, ...NdArray[]];
    if (rest.some((other) => !sameData(first, other))) {
      fail("corrupt_file", `the ranks hold different values of ${shown(names[0]!)}`, { where });
    }
    return first;
  };

  const [first, last] = [stages[0]!, stages.at(-1)!];
  const words = allRows(each(first, ["embedding.word_embeddings.weight"]));
  const kept = words.slice(0, vocabulary ?? words.length);
  const [table] = words[0]!;
  if (vocabulary !== undefined && kept.length < vocabulary) {
    fail("corrupt_file", `${kept.length} rows of words, ${vocabulary} are wanted`, { where });
  }
  const width = widthOf(table);
  found.set(
    "transformer.wte.weight",
    filled(table, [kept.length, width], (set) => {
      kept.forEach(([array, row], to) => {
        for (let i = 0; i < width; i++) set(to * width + i, array, row * width + i);
      });
    }),
  );
  found.set("transformer.wpe.weight", whole(first, ["embedding.position_embeddings.weight"]));

  let before = 0;
  for (const ranks of stages) {
    const stack = prefixIn(ranks[0]!) ?? "transformer";
    const layers = new Set(
      ranks[0]!.names.flatMap((name) => new RegExp(`^${stack}\\.layers\\.(\\d+)\\.`).exec(name)?.[1] ?? []),
    );
    for (let layer = 0; layer < layers.size; layer++) {
      for (const [part, patterns] of Object.entries(layerParts) as [Part, readonly string[]][]) {
        for (const kind of ["weight", "bias"]) {
          const names = patterns.map((pattern) => `${stack}.layers.${layer}.${pattern.replace("*", kind)}`);
          const make = (): NdArray => {
            if (part === "attn.c_attn") return taken(regrouped(each(ranks, names), layout));
            if (part === "mlp.c_fc") return taken(allRows(each(ranks, names)));
            const split = kind === "weight" && (part === "attn.c_proj" || part === "mlp.c_proj");
            return split ? besides(each(ranks, names)) : whole(ranks, names);
          };
          found.set(`transformer.h.${before + layer}.${part}.${kind}`, make());
        }
      }
    }
    before += layers.size;
  }
  const stack = prefixIn(last[0]!) ?? "transformer";
  for (const kind of ["weight", "bias"]) {
    const names = finalNorms.map((pattern) => `${stack}.${pattern.replace("*", kind)}`);
    found.set(`transformer.ln_f.${kind}`, whole(last, names));
  }
  return found;
}

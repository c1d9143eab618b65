/**
 * Many adapters over one network, a different one for every row of a batch. What was learnt lies in arrays with a place
 * for each adapter, which are inputs of the graph: an adapter is added or removed by writing its place, and nothing is
 * compiled anew. Shorter prefixes, smaller ranks and fewer classes are filled up.
 */
import { fail } from "../../errors.ts";
import { int64, type NdArray, zeros } from "../../graph/array.ts";
import { type Dim, mulDims } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import type { Architecture } from "../family.ts";
import type { Adapter } from "./adapter.ts";
import { type Learn, type Products, withLearnt } from "./learnt.ts";
import { frontsOf, keysOf, names } from "./settings.ts";
import type { Site, Survey } from "./survey.ts";

/** What the adapters of a bank may be, at most. */
export interface BankShape {
  /** Places of prefixes, and where they are; 0 for none. */
  readonly length: number;
  readonly sites: readonly Site[];
  readonly counted: boolean;
  /** Ranks of products by their paths. */
  readonly ranks: ReadonlyMap<string, number>;
  /** Rows of heads' products by their paths: the last one's are classes. */
  readonly heads: ReadonlyMap<string, { readonly in: number; readonly out: number }>;
}

/** The smallest shape that all of these fit in. @throws unsupported for adapters that no bank holds */
export function bankShape(adapters: readonly Adapter[], { body }: Pick<Survey, "body">): BankShape {
  let length = 0;
  const places = new Set<Site>();
  const counted = new Set<boolean>();
  const ranks = new Map<string, number>();
  const heads = new Map<string, { in: number; out: number }>();
  for (const { settings, values } of adapters) {
    if (settings.method === "prefix") {
      if (settings.projection || settings.tied) fail("unsupported", "a prefix with a projection, or as PEFT ties them");
      length = Math.max(length, settings.length);
      for (const site of settings.sites) places.add(site);
      counted.add(settings.counted);
    } else if (settings.method === "lora") {
      for (const [path, { rank }] of settings.products) ranks.set(path, Math.max(rank, ranks.get(path) ?? 0));
    } else if (settings.method !== "head") {
      fail("unsupported", `adapters of the method ${settings.method} do not share a batch with others`);
    }
    for (const [name, { shape }] of values) {
      const path = /^(?!adapter\.)(.+)\.weight$/.exec(name)?.[1];
      if (path === undefined || /\.lora_[AB]$/.test(path) || body.has(name) || shape.length !== 2) continue;
      const known = heads.get(path);
      heads.set(path, { in: shape[1]!, out: Math.max(shape[0]!, known?.out ?? 0) });
    }
  }
  if (counted.size > 1) fail("unsupported", "prefixes that count as positions beside some that do not");
  return { length, sites: [...places], counted: counted.has(true), ranks, heads };
}

const rowsName = "adapter.rows";
const lengthsName = "bank.lengths";
const lora = (path: string) => [`bank.${path}.A`, `bank.${path}.B`] as const;
const head = (path: string) => [`bank.${path}.weight`, `bank.${path}.bias`] as const;

/**
 * The network over a bank's arrays, for graphs whose rows are called `batch` ("rows" where a decoder goes on over its
 * cache): the input `adapter.rows` says whose adapter a row is read with. There every row begins with as many tokens of
 * any kind as its prefix is long, as with one adapter.
 */
export function banked(
  model: Architecture,
  shape: BankShape,
  { attentions }: Survey,
  batch: Dim = "batch",
): Architecture {
  /** Places of one row where there are so many in all. */
  const perRow = (places: Dim): Dim =>
    places === batch ? 1 : fail("unsupported", `a product of ${places} rows in a bank of ${batch}`);
  const learn: Learn = () => {
    const rows = input(rowsName, "int64", [batch]);
    const own = (name: string, dims: readonly Dim[]): Tensor =>
      o.gather(input(name, "float32", ["places", ...dims]), rows);
    const keys = Object.fromEntries(
      shape.sites.map((site) => {
        const cache = attentions[site]!;
        const columns = 2 * cache.layers * cache.kvHeads * cache.headWidth;
        return [site, keysOf(own(`bank.${site}`, [shape.length, columns]), cache)];
      }),
    );
    const lengths = () => o.reshape(o.gather(input(lengthsName, "int64", ["places"]), rows), [batch, 1]);
    const products: Products = (path, x, out, plain) => {
      const rank = shape.ranks.get(path);
      const head_ = shape.heads.get(path);
      if (rank === undefined && !head_) return plain();
      // A head looks at one place of a row, [batch, width]; beams of a row share its adapter.
      const width = x.shape.at(-1) as number;
      const places = x.shape.slice(0, -1).reduce<Dim>(mulDims, 1);
      const each = x.shape.length === 3 && x.shape[0] === batch ? x : o.reshape(x, [batch, perRow(places), width]);
      if (head_) {
        const [weight, bias] = head(path);
        const y = o.matmul(each, own(weight, [head_.out, head_.in]), { transB: true });
        const added = o.add(y, o.reshape(own(bias, [head_.out]), [batch, 1, head_.out]));
        return o.reshape(added, [...x.shape.slice(0, -1), head_.out]);
      }
      const [a, b] = lora(path);
      const inner = o.matmul(each, own(a, [rank!, width]), { transB: true });
      const more = o.matmul(inner, own(b, [out, rank!]), { transB: true });
      return o.add(plain(), o.reshape(more, [...x.shape.slice(0, -1), out]));
    };
    return {
      ...(shape.length > 0 && frontsOf(shape, { attentions }, keys, lengths())),
      ...((shape.ranks.size > 0 || shape.heads.size > 0) && { products }),
    };
  };
  return withLearnt(model, learn);
}

export interface AdapterBank {
  readonly shape: BankShape;
  /** Names of the adapters that are there, by their places. */
  readonly names: readonly (string | undefined)[];
  /** @throws bad_input for a name that is there; unsupported for one that does not fit the shape */
  add(name: string, adapter: Adapter): void;
  /** @throws not_found */
  remove(name: string): void;
  /** What a run needs besides its texts: an adapter's name for every row, or undefined for the network as it is. */
  feeds(rows: readonly (string | undefined)[]): Record<string, NdArray>;
  /** Bytes that the arrays take. */
  readonly bytes: number;
}

/** An empty bank for up to `places` adapters, and a place that is none. */
export function createBank(shape: BankShape, { attentions, products }: Survey, places: number): AdapterBank {
  const arrays = new Map<string, NdArray>();
  const make = (name: string, dims: readonly number[]) => arrays.set(name, zeros("float32", [places + 1, ...dims]));
  for (const site of shape.sites) {
    const cache = attentions[site]!;
    make(`bank.${site}`, [shape.length, 2 * cache.layers * cache.kvHeads * cache.headWidth]);
  }
  for (const [path, rank] of shape.ranks) {
    const [a, b] = lora(path);
    make(a, [rank, products.get(path)!.in]);
    make(b, [products.get(path)!.out, rank]);
  }
  for (const [path, size] of shape.heads) {
    const [weight, bias] = head(path);
    make(weight, [size.out, size.in]);
    make(bias, [size.out]);
  }
  const lengths = new Array<number>(places + 1).fill(0);
  const held: (string | undefined)[] = new Array<string | undefined>(places).fill(undefined);

  /** The part of an array that is an adapter's place. */
  const placeOf = (name: string, place: number) => {
    const { data, shape: dims } = arrays.get(name)!;
    const each = data.length / dims[0]!;
    return { part: (data as Float32Array).subarray(place * each, (place + 1) * each), dims: dims.slice(1) };
  };
  /** Write a matrix [r, c] into the corner of a larger one. */
  const write = (name: string, place: number, { data, shape: given }: NdArray, scale = 1) => {
    const { part, dims } = placeOf(name, place);
    const [rows, columns] = given.length === 2 ? (given as [number, number]) : [1, given[0]!];
    const width = dims.at(-1)!;
    if (columns > width || rows > part.length / width) {
      fail("unsupported", `an adapter's [${given.join(", ")}] in a bank of [${dims.join(", ")}]`);
    }
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) part[r * width + c] = scale * (data as Float32Array)[r * columns + c]!;
    }
  };
  const clear = (place: number) => {
    for (const name of arrays.keys()) placeOf(name, place).part.fill(0);
    lengths[place] = 0;
  };

  return {
    shape,
    names: held,
    bytes: [...arrays.values()].reduce((sum, { data }) => sum + 4 * data.length, 0),
    add(name, { settings, values }) {
      if (held.includes(name)) fail("bad_input", `there is an adapter "${name}" already`, { hint: "remove it first" });
      const place = held.indexOf(undefined);
      if (place < 0) fail("unsupported", `the bank has room for ${places} adapters, all of which are taken`);
      const value = (key: string) => values.get(key) ?? fail("internal", `an adapter without "${key}"`);
      try {
        if (settings.method === "prefix") {
          for (const site of settings.sites) {
            if (!shape.sites.includes(site)) fail("unsupported", `a prefix at the ${site} in a bank without one there`);
            write(`bank.${site}`, place, value(names.matrix(site)));
          }
          lengths[place] = settings.length;
        } else if (settings.method === "lora") {
          for (const [path, { scale }] of settings.products) {
            if (!shape.ranks.has(path)) fail("unsupported", `LoRA beside "${path}" in a bank without any there`);
            const [a, b] = names.lora(path);
            write(lora(path)[0], place, value(a));
            write(lora(path)[1], place, value(b), scale);
          }
        }
        for (const path of shape.heads.keys()) {
          const [weight, bias] = head(path);
          const own = values.get(`${path}.weight`);
          if (own) write(weight, place, own);
          // Classes that this adapter does not have are never the likeliest.
          const { part } = placeOf(bias, place);
          part.fill(-1e9, own?.shape[0] ?? 0);
          const added = values.get(`${path}.bias`);
          if (added) write(bias, place, added);
        }
      } catch (cause) {
        clear(place);
        throw cause;
      }
      held[place] = name;
    },
    remove(name) {
      const place = held.indexOf(name);
      if (place < 0) fail("not_found", `there is no adapter "${name}"`);
      clear(place);
      held[place] = undefined;
    },
    feeds(rows) {
      const taken = rows.map((name) => {
        const place = name === undefined ? places : held.indexOf(name);
        return place >= 0 ? place : fail("not_found", `there is no adapter "${name}"`);
      });
      return {
        ...Object.fromEntries(arrays),
        [rowsName]: int64([rows.length], taken),
        ...(shape.length > 0 && { [lengthsName]: int64([places + 1], lengths) }),
      };
    },
  };
}

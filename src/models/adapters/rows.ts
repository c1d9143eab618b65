/**
 * Adapters of rows that are computed together, a different one for every row. A prefix lies in a row's own cache and
 * asks nothing of the network; additions to products are inputs of the graph, a matrix for every row, so that a row
 * changes its adapter by being given other arrays. Smaller ranks are filled up with zeros.
 */
import { fail } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import { type Dim, mulDims } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import { input } from "../../graph/tensor.ts";
import type { Architecture } from "../family.ts";
import { type Adapter, placesOf } from "./adapter.ts";
import { type Learn, withLearnt } from "./learnt.ts";
import { type AdapterSettings, names } from "./settings.ts";
import type { Product } from "./survey.ts";

/** Products of low rank are scaled already: their scale is 1. */
export interface RowAdapter {
  /** Tells it from every other one, also from an earlier one of its name. */
  readonly key: string;
  /** What adapters are alike in that share a graph whose inputs are their numbers. */
  readonly structure: string;
  readonly settings: AdapterSettings;
  readonly values: ReadonlyMap<string, NdArray>;
  /** Places that it takes in a decoder's cache before the row's own tokens, and those of them that count as positions. */
  readonly before: number;
  readonly counted: number;
  /** Tokens of any kind that a text for an encoder begins with. */
  readonly fillers: number;
  /** Positions of the model's own that it takes from a text. */
  readonly places: number;
  /** Paths of the products that it adds to. */
  readonly paths: readonly string[];
  readonly bytes: number;
}

let made = 0;

/** Factors whose scale is in the first of them. */
function scaled({ settings, values }: Adapter): Pick<Adapter, "settings" | "values"> {
  if (settings.method !== "lora") return { settings, values };
  const changed = new Map(values);
  for (const [path, { scale }] of settings.products) {
    const [a] = names.lora(path);
    const { shape, data } = values.get(a) ?? fail("internal", `an adapter without "${a}"`);
    if (scale !== 1)
      changed.set(
        a,
        float32(
          shape,
          (data as Float32Array).map((value) => scale * value),
        ),
      );
  }
  const products = new Map([...settings.products].map(([path, { rank }]) => [path, { rank, scale: 1 }]));
  return { settings: { method: "lora", products }, values: changed };
}

function structureOf({ settings, values }: Pick<RowAdapter, "settings" | "values">): string {
  const written = settings.method === "lora" ? { ...settings, products: [...settings.products] } : settings;
  return JSON.stringify([written, [...values].map(([name, { shape }]) => [name, ...shape])]);
}

/** An adapter as the rows of a running batch take it. @throws unsupported for what no batch computes */
export function rowAdapter(adapter: Adapter, { kind, type }: Pick<Architecture, "kind" | "type">): RowAdapter {
  const { settings, values } = scaled(adapter);
  const refuse = (what: string) => fail("unsupported", `${type}: ${what} is not put into a running batch`);
  if (settings.method === "full") refuse("a whole network");
  const isDecoder = kind === "decoder";
  if (settings.method === "prefix" && isDecoder && !settings.counted) {
    refuse("a decoder's prefix that does not count as positions");
  }
  const inCache =
    settings.method === "prefix" ? settings.sites.includes("decoder") : settings.method === "prompt" && isDecoder;
  const length = settings.method === "prefix" || settings.method === "prompt" ? settings.length : 0;
  return {
    key: `adapter ${made++}`,
    structure: structureOf({ settings, values }),
    settings,
    values,
    before: inCache ? length : 0,
    counted: inCache && !(settings.method === "prefix" && !settings.counted) ? length : 0,
    fillers: settings.method === "prompt" && !isDecoder ? length : 0,
    places: placesOf(settings),
    paths: settings.method === "lora" ? [...settings.products.keys()] : [],
    bytes: [...values.values()].reduce((sum, { data }) => sum + data.byteLength, 0),
  };
}

/** Names of a product's inputs. */
const factors = (path: string) => [`adapter.${path}.A`, `adapter.${path}.B`] as const;

/**
 * The network with additions to these products, of every row its own: inputs `adapter.PATH.A` [rows, rank, in] and
 * `adapter.PATH.B` [rows, out, rank]. For graphs whose rows are called `rows`.
 * @throws unsupported where a product is not of whole rows: an expert's
 */
export function withRowProducts(model: Architecture, paths: readonly string[], rows: Dim = "rows"): Architecture {
  const ranks = new Map(paths.map((path, i) => [path, `rank${i}`]));
  const learn: Learn = () => ({
    products(path, x, out, plain) {
      const rank = ranks.get(path);
      if (rank === undefined) return plain();
      const width = x.shape.at(-1) as number;
      const places = x.shape.slice(0, -1).reduce<Dim>(mulDims, 1);
      if (x.shape[0] !== rows && places !== rows) {
        fail("unsupported", `additions to ${path}, which does not see every row, in a batch of several adapters`);
      }
      const each = x.shape.length === 3 && x.shape[0] === rows ? x : o.reshape(x, [rows, 1, width]);
      const [a, b] = factors(path);
      const inner = o.matmul(each, input(a, "float32", [rows, rank, width]), { transB: true });
      const more = o.matmul(inner, input(b, "float32", [rows, out, rank]), { transB: true });
      return o.add(plain(), o.reshape(more, [...x.shape.slice(0, -1), out]));
    },
  });
  return withLearnt(model, learn);
}

/** Paths of the products that a graph has, of a network that is written into it. */
export function productsSeen<A extends Architecture>(model: A, write: (model: A) => unknown): ReadonlySet<string> {
  const seen = new Set<string>();
  const learn: Learn = () => ({
    products(path, _, __, plain) {
      seen.add(path);
      return plain();
    },
  });
  write(withLearnt(model, learn) as A);
  return seen;
}

interface Factors {
  readonly rank: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

function factorsOf(row: RowAdapter | undefined, path: string): Factors | undefined {
  if (row?.settings.method !== "lora") return undefined;
  const found = row.settings.products.get(path);
  if (!found) return undefined;
  const [a, b] = names.lora(path);
  return {
    rank: found.rank,
    a: row.values.get(a)!.data as Float32Array,
    b: row.values.get(b)!.data as Float32Array,
  };
}

/** Matrices [rows, outer, inner] in one buffer; every row has a corner of its own matrix, and zeros beside it. */
interface Laid {
  readonly rank: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly held: (RowAdapter | undefined)[];
}

/**
 * What {@link withRowProducts} asks for. Of several rows the arrays are kept from run to run, and of a row that has
 * another adapter than before only that row is written.
 */
export function createRowFeeds(paths: readonly string[], products: ReadonlyMap<string, Product>) {
  const kept = new Map<string, Laid>();
  let last: { readonly rows: readonly (RowAdapter | undefined)[]; readonly feeds: Record<string, NdArray> } | undefined;

  function laid(path: string, rows: readonly (RowAdapter | undefined)[], { in: width, out }: Product): Laid {
    const own = rows.map((row) => factorsOf(row, path));
    const needed = Math.max(1, ...own.map((one) => one?.rank ?? 0));
    let found = kept.get(path);
    if (!found || found.held.length < rows.length || found.rank < needed || found.rank >= 2 * needed) {
      const count = Math.max(rows.length, found?.held.length ?? 0);
      found = {
        rank: needed,
        a: new Float32Array(count * needed * width),
        b: new Float32Array(count * needed * out),
        held: new Array<RowAdapter | undefined>(count).fill(undefined),
      };
      kept.set(path, found);
    }
    const { rank, a, b, held } = found;
    rows.forEach((row, i) => {
      if (held[i] === row) return;
      held[i] = row;
      const [from, to] = [i * rank * width, i * rank * out];
      const one = own[i];
      // One of the full rank leaves nothing of what was there.
      if (one?.rank !== rank) {
        a.fill(0, from, from + rank * width);
        b.fill(0, to, to + rank * out);
      }
      if (!one) return;
      a.set(one.a, from);
      if (one.rank === rank) b.set(one.b, to);
      else for (let r = 0; r < out; r++) b.set(one.b.subarray(r * one.rank, (r + 1) * one.rank), to + r * rank);
    });
    return found;
  }

  /** A row alone is given its adapter's own arrays. */
  function alone(path: string, row: RowAdapter | undefined, { in: width, out }: Product): Factors {
    return factorsOf(row, path) ?? { rank: 1, a: new Float32Array(width), b: new Float32Array(out) };
  }

  return (rows: readonly (RowAdapter | undefined)[]): Readonly<Record<string, NdArray>> => {
    if (last && last.rows.length === rows.length && last.rows.every((row, i) => row === rows[i])) return last.feeds;
    const feeds: Record<string, NdArray> = {};
    for (const path of paths) {
      const product = products.get(path)!;
      const { rank, a, b } = rows.length === 1 ? alone(path, rows[0], product) : laid(path, rows, product);
      const [nameA, nameB] = factors(path);
      feeds[nameA] = float32([rows.length, rank, product.in], a.subarray(0, rows.length * rank * product.in));
      feeds[nameB] = float32([rows.length, product.out, rank], b.subarray(0, rows.length * rank * product.out));
    }
    // A row that reads its prompt comes between the steps of all: those are worth remembering.
    if (rows.length > 1) last = { rows: [...rows], feeds };
    return feeds;
  };
}

/** The ways of adapting a frozen network, and what each one learns. */
import { fail } from "../../errors.ts";
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { keepAll } from "../../nn/attend.ts";
import { linear } from "../../nn/linear.ts";
import type { Front, KeyValue } from "../../nn/pass.ts";
import { type Initial, normal, type Scope, uniformInit, zerosInit } from "../../nn/scope.ts";
import type { NetworkOptions } from "../family.ts";
import type { CacheShape } from "../kinds/cache.ts";
import type { Learn, Learnt, Products } from "./learnt.ts";
import type { Site, Survey } from "./survey.ts";

/**
 * Keys and values of every layer before those of the row (Li & Liang 2021; for understanding Liu et al. 2021, arXiv
 * 2110.07602). One matrix [length, 2 · layers · kvHeads · k] a site: row 2i of it, cut by layers, holds the keys of
 * layer i and 2i + 1 its values.
 */
export interface PrefixSettings {
  readonly method: "prefix";
  readonly length: number;
  readonly sites: readonly Site[];
  /** Positions of the text count on behind the prefix; else they, and T5's distances, are as without it. */
  readonly counted: boolean;
  /** The matrix is made of one [length, `from`] by two layers with `hidden` channels between them. */
  readonly projection?: { readonly from: number; readonly hidden: number } | undefined;
  /** How PEFT reads an encoder-decoder's matrix: decoder layer i has keys 4i and values 4i + 1, modulo 2 · layers. */
  readonly tied?: boolean | undefined;
}

/** Vectors before the text (Lester et al. 2021, arXiv 2104.08691). */
export interface PromptSettings {
  readonly method: "prompt";
  readonly length: number;
}

/** Products of low rank beside those with frozen weights (Hu et al. 2021, arXiv 2106.09685): y + s · x Aᵀ Bᵀ. */
export interface LoraSettings {
  readonly method: "lora";
  readonly products: ReadonlyMap<string, { readonly rank: number; readonly scale: number }>;
  /** Drop parts of x before A in training. */
  readonly dropped?: boolean | undefined;
}

/** A head alone, or the whole network: nothing is put into it. */
export interface PlainSettings {
  readonly method: "head" | "full";
}

export type AdapterSettings = PrefixSettings | PromptSettings | LoraSettings | PlainSettings;

export interface Starts {
  /** Of prefixes and prompts; normal numbers of deviation 0.02 by default. */
  readonly front?: Initial | undefined;
}

/** Names of what is learnt: of a site or `prompt` the matrix, and of a product the two factors. */
export const names = {
  matrix: (of: Site | "prompt") => `adapter.${of}.weight`,
  projection: (of: Site) => `adapter.${of}.projection`,
  lora: (path: string) => [`${path}.lora_A.weight`, `${path}.lora_B.weight`] as const,
};

/** Whether a parameter was learnt beside the network; heads are not. */
export const isBeside = (name: string): boolean => name.startsWith("adapter.") || /\.lora_[AB]\.weight$/.test(name);

const columnsOf = ({ layers, kvHeads, headWidth }: CacheShape) => 2 * layers * kvHeads * headWidth;

/** The matrix of a site, [length, 2 · layers · kvHeads · k]. */
export function prefixMatrix(scope: Scope, site: Site, settings: PrefixSettings, shape: CacheShape, start: Initial) {
  const { length, projection } = settings;
  const width = columnsOf(shape);
  if (!projection) return scope.param(names.matrix(site), [length, width], start);
  const at = scope.at(names.projection(site));
  const first = scope.param(names.matrix(site), [length, projection.from], start);
  const layer = (name: string, x: Tensor, out: number) => linear(at.at(name), x, out, normal(0.02), { bias: true });
  return layer("2", o.tanh(layer("0", first, projection.hidden)), width);
}

/** Matrices [rows, length, 2 · layers · kvHeads · k] as keys and values of every layer, [rows, kvHeads, length, k]. */
export function keysOf(matrices: Tensor, shape: CacheShape, tied = false): KeyValue[] {
  const { layers, kvHeads, headWidth } = shape;
  const [rows, length] = matrices.shape as [Dim, Dim];
  const laid = o.transpose(o.reshape(matrices, [rows, length, 2 * layers, kvHeads, headWidth]), [2, 0, 3, 1, 4]);
  const ones = Array.from({ length: 2 * layers }, () => 1);
  const each = o.split(laid, 0, ones).map((part) => o.reshape(part, [rows, kvHeads, length, headWidth]));
  const at = (i: number) => (tied ? (4 * i) % (2 * layers) : 2 * i);
  return Array.from({ length: layers }, (_, i) => ({ k: each[at(i)]!, v: each[at(i) + 1]! }));
}

/** The front of each stack of prefixes that have been laid out, by site. */
export function frontsOf(
  { length, counted }: Pick<PrefixSettings, "length" | "counted">,
  { attentions }: Pick<Survey, "attentions">,
  keys: { readonly [S in Site]?: readonly KeyValue[] },
  lengths?: Tensor,
): Pick<Learnt, "encoder" | "decoder"> {
  const { encoder, decoder, cross } = keys;
  // Encoders by themselves have distances of many kinds, and no reference that counts them to a prefix.
  const distances = counted && attentions.decoder !== undefined;
  const shared = { length, lengths };
  const front = (past: readonly KeyValue[] | undefined, crossed?: readonly KeyValue[]): Front | undefined =>
    past || crossed
      ? { ...shared, counted: counted && past !== undefined, distances: distances && past !== undefined, past, crossed }
      : undefined;
  return { encoder: front(encoder), decoder: front(decoder, cross) };
}

function learnLora({ products, dropped = false }: LoraSettings, scope: Scope, options: NetworkOptions): Products {
  const { dropout = keepAll } = options;
  return (path, x, out, plain) => {
    const found = products.get(path);
    if (!found) return plain();
    const width = x.shape.at(-1) as number;
    const [a, b] = names.lora(path);
    const down = scope.param(a, [found.rank, width], uniformInit(-1 / Math.sqrt(width), 1 / Math.sqrt(width)));
    const up = scope.param(b, [out, found.rank], zerosInit);
    const inner = o.matmul(dropped ? dropout(x) : x, down, { transB: true });
    return o.add(plain(), o.matmul(inner, up, { transB: true, alpha: found.scale }));
  };
}

/** What a way of adapting learns, for a network of this survey. */
export function learning(settings: AdapterSettings, { attentions, width }: Survey, starts: Starts = {}): Learn {
  const { front: start = normal(0.02) } = starts;
  switch (settings.method) {
    case "prefix":
      return (scope) => {
        const keys = Object.fromEntries(
          settings.sites.map((site) => {
            const shape = attentions[site] ?? fail("wrong_use", `the network has no ${site} attention`);
            const matrix = prefixMatrix(scope, site, settings, shape, start);
            return [site, keysOf(o.reshape(matrix, [1, ...matrix.shape]), shape, settings.tied)];
          }),
        );
        return frontsOf(settings, { attentions }, keys);
      };
    case "prompt":
      return (scope) => {
        const vectors = scope.param(names.matrix("prompt"), [settings.length, width], start);
        return { prompt: { length: settings.length, vectors: o.reshape(vectors, [1, settings.length, width]) } };
      };
    case "lora":
      return (scope, options) => ({ products: learnLora(settings, scope, options) });
    default:
      return () => ({});
  }
}

/** Layers of BERT (Devlin et al. 2018, arXiv 1810.04805) as its relatives share them, under each one's names. */
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Dropout } from "../../nn/attend.ts";
import { embedding, linear, wordVectors } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import type { Pass } from "../../nn/pass.ts";
import type { Initial, Scope } from "../../nn/scope.ts";

/** A product with a weight and a bias, to `out` channels. */
export type Dense = (at: Scope, x: Tensor, out: number) => Tensor;

export const denseFrom =
  (start: Initial): Dense =>
  (at, x, out) =>
    linear(at, x, out, start, { bias: true });

export interface Embeddings {
  readonly vocabulary: number;
  readonly width: number;
  readonly start: Initial;
  /** Token whose row does not learn from being looked up. */
  readonly padding: number | undefined;
  readonly training: boolean | undefined;
  /** Kinds of texts, and the kind of each token. */
  readonly types?: { readonly count: number; readonly ids: Tensor };
  /** Rows of the table of positions, and the one of each token. */
  readonly positions?: { readonly count: number; readonly ids: Tensor };
}

/** The table of words below `embeddings`. */
export const wordTable = (
  at: Scope,
  { vocabulary, width, start }: Pick<Embeddings, "vocabulary" | "width" | "start">,
) => at.param("word_embeddings.weight", [vocabulary, width], start);

/** Sum of the rows of each token: its word, its kind, its position; ids [rows, length] to [rows, length, width]. */
export function sumOfEmbeddings(at: Scope, ids: Tensor, pass: Pass, settings: Embeddings): Tensor {
  const { width, start, types, positions } = settings;
  const words = wordVectors(wordTable(at, settings), ids, settings);
  const kinds = at.at("token_type_embeddings");
  // Where there is one kind, tokenizers of other families may still tell two apart.
  const type =
    types &&
    (types.count === 1
      ? o.reshape(kinds.param("weight", [1, width], start), [1, 1, width])
      : embedding(kinds, types.ids, types.count, width, start));
  // What comes before a text is of the first kind of text, like the text itself.
  const entered = pass.enter(words);
  const typed = type ? o.add(entered, type) : entered;
  if (!positions) return typed;
  return o.add(typed, embedding(at.at("position_embeddings"), positions.ids, positions.count, width, start));
}

/** Names of a layer's parts. */
export interface LayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly mixed: string;
  readonly mixedNorm: string;
  readonly inner: string;
  readonly outer: string;
  readonly outerNorm: string;
}

export const bertNames: LayerNames = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  mixed: "attention.output.dense",
  mixedNorm: "attention.output.LayerNorm",
  inner: "intermediate.dense",
  outer: "output.dense",
  outerNorm: "output.LayerNorm",
};

export interface PostNorm {
  readonly names: LayerNames;
  readonly heads: number;
  /** Of scores; 1 / √k for heads of k channels by default. */
  readonly scale?: number;
  readonly feedForward: number;
  readonly act: (x: Tensor) => Tensor;
  readonly epsilon: number;
  readonly dense: Dense;
  readonly dropout: Dropout;
  /** Of what attention gives, where it is another than that of the feed-forward network. */
  readonly mixedDropout?: Dropout;
  /** Added to the scores, from this layer's queries and keys [rows, length, width]. */
  readonly bias?: (block: Scope, q: Tensor, k: Tensor) => Tensor | undefined;
}

/** All layers, under `layer.i` of the stack. */
export function postNormLayers(stack: Scope, count: number, x: Tensor, pass: Pass, settings: PostNorm): Tensor {
  let hidden = x;
  for (let i = 0; i < count; i++) hidden = postNormLayer(stack.at(`layer.${i}`), i, hidden, pass, settings);
  return hidden;
}

/** Layer i under `block`: attention, then a feed-forward network, each added and the sum normalised. */
function postNormLayer(block: Scope, i: number, x: Tensor, pass: Pass, s: PostNorm): Tensor {
  const width = x.shape.at(-1) as number;
  const { names, heads, dropout, mixedDropout = dropout, scale = (width / heads) ** -0.5 } = s;
  const project = (name: string, y: Tensor, out: number) => s.dense(block.at(name), y, out);
  const norm = (name: string, y: Tensor) => layerNorm(block.at(name), y, s.epsilon);
  const [q, k, v] = [names.query, names.key, names.value].map((name) => project(name, x, width)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const attended = pass.self(i, q, k, v, { heads, scale, bias: s.bias?.(block, q, k) });
  const mixed = norm(names.mixedNorm, o.add(x, mixedDropout(project(names.mixed, attended, width))));
  const inner = s.act(project(names.inner, mixed, s.feedForward));
  return norm(names.outerNorm, o.add(mixed, dropout(project(names.outer, inner, width))));
}

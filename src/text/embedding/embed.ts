/** Vectors of texts: how a folder makes them, and what is done with them. */
import { fail } from "../../errors.ts";
import type { Pooling, Readout } from "../../models/kinds/pooling.ts";
import type { Weights } from "../../weights/weights.ts";

/** How near two vectors are: more is nearer, so that distances are negative. */
export const similarities = {
  cosine: (a: Float32Array, b: Float32Array) => dot(a, b) / Math.max(Math.sqrt(dot(a, a) * dot(b, b)), 1e-12),
  dot,
  euclidean: (a: Float32Array, b: Float32Array) => -Math.hypot(...a.map((value, i) => value - b[i]!)),
  manhattan: (a: Float32Array, b: Float32Array) => -a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0),
} as const;

export type Similarity = keyof typeof similarities;

export interface EmbeddingConfig extends Readout {
  /** Numbers of a vector. */
  readonly width: number;
  /** Parameters of the layers behind the pooling, by the names that the graph asks for. */
  readonly weights: Weights;
  /** Tokens of a text that are read; a longer text is an error. */
  readonly longest?: number | undefined;
  readonly lowerCase: boolean;
  /** Texts that are put before a text, by name. */
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPrompt?: string | undefined;
  /** Whether a prompt's tokens are pooled like the text's own. */
  readonly includePrompt: boolean;
  readonly similarity: Similarity;
  /** Whether the folder says how its vectors are made. */
  readonly told: boolean;
}

/** What sentence-transformers does with a folder that says nothing: the mean, of a decoder the last token. */
export const defaultEmbedding = (width: number, pooling: Pooling = "mean"): EmbeddingConfig => ({
  width,
  pooling: [pooling],
  layers: [],
  weights: new Map(),
  lowerCase: false,
  prompts: {},
  includePrompt: true,
  similarity: "cosine",
  told: false,
});

export interface VectorOptions {
  /** The folder's text of this name is put before every text; by default the one that the folder names as default. */
  readonly prompt?: string | undefined;
  /** This text is put before every text. */
  readonly promptText?: string | undefined;
  /** The first so many numbers alone, of models that were trained for it; of length 1 again where they had it. */
  readonly dimensions?: number | undefined;
  /** Whether vectors get length 1; as the folder says by default. */
  readonly normalize?: boolean | undefined;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Names that others use for the text before a document. */
const documents: readonly string[] = ["document", "passage", "corpus"];

/** The text that goes before every text. @throws bad_input for a name that the folder does not have */
export function promptOf({ prompts, defaultPrompt }: EmbeddingConfig, options: VectorOptions): string {
  const { prompt, promptText } = options;
  if (promptText !== undefined) {
    if (prompt !== undefined) fail("bad_input", "a prompt is given by its name and as a text", { hint: "give one" });
    return promptText;
  }
  const name = prompt ?? defaultPrompt;
  if (name === undefined) return "";
  const known = (documents.includes(name) ? [name, ...documents] : [name]).find((one) => Object.hasOwn(prompts, one));
  if (known !== undefined) return prompts[known]!;
  const names = Object.keys(prompts);
  return fail("bad_input", `the model has no prompt "${name}"`, {
    hint: names.length > 0 ? `it has ${names.join(", ")}` : "it has none: give the prompt's text itself",
  });
}

/** @throws bad_input for more dimensions than the model's vectors have */
export function needDimensions({ width }: EmbeddingConfig, { dimensions }: VectorOptions): void {
  if (dimensions === undefined || (Number.isInteger(dimensions) && dimensions > 0 && dimensions <= width)) return;
  fail("bad_input", `dimensions is ${dimensions}; expected a whole number from 1 to ${width}`);
}

/** What a vector becomes: cut to its first numbers, then of length 1. */
export function finished(vector: Float32Array, { layers }: Readout, options: VectorOptions): Float32Array {
  const { dimensions, normalize } = options;
  const cut = dimensions === undefined ? vector : vector.slice(0, dimensions);
  const had = layers.some(({ kind }) => kind === "normalize");
  if (!(normalize ?? (had && dimensions !== undefined))) return cut;
  const norm = Math.max(Math.sqrt(dot(cut, cut)), 1e-12);
  return cut.map((value) => value / norm);
}

/**
 * What a family of models tells of itself. A family is one file that exports a row of `families.ts`; everything else
 * (caches, beams, scoring, training, export, quantising, plan) is written once for its kind, over the network that
 * `read` gives.
 */
import type { JsonObject } from "../base/json.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Track } from "../nn/norms.ts";
import type { CrossPass, KeyValue, Noise, Pass } from "../nn/pass.ts";
import type { Scope } from "../nn/scope.ts";
import type { NameRules } from "../weights/names.ts";
import type { CacheShape } from "./kinds/cache.ts";

/** What the stored tensors say where config.json leaves something open. */
export interface Stored {
  has(name: string): boolean;
  shape(name: string): readonly number[] | undefined;
  /** Whether two tensors that are there hold the same numbers. */
  same(name: string, other: string): boolean;
}

/** Is told of what a network of images computes on the way to its output, in order. What is not asked for costs nothing. */
export interface Watch {
  /** The embeddings, then every layer's or stage's output, as transformers' `hidden_states`. */
  hidden?(x: Tensor): void;
  /** Every attention's probabilities, [batch, heads, tokens, tokens]. */
  attention?(probabilities: Tensor): void;
}

export interface NetworkOptions extends Noise {
  readonly watch?: Watch | undefined;
  /** Batch norms go by the batch and tell their running statistics; without, they go by those. */
  readonly track?: Track | undefined;
  /** x times random numbers from 1 − range to 1 + range, in training. */
  readonly jitter?: ((x: Tensor, range: number) => Tensor) | undefined;
}

/** How a checkpoint may name the tensors that the network asks for. */
export interface Names extends Pick<NameRules, "aliases" | "prefixes" | "ignored"> {
  /** A tensor that every checkpoint of the family has: where it is stored by this name, no prefix is looked for. */
  readonly anchor: string;
  /** Older spellings. */
  readonly renamed?: readonly (readonly [RegExp, string])[];
  /** What stands outside of the prefixes, though the network may not ask for it. */
  readonly outside?: RegExp;
}

interface Common {
  /** `model_type`. */
  readonly type: string;
  readonly names: Names;
  /** Tensors that stay as they are when the model is quantised: what decides by small differences. */
  readonly unquantized?: RegExp;
  /** Tensors that nothing learns: buffers of the reference. */
  readonly frozen?: RegExp;
  /** Rate in training by default. */
  readonly dropout: number;
  /** What a person should know of this checkpoint: sentences. */
  readonly warnings?: readonly string[] | undefined;
  /** The text of config.json for this model with weights of its own, read alike by every release of transformers. */
  configText?(): string;
}

/** What reads tokens. */
interface Words {
  readonly vocabulary: number;
  /** Token that fills rows up. */
  readonly pad: number;
}

interface Writing extends Words {
  readonly width: number;
  /** Tokens that end an answer. */
  readonly ends: readonly number[];
  /** Keys and values of self-attention. */
  readonly cache: CacheShape;
  /** Positions that there are, where the model has a table of them. */
  readonly longest?: number | undefined;
}

export interface EncoderDecoder {
  /** ids [batch, sequence] to [batch, sequence, width]. */
  encode(ids: Tensor, pass: Pass): Tensor;
  /** Keys and values of every decoder layer's cross-attention, [batch, heads, sequence, k], computed once an input. */
  memory(encoded: Tensor): KeyValue[];
  /** ids [rows, length] to the last layer's output [rows, length, width]. */
  decode(ids: Tensor, pass: CrossPass): Tensor;
  /** [rows, length, width] to [rows, length, vocabulary]. */
  logits(hidden: Tensor): Tensor;
  /** What training adds to the cross-entropy, of everything written so far. */
  extraLoss?(): Tensor | undefined;
  /** Keys and values that the cache of a decoding begins with, [1, heads, length, k]: of a tuned prefix. */
  front?(): KeyValue[] | undefined;
}

export interface EncoderDecoderArchitecture extends Common, Writing {
  readonly kind: "encoder-decoder";
  /** First token of every answer; never shown. */
  readonly start: number;
  /** In training the last token of a target, its language, is what the decoder starts from in the place of `start`. */
  readonly rotates?: boolean;
  /** The last tokens of an answer that is cut at its greatest length, where no generation_config.json says so. */
  readonly lasts?: readonly number[];
  /** Tokens of the input, where it has a vocabulary of its own. */
  readonly inputVocabulary?: number;
  /** Keys and values of cross-attention. */
  readonly memory: CacheShape;
  /** A token's result depends on the other tokens of its row (experts with a capacity): rows are never joined. */
  readonly unjoined?: boolean;
  network(scope: Scope, options?: NetworkOptions): EncoderDecoder;
}

export interface Decoder {
  /** ids [rows, length] to the last layer's output [rows, length, width]. */
  decode(ids: Tensor, pass: Pass): Tensor;
  /** [rows, length, width] to [rows, length, vocabulary]. */
  logits(hidden: Tensor): Tensor;
  /** Scores of classes [rows, classes] from the output at one place a row, [rows, width], where the checkpoint has a head. */
  classify?(hidden: Tensor): Tensor;
}

export interface DecoderArchitecture extends Common, Writing {
  readonly kind: "decoder";
  /** Keys of texts longer than this depend on the text's length, so that continuations cannot share their prompt's. */
  readonly steadyUpTo?: number | undefined;
  /** Token before a prompt that is otherwise empty. */
  readonly begin?: number | undefined;
  network(scope: Scope, options?: NetworkOptions): Decoder;
}

/** Classes exclude each other, are independent, or the score is a number. */
export type Problem = "single" | "multi" | "regression";

/** The rows that a head looks at beside the last layer's output. */
export interface HeadRows {
  /** [rows, length]. */
  readonly ids: Tensor;
  /** 1 where there is text, [rows, length]; it is everywhere without one. */
  readonly mask?: Tensor;
}

/** From the last layer's output [rows, length, width]. */
export type Head = (hidden: Tensor, rows: HeadRows) => Tensor;

/** What an encoder's checkpoint was trained to give. */
export interface Heads {
  /** Logits of the word at every place, [rows, length, vocabulary]. */
  readonly masked?: Head;
  /** Scores of classes of a text, [rows, classes]. */
  readonly sequence?: Head;
  /** Scores of classes of every token, [rows, length, classes]. */
  readonly tokens?: Head;
  /** Scores of every place as first and as last of an answer, [rows, length, 2]. */
  readonly span?: Head;
  /** Score of a text as the right one of several, [rows, 1]. */
  readonly choice?: Head;
  /** Logit of every token that it was put in the place of another, [rows, length, 1]. */
  readonly discriminator?: Head;
}

export interface Encoder {
  /** ids and the kind of each token (first or second text), [rows, length], to [rows, length, width]. */
  encode(ids: Tensor, types: Tensor, pass: Pass): Tensor;
  /** What the checkpoint gives of a whole text beside its tokens, [rows, width], where it has that. */
  pooled?(hidden: Tensor): Tensor;
  readonly heads: Heads;
}

export interface EncoderArchitecture extends Common, Words {
  readonly kind: "encoder";
  readonly width: number;
  readonly longest?: number | undefined;
  /** Names of the classes of `sequence` and `tokens`. */
  readonly labels?: readonly string[];
  readonly problem?: Problem | undefined;
  /** The head that the checkpoint has; none for a bare encoder. */
  readonly head?: keyof Heads | undefined;
  /** How one vector of a text is made and compared, where a folder does not say: default the mean, by cosine. */
  readonly vectors?: { readonly pooling: "cls"; readonly similarity: "dot" };
  network(scope: Scope, options?: NetworkOptions): Encoder;
}

/** Images, or clips of so many, as a network takes them. */
export interface ImageSize {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Images of a clip; none for single images. */
  readonly frames?: number | undefined;
}

export interface ImageEncoder {
  /**
   * pixels [batch, channels, height, width], of clips [batch, frames, channels, height, width], to the last layer's output:
   * [batch, tokens, width], of convolutions [batch, width, rows, columns].
   */
  encode(pixels: Tensor): Tensor;
  /** What the classifier reads of that, and stands for the whole image: [batch, width]. */
  features(hidden: Tensor): Tensor;
  /** What the checkpoint gives of a whole image beside its tokens, [batch, any], where it has that. */
  pooled?(hidden: Tensor): Tensor;
  /** Scores of classes [batch, classes], where the checkpoint has a head. */
  classify?(hidden: Tensor): Tensor;
}

export interface ImageEncoderArchitecture extends Common {
  readonly kind: "image-encoder";
  readonly width: number;
  readonly image: ImageSize;
  /** Names of the classes; none for a bare encoder. */
  readonly labels?: readonly string[] | undefined;
  readonly problem?: Problem | undefined;
  /** Of a transformer, where the tokens of an image lie: so many behind `first` others, time by time, row by row. */
  readonly places?:
    | { readonly first: number; readonly times: number; readonly rows: number; readonly columns: number }
    | undefined;
  /** Tables of positions that are interpolated for these sides, each in the shape that is stored: name, shape and how. */
  readonly positions?:
    | readonly {
        readonly name: string;
        readonly shape: readonly number[];
        readonly interpolated: (table: Tensor) => Tensor;
      }[]
    | undefined;
  /** Tensors of the classifier: other ones where there are other classes. */
  readonly classifier: RegExp;
  /**
   * The same weights over images of other sides, with positions interpolated where it has a table of them. None for a
   * model whose weights are for one number of patches.
   * @throws bad_input for sides that patches do not fill
   */
  readonly resized?:
    | ((sides: { readonly height: number; readonly width: number }) => ImageEncoderArchitecture)
    | undefined;
  network(scope: Scope, options?: NetworkOptions): ImageEncoder;
}

export interface TwoTowers {
  /** ids [texts, length] to vectors [texts, width], not normalised. */
  text(ids: Tensor, pass: Pass): Tensor;
  /** pixels [images, channels, height, width] to vectors [images, width], not normalised. */
  image(pixels: Tensor): Tensor;
  /** What multiplies the cosine of a text and an image: a number. */
  scale(): Tensor;
}

export interface TwoTowersArchitecture extends Common, Words {
  readonly kind: "two-towers";
  /** Width of the space that both towers share. */
  readonly width: number;
  readonly longest: number;
  /** No token of a text sees what comes after it. */
  readonly causal: boolean;
  /** Token that every text must have, as its output is what counts; none where any text will do. */
  readonly end?: number | undefined;
  readonly image: ImageSize;
  network(scope: Scope, options?: NetworkOptions): TwoTowers;
}

export type Architecture =
  | EncoderDecoderArchitecture
  | DecoderArchitecture
  | EncoderArchitecture
  | ImageEncoderArchitecture
  | TwoTowersArchitecture;

export type Kind = Architecture["kind"];

export interface Family {
  /** For people: "BERT". */
  readonly title: string;
  /** Values of `model_type`. */
  readonly types: readonly string[];
  /**
   * From config.json, checked by a schema, and the names of the stored tensors.
   * @throws corrupt_file naming the entry; unsupported for one that changes the arithmetic and is not done here
   */
  read(config: JsonObject, stored?: Stored): Architecture;
}

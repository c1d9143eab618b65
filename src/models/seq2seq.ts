/** What generation and scoring need of an encoder-decoder model, whatever its architecture. */
import type { NdArray } from "../graph/array.ts";

/** Prompts that have been encoded: the decoder's view of them. */
export interface Memory {
  readonly batch: number;
  /** [batch, sequence], 1 where there is text. */
  readonly mask: NdArray;
  /** Keys and values of every layer, by name, computed once. */
  readonly arrays: Readonly<Record<string, NdArray>>;
}

/** A decoding under way: one row for each beam of each prompt, all at the same position. */
export interface Decoding {
  /** Feed one token for each row [batch · beams]; gives the logits [batch · beams, vocabulary] of the next. */
  step(tokens: readonly number[]): Promise<StepResult>;
  /** The same where only the most likely next token of each row is wanted: no logits are handed over. */
  likeliest(tokens: readonly number[]): Promise<readonly number[]>;
  /** Continue row i from what row parents[i] has been so far (beam search). */
  reorder(parents: readonly number[]): void;
  /** Go on with these prompts only, in this order: the others have ended and cost nothing any more. */
  keep(prompts: readonly number[]): void;
}

export interface StepResult {
  /** [batch, beams, 1, vocabulary] float32; the caller's own, to change as it likes. */
  readonly logits: NdArray;
  /** The most likely next token of each row. */
  readonly best: readonly number[];
}

export interface Seq2Seq extends AsyncDisposable {
  readonly vocabulary: number;
  readonly start: number;
  readonly pad: number;
  readonly eos: number;
  /** Encode prompts of token ids together, padded to the longest. */
  encode(prompts: readonly (readonly number[])[]): Promise<Memory>;
  /** Start decoding with this many rows for each prompt; `expected` tokens are made room for at once. */
  decoding(memory: Memory, beams: number, expected: number): Decoding;
  /**
   * Log-probability of every token of given targets, `targets[prompt][choice]`: the choices of a prompt share its
   * encoding. Same nesting, one number a token.
   */
  score(memory: Memory, targets: readonly (readonly (readonly number[])[])[]): Promise<number[][][]>;
}

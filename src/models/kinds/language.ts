/** What generation and scoring need of a model that writes text, whatever its kind. */
import { fail } from "../../errors.ts";
import type { NdArray } from "../../graph/array.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Memory } from "./decoding/memory.ts";

/** A decoding under way: one row for each beam of each prompt, all at the same step. */
export interface Decoding {
  /**
   * The logits [batch · beams, vocabulary] of each row's next token, after one more token of each row: none in the first
   * step, which follows the prompt.
   */
  step(tokens?: readonly number[]): Promise<StepResult>;
  /** The same where only the most likely next token of each row is wanted: no logits are handed over. */
  likeliest(tokens?: readonly number[]): Promise<readonly number[]>;
  /** Continue row i from what row parents[i] has been so far (beam search). */
  reorder(parents: readonly number[]): void;
  /** Go on with these prompts only, in this order: the others have ended and cost nothing any more. */
  keep(prompts: readonly number[]): void;
  /** Of a single row of a model that can read several tokens at once and take them back exactly. */
  readonly ahead?: Ahead;
}

/** Several tokens of one row in one run: those that may follow are tried, and taken back where others do. */
export interface Ahead {
  /**
   * Whether numbers are those of one run a token but for their last bits. Where products round what is multiplied, such
   * a bit can move a number to another step of 8 bits, and answers may differ.
   */
  readonly exact: boolean;
  /** Most tokens that a run may read. */
  readonly room: number;
  /** The likeliest next token after each of these, which follow one another; after the first step only. */
  likeliest(tokens: readonly number[]): Promise<readonly number[]>;
  /** Go on as if the last `count` tokens had never been read. */
  back(count: number): void;
}

export interface StepResult {
  /** [batch · beams, vocabulary] float32; the caller's own, to change as it likes. */
  readonly logits: NdArray;
  /** The most likely next token of each row. */
  readonly best: readonly number[];
}

/** Prompts that have been read together. */
export interface Reading {
  readonly batch: number;
  /** What counts as said before the first new token of each prompt: the prompt, or an encoder-decoder's start token. */
  readonly said: readonly (readonly number[])[];
  /** Start decoding with this many rows for each prompt; `expected` tokens are made room for at once. */
  begin(beams: number, expected: number): Decoding;
  /**
   * Log-probability of every token of given continuations, `targets[prompt][choice]`. Same nesting, one number a token.
   */
  score(targets: Targets): Promise<number[][][]>;
}

/** `targets[prompt][choice]`: token ids. */
export type Targets = readonly (readonly (readonly number[])[])[];

export interface LanguageModel extends AsyncDisposable {
  readonly vocabulary: number;
  /** Tokens of prompts, where they have a vocabulary of their own. */
  readonly inputVocabulary?: number;
  /** Fed to rows that have ended. */
  readonly pad: number;
  /** Tokens that end an answer; the first is appended where an answer is to be ended. */
  readonly ends: readonly number[];
  /** Tokens of prompt and answer together that the model's positions allow. */
  readonly longest?: number | undefined;
  /** Read prompts of token ids together. @throws bad_input for an empty prompt or an id outside the vocabulary */
  read(prompts: readonly (readonly number[])[], options?: ReadOptions): Promise<Reading>;
}

export interface ReadOptions {
  /**
   * What is held of the text so far: only what the prompt, one alone, has beyond it is computed, and after the decoding
   * (of one row: beams do without) prompt and answer are held. Models with an encoder read anew and hold nothing.
   */
  readonly memory?: Memory | undefined;
  /** Looked at between the pieces in which a long prompt is read. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every piece: tokens of the prompts that have been read, those held in memory among them. */
  readonly onRead?: ((read: number, total: number) => void) | undefined;
}

/** Damaged weights give results that are no numbers: an error, never an answer. */
export function needNumbers(values: Iterable<number>): void {
  for (const value of values) {
    if (Number.isFinite(value)) continue;
    fail("engine_failed", "the model's results are not numbers", { hint: "check its weights: they may be damaged" });
  }
}

/** The same array, if it holds numbers. @throws engine_failed */
export function numbers(array: NdArray): NdArray {
  needNumbers(array.data as Float32Array);
  return array;
}

/**
 * Of logits [..., vocabulary]: themselves, the likeliest token, and their sum, which is a number only if all of them
 * are.
 */
export const answers = (logits: Tensor): Record<"logits" | "best" | "sum", Tensor> => ({
  logits,
  best: o.argmax(logits),
  sum: o.sum(logits, [-1]),
});

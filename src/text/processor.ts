/**
 * What a change of a step's scores is. `processors.ts` lists those that there are; `GenerateOptions.processors` takes
 * further ones.
 */

/** What a row has said when its next token is chosen. */
export interface Said {
  /** What came before the answer: the prompt, or an encoder-decoder's start token. */
  readonly before: readonly number[];
  /** The new tokens so far; under beams those of one beam. */
  readonly answer: readonly number[];
  /** Most tokens that the answer may have. */
  readonly most: number;
}

export interface Processor {
  /** Whether the step changes anything; every step does without. Where none does, no scores are computed. */
  applies?(row: number, said: Said): boolean;
  /**
   * Change the scores [vocabulary] of the next token in place; -Infinity makes a token impossible. They are logits, and
   * log-probabilities under beams. `row` is the prompt's number in the whole job; its beams share it.
   */
  apply(row: number, said: Said, scores: Float32Array): void;
}

/** Rows of a model that writes text, which join and leave while others go on: what kinds of models have alike. */
import { type NdArray, zeros } from "../../../graph/array.ts";
import type { RowAdapter } from "../../adapters/rows.ts";
import type { Kept, LiveRow } from "./places.ts";

/** Where {@link LiveRows.piece} is not said: products are at their speed from about so many rows on. */
export const pieceTokens = 64;

/** What was read of a prompt in one run. */
export interface LivePiece {
  /** Tokens of the prompt that have been read. */
  readonly read: number;
  /** False where the results are not numbers: the row is of no use. */
  readonly sound: boolean;
  /** Of the next token, [vocabulary], once a decoder's prompt has been read. */
  readonly logits?: Float32Array;
  /** Of the token after every one of the piece, [tokens, vocabulary], where they were asked for. */
  readonly all?: Float32Array;
}

export interface LiveStep {
  /** The likeliest next token of every row that steps. */
  readonly best: readonly number[];
  /** False for rows whose results are not numbers. */
  readonly sound: readonly boolean[];
  /** [rows, vocabulary], to change as one likes until the next step. */
  readonly logits?: Float32Array;
}

/** One call at a time. */
export interface LiveRows extends AsyncDisposable {
  /**
   * Tokens of a prompt in one run. Prompts are cut at multiples of it, whatever was read before: the last bits of a token's
   * numbers depend on the tokens that it is read with, so that prompts that begin alike can share what was read of them,
   * and answers stay the same, only where they are cut alike.
   */
  readonly piece: number;
  /** Token that every answer of an encoder-decoder starts from; it is the first to be fed. */
  readonly start?: number;
  /** Texts longer than this have keys that depend on their length: what was read of them serves no other. */
  readonly steady: number;
  /** Rows that step. */
  readonly stepping: number;
  readonly bytes: number;
  /**
   * @throws bad_input, too_long for what is no prompt of this model; unsupported for an adapter that its rows cannot be
   * read with
   */
  check(prompt: readonly number[], adapter?: RowAdapter): void;
  /** Most new tokens after this prompt that the model's positions allow. */
  most(prompt: number, adapter?: RowAdapter): number;
  /** Most of them that memory allows each of so many rows, with none beside them; below 1 where the prompt does not fit. */
  mostInMemory(prompt: number, rows: number, adapter?: RowAdapter): number;
  /** Whether another `rows` rows for a prompt and `expected` new tokens fit in now. */
  fits(prompt: number, expected: number, rows: number, adapter?: RowAdapter): boolean;
  /**
   * A row for a prompt, which does not step yet; with what was kept of it. What its adapter has before the text is its
   * own matter: positions and tokens are those of the text everywhere.
   * @throws out_of_memory
   */
  join(prompt: number, expected: number, kept?: Kept, adapter?: RowAdapter): LiveRow;
  /** Read the next piece of the row's prompt. */
  read(row: LiveRow, prompt: readonly number[], all?: boolean): Promise<LivePiece>;
  /** A row that goes on from where this one has got to. */
  fork(row: LiveRow): LiveRow;
  /** The row steps from now on, behind those that do. */
  enter(row: LiveRow): void;
  /** Make room for one more token of the row; false where memory does not allow it. */
  grow(row: LiveRow): boolean;
  /** One more token of every row that steps, in the order of their places. */
  step(tokens: readonly number[], logits: boolean): Promise<LiveStep>;
  /** The first positions of what was kept of another row, in the place of what this one holds. */
  put(row: LiveRow, kept: Kept, positions: number): void;
  /** Copy what the row holds, or its first positions. */
  keep(row: LiveRow, positions?: number): Kept;
  /** Tokens that the row holds. */
  held(row: LiveRow): number;
  leave(row: LiveRow, damaged?: boolean): void;
}

/** Results of a run, in arrays that grow and are used again. */
export function createResults(vocabulary: number) {
  let logits = new Float32Array(0);
  return (rows: number, withLogits: boolean): Record<string, NdArray> => {
    if (withLogits && logits.length < rows * vocabulary) logits = new Float32Array(rows * vocabulary);
    return {
      best: zeros("int64", [rows, 1]),
      sum: zeros("float32", [rows, 1]),
      ...(withLogits && {
        logits: {
          dtype: "float32" as const,
          shape: [rows, 1, vocabulary],
          data: logits.subarray(0, rows * vocabulary),
        },
      }),
    };
  };
}

export const soundOf = ({ data }: NdArray): boolean[] => Array.from(data as Float32Array, Number.isFinite);

/** What a step's results are, handed on. */
export function stepOf(results: Readonly<Record<string, NdArray>>): LiveStep {
  const { best, sum, logits } = results;
  return {
    best: Array.from(best!.data as BigInt64Array, Number),
    sound: soundOf(sum!),
    ...(logits && { logits: logits.data as Float32Array }),
  };
}

/** What writes summaries: a model on this machine, an endpoint, or a rule. */
import type { Asked, PromptStyle } from "./prompts.ts";

export interface WriteOptions {
  /** Most tokens of the answer. */
  readonly limit: number;
  /** Draws go by it. */
  readonly seed: number;
  /** 0, and one more for each answer that could not be taken: these are drawn otherwise. */
  readonly attempt: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly text: string;
  /** Whether it ended because of the limit. */
  readonly cut: boolean;
  readonly inTokens: number;
  readonly outTokens: number;
  /** Whether the tokens were counted by rule of thumb. */
  readonly estimated?: boolean;
  /** Where several were drawn, all of them. */
  readonly drawn?: readonly Drawn[] | undefined;
}

/** One of several answers to the same prompt. */
export interface Drawn {
  readonly text: string;
  readonly seed: number;
  /** By a reward model; the higher, the better. */
  readonly reward?: number | undefined;
}

export interface Writer extends AsyncDisposable {
  /** What decides its answers: name, content of the weights, how it draws. Part of every cache key. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** As people know it. */
  readonly name: string;
  readonly style: PromptStyle;
  /** Tokens of prompt and answer together; of an encoder-decoder of the prompt alone. */
  readonly window: number;
  readonly encoderDecoder: boolean;
  /** Answers of a call, of which one is kept; 1 where it is not said. */
  readonly draws?: number | undefined;
  /** Calls that it makes at once. */
  readonly concurrency: number;
  /** Whether another attempt would give the same answer. */
  readonly asksOnce?: boolean;
  /** Tokens of a text. */
  count(text: string): number;
  /** Where tokens of a text begin, UTF-16 units. */
  starts(text: string): ArrayLike<number>;
  /** Tokens of a whole prompt. */
  promptTokens(asked: Asked): number;
  /** Share of the tokens of a text that stand for something the model does not know; undefined where nobody can tell. */
  unknownShare?(text: string): number;
  /**
   * @throws too_long where the prompt has more tokens than the model reads, busy for what may work later, and what the
   *   model throws
   */
  write(asked: Asked, options: WriteOptions): Promise<Answer>;
}

/** The same writer, which owns what it is made of: closing it closes that, too. */
export const closing = (writer: Writer, parts: AsyncDisposable): Writer => ({
  ...writer,
  async [Symbol.asyncDispose]() {
    await writer[Symbol.asyncDispose]();
    await parts[Symbol.asyncDispose]();
  },
});

/** What is asked of a model whose rows come and go, and what it tells while it answers. */
import type { RowAdapter } from "../../models/adapters/rows.ts";
import type { Finish, GenerateOptions } from "../options.ts";

/**
 * Settings of an answer; `maxNewTokens` of 0 reads the prompt alone. What concerns a single prompt alone (`memory`,
 * `lookup`, beams) is not among them.
 */
export type LiveSettings = Pick<
  GenerateOptions,
  | ("maxNewTokens" | "minNewTokens" | "maxLength" | "sample" | "temperature" | "topK" | "topP" | "minP" | "typicalP")
  | ("repetitionPenalty" | "noRepeatNgram" | "badWords" | "schema" | "grammar" | "seed" | "stop" | "maxInput")
> & {
  /** Added to the logits of these tokens; -100 and less forbids one, 100 and more leaves no other. */
  readonly logitBias?: ReadonlyMap<number, number>;
  /** Taken from the logit of every token of the answer so far, once, and for each time it came. */
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  /** Go on behind the tokens that end an answer, to the most tokens. */
  readonly ignoreEnds?: boolean;
};

export interface LiveRequest {
  /** Token ids of the prompt, as the model reads them. */
  readonly prompt: readonly number[];
  readonly settings: LiveSettings;
  /** Answers to this prompt, drawn apart from one another; the prompt is read once. 1 by default, rows at most. */
  readonly answers?: number;
  /** Number of the first of them, of a request in several parts: draws go by it. 0 by default. */
  readonly firstAnswer?: number;
  /** The likeliest tokens that every token of the answer is told with; without, no log-probabilities are. */
  readonly logprobs?: number;
  /** The same for the tokens of the prompt, of a decoder: in the event `prompt`. */
  readonly promptLogprobs?: boolean;
  /** What the model is read with; without, the network as it is. Rows of several adapters go together. */
  readonly adapter?: RowAdapter;
  /** Who asks. Turns go round between them, and what was read of a prompt is shared by requests of one alone. */
  readonly owner?: string;
}

export interface TokenShown {
  readonly id: number;
  /** As a person is shown it, alone: "\ufffd" stands for a part of a character. */
  readonly text: string;
  readonly bytes: readonly number[];
}

export interface TokenChance extends TokenShown {
  /** Natural logarithm of its probability at temperature 1, before any rule or bias. */
  readonly logprob: number;
}

/** A token with its probability, where it was asked for, and the likeliest tokens at its place, the likeliest first. */
export interface TokenTold extends TokenShown {
  readonly logprob?: number;
  readonly top?: readonly TokenChance[];
  /** It is one of those that end an answer: no part of the text. */
  readonly ends?: true;
}

export type LiveEvent =
  /** The prompt has been read; `cached` of its tokens did not have to be. */
  | {
      readonly kind: "prompt";
      readonly tokens: number;
      readonly cached: number;
      /** Of every token of the prompt, with `promptLogprobs`: the first has no probability. */
      readonly told?: readonly TokenTold[];
    }
  /** More of an answer: whole characters, "" while one is not complete or may be the beginning of a stop text. */
  | { readonly kind: "piece"; readonly answer: number; readonly text: string; readonly tokens: readonly TokenTold[] }
  /** An answer has ended: `stop` at an end token, `stop_string` at a stop text, `length` at the limit. */
  | { readonly kind: "end"; readonly answer: number; readonly finish: Finish; readonly stopText?: string };

export interface LiveStatus {
  /** Rows that are being computed. */
  readonly rows: number;
  /** Requests that wait for room. */
  readonly waiting: number;
  /** Bytes of keys and values held. */
  readonly bytes: number;
  /** Since the model was opened. */
  readonly promptTokens: number;
  readonly answerTokens: number;
  readonly steps: number;
}

/** A model that answers many at once: requests join the running batch between steps, answers that end leave it. */
export interface LiveModel extends AsyncDisposable {
  /**
   * Ask. The request leaves the batch when the signal fires or the iteration is left, before the next step.
   * @throws bad_input, too_long, unsupported for what this model cannot answer; busy where too many wait
   */
  ask(request: LiveRequest, signal?: AbortSignal): AsyncIterableIterator<LiveEvent>;
  /**
   * Whatever else needs the model (scores, embeddings), between two steps and never beside one.
   */
  between<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  status(): LiveStatus;
}

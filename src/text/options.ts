/** What can be asked of a generation, with the names the field uses. */
import { fail } from "../errors.ts";
import type { Memory } from "../models/kinds/decoding/memory.ts";
import type { TokenBytes } from "../tokenizers/token-bytes.ts";
import type { Processor } from "./processor.ts";

/** What is needed of a tokenizer. */
export interface TextCodec {
  encode(
    text: string,
    options?: { addSpecialTokens?: boolean; written?: boolean },
  ): { readonly ids: readonly number[] };
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string;
  streamDecoder(options?: { skipSpecialTokens?: boolean }): { push(id: number): string; flush(): string };
  /** For answers after a schema or grammar. */
  tokenBytes?(): TokenBytes;
}

export interface GenerateOptions {
  /** Greatest number of new tokens; 256 by default. Reaching it gives the finish "length". */
  readonly maxNewTokens?: number;
  readonly minNewTokens?: number;
  /** Greatest number of tokens of what came before and the answer together; `maxNewTokens` wins where both are given. */
  readonly maxLength?: number;
  /** Least number of tokens of what came before (a prompt, or an encoder-decoder's start token) and the answer. */
  readonly minLength?: number;
  /** More than 1 is beam search. */
  readonly numBeams?: number;
  /** Scores of finished beams are divided by length^penalty. */
  readonly lengthPenalty?: number;
  /** Beams end when so many have finished, or, with "never", only when no longer one can be better. */
  readonly earlyStopping?: boolean | "never";
  /** Draw tokens instead of taking the likeliest. */
  readonly sample?: boolean;
  readonly temperature?: number;
  /** Draw among the k likeliest; 0 for all. */
  readonly topK?: number;
  /** Draw among the likeliest that together have this probability. */
  readonly topP?: number;
  /** Draw among those that have at least this share of the likeliest one's probability (Nguyen et al. 2024). */
  readonly minP?: number;
  /** Draw among the most typical that together have this probability (Meister et al. 2022). */
  readonly typicalP?: number;
  readonly repetitionPenalty?: number;
  /** No so many tokens in a row come twice; 0 for no such rule. */
  readonly noRepeatNgram?: number;
  /** Token sequences that are never written. */
  readonly badWords?: readonly (readonly number[])[];
  /**
   * A JSON schema (draft 2020-12; `true` for any JSON) that the answer fits: a value, or the text of its file parsed.
   * `finish` is "stop" only where the answer is complete.
   */
  readonly schema?: unknown;
  /** A grammar (GBNF) that the answer fits, as text; its rule `root`. */
  readonly grammar?: string;
  /** Further changes of every step's scores, after all others. */
  readonly processors?: readonly Processor[];
  readonly seed?: number;
  /**
   * Read several tokens at once where the text repeats itself: the same answer, sooner. Of one prompt of a decoder whose
   * likeliest tokens are taken; elsewhere of no effect. On by default, except where products round what is multiplied
   * to 8 bits: there an answer may differ where two tokens are about as likely.
   */
  readonly lookup?: boolean;
  /** The text ends before the first of these. */
  readonly stop?: readonly string[];
  /** Longest prompt in tokens; a longer one is an error, never cut. */
  readonly maxInput?: number;
  /** Whether prompts get the special tokens their tokenizer adds (T5: the end token); on by default. */
  readonly promptEnd?: boolean;
  /** What is held of a text that goes on, such as a chat: see `createMemory`. For one prompt at a time, without beams. */
  readonly memory?: Memory | undefined;
  /** Called as a long prompt is read, with its tokens that have been read. */
  readonly onRead?: ((read: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is passed on to the model that reads the prompts. */
export type ReadingOptions = Pick<GenerateOptions, "memory" | "onRead" | "signal">;

export type Finish = "stop" | "length" | "stop_string";

export interface Generated {
  readonly text: string;
  /** New ids without the decoder's start token, with the end token if it was produced. */
  readonly tokens: readonly number[];
  readonly finish: Finish;
  readonly promptTokens: number;
  /** Of a beam: sum of log-probabilities / length^penalty. */
  readonly score?: number;
  /** Of a choice: false where none of the choices is an answer that the model would give. */
  readonly likely?: boolean;
}

export type Settings = Required<
  Omit<GenerateOptions, keyof ReadingOptions | "lookup" | "maxInput" | "promptEnd" | "schema" | "grammar">
> &
  Pick<GenerateOptions, "lookup">;

const longest = 1_000_000;

const ranges: Record<string, readonly [min: number, max: number, whole: boolean]> = {
  maxNewTokens: [1, longest, true],
  minNewTokens: [0, longest, true],
  minLength: [0, longest, true],
  numBeams: [1, 64, true],
  lengthPenalty: [-10, 10, false],
  temperature: [1e-3, 100, false],
  topK: [0, longest, true],
  topP: [1e-6, 1, false],
  minP: [0, 1, false],
  typicalP: [1e-6, 1, false],
  repetitionPenalty: [1e-2, 100, false],
  noRepeatNgram: [0, longest, true],
  seed: [0, Number.MAX_SAFE_INTEGER, true],
};

/** Options with their defaults; a value outside its range is a `bad_input` error that names it. */
export function settingsOf(options: GenerateOptions): Settings {
  const settings: Settings = {
    maxNewTokens: options.maxNewTokens ?? (options.maxLength === undefined ? 256 : longest),
    minNewTokens: options.minNewTokens ?? 0,
    maxLength: options.maxNewTokens === undefined ? (options.maxLength ?? Infinity) : Infinity,
    minLength: options.minLength ?? 0,
    numBeams: options.numBeams ?? 1,
    lengthPenalty: options.lengthPenalty ?? 1,
    earlyStopping: options.earlyStopping ?? false,
    sample: options.sample ?? false,
    temperature: options.temperature ?? 1,
    topK: options.topK ?? 0,
    topP: options.topP ?? 1,
    minP: options.minP ?? 0,
    typicalP: options.typicalP ?? 1,
    repetitionPenalty: options.repetitionPenalty ?? 1,
    noRepeatNgram: options.noRepeatNgram ?? 0,
    badWords: options.badWords ?? [],
    processors: options.processors ?? [],
    seed: options.seed ?? 0,
    ...(options.lookup !== undefined && { lookup: options.lookup }),
    stop: options.stop ?? [],
  };
  for (const [name, [min, max, whole]] of Object.entries(ranges)) {
    const value = settings[name as keyof Settings] as number;
    if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
      fail("bad_input", `${name} is ${value}; expected ${whole ? "a whole number" : "a number"} from ${min} to ${max}`);
    }
  }
  if (settings.stop.some((text) => text === "")) fail("bad_input", "a stop string is empty");
  if (options.schema !== undefined && options.grammar !== undefined) {
    fail("bad_input", "a schema and a grammar do not go together", { hint: "choose one of them" });
  }
  if (settings.sample && settings.numBeams > 1) {
    fail("bad_input", "sampling and beam search do not go together", { hint: "choose one of them" });
  }
  if (settings.maxLength !== Infinity && !(Number.isInteger(settings.maxLength) && settings.maxLength > 1)) {
    fail("bad_input", `maxLength is ${settings.maxLength}; expected a whole number from 2`);
  }
  if (settings.minLength > settings.maxLength) {
    fail("bad_input", `minLength (${settings.minLength}) is above maxLength (${settings.maxLength})`);
  }
  if (settings.badWords.some((word) => word.length === 0)) fail("bad_input", "a bad word has no tokens");
  if (settings.minNewTokens > settings.maxNewTokens) {
    fail("bad_input", `minNewTokens (${settings.minNewTokens}) is above maxNewTokens (${settings.maxNewTokens})`);
  }
  return settings;
}

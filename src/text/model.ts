/** Text in, text out: prompts to answers, streams, choices and scores over an encoder-decoder model. */
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import type { Memory, Seq2Seq } from "../models/seq2seq.ts";
import { type BatchLimits, planBatches } from "./batching.ts";
import { beamSearch } from "./beam.ts";
import { generateTokens } from "./greedy.ts";
import { type Finish, type Generated, type GenerateOptions, type Settings, settingsOf } from "./options.ts";

/** What is needed of a tokenizer. */
export interface TextCodec {
  encode(text: string, options?: { addSpecialTokens?: boolean }): { readonly ids: readonly number[] };
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string;
  streamDecoder(options?: { skipSpecialTokens?: boolean }): { push(id: number): string; flush(): string };
}

/** A text, or token ids taken as they are. */
export type Prompt = string | readonly number[];

export interface ScoreOptions {
  /** Append the end token to targets and count it; on by default. */
  readonly eos?: boolean;
  /** Whether prompts get the special tokens their tokenizer adds; on by default. */
  readonly promptEnd?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Scored {
  /** Sum of log-probabilities of each choice. */
  readonly scores: readonly number[];
  /** Tokens of each choice, the end token included if it was appended. */
  readonly lengths: readonly number[];
  /** Index of the highest sum, the first on ties. */
  readonly best: number;
  readonly logprobs: readonly (readonly number[])[];
}

export interface JobOptions extends BatchLimits {
  /** Called as results become final. */
  readonly onDone?: (done: number, total: number) => void;
}

export interface TextModel extends AsyncDisposable {
  /** The answer to one prompt. */
  generate(prompt: Prompt, options?: GenerateOptions): Promise<Generated>;
  /** Answers to many prompts in their order; a prompt that cannot be done gives its error, the others are done. */
  generateAll(prompts: readonly Prompt[], options?: GenerateOptions & JobOptions): Promise<(Generated | ZerothError)[]>;
  /** The answer piece by piece, never half a character; returns the whole. */
  stream(prompt: Prompt, options?: GenerateOptions): AsyncGenerator<string, Generated>;
  /** Log-likelihood of each choice as the answer. The end token counts, as in T0's rank classification. */
  score(prompt: Prompt, choices: readonly Prompt[], options?: ScoreOptions): Promise<Scored>;
  scoreAll(
    rows: readonly { readonly prompt: Prompt; readonly choices: readonly Prompt[] }[],
    options?: ScoreOptions & JobOptions,
  ): Promise<(Scored | ZerothError)[]>;
}

type PromptOptions = Pick<GenerateOptions, "maxInput" | "promptEnd">;

/** Text with stop strings watched for: what may still become one is held back. */
function stopWatch(stops: readonly string[]) {
  let held = "";
  const longestStart = (text: string) => {
    for (let n = Math.min(text.length, Math.max(0, ...stops.map((s) => s.length - 1))); n > 0; n--) {
      const tail = text.slice(-n);
      if (stops.some((stop) => stop.startsWith(tail))) return n;
    }
    return 0;
  };
  return {
    /** Text that is safe to show, and whether a stop string has come. */
    push(piece: string): { text: string; stopped: boolean } {
      held += piece;
      const found = stops.map((stop) => held.indexOf(stop)).filter((at) => at >= 0);
      if (found.length > 0) return { text: held.slice(0, Math.min(...found)), stopped: true };
      const keep = longestStart(held);
      const text = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text, stopped: false };
    },
    rest: () => held,
  };
}

/** One row under way: its tokens, its text so far, and how it ended. */
function follow(codec: TextCodec, settings: Settings, eos: number, emit: (text: string) => void = () => {}) {
  const decoder = codec.streamDecoder({ skipSpecialTokens: true });
  const watch = stopWatch(settings.stop);
  const tokens: number[] = [];
  let text = "";
  let finish: Finish = "length";
  const show = (piece: string) => {
    if (piece) emit(piece);
    text += piece;
  };
  return {
    accept(token: number): boolean {
      tokens.push(token);
      const piece = decoder.push(token) + (token === eos ? decoder.flush() : "");
      const { text: safe, stopped } = watch.push(piece);
      show(safe);
      if (stopped) finish = "stop_string";
      else if (token === eos) finish = "stop";
      return finish === "length";
    },
    result(promptTokens: number): Generated {
      if (finish === "length") {
        const { text: safe, stopped } = watch.push(decoder.flush());
        show(safe);
        if (stopped) finish = "stop_string";
      }
      if (finish !== "stop_string") show(watch.rest());
      return { text, tokens, finish, promptTokens };
    },
  };
}

/** A text model over a sequence-to-sequence model and its tokenizer; closing it closes the model. */
export function textModel({ model, tokenizer: codec }: { model: Seq2Seq; tokenizer: TextCodec }): TextModel {
  const idsOf = (prompt: Prompt, { maxInput = Infinity, promptEnd = true }: PromptOptions = {}): readonly number[] => {
    const ids = typeof prompt === "string" ? codec.encode(prompt, { addSpecialTokens: promptEnd }).ids : prompt;
    if (ids.length === 0) fail("bad_input", "the prompt is empty");
    if (ids.length > maxInput) {
      fail("too_long", `the prompt has ${ids.length} tokens, the limit is ${maxInput}`, {
        hint: "shorten it or raise the limit; nothing is ever cut off silently",
      });
    }
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id >= model.vocabulary) {
        fail("bad_input", `token ${id} is outside the vocabulary of ${model.vocabulary}`);
      }
    }
    return ids;
  };

  /** Ids of a target: the tokenizer's own end token, or one appended where ids were given. */
  const targetOf = (target: Prompt, eos: boolean): readonly number[] => {
    const ids = typeof target === "string" ? codec.encode(target, { addSpecialTokens: false }).ids : target;
    return eos && ids.at(-1) !== model.eos ? [...ids, model.eos] : ids;
  };

  const beams = async (
    memory: Memory,
    prompts: readonly (readonly number[])[],
    settings: Settings,
    signal?: AbortSignal,
  ) => {
    const found = await beamSearch(model, memory, settings, signal);
    return found.map(([best], i): Generated => {
      const row = follow(codec, settings, model.eos);
      best!.tokens.every((token) => row.accept(token));
      return { ...row.result(prompts[i]!.length), tokens: best!.tokens, score: best!.score };
    });
  };

  const batch = async (
    rows: readonly number[],
    prompts: readonly (readonly number[])[],
    settings: Settings,
    signal?: AbortSignal,
  ): Promise<Generated[]> => {
    const memory = await model.encode(prompts);
    if (settings.numBeams > 1) return beams(memory, prompts, settings, signal);
    const following = prompts.map(() => follow(codec, settings, model.eos));
    await generateTokens(model, memory, rows, settings, (i, token) => following[i]!.accept(token), signal);
    return following.map((row, i) => row.result(prompts[i]!.length));
  };

  /** Run rows in batches, results in their places, a row's own error in its place. */
  async function inBatches<R>(
    lengths: (number | ZerothError)[],
    options: JobOptions & { signal?: AbortSignal | undefined },
    run: (rows: number[]) => Promise<R[]>,
  ): Promise<(R | ZerothError)[]> {
    const results: (R | ZerothError)[] = lengths.map((length) => length as ZerothError);
    const good = lengths.flatMap((length, i) => (typeof length === "number" ? [i] : []));
    let done = lengths.length - good.length;
    for (const places of planBatches(
      good.map((i) => lengths[i] as number),
      options,
    )) {
      throwIfAborted(options.signal);
      const rows = places.map((place) => good[place]!);
      const answers = await run(rows);
      rows.forEach((row, i) => {
        results[row] = answers[i]!;
      });
      done += rows.length;
      options.onDone?.(done, lengths.length);
    }
    return results;
  }

  const attempt = <T>(make: () => T): T | ZerothError => {
    try {
      return make();
    } catch (error) {
      if (error instanceof ZerothError) return error;
      throw error;
    }
  };
  const orThrow = <T>(result: T | ZerothError | undefined): T => {
    if (result instanceof ZerothError) throw result;
    return result as T;
  };

  const text: TextModel = {
    async generate(prompt, options = {}) {
      return orThrow((await text.generateAll([prompt], options))[0]);
    },
    async generateAll(prompts, options = {}) {
      const settings = settingsOf(options);
      const ids = prompts.map((prompt) => attempt(() => idsOf(prompt, options)));
      const lengths = ids.map((row) => (row instanceof ZerothError ? row : row.length));
      return inBatches(lengths, options, (rows) =>
        batch(
          rows,
          rows.map((row) => ids[row] as readonly number[]),
          settings,
          options.signal,
        ),
      );
    },
    async *stream(prompt, options = {}) {
      const settings = settingsOf(options);
      const ids = idsOf(prompt, options);
      const memory = await model.encode([ids]);
      if (settings.numBeams > 1) {
        const [result] = await beams(memory, [ids], settings, options.signal);
        yield result!.text;
        return result!;
      }
      const pieces: string[] = [];
      let wake = () => {};
      const row = follow(codec, settings, model.eos, (piece) => {
        pieces.push(piece);
        wake();
      });
      // The reader may be slower or faster than the model: pieces wait in between, and leaving early stops the model.
      const left = new AbortController();
      const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
      let ended = false;
      const run = generateTokens(model, memory, [0], settings, (_, token) => row.accept(token), signal).finally(() => {
        ended = true;
        wake();
      });
      run.catch(() => {});
      try {
        while (!ended || pieces.length > 0) {
          if (pieces.length > 0) yield pieces.splice(0).join("");
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
              if (ended || pieces.length > 0) resolve();
            });
          }
        }
        await run;
        const result = row.result(ids.length);
        if (pieces.length > 0) yield pieces.splice(0).join("");
        return result;
      } finally {
        left.abort();
      }
    },
    async score(prompt, choices, options = {}) {
      return orThrow((await text.scoreAll([{ prompt, choices }], options))[0]);
    },
    async scoreAll(rows, options = {}) {
      const { eos = true } = options;
      const prepared = rows.map(({ prompt, choices }) =>
        attempt(() => {
          if (choices.length === 0) fail("bad_input", "there are no choices to score");
          const targets = choices.map((choice) => targetOf(choice, eos));
          if (targets.some((target) => target.length === 0)) fail("bad_input", "an empty choice has no likelihood");
          return { ids: idsOf(prompt, options), targets };
        }),
      );
      const lengths = prepared.map((row) => (row instanceof ZerothError ? row : row.ids.length));
      return inBatches(lengths, options, async (places) => {
        const group = places.map(
          (place) => prepared[place] as { ids: readonly number[]; targets: (readonly number[])[] },
        );
        const memory = await model.encode(group.map(({ ids }) => ids));
        const all = await model.score(
          memory,
          group.map(({ targets }) => targets),
        );
        return all.map((logprobs): Scored => {
          const scores = logprobs.map((row) => row.reduce((a, b) => a + b, 0));
          return {
            scores,
            lengths: logprobs.map((row) => row.length),
            best: scores.indexOf(Math.max(...scores)),
            logprobs,
          };
        });
      });
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
  return text;
}

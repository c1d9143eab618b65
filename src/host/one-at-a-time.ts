/** A model that answers one request after another. */
import { fail, throwIfAborted } from "../errors.ts";
import type { LanguageModel } from "../models/kinds/language.ts";
import type { LiveEvent, LiveModel, LiveRequest, TokenShown } from "../text/live/request.ts";
import { textModel } from "../text/model.ts";
import type { Finish, TextCodec } from "../text/options.ts";
import type { Processor } from "../text/processor.ts";
import type { TokenRules } from "../text/processors.ts";
import { breathe, waitFor } from "./waiting.ts";

export interface LiveParts {
  /** With the tokens that end an answer. */
  readonly model: LanguageModel;
  readonly codec: TextCodec;
  readonly rules: TokenRules;
  readonly shown: (id: number) => TokenShown;
}

const biased = (bias: ReadonlyMap<number, number>): Processor => ({
  apply(_row, _said, scores) {
    for (const [id, value] of bias) {
      if (value < 100) scores[id] = value <= -100 ? -Infinity : scores[id]! + value;
      else scores.set(new Float32Array(scores.length).fill(-Infinity).fill(scores[id]!, id, id + 1));
    }
  },
});

export function oneAtATime({ model, codec, rules, shown }: LiveParts): LiveModel {
  let last: Promise<unknown> = Promise.resolve();
  const counts = { rows: 0, waiting: 0, promptTokens: 0, answerTokens: 0, steps: 0 };

  /** Wait for the model, and say how it is handed on. */
  async function turn(signal: AbortSignal | undefined): Promise<() => void> {
    throwIfAborted(signal);
    const before = last;
    let release = () => {};
    const done = new Promise<void>((resolve) => {
      release = resolve;
    });
    last = before.then(() => done);
    counts.waiting++;
    try {
      await waitFor(before, signal);
    } catch (error) {
      release();
      throw error;
    } finally {
      counts.waiting--;
    }
    return release;
  }

  async function* ask(request: LiveRequest, signal?: AbortSignal): AsyncGenerator<LiveEvent> {
    const { prompt, settings, answers = 1 } = request;
    if (request.logprobs !== undefined || request.promptLogprobs) fail("unsupported", "log-probabilities of answers");
    const release = await turn(signal);
    counts.rows++;
    try {
      yield { kind: "prompt", tokens: prompt.length, cached: 0 };
      counts.promptTokens += prompt.length;
      for (let answer = 0; answer < answers; answer++) {
        let told: TokenShown[] = [];
        const text = textModel({
          model,
          rules,
          tokenizer: {
            ...codec,
            streamDecoder(options) {
              const decoder = codec.streamDecoder(options);
              return {
                push(id) {
                  counts.answerTokens++;
                  counts.steps++;
                  told.push(shown(id));
                  return decoder.push(id);
                },
                flush: () => decoder.flush(),
              };
            },
          },
        });
        const { logitBias, presencePenalty: _p, frequencyPenalty: _f, ...plain } = settings;
        const stream = text.stream(prompt, {
          ...plain,
          seed: (settings.seed ?? 0) + answer,
          promptEnd: false,
          signal,
          ...(logitBias && { processors: [biased(logitBias)] }),
        });
        let finish: Finish;
        try {
          for (;;) {
            const step = await stream.next();
            const tokens = told;
            told = [];
            if (step.done) {
              finish = step.value.finish;
              if (tokens.length > 0) yield { kind: "piece", answer, text: "", tokens };
              break;
            }
            yield { kind: "piece", answer, text: step.value, tokens };
            await breathe();
            throwIfAborted(signal);
          }
        } finally {
          await stream.return(undefined as never);
        }
        yield { kind: "end", answer, finish };
      }
    } finally {
      counts.rows--;
      release();
    }
  }

  return {
    ask,
    async between(work, signal) {
      const release = await turn(signal);
      try {
        return await work();
      } finally {
        release();
      }
    },
    status: () => ({ ...counts, bytes: 0 }),
    async [Symbol.asyncDispose]() {
      await last;
    },
  };
}

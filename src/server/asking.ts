/** Asking the engine several things at once, and what came of it. */
import type { Engine, GenerateAsk, Prepared } from "../host/engine.ts";
import type { LiveEvent, TokenTold } from "../text/live/request.ts";
import type { Finish } from "../text/options.ts";
import type { Asked } from "./context.ts";

/** Prompts of one request that are asked at the same time; the engine shares its room between owners. */
const mostAtOnce = 16;

/** An event, with the number of the prompt it is of. */
export interface Told {
  readonly prompt: number;
  readonly event: Prepared | LiveEvent;
}

/**
 * Events of all asks as they come, of those of one prompt in their order. The first error ends them all.
 */
export async function* asking(
  engine: Engine,
  asks: readonly GenerateAsk[],
  asked: Asked,
): AsyncGenerator<Told, undefined> {
  const controller = new AbortController();
  const stop = () => controller.abort(asked.signal.reason);
  if (asked.signal.aborted) stop();
  asked.signal.addEventListener("abort", stop, { once: true });
  const iterators = new Map<number, AsyncIterator<Prepared | LiveEvent>>();
  const steps = new Map<number, Promise<readonly [number, IteratorResult<Prepared | LiveEvent>]>>();
  const advance = (prompt: number): void => {
    const step = iterators
      .get(prompt)!
      .next()
      .then((result) => [prompt, result] as const);
    // Where another fails first, nobody waits for this one.
    step.catch(() => {});
    steps.set(prompt, step);
  };
  let begun = 0;
  const begin = (): void => {
    if (begun === asks.length) return;
    // A signal of its own each: Node warns of a leak where more than ten listen to one.
    const signal = AbortSignal.any([controller.signal]);
    iterators.set(begun, engine.generate(asks[begun]!, signal)[Symbol.asyncIterator]());
    advance(begun++);
  };
  try {
    for (let i = 0; i < mostAtOnce; i++) begin();
    while (steps.size > 0) {
      const [prompt, step] = await Promise.race(steps.values());
      if (step.done) {
        steps.delete(prompt);
        iterators.delete(prompt);
        begin();
        continue;
      }
      const { value: event } = step;
      if (event.kind === "prompt") asked.promptTokens = (asked.promptTokens ?? 0) + event.tokens;
      if (event.kind === "piece") asked.answerTokens = (asked.answerTokens ?? 0) + event.tokens.length;
      yield { prompt, event };
      advance(prompt);
    }
  } finally {
    asked.signal.removeEventListener("abort", stop);
    controller.abort(new DOMException("nobody reads the answer", "AbortError"));
    for (const iterator of iterators.values()) iterator.return?.().catch(() => {});
  }
}

/** An answer as far as it has come. */
export interface AnswerSoFar {
  text: string;
  tokens: TokenTold[];
  finish: Finish | undefined;
}

export interface PromptSoFar {
  /** The text that the prompt became. */
  text: string;
  tokens: number;
  cached: number;
  told: readonly TokenTold[];
  readonly answers: AnswerSoFar[];
}

/** OpenAI's word for how an answer ended. */
export const finishReason = (finish: Finish | undefined): "stop" | "length" =>
  finish === "length" ? "length" : "stop";

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

/** The totals of a request. */
export const usageOf = (prompt: number, answer: number, cached: number): Usage => ({
  prompt_tokens: prompt,
  completion_tokens: answer,
  total_tokens: prompt + answer,
  prompt_tokens_details: { cached_tokens: cached },
});

/** Counts the totals of events as they pass. */
export function counting(): { count(told: Told): void; usage(): Usage } {
  let [prompt, answer, cached] = [0, 0, 0];
  return {
    count({ event }) {
      if (event.kind === "prompt") {
        prompt += event.tokens;
        cached += event.cached;
      } else if (event.kind === "piece") answer += event.tokens.length;
    },
    usage: () => usageOf(prompt, answer, cached),
  };
}

/** Everything that is told, as it passes. */
export interface Gathering {
  add(told: Told): void;
  readonly prompts: readonly PromptSoFar[];
  usage(): Usage;
}

/** Gathers what is told of so many prompts with so many answers each, and its totals. */
export function gathering(prompts: number, answers: number): Gathering {
  const total = counting();
  const all = Array.from(
    { length: prompts },
    (): PromptSoFar => ({
      ...{ text: "", tokens: 0, cached: 0, told: [] },
      answers: Array.from({ length: answers }, () => ({ text: "", tokens: [], finish: undefined })),
    }),
  );
  return {
    prompts: all,
    usage: total.usage,
    add(told) {
      total.count(told);
      const { prompt, event } = told;
      const one = all[prompt]!;
      if (event.kind === "prepared") one.text = event.text;
      else if (event.kind === "prompt")
        Object.assign(one, { tokens: event.tokens, cached: event.cached, told: event.told ?? [] });
      else {
        const answer = one.answers[event.answer]!;
        if (event.kind === "end") answer.finish = event.finish;
        else {
          answer.text += event.text;
          answer.tokens.push(...event.tokens);
        }
      }
    },
  };
}

/** The same of events that nobody else reads, once all are there. */
export async function collected(events: AsyncIterable<Told>, prompts: number, answers: number): Promise<Gathering> {
  const all = gathering(prompts, answers);
  for await (const told of events) all.add(told);
  return all;
}

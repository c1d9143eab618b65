/** `/v1/completions`. */
import type { GenerateAsk } from "../../host/engine.ts";
import type { TokenTold } from "../../text/live/request.ts";
import {
  type AnswerSoFar,
  asking,
  collected,
  counting,
  finishReason,
  type PromptSoFar,
  type Told,
  usageOf,
} from "../asking.ts";
import { manyOf, promptOf } from "../completions/prompts.ts";
import {
  type CompletionRequest,
  completionAnswer,
  completionRefusals,
  completionRequest,
  head,
} from "../completions/schema.ts";
import { scoredTargets } from "../completions/target.ts";
import { invalid } from "../errors.ts";
import { type Legacy, legacy, offsets } from "../logprobs.ts";
import { namedModel } from "../named.ts";
import { type Routes, route } from "../route.ts";
import { checkWork, lengthOf, settingsOf } from "../settings.ts";
import { type StreamEvent, streamed } from "../sse.ts";

/** Of OpenAI's. */
const usualLength = 16;

/** Fields that do not go together. */
function checkTogether({ n, best_of, stream, stream_options }: CompletionRequest): void {
  const answers = n ?? 1;
  if (best_of !== null && best_of !== undefined) {
    if (best_of < answers)
      invalid("best_of", `'best_of' is ${best_of}, which is less than n, ${answers}`, "invalid_value");
    if (stream && best_of > answers) {
      invalid(
        "best_of",
        "'best_of': the best can only be chosen when all are there: leave out 'stream'",
        "invalid_value",
      );
    }
  }
  if (stream_options && !stream) {
    invalid("stream_options", "'stream_options' is for streams: send \"stream\": true", "invalid_value");
  }
}

const joined = (a: Legacy, b: Legacy): Legacy => ({
  tokens: [...a.tokens, ...b.tokens],
  token_logprobs: [...a.token_logprobs, ...b.token_logprobs],
  top_logprobs: [...(a.top_logprobs ?? []), ...(b.top_logprobs ?? [])],
  text_offset: [...a.text_offset, ...b.text_offset],
});

const length = (text: string): number => Array.from(text).length;

/** Mean log-probability of a token, by which the best are chosen. */
const meanOf = ({ tokens }: AnswerSoFar): number =>
  tokens.reduce((sum, { logprob = 0 }) => sum + logprob, 0) / Math.max(1, tokens.length);

interface Plan {
  /** Answers to make and to give of each prompt. */
  readonly made: number;
  readonly wanted: number;
  readonly echo: boolean;
  /** Whether nothing is to be written: only the prompt is told. */
  readonly silent: boolean;
  readonly logprobs: boolean;
}

/** The choices of a prompt: its best answers, after the prompt where it is echoed. */
function choicesOf({ text, told, answers }: PromptSoFar, first: number, plan: Plan): object[] {
  const best = plan.made > plan.wanted ? [...answers].sort((a, b) => meanOf(b) - meanOf(a)) : answers;
  return best.slice(0, plan.wanted).map((answer, i) => {
    const before = plan.echo ? text : "";
    const said: AnswerSoFar = plan.silent ? { text: "", tokens: [], finish: "length" } : answer;
    const own = legacy(said.text, said.tokens, length(before));
    return {
      text: `${before}${said.text}`,
      index: first + i,
      logprobs: plan.logprobs ? (plan.echo ? joined(legacy(text, told, 0), own) : own) : null,
      finish_reason: finishReason(said.finish),
    };
  });
}

/** Chunks of a stream. */
async function* chunks(
  events: AsyncIterable<Told>,
  body: CompletionRequest,
  plan: Plan,
): AsyncGenerator<StreamEvent, undefined> {
  const start = head("cmpl", "text_completion", body.model);
  const total = counting();
  const withUsage = body.stream_options?.include_usage === true;
  const chunk = (index: number, text: string, logprobs: Legacy | null, finish: string | null): StreamEvent => ({
    data: {
      ...start,
      choices: [{ text, index, logprobs, finish_reason: finish }],
      ...(withUsage && { usage: null }),
    },
  });
  const prompts = new Map<number, string>();
  /** Of each answer: how far its text has come, and its tokens that belong to no text yet. */
  const places = new Map<number, { at: number; held: TokenTold[]; find: ReturnType<typeof offsets> }>();
  for await (const told of events) {
    total.count(told);
    const { prompt, event } = told;
    if (event.kind === "prepared") prompts.set(prompt, event.text);
    else if (event.kind === "prompt") {
      const text = plan.echo ? (prompts.get(prompt) ?? "") : "";
      for (let i = 0; i < plan.wanted; i++) {
        const index = prompt * plan.wanted + i;
        places.set(index, { at: length(text), held: [], find: offsets() });
        if (plan.echo) yield chunk(index, text, plan.logprobs ? legacy(text, event.told ?? [], 0) : null, null);
        if (plan.silent) yield chunk(index, "", null, "length");
      }
    } else if (!plan.silent) {
      const index = prompt * plan.wanted + event.answer;
      const place = places.get(index)!;
      if (event.kind === "piece") {
        place.held.push(...event.tokens);
        if (event.text === "") continue;
        const logprobs = plan.logprobs ? legacy(event.text, place.held, place.at, place.find) : null;
        place.at += length(event.text);
        place.held = [];
        yield chunk(index, event.text, logprobs, null);
      } else {
        const rest = plan.logprobs && place.held.length > 0 ? legacy("", place.held, place.at, place.find) : null;
        yield chunk(index, "", rest, finishReason(event.finish));
      }
    }
  }
  if (withUsage)
    yield {
      data: { ...start, choices: [], usage: plan.silent ? usageOf(total.usage().prompt_tokens, 0, 0) : total.usage() },
    };
  yield { data: "[DONE]" };
}

export const completions: Routes = (server) => [
  route({
    method: "post",
    path: "/v1/completions",
    summary: "What comes after a prompt",
    body: completionRequest,
    refusals: completionRefusals,
    answer: completionAnswer,
    streams: true,
    asksModel: true,
    async handle({ body, asked }) {
      const { engine, limits } = server;
      const { model } = body;
      checkTogether(body);
      const about = await namedModel(engine, model, asked);
      if (body.target !== null && body.target !== undefined) return scoredTargets(engine, body, asked, limits);
      const [echo, logprobs] = [body.echo === true, typeof body.logprobs === "number"];
      if (echo && logprobs && about.kind !== "decoder") {
        invalid(
          "echo",
          `'echo' with 'logprobs': "${about.id}" gives its prompt no probabilities; to score an answer, send it as 'target'`,
          "unsupported_value",
        );
      }
      const prompts = manyOf(body.prompt, limits, "prompt");
      const wanted = body.n ?? 1;
      const made = Math.max(body.best_of ?? wanted, wanted);
      const longest = body.max_tokens ?? usualLength;
      const silent = longest === 0;
      const settings = { ...settingsOf(body, about, made), ...lengthOf(longest, about) };
      checkWork(prompts.length * made, settings, limits, "max_tokens");
      const plan: Plan = { made, wanted, echo, silent, logprobs };
      const asks = prompts.map(
        (prompt): GenerateAsk => ({
          ...{ model, prompt: promptOf(prompt), settings, answers: made, owner: asked.owner.owner },
          ...(logprobs ? { logprobs: body.logprobs! } : made > wanted && { logprobs: 0 }),
          ...(echo && logprobs && { promptLogprobs: true }),
        }),
      );
      const events = asking(engine, asks, asked);
      if (body.stream) return streamed(asked, server, chunks(events, body, plan));
      const { prompts: all, usage } = await collected(events, prompts.length, made);
      const choices = all.flatMap((one, i) => choicesOf(one, i * wanted, plan));
      return {
        ...head("cmpl", "text_completion", model),
        choices,
        usage: silent ? usageOf(usage.prompt_tokens, 0, 0) : usage,
      };
    },
  }),
];

/** Fields of a request as an engine's settings. */
import type { z } from "@hono/zod-openapi";
import type { ModelAbout } from "../host/engine.ts";
import type { LiveSettings } from "../text/live/request.ts";
import type { Limits } from "./context.ts";
import { invalid } from "./errors.ts";
import type { sampling } from "./fields.ts";

type Sampling = { readonly [Key in keyof typeof sampling]?: z.infer<(typeof sampling)[Key]> };

/** Below this the likeliest token is so much likelier that nothing is drawn. */
const coldest = 1e-3;
/** The least share that still holds a token. */
const leastShare = 1e-6;

function biasOf(bias: Readonly<Record<string, number>>, { id, vocabulary }: ModelAbout): ReadonlyMap<number, number> {
  const entries = Object.entries(bias).map(([token, value]) => [Number(token), value] as const);
  const outside = entries.find(([token]) => token >= vocabulary);
  if (outside) {
    invalid("logit_bias", `'logit_bias': there is no token ${outside[0]}: "${id}" has ${vocabulary}`, "invalid_value");
  }
  return new Map(entries);
}

/** Entries that were given: neither null nor absent. */
export type Given<T> = { -readonly [K in keyof T]?: Exclude<T[K], null | undefined> };
export const given = <T extends object>(entries: T): Given<T> =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== null && value !== undefined)) as Given<T>;

/**
 * Whether tokens are drawn: as asked for, else as the model's makers recommend, which the engine knows. Several answers
 * to one prompt are drawn in any case: the likeliest one alone would be the same each time.
 */
function drawing({ temperature, top_p }: Sampling, answers: number): LiveSettings {
  if (typeof temperature === "number") {
    return temperature < coldest ? { sample: false } : { sample: true, temperature };
  }
  return answers > 1 || (typeof top_p === "number" && top_p < 1) ? { sample: true } : {};
}

/** The settings of what was asked for, besides the length. */
export function settingsOf(body: Sampling, about: ModelAbout, answers: number): LiveSettings {
  const { top_p, seed, stop, logit_bias } = body;
  return {
    ...drawing(body, answers),
    ...given({
      topP: typeof top_p === "number" ? Math.max(top_p, leastShare) : undefined,
      // Seeds below 0 are their own numbers, not those of others with a sign.
      seed: typeof seed === "number" && seed < 0 ? Number.MAX_SAFE_INTEGER + seed : seed,
      stop: typeof stop === "string" ? [stop] : stop,
      logitBias: logit_bias ? biasOf(logit_bias, about) : undefined,
      presencePenalty: body.presence_penalty,
      frequencyPenalty: body.frequency_penalty,
      topK: body.top_k,
      minP: body.min_p,
      typicalP: typeof body.typical_p === "number" ? Math.max(body.typical_p, leastShare) : undefined,
      repetitionPenalty: body.repetition_penalty,
      noRepeatNgram: body.no_repeat_ngram_size,
      minNewTokens: body.min_tokens,
      ignoreEnds: body.ignore_eos === true ? true : undefined,
      grammar: body.grammar,
    }),
  };
}

/** Longest answer of a model that does not say how long it can be. */
const openEnd = 1024;

/** The length of an answer: as asked for, else what the model has room for after the prompt. */
export function lengthOf(
  asked: number | null | undefined,
  { kind, longest }: ModelAbout,
): Pick<LiveSettings, "maxNewTokens" | "maxLength"> {
  if (asked !== null && asked !== undefined) return { maxNewTokens: asked };
  return kind === "decoder" && longest !== undefined ? { maxLength: longest } : { maxNewTokens: openEnd };
}

/** Refuse a request that would keep the machine for hours. */
export function checkWork(
  answers: number,
  { maxNewTokens, maxLength }: LiveSettings,
  { work }: Limits,
  param: string,
): void {
  const tokens = answers * (maxNewTokens ?? maxLength ?? openEnd);
  if (tokens > work) {
    invalid(
      param,
      `'${param}': ${answers} answers of up to ${tokens / answers} tokens are ${tokens}, at most ${work} are made for one request`,
      "too_much_work",
    );
  }
}

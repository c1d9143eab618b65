/**
 * What is taken where a request leaves a setting out: what the model's makers recommend in generation_config.json of
 * lengths (`maxNewTokens`, `minNewTokens`, `maxLength`), drawing (`sample`, `temperature`, `topK`, `topP`, `minP`,
 * `typicalP`) and repetition (`repetitionPenalty`, `noRepeatNgram`), then generation's own defaults. Beams are never
 * taken. A request that says `sample: false`, or a temperature of 0, is greedy and takes nothing of drawing.
 */
import { fail } from "../errors.ts";
import type { LiveSettings } from "../text/live/request.ts";
import type { GenerateOptions } from "../text/options.ts";

const lengths = ["maxNewTokens", "minNewTokens", "maxLength"] as const;
const drawing = ["sample", "temperature", "topK", "topP", "minP", "typicalP"] as const;
const repetition = ["repetitionPenalty", "noRepeatNgram"] as const;

const pick = (from: GenerateOptions, names: readonly (keyof GenerateOptions)[]): Partial<GenerateOptions> =>
  Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]));

/** Tokens of an answer where nobody says anything: generation's own default. */
const usualLength = 256;

export interface Room {
  /** Tokens of the prompt. */
  readonly prompt: number;
  /** Tokens of prompt and answer together, where the model says so, and the prompt counts among them. */
  readonly longest?: number | undefined;
}

/**
 * The settings of a request over the makers'. An answer ends where the model's length does.
 * @throws too_long for a prompt that leaves no room for an answer
 */
export function settingsWith(asked: LiveSettings, defaults: GenerateOptions, room: Room): LiveSettings {
  const greedy = asked.sample === false || asked.temperature === 0;
  const saysLength = asked.maxNewTokens !== undefined || asked.maxLength !== undefined;
  const { temperature, ...rest } = asked;
  const own = Object.fromEntries(
    Object.entries(greedy ? { ...rest, sample: false } : asked).filter(([, value]) => value !== undefined),
  );
  const taken = {
    ...pick(defaults, saysLength ? [] : lengths),
    ...pick(defaults, greedy ? [] : drawing),
    ...pick(defaults, repetition),
    ...own,
  } as LiveSettings;
  const { longest = Infinity, prompt } = room;
  const left = longest - prompt;
  // An answer of no tokens is one that asks about the prompt.
  if (left < 0 || (left === 0 && taken.maxNewTokens !== 0)) {
    fail("too_long", `the prompt has ${prompt} tokens, the model's length is ${longest}`, {
      hint: "shorten it, leave out earlier messages, or take a model with a longer text; nothing is ever cut",
    });
  }
  const { maxNewTokens, maxLength } = taken;
  if (maxNewTokens === undefined && maxLength !== undefined) {
    return { ...taken, maxLength: Math.min(maxLength, longest) };
  }
  const most = maxNewTokens ?? usualLength;
  const { minNewTokens = 0 } = taken;
  return { ...taken, maxNewTokens: Math.min(most, left), minNewTokens: Math.min(minNewTokens, most, left) };
}

/** Settings of an answer in a running batch: those of a generation, and three more that change the scores of tokens. */
import { fail } from "../../errors.ts";
import { type Settings, settingsOf } from "../options.ts";
import type { Processor } from "../processor.ts";
import type { LiveSettings } from "./request.ts";

/** Tokens made more or less likely, forbidden, or the only ones that are possible. */
function biased(bias: ReadonlyMap<number, number>): Processor {
  const only = [...bias].filter(([, value]) => value >= 100).map(([id]) => id);
  return {
    apply(_, __, scores) {
      if (only.length > 0) {
        const kept = only.map((id) => scores[id]!);
        scores.fill(-Infinity);
        only.forEach((id, i) => {
          scores[id] = kept[i]!;
        });
      }
      for (const [id, value] of bias) scores[id] = value <= -100 ? -Infinity : scores[id]! + value;
    },
  };
}

/** μ[j] − count[j] · frequency − (count[j] > 0) · presence (OpenAI, "Frequency and presence penalties"). */
function penalised(presence: number, frequency: number): Processor {
  return {
    applies: (_, { answer }) => answer.length > 0,
    apply(_, { answer }, scores) {
      const counts = new Map<number, number>();
      for (const id of answer) counts.set(id, (counts.get(id) ?? 0) + 1);
      for (const [id, count] of counts) scores[id] = scores[id]! - count * frequency - presence;
    },
  };
}

const within = (name: string, value: number, most: number): void => {
  if (Math.abs(value) <= most) return;
  fail("bad_input", `${name} is ${value}; expected a number from ${-most} to ${most}`);
};

/**
 * With their defaults. No new tokens at all may be asked for: where only the prompt's are of interest.
 * @throws bad_input naming the setting
 */
export function liveSettings(given: LiveSettings, vocabulary: number): Settings {
  const { logitBias, presencePenalty = 0, frequencyPenalty = 0, maxNewTokens, ignoreEnds: _, ...rest } = given;
  within("presencePenalty", presencePenalty, 2);
  within("frequencyPenalty", frequencyPenalty, 2);
  for (const [id, value] of logitBias ?? []) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabulary) {
      fail("bad_input", `logitBias names token ${id}, which is outside the vocabulary of ${vocabulary}`);
    }
    within(`logitBias of token ${id}`, value, 1000);
  }
  const processors = [
    ...(presencePenalty !== 0 || frequencyPenalty !== 0 ? [penalised(presencePenalty, frequencyPenalty)] : []),
    ...(logitBias && logitBias.size > 0 ? [biased(logitBias)] : []),
  ];
  const length = maxNewTokens === undefined ? {} : { maxNewTokens: Math.max(1, maxNewTokens) };
  return { ...settingsOf({ ...rest, ...length, processors }), ...(maxNewTokens === 0 && { maxNewTokens: 0 }) };
}

/** How kinds of models are asked, how much they read, and how their answers are drawn. */
import type { LiveSettings } from "../../text/live/request.ts";
import type { PromptStyle } from "./prompts.ts";

/** As the paper has it: more context costs more than it gives. */
const mostWindow = 2048;

/** Tokens that families were trained on, where neither folder nor positions say it. */
const trained: Readonly<Record<string, number>> = { t5: 512, mt5: 512, umt5: 512 };

const plainFamilies = /^(?:bart|pegasus|pegasus_x|led|longt5|mbart)$/;

export interface ModelHabits {
  readonly kind: "decoder" | "encoder-decoder";
  readonly family: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Whether it has a chat template. */
  readonly chat: boolean;
  /** Tokens of the longest text that it was trained on or has positions for, where either is known. */
  readonly longest?: number | undefined;
}

export function styleOf({ kind, family, config, chat }: ModelHabits): PromptStyle {
  if (kind === "decoder") return chat ? "chat" : "continue";
  if (plainFamilies.test(family)) return "plain";
  // T5 before its versions 1.1 and FLAN was taught by prefixes.
  const gated = String(config.feed_forward_proj ?? "relu").includes("gated");
  return family === "t5" && !gated ? "prefix" : "instruct";
}

/** Tokens of prompt and answer together; of an encoder-decoder of the prompt alone. */
export const windowOf = ({ family, longest }: ModelHabits): number =>
  Math.min(mostWindow, longest ?? trained[family] ?? Number.POSITIVE_INFINITY);

/** How tokens are chosen: at each attempt further from what was tried before. */
export function drawing(attempt: number, seed: number, temperature: number | undefined): LiveSettings {
  const draw = (t: number): LiveSettings => ({ sample: true, temperature: t, topP: 0.95, seed });
  if (attempt === 0) return temperature ? draw(temperature) : { seed };
  if (attempt === 1)
    return { ...(temperature ? draw(temperature) : { seed }), noRepeatNgram: 3, repetitionPenalty: 1.1 };
  return { ...draw(attempt === 2 ? 0.7 : 1), noRepeatNgram: 4 };
}

/** The options of generation, checked. */
import { fail, ZerothError } from "../errors.ts";
import { type GenerateOptions, settingsOf } from "../text/options.ts";
import type { Flags } from "./command.ts";
import type { generation } from "./options.ts";
import type { Output } from "./output.ts";

type GenerationFlags = Flags<typeof generation>;

/** Options that do nothing unless another one is given. */
const needs: readonly (readonly [need: string, met: (flags: GenerationFlags) => boolean, (keyof GenerationFlags)[]])[] =
  [
    ["--sample", ({ sample }) => sample === true, ["temperature", "topK", "topP", "seed"]],
    ["--num-beams", ({ numBeams = 1 }) => numBeams > 1, ["lengthPenalty", "earlyStopping"]],
  ];

const dashed = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * What the model is asked for. An option that does nothing without another one is told, not taken as that one: greedy is
 * the default whatever else is given.
 * @throws wrong_use for a value out of its range
 */
export function generationOptions(flags: GenerationFlags, output: Output): GenerateOptions {
  try {
    settingsOf(flags);
  } catch (error) {
    // On the command line a value out of range is wrong use, not bad data.
    if (!(error instanceof ZerothError)) throw error;
    fail("wrong_use", error.message, error.hint ? { hint: error.hint } : {});
  }
  for (const [need, met, names] of needs) {
    const idle = met(flags) ? [] : names.filter((name) => flags[name] !== undefined).map(dashed);
    if (idle.length > 0) output.say(`${idle.join(", ")} without ${need}: of no effect`);
  }
  return flags;
}

/** The options of generation, checked. */
import { fail, ZerothError } from "../errors.ts";
import type { GenerationConfig } from "../text/generation-config.ts";
import { type GenerateOptions, settingsOf } from "../text/options.ts";
import type { Flags } from "./command.ts";
import type { generation, writing } from "./options.ts";
import type { Output } from "./output.ts";

type GenerationFlags = Flags<typeof generation>;

/** Options that do nothing unless another one is given. */
const needs: readonly (readonly [
  need: string,
  met: (options: GenerateOptions) => boolean,
  (keyof GenerationFlags)[],
])[] = [
  ["--sample", ({ sample }) => sample === true, ["temperature", "topK", "topP", "minP", "typicalP", "seed"]],
  ["--num-beams", ({ numBeams = 1 }) => numBeams > 1, ["lengthPenalty", "earlyStopping"]],
];

const dashed = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** @throws wrong_use for a value out of its range */
export function checkGeneration(flags: GenerationFlags): void {
  try {
    settingsOf(flags);
  } catch (error) {
    // On the command line a value out of range is wrong use, not bad data.
    if (!(error instanceof ZerothError)) throw error;
    fail("wrong_use", error.message, error.hint ? { hint: error.hint } : {});
  }
}

/** `--num-beams 4, --early-stopping`. */
const typed = (options: GenerateOptions): string =>
  Object.entries(options)
    .map(([name, value]) => (value === true ? dashed(name) : `${dashed(name)} ${String(value)}`))
    .join(", ");

/** Options of drawing and of beams exclude each other: what was asked for decides which of the makers' apply. */
const drawing: readonly (keyof GenerateOptions)[] = ["sample", "temperature", "topK", "topP", "minP", "typicalP"];
const beams: readonly (keyof GenerateOptions)[] = ["numBeams", "lengthPenalty", "earlyStopping"];

function applicable(defaults: GenerateOptions, flags: GenerationFlags): GenerateOptions {
  const out: (keyof GenerateOptions)[] = [
    ...((flags.numBeams ?? 1) > 1 ? drawing : []),
    ...(flags.sample ? beams : []),
    ...(flags.maxNewTokens === undefined ? [] : (["maxLength"] as const)),
  ];
  const open = ([name]: readonly [string, unknown]) =>
    !out.includes(name as keyof GenerateOptions) && flags[name as keyof GenerationFlags] === undefined;
  return Object.fromEntries(Object.entries(defaults).filter(open));
}

/**
 * What a chat is asked for, where the makers' way of drawing is the default: it is told, and so is what they recommend
 * besides. `--greedy` and `--temperature 0` are greedy.
 * @throws wrong_use for a value out of its range
 */
export function talkOptions(
  // The file of a grammar is read by `structured.ts`.
  { greedy, temperature, grammar: _, ...flags }: Flags<typeof writing> & { readonly greedy?: boolean },
  output: Output,
  { recommended, drawing }: { readonly recommended: GenerationConfig; readonly drawing: GenerateOptions },
): GenerateOptions {
  const cold = greedy === true || temperature === 0;
  if (cold && flags.sample) fail("wrong_use", "--sample draws tokens, --greedy and --temperature 0 do not");
  const asked: GenerationFlags = { ...flags, ...(cold || temperature === undefined ? {} : { temperature }) };
  checkGeneration(asked);
  const beam = (asked.numBeams ?? 1) > 1;
  const drawn = { ...(cold || beam ? {} : drawing), ...asked };
  const open = Object.entries(applicable(recommended.defaults, asked));
  const names = Object.keys(drawing);
  const taken = drawn.sample && !asked.sample ? Object.fromEntries(open.filter(([name]) => names.includes(name))) : {};
  if (Object.keys(taken).length > 0) {
    output.say(`answers are drawn as ${recommended.file} says: ${typed(taken)} (--greedy takes the likeliest token)`);
  }
  const rest = Object.fromEntries(open.filter(([name]) => !names.includes(name)));
  const missing = recommended.notComputed.length > 0 ? `not computed here: ${recommended.notComputed.join(", ")}` : "";
  const advice = [Object.keys(rest).length > 0 ? `recommends ${typed(rest)}` : "", missing].filter(Boolean);
  if (advice.length > 0) output.say(`${recommended.file}: ${advice.join("; ")}`);
  sayIdle(drawn, asked, output);
  return { ...asked, sample: drawn.sample === true };
}

/** What the makers recommend and this answer goes without, or takes, in one line. */
function sayRecommended({ notComputed, file }: GenerationConfig, open: GenerateOptions, taken: boolean): string {
  const recommended = typed(open);
  const missing = notComputed.length > 0 ? [`not computed here: ${notComputed.join(", ")}`] : [];
  const start = taken ? `taken from ${file}: ${recommended}` : `${file} recommends ${recommended} (--model-defaults)`;
  return [...(recommended ? [start] : []), ...missing.map((line) => (recommended ? line : `${file}: ${line}`))].join(
    "; ",
  );
}

/**
 * What the model is asked for. What its makers recommend is told, and taken with `--model-defaults` where nothing else
 * was asked for. An option that does nothing without another one is told, not taken as that one: greedy is the default
 * whatever else is given.
 * @throws wrong_use for a value out of its range; bad_input for recommendations that are
 */
export function generationOptions(
  flags: GenerationFlags,
  output: Output,
  recommended?: GenerationConfig,
): GenerateOptions {
  checkGeneration(flags);
  const open = recommended ? applicable(recommended.defaults, flags) : {};
  // The file of a grammar is read by `structured.ts`.
  const { grammar: _, ...own } = flags;
  const picked = { ...(flags.modelDefaults ? open : {}), ...own };
  if (recommended) {
    const line = sayRecommended(recommended, open, flags.modelDefaults === true);
    if (line) output.say(line);
    try {
      settingsOf(picked);
    } catch (error) {
      if (!(error instanceof ZerothError)) throw error;
      fail(error.code, error.message, { where: recommended.file, hint: "leave --model-defaults out" });
    }
  }
  sayIdle(picked, flags, output);
  return picked;
}

/** What says how an answer is found does nothing where every choice is scored. */
const found: readonly (keyof GenerationFlags)[] = [
  ...drawing,
  ...beams,
  ...(["seed", "maxNewTokens", "minNewTokens", "maxLength", "minLength"] as const),
  ...(["noRepeatNgram", "repetitionPenalty", "stop", "lookup", "modelDefaults"] as const),
] as readonly (keyof GenerationFlags)[];

/** Tell of options that do nothing beside those that are taken. */
function sayIdle(taken: GenerateOptions, given: GenerationFlags, output: Output): void {
  if (given.choices !== undefined) {
    const idle = found.filter((name) => given[name] !== undefined).map(dashed);
    if (idle.length > 0) output.say(`${idle.join(", ")} beside --choices: of no effect`);
    return;
  }
  for (const [need, met, names] of needs) {
    const idle = met(taken) ? [] : names.filter((name) => given[name] !== undefined).map(dashed);
    if (idle.length > 0) output.say(`${idle.join(", ")} without ${need}: of no effect`);
  }
}

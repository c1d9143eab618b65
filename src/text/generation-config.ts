/**
 * generation_config.json: what a model's makers say of how it answers. Which tokens begin and end an answer belongs to the
 * model and is taken as it is. What only changes defaults (beams, penalties, lengths, sampling) is said and taken when
 * asked for.
 */
import { z } from "zod";
import type { JsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import type { DecoderArchitecture, EncoderDecoderArchitecture } from "../models/family.ts";
import type { GenerateOptions } from "./options.ts";

const token = z.number().int().nonnegative();
const ends = z.union([token, z.array(token)]).nullish();
const number = z.number().nullish();

const schema = z.object({
  decoder_start_token_id: token.nullish(),
  bos_token_id: z.union([token, z.array(token)]).nullish(),
  eos_token_id: ends,
  pad_token_id: z.number().int().nullish(),
  forced_bos_token_id: token.nullish(),
  forced_eos_token_id: ends,
  max_new_tokens: number,
  max_length: number,
  min_new_tokens: number,
  min_length: number,
  num_beams: number,
  length_penalty: number,
  early_stopping: z.union([z.boolean(), z.string()]).nullish(),
  do_sample: z.boolean().nullish(),
  temperature: number,
  top_k: number,
  top_p: number,
  repetition_penalty: number,
});

type Config = z.infer<typeof schema>;

export interface Forced {
  /** The first new token of an answer before which there is a single token: an encoder-decoder's start, as a rule. */
  readonly first?: number | undefined;
  /** The last one where an answer is cut at its greatest length. */
  readonly last?: number | undefined;
}

export interface GenerationConfig {
  readonly forced: Forced;
  /** Options that the makers recommend. */
  readonly defaults: GenerateOptions;
}

/** The token that is the only possible one in a step, from 0, of at most `most`, for a row in which `said` came before. */
export function forcedAt({ first, last }: Forced, said: readonly number[], step: number, most: number) {
  if (step === most - 1 && last !== undefined) return last;
  return step === 0 && said.length === 1 ? first : undefined;
}

type Writes = EncoderDecoderArchitecture | DecoderArchitecture;

/** Options that differ from those taken when nobody says anything. */
function defaultsOf(c: Config): GenerateOptions {
  const entries: [keyof GenerateOptions, unknown][] = [
    ["maxNewTokens", c.max_new_tokens ?? undefined],
    ["minNewTokens", c.min_new_tokens || undefined],
    ["numBeams", c.num_beams && c.num_beams > 1 ? c.num_beams : undefined],
    ["lengthPenalty", c.length_penalty === 1 ? undefined : (c.length_penalty ?? undefined)],
    ["earlyStopping", c.early_stopping === true ? true : undefined],
    ["sample", c.do_sample === true ? true : undefined],
    ["temperature", c.do_sample === true ? (c.temperature ?? undefined) : undefined],
    ["topK", c.do_sample === true ? (c.top_k ?? 50) : undefined],
    ["topP", c.do_sample === true ? (c.top_p ?? undefined) : undefined],
    ["repetitionPenalty", c.repetition_penalty === 1 ? undefined : (c.repetition_penalty ?? undefined)],
  ];
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/**
 * The architecture with the tokens that the file names, and what else the file says; generation keys left in
 * config.json count where there is no file.
 * @throws corrupt_file naming the entry; bad ids name the vocabulary
 */
export function withGenerationConfig<A extends Writes>(
  architecture: A,
  config: JsonObject,
  file: JsonObject | undefined,
): { readonly architecture: A; readonly generation: GenerationConfig } {
  const parsed = schema.safeParse(file ?? config);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return fail("corrupt_file", `${path.join(".")}: ${message}`, {
      where: file ? "generation_config.json" : "config.json",
    });
  }
  const c = parsed.data;
  const listed = c.eos_token_id === null || c.eos_token_id === undefined ? undefined : [c.eos_token_id].flat();
  // All of several are equally likely then, and the lowest id comes first among equals.
  const lasts = [c.forced_eos_token_id ?? []].flat();
  const last = lasts.length > 0 ? Math.min(...lasts) : undefined;
  const pad =
    c.pad_token_id !== null && c.pad_token_id !== undefined && c.pad_token_id >= 0 ? c.pad_token_id : undefined;
  const start = c.decoder_start_token_id ?? undefined;
  for (const id of [...(listed ?? []), last, start, c.forced_bos_token_id].filter(
    (id) => id !== undefined && id !== null,
  )) {
    if (id >= architecture.vocabulary) {
      fail("corrupt_file", `token ${id} is outside the vocabulary of ${architecture.vocabulary}`, {
        where: file ? "generation_config.json" : "config.json",
      });
    }
  }
  return {
    architecture: {
      ...architecture,
      ...(listed && { ends: listed }),
      ...(file && pad !== undefined && { pad }),
      ...(architecture.kind === "encoder-decoder" && start !== undefined && { start }),
    },
    generation: {
      forced: { first: c.forced_bos_token_id ?? undefined, last },
      defaults: file ? defaultsOf(c) : {},
    },
  };
}

/** Two ways to say the same: `numBeams 4, lengthPenalty 2`. */
export const shownDefaults = (defaults: GenerateOptions): string =>
  Object.entries(defaults)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");

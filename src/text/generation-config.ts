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
  /** Options that the makers recommend, where they differ from those taken when nobody says anything. */
  readonly defaults: GenerateOptions;
  /** Entries that would change answers and are not computed here, by their names in the file. */
  readonly notComputed: readonly string[];
  /** The file that says so. */
  readonly file: "generation_config.json" | "config.json";
}

/** The token that is the only possible one in a step, from 0, of at most `most`, for a row in which `said` came before. */
export function forcedAt({ first, last }: Forced, said: readonly number[], step: number, most: number) {
  if (step === most - 1 && last !== undefined) return last;
  return step === 0 && said.length === 1 ? first : undefined;
}

type Writes = EncoderDecoderArchitecture | DecoderArchitecture;

/** What transformers takes where a file says nothing. */
const silentLength = 20;

/** Options that differ from those taken when nobody says anything. */
function defaultsOf(c: Config, kind: Writes["kind"]): GenerateOptions {
  // There lengths include the prompt; an encoder-decoder's is the start token alone.
  const written = kind === "encoder-decoder";
  const most = written && c.max_length && c.max_length !== silentLength ? c.max_length - 1 : undefined;
  const least = written && c.min_length ? c.min_length - 1 : undefined;
  const entries: [keyof GenerateOptions, unknown][] = [
    ["maxNewTokens", c.max_new_tokens ?? most],
    ["minNewTokens", (c.min_new_tokens ?? least) || undefined],
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

const above = (least: number) => (value: unknown) => typeof value === "number" && value > least;
const other = (neutral: number) => (value: unknown) => typeof value === "number" && value !== neutral;
const given = (value: unknown) => (Array.isArray(value) ? value.length > 0 : typeof value === "object");
const yes = (value: unknown) => value === true;
const text = (value: unknown) => typeof value === "string" || given(value);

/** Entries that change what is written and that nothing here computes, each with the values that do. */
const unknownHere: Readonly<Record<string, (value: unknown) => boolean>> = {
  no_repeat_ngram_size: above(0),
  encoder_no_repeat_ngram_size: above(0),
  bad_words_ids: given,
  force_words_ids: given,
  constraints: given,
  suppress_tokens: given,
  begin_suppress_tokens: given,
  sequence_bias: given,
  exponential_decay_length_penalty: given,
  encoder_repetition_penalty: other(1),
  num_beam_groups: above(1),
  diversity_penalty: other(0),
  penalty_alpha: other(0),
  guidance_scale: other(1),
  num_return_sequences: above(1),
  stop_strings: text,
  early_stopping: text,
  dola_layers: text,
  watermarking_config: given,
  remove_invalid_values: yes,
  renormalize_logits: yes,
};

/** Those that matter only when tokens are drawn. */
const unknownDrawing: typeof unknownHere = {
  typical_p: other(1),
  min_p: other(0),
  epsilon_cutoff: other(0),
  eta_cutoff: other(0),
};

function notComputed(json: JsonObject, c: Config, kind: Writes["kind"]): string[] {
  const rows = { ...unknownHere, ...(c.do_sample === true ? unknownDrawing : {}) };
  const found = Object.entries(rows).filter(([key, changes]) => {
    const value = json[key];
    return value !== undefined && value !== null && changes(value);
  });
  const lengths =
    kind === "encoder-decoder"
      ? []
      : [
          ...(c.min_length && !c.min_new_tokens ? ["min_length"] : []),
          ...(c.max_length && c.max_length !== silentLength && !c.max_new_tokens ? ["max_length"] : []),
        ];
  return [...found.map(([key]) => key), ...lengths];
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
  const json = file ?? config;
  const name = file ? "generation_config.json" : "config.json";
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return fail("corrupt_file", `${path.join(".")}: ${message}`, { where: name });
  }
  const c = parsed.data;
  const listed = c.eos_token_id === null || c.eos_token_id === undefined ? undefined : [c.eos_token_id].flat();
  // All of several are equally likely then, and the lowest id comes first among equals.
  const lasts = [c.forced_eos_token_id ?? []].flat();
  const last = lasts.length > 0 ? Math.min(...lasts) : undefined;
  const pad =
    c.pad_token_id !== null && c.pad_token_id !== undefined && c.pad_token_id >= 0 ? c.pad_token_id : undefined;
  const start = c.decoder_start_token_id ?? undefined;
  const taken = {
    ...architecture,
    ...(listed && { ends: listed }),
    ...(file && pad !== undefined && { pad }),
    ...(architecture.kind === "encoder-decoder" && start !== undefined && { start }),
  };
  const named: readonly (readonly [number | undefined, boolean])[] = [
    ...taken.ends.map((id) => [id, listed !== undefined] as const),
    [last, true],
    [c.forced_bos_token_id ?? undefined, true],
    ["start" in taken ? taken.start : undefined, start !== undefined],
  ];
  for (const [id, here] of named) {
    if (id === undefined || id < architecture.vocabulary) continue;
    fail("corrupt_file", `token ${id} is outside the vocabulary of ${architecture.vocabulary}`, {
      where: here ? name : "config.json",
    });
  }
  return {
    architecture: taken,
    generation: {
      forced: { first: c.forced_bos_token_id ?? undefined, last },
      defaults: defaultsOf(c, architecture.kind),
      notComputed: notComputed(json, c, architecture.kind),
      file: name,
    },
  };
}

/**
 * generation_config.json: what a model's makers say of how it answers. Which tokens begin and end an answer, and which are
 * never written, belongs to the model and is taken as it is. What only changes defaults (beams, penalties, lengths, sampling) is said and taken when
 * asked for.
 */
import { z } from "zod";
import type { JsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import type { DecoderArchitecture, EncoderDecoderArchitecture } from "../models/family.ts";
import type { GenerateOptions } from "./options.ts";
import type { TokenRules } from "./processors.ts";

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
  bad_words_ids: z.array(z.array(token).min(1)).nullish(),
  suppress_tokens: z.array(token).nullish(),
  begin_suppress_tokens: z.array(token).nullish(),
  no_repeat_ngram_size: z.number().int().nonnegative().nullish(),
  max_new_tokens: number,
  max_length: number,
  min_new_tokens: number,
  min_length: number,
  num_beams: number,
  length_penalty: number,
  early_stopping: z.union([z.boolean(), z.literal("never")]).nullish(),
  do_sample: z.boolean().nullish(),
  temperature: number,
  top_k: number,
  top_p: number,
  min_p: number,
  typical_p: number,
  repetition_penalty: number,
});

type Config = z.infer<typeof schema>;

export interface GenerationConfig {
  /** Which tokens an answer begins with, ends with and never has. */
  readonly rules: TokenRules;
  /** Options that the makers recommend, where they differ from those taken when nobody says anything. */
  readonly defaults: GenerateOptions;
  /** Entries that would change answers and are not computed here, by their names in the file. */
  readonly notComputed: readonly string[];
  /** The file that says so. */
  readonly file: "generation_config.json" | "config.json";
}

type Writes = EncoderDecoderArchitecture | DecoderArchitecture;

/** What transformers takes where nothing is said, and what it once wrote to config.json then. */
const silentLength = 20;

/** Options that differ from those taken when nobody says anything. */
function defaultsOf(c: Config, kind: Writes["kind"], isFile: boolean): GenerateOptions {
  // There lengths include what came before: an encoder-decoder's is the start token alone.
  const written = kind === "encoder-decoder";
  const silent = c.max_new_tokens || !c.max_length || (!isFile && c.max_length === silentLength);
  const longest = silent ? undefined : (c.max_length ?? undefined);
  const shortest = c.min_length || undefined;
  const entries: [keyof GenerateOptions, unknown][] = [
    ["maxNewTokens", c.max_new_tokens ?? (written && longest ? longest - 1 : undefined)],
    ["minNewTokens", (c.min_new_tokens ?? (written && shortest ? shortest - 1 : undefined)) || undefined],
    ["maxLength", written ? undefined : longest],
    ["minLength", written ? undefined : shortest],
    ["numBeams", c.num_beams && c.num_beams > 1 ? c.num_beams : undefined],
    ["lengthPenalty", c.length_penalty === 1 ? undefined : (c.length_penalty ?? undefined)],
    ["earlyStopping", c.early_stopping || undefined],
    ["sample", c.do_sample === true ? true : undefined],
    ["temperature", c.do_sample === true ? (c.temperature ?? undefined) : undefined],
    ["topK", c.do_sample === true ? (c.top_k ?? 50) : undefined],
    ["topP", c.do_sample === true ? (c.top_p ?? undefined) : undefined],
    ["minP", c.do_sample === true ? c.min_p || undefined : undefined],
    ["typicalP", c.do_sample === true && c.typical_p !== 1 ? (c.typical_p ?? undefined) : undefined],
    ["noRepeatNgram", c.no_repeat_ngram_size || undefined],
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
  encoder_no_repeat_ngram_size: above(0),
  force_words_ids: given,
  constraints: given,
  sequence_bias: given,
  exponential_decay_length_penalty: given,
  encoder_repetition_penalty: other(1),
  num_beam_groups: above(1),
  diversity_penalty: other(0),
  penalty_alpha: other(0),
  guidance_scale: other(1),
  num_return_sequences: above(1),
  stop_strings: text,
  dola_layers: text,
  watermarking_config: given,
  remove_invalid_values: yes,
  renormalize_logits: yes,
};

/** Those that matter only when tokens are drawn. */
const unknownDrawing: typeof unknownHere = {
  epsilon_cutoff: other(0),
  eta_cutoff: other(0),
};

function notComputed(json: JsonObject, c: Config): string[] {
  const rows = { ...unknownHere, ...(c.do_sample === true ? unknownDrawing : {}) };
  const found = Object.entries(rows).filter(([key, changes]) => {
    const value = json[key];
    return value !== undefined && value !== null && changes(value);
  });
  return found.map(([key]) => key);
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
  // What a family takes by itself counts where there is no file.
  const own = !file && c.forced_eos_token_id === undefined && "lasts" in architecture ? architecture.lasts : undefined;
  const lasts = [c.forced_eos_token_id ?? own ?? []].flat();
  const rules: TokenRules = {
    first: c.forced_bos_token_id ?? undefined,
    last: lasts.length > 0 ? lasts : undefined,
    badWords: c.bad_words_ids ?? undefined,
    suppressed: c.suppress_tokens ?? undefined,
    suppressedFirst: c.begin_suppress_tokens ?? undefined,
  };
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
    ...[rules.first, ...lasts, rules.badWords ?? [], rules.suppressed, rules.suppressedFirst]
      .flat(2)
      .map((id) => [id, true] as const),
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
      rules,
      defaults: defaultsOf(c, architecture.kind, file !== undefined),
      notComputed: notComputed(json, c),
      file: name,
    },
  };
}

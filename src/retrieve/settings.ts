/** What an index was made with; what is different makes another one. */
import { z } from "zod";
import { fail } from "../errors.ts";
import { stemmings } from "./lexical/analyse.ts";

const metric = z.enum(["cosine", "dot", "euclidean"]);

const modelSettings = z.object({
  /** As it was named. */
  name: z.string(),
  /** Hash of its weights, its tokenizer and how it makes vectors. */
  fingerprint: z.string(),
  width: z.number().int().positive(),
  metric,
  /** Put before every chunk, and before every question. */
  documentPrompt: z.string(),
  queryPrompt: z.string(),
  dimensions: z.number().int().positive().optional(),
  /** The model of questions, where it is another one. */
  question: z.object({ name: z.string(), fingerprint: z.string() }).optional(),
});

export const settingsSchema = z.object({
  model: modelSettings.optional(),
  /** Tokens of the model, words without one. */
  chunk: z.number().int().positive(),
  overlap: z.number().int().nonnegative(),
  stemming: z.enum(stemmings),
});

export type IndexSettings = z.infer<typeof settingsSchema>;
export type ModelSettings = z.infer<typeof modelSettings>;

/** @throws corrupt_file */
export function parseSettings(text: string, where: string): IndexSettings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return fail("corrupt_file", "its settings are no JSON", { where, cause });
  }
  const parsed = settingsSchema.safeParse(value);
  return parsed.success
    ? parsed.data
    : fail("corrupt_file", `its settings: ${z.prettifyError(parsed.error).slice(0, 300)}`, { where });
}

/** Whether chunks and vectors of one are those of the other. The model's name is only where it was. */
export function sameSettings(a: IndexSettings, b: IndexSettings): boolean {
  const bare = ({ model, ...rest }: IndexSettings) =>
    JSON.stringify([
      rest.chunk,
      rest.overlap,
      rest.stemming,
      model && [model.fingerprint, model.width, model.metric, model.documentPrompt, model.dimensions ?? null],
    ]);
  return bare(a) === bare(b);
}

/** What decides a chunk's vector besides its text. */
export const spaceKey = ({ fingerprint, documentPrompt, dimensions }: ModelSettings): string =>
  JSON.stringify([fingerprint, documentPrompt, dimensions ?? null]);

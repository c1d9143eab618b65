/** What tells a folder's kind of tokenizer. */
import type { JsonObject } from "../../base/json.ts";

/** What is known of a folder before any of its tokenizer's files is read. */
export interface FolderAbout {
  has(name: string): boolean;
  /** `tokenizer_class` of tokenizer_config.json, else of config.json. */
  readonly tokenizerClass: string | undefined;
  /** `model_type` and `vocab_size` of config.json. */
  readonly modelType: string | undefined;
  readonly vocabularySize: number | undefined;
}

/** What the configurations say of the tokenizer. */
export function aboutOf(
  has: (name: string) => boolean,
  modelConfig: JsonObject,
  tokenizerConfig: JsonObject | undefined,
): FolderAbout {
  const given = tokenizerConfig?.tokenizer_class ?? modelConfig.tokenizer_class;
  const { model_type: type, vocab_size: size } = modelConfig;
  return {
    has,
    tokenizerClass: typeof given === "string" ? given : undefined,
    modelType: typeof type === "string" ? type : undefined,
    vocabularySize: typeof size === "number" ? size : undefined,
  };
}

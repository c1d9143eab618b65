/** Where the files of a configuration are. */
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { TrainingConfig } from "./config.ts";

/** Paths in a configuration are relative to its file, so a run means the same from every folder. */
export function rooted(config: TrainingConfig, folder: string): TrainingConfig {
  const at = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  /** A path where something is there, or where it can be nothing else; else a model's name. */
  const named = (name: string) => (/^\.|\.json$/.test(name) || existsSync(at(name)) ? at(name) : name);
  const source = <T>(entry: T): T => {
    if (typeof entry === "string") return at(entry) as T;
    const { file } = entry as { file: string };
    return { ...entry, file: at(file) };
  };
  const { train, validation, mixture } = config.data;
  return {
    ...config,
    ...(config.model ? { model: named(config.model) } : {}),
    ...(config.tokenizer ? { tokenizer: named(config.tokenizer) } : {}),
    ...(config.embeddings ? { embeddings: at(config.embeddings) } : {}),
    data: {
      ...(train === undefined ? {} : { train: Array.isArray(train) ? train.map(source) : source(train) }),
      ...(mixture === undefined ? {} : { mixture: at(mixture) }),
      ...(validation === undefined
        ? {}
        : { validation: Array.isArray(validation) ? validation.map(at) : at(validation) }),
    },
    out: at(config.out),
  };
}

/** How a folder of sentence-transformers makes one vector of a text's tokens: pooling, norm, longest text. */
import { join } from "node:path";
import { z } from "zod";
import { jsonLimits, parseJsonObject, shown } from "../base/json.ts";
import { readJsonFile, readTextFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import type { ModelFolder } from "../folders/open-node.ts";
import { locate } from "../hub/locate-node.ts";
import { defaultEmbedding, type EmbeddingConfig, type Pooling } from "./embed.ts";

const modules = z.array(z.object({ path: z.string(), type: z.string() }));

const modes: readonly (readonly [string, Pooling])[] = [
  ["pooling_mode_cls_token", "cls"],
  ["pooling_mode_max_tokens", "max"],
  ["pooling_mode_mean_tokens", "mean"],
  ["pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len"],
  ["pooling_mode_lasttoken", "last"],
];
const named: Readonly<Record<string, Pooling>> = {
  cls: "cls",
  max: "max",
  mean: "mean",
  mean_sqrt_len_tokens: "mean_sqrt_len",
  mean_sqrt_len: "mean_sqrt_len",
  lasttoken: "last",
};

/** Both spellings of a pooling's configuration; several poolings are joined in their order. */
function poolingOf(json: Readonly<Record<string, unknown>>, where: string): Pooling[] {
  if (json.pooling_mode_weightedmean_tokens === true) fail("unsupported", "weighted mean pooling", { where });
  const given = json.pooling_mode;
  if (given !== undefined) {
    return [given].flat().map((mode) => {
      const known = typeof mode === "string" ? named[mode] : undefined;
      return known ?? fail("unsupported", `pooling_mode ${shown(String(mode))} is not known`, { where });
    });
  }
  const on = modes.filter(([key]) => json[key] === true).map(([, mode]) => mode);
  return on.length > 0 ? on : ["mean"];
}

/**
 * The settings of a folder; of one without modules.json mean pooling, which is sentence-transformers' own default.
 * @throws unsupported for a module that is not pooling or a norm; corrupt_file naming the entry
 */
export function readEmbeddingConfig({ path, gguf }: Pick<ModelFolder, "path" | "gguf">): EmbeddingConfig {
  if (gguf) return { ...defaultEmbedding, ...(gguf.pooling && { pooling: [gguf.pooling] }) };
  const file = locate(path, "modules.json");
  if (!file) return defaultEmbedding;
  const where = join(path, "modules.json");
  // A list, read with the checks that objects have.
  const list = parseJsonObject(`{"modules":${readTextFile(file, jsonLimits.config, where)}}`, where).modules;
  const parsed = modules.safeParse(list);
  if (!parsed.success) fail("corrupt_file", "must list modules with their path and type", { where });
  let pooling: Pooling[] = [];
  let normalize = false;
  for (const module of parsed.data) {
    // Older and newer releases differ in all but the last part of the name.
    const kind = module.type.split(".").at(-1);
    if (kind === "Transformer") continue;
    if (kind === "Normalize") normalize = true;
    else if (kind === "Pooling") {
      const config = locate(path, join(module.path, "config.json"));
      const place = join(path, module.path, "config.json");
      if (!config) fail("corrupt_file", "is missing, and modules.json names it", { where: place });
      pooling = poolingOf(readJsonFile(config, jsonLimits.config, place), place);
    } else {
      fail("unsupported", `the module ${shown(module.type)} is not computed here`, {
        where,
        hint: "Transformer, Pooling and Normalize are",
      });
    }
  }
  const limits = locate(path, "sentence_bert_config.json");
  const json = limits ? readJsonFile(limits, jsonLimits.config, join(path, "sentence_bert_config.json")) : {};
  const most = typeof json.max_seq_length === "number" ? json.max_seq_length : undefined;
  return { pooling: pooling.length > 0 ? pooling : ["mean"], normalize, ...(most && { longest: most }) };
}

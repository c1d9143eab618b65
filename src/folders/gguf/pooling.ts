/** How a GGUF file makes one vector of a text's tokens, as the files that sentence-transformers says it with. */
import type { GgufModel } from "./model.ts";

const modes = { mean: "mean", cls: "cls", last: "lasttoken" } as const;

/** Contents by the files' names; none where the file does not say it (`pooling_type`). */
export function poolingFiles({ pooling }: Pick<GgufModel, "pooling">): ReadonlyMap<string, string> {
  if (!pooling) return new Map();
  const module = (kind: string, path: string) => ({ type: `sentence_transformers.models.${kind}`, path });
  return new Map([
    ["modules.json", JSON.stringify([module("Transformer", ""), module("Pooling", "1_Pooling")])],
    ["1_Pooling/config.json", JSON.stringify({ pooling_mode: modes[pooling] })],
  ]);
}

/** What quantising does with each tensor of a T5 or Switch folder. */
import type { QuantizedFormat } from "../weights/weights.ts";
import type { T5Config } from "./t5-config.ts";

/** Copies of tensors that the models read under another name. */
const copies = /^(encoder|decoder)\.embed_tokens\.weight$/;

/**
 * Products in `bits`; the embedding in 8 bits, since single rows of it are looked up, and by rows where it is nothing
 * but looked up in. The router of a Switch Transformer decides by small differences: it stays as it is.
 */
export function t5Formats(config: Pick<T5Config, "tied">, bits: 8 | 4, names: ReadonlySet<string>) {
  return (name: string): QuantizedFormat | "keep" | "drop" => {
    if (copies.test(name) && (names.has("shared.weight") || name.startsWith("decoder."))) return "drop";
    if (name === "lm_head.weight" && config.tied) return "drop";
    if (name === "shared.weight" || copies.test(name)) return config.tied ? "int8" : "int8_rows";
    if (name.includes("router.") || name.includes("relative_attention_bias")) return "keep";
    return bits === 4 ? "int4" : "int8";
  };
}

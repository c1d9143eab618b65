/** What the tensors of a GGUF file are computed with, told by how the network uses them. */
import { formOf } from "../../weights/gguf/blocks.ts";
import { isPlainType } from "../../weights/gguf/types.ts";
import type { Activations, GgufTensor, QuantizedFormat } from "../../weights/weights.ts";
import type { Architecture } from "../family.ts";
import { usesOf } from "./formats.ts";

/** `float32`: as numbers; `stored`: as the 16 or 32 bits that they are stored in; `drop`: nothing asks for it. */
export type GgufForm = Extract<QuantizedFormat, `blocks${string}`> | "float32" | "stored" | "drop";

/**
 * Products take 4-bit blocks as they are. Those of 8 bits are computed with as numbers, unless activations are rounded
 * too: the kernel that does not round turns such blocks into numbers at every run. Rows that are only looked up stay in
 * blocks either way, and so does what cannot be: small tensors, convolutions, what the network reads in other ways.
 */
export function ggufFormsOf(model: Architecture, activations: Activations) {
  const uses = usesOf(model);
  return (name: string, { gguf, shape, turned, plus }: GgufTensor): GgufForm => {
    const use = uses.get(name);
    if (!use) return "drop";
    if (isPlainType(gguf)) return turned || plus !== undefined ? "float32" : "stored";
    const fits = turned ? use.turned && !use.product && !use.lookup : !use.turned;
    if (shape.length !== 2 || use.other || !fits || model.unquantized?.test(name)) return "float32";
    const { bits } = formOf(gguf);
    if (bits === 8 && use.product && activations === "fp32") return "float32";
    if (bits === 8 && turned && activations === "fp32") return "float32";
    return turned ? `blocks${bits}_turned` : `blocks${bits}`;
  };
}

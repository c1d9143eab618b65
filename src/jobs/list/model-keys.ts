/** Keys of the configuration of every job that runs a model. */
import { z } from "zod";
import { unkeyed } from "../job.ts";

export const modelKeys = {
  model: unkeyed(z.string().describe("folder or name of the hub, perhaps NAME:ADAPTER")),
  dtype: z.enum(["fp32", "bf16", "int8", "int4"]).optional().describe("precision of the weights (as stored)"),
  activations: z.enum(["fp32", "int8"]).optional().describe("of a GGUF file: fp32 (exact), or int8"),
  threads: unkeyed(z.number().int().positive().optional().describe("threads of the engine")),
};

interface Keys {
  readonly dtype?: "fp32" | "bf16" | "int8" | "int4" | undefined;
  readonly activations?: "fp32" | "int8" | undefined;
  readonly threads?: number | undefined;
}

/** What opening a model is told. */
export const openOptions = ({ dtype, activations, threads }: Keys, adapter: string | undefined) => ({
  ...(dtype !== undefined && { dtype }),
  ...(activations !== undefined && { activations }),
  ...(threads !== undefined && { threads }),
  adapter,
});

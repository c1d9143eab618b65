/** How long a prompt may be: what this machine has memory for, and what a model was trained on. */
import { totalmem } from "node:os";
import { constrainedMemory } from "node:process";
import type { JsonObject } from "../base/json.ts";
import type { Architecture } from "../models/family.ts";

/** Bytes of memory that this process can have at most. */
function memoryHere(): number {
  const limit = constrainedMemory();
  return limit > 0 ? Math.min(totalmem(), limit) : totalmem();
}

/** Arrays [heads, tokens, tokens] of floats that an encoder has at a time: bias, scores, shares. Measured: 3.1. */
const arrays = 3;

/**
 * Tokens of the longest prompt that `memory` bytes are enough for; without an end for a decoder, which reads a long
 * prompt in pieces. An encoder has a number for every pair of tokens, and the engine's own message about that comes
 * after minutes, or the system ends the process.
 */
export function roomFor(architecture: Architecture, memory = memoryHere()): number {
  if (architecture.kind !== "encoder-decoder") return Infinity;
  return Math.floor(Math.sqrt(memory / (4 * arrays * architecture.memory.kvHeads)));
}

/**
 * Tokens of the longest text that a model was trained on, as its folder tells: `model_max_length` of the tokenizer's
 * configuration (1e30 stands for "not said"), or T5's `n_positions`. Undefined where neither is there.
 */
export function trainedLength(config: JsonObject, tokenizerConfig: JsonObject | undefined): number | undefined {
  const told = [tokenizerConfig?.model_max_length, config.n_positions].find(
    (value): value is number => typeof value === "number" && value > 0 && value < 1e9,
  );
  return told;
}

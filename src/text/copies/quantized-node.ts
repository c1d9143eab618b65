/** A quantised copy of a model. */
import { totalmem } from "node:os";
import { fail } from "../../errors.ts";
import { type ModelFolder, openModelFolder } from "../../folders/open-node.ts";
import { quantizeFolder, sourceOf } from "../../folders/quantize-node.ts";
import { countOf } from "../../graph/array.ts";
import type { Architecture } from "../../models/family.ts";
import { formatsOf } from "../../models/kinds/formats.ts";
import { storedBytes } from "../../weights/quantize.ts";
import type { Weights } from "../../weights/weights.ts";
import { type CopyOptions, keptCopy } from "./kept-node.ts";

/** Bytes of these weights in so many bits, scales included. */
function bytesIn(weights: Weights, bits: 8 | 4): number {
  const elements = countOf([...weights.values()]);
  return Math.ceil((elements * (bits === 8 ? 8.05 : 5)) / 8);
}

/**
 * The folder in 8 or 4 bits, `weights` under the names of the network: the one made before from the same files, or a new
 * one. What an interrupted run has finished is kept.
 * @throws bad_input where the disk has no room; interrupted
 */
export async function quantizedCopy(
  folder: ModelFolder,
  { architecture, weights }: { readonly architecture: Architecture; readonly weights: Weights },
  bits: 8 | 4,
  options: CopyOptions = {},
): Promise<ModelFolder> {
  const { signal, events = {} } = options;
  const choose = formatsOf(architecture, bits);
  const progress = events.progress && { onProgress: events.progress };
  const make = (out: string) => quantizeFolder({ ...folder, weights }, { out, bits, choose, signal, ...progress });
  const copy = {
    path: folder.path,
    form: `int${bits}`,
    source: sourceOf(folder, bits),
    bytes: bytesIn(folder.weights, bits),
    make,
  };
  return openModelFolder(await keptCopy(copy, options));
}

const gigabytes = (n: number) => `${(n / 1e9).toFixed(1)} GB`;

/**
 * Weights are mapped, so more of them than memory would open, and then read the disk for every token.
 * @throws out_of_memory, with the precision that fits
 */
export function needRoom(weights: Weights, name: string, memory = totalmem()): void {
  const size = storedBytes(weights);
  if (size <= memory * 0.9) return;
  const fits = ([8, 4] as const).find((bits) => bytesIn(weights, bits) <= memory * 0.8);
  fail("out_of_memory", `${gigabytes(size)} of weights do not fit in ${gigabytes(memory)} of memory`, {
    where: name,
    hint: fits
      ? `add --dtype int${fits}: ${gigabytes(bytesIn(weights, fits))}, made once and kept`
      : "a smaller model, or a machine with more memory; `zeroth plan` tells what would fit",
  });
}

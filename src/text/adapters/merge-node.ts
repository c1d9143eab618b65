/** LoRA added to the weights it was learnt beside, and whole models written with what was learnt in them. */
import { join } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { type Companion, companions, readCompanion } from "../../folders/companions-node.ts";
import type { ModelFolder } from "../../folders/open-node.ts";
import type { NdArray } from "../../graph/array.ts";
import { graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { input } from "../../graph/tensor.ts";
import { type LoraSettings, names } from "../../models/adapters/settings.ts";
import { compile } from "../../runtime/compile-node.ts";
import { toFloat32 } from "../../weights/convert.ts";
import { readStored, type Writable, writeCheckpoint } from "../../weights/safetensors-node.ts";
import { isGguf, isQuantized, type Weights } from "../../weights/weights.ts";

/**
 * W + scale · BA of every product that LoRA is beside, by the weights' names.
 * @throws unsupported for quantised weights
 */
export async function mergedWeights(
  { products }: LoraSettings,
  values: ReadonlyMap<string, NdArray>,
  weights: Weights,
  where: string,
): Promise<Map<string, NdArray>> {
  const merged = new Map<string, NdArray>();
  for (const [at, { scale }] of products) {
    const name = `${at}.weight`;
    const stored = weights.get(name) ?? fail("internal", `no weight "${name}"`);
    if (isQuantized(stored) || isGguf(stored)) {
      fail("unsupported", `${shown(name)} is quantised: merge into the model's original weights`, { where });
    }
    const [a, b] = names.lora(at).map((part) => values.get(part)!) as [NdArray, NdArray];
    const w = toFloat32(readStored(stored));
    const turned = w.shape[0] === b.shape[0] && w.shape[1] === a.shape[1];
    const [x, y, z] = [input("w", "float32", w.shape), input("a", "float32", a.shape), input("b", "float32", b.shape)];
    const product = turned
      ? o.matmul(z, y, { alpha: scale })
      : o.matmul(o.transpose(y, [1, 0]), o.transpose(z, [1, 0]), { alpha: scale });
    await using program = await compile(graph({ sum: o.add(x, product) }));
    merged.set(name, (await program.run({ w, a, b })).sum!);
  }
  return merged;
}

/** Write a model's folder: its weights with `values` in their places, its small files, `config` as config.json. */
export async function writeWhole(
  out: string,
  folder: ModelFolder,
  weights: Weights,
  values: ReadonlyMap<string, NdArray>,
  { config, kinds }: { readonly config: string; readonly kinds: readonly Companion[] },
): Promise<void> {
  const kept = [...weights].filter(([name]) => !values.has(name));
  await writeCheckpoint(out, [...kept, ...values] as unknown as Iterable<[string, Writable]>);
  for (const file of companions(folder, kinds)) await writeFileSafely(join(out, file[0]), readCompanion(file));
  await writeFileSafely(join(out, "config.json"), config);
}

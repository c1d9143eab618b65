/** What a fine-tuning leaves: a model's folder that transformers, or timm, opens. */
import { join } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import type { JsonObject } from "../../base/json.ts";
import { isJsonObject } from "../../base/json.ts";
import { companions, readCompanion } from "../../folders/companions-node.ts";
import { configText } from "../../folders/config-text-node.ts";
import { int64, type NdArray } from "../../graph/array.ts";
import type { ImageProcessor } from "../../media/images/processor.ts";
import { processorJson } from "../../media/images/processor-json.ts";
import { isBeside } from "../../models/adapters/settings.ts";
import { isTimm } from "../../models/images/timm.ts";
import { compile } from "../../runtime/compile-node.ts";
import { readStored, writeCheckpoint } from "../../weights/safetensors-node.ts";
import { isPlain } from "../../weights/weights.ts";
import { mergedPrefix, mergeGraph, type VisionTraining } from "./model.ts";
import type { Start } from "./start-node.ts";

const text = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`;

/** Batches that the running statistics of a checkpoint have seen, beside each running mean, and those of this run. */
function countedBatches({ folder, weights }: Start, all: VisionTraining["all"], steps: number): [string, NdArray][] {
  return all
    .filter(({ name }) => name.endsWith(".running_mean"))
    .map(({ name }) => {
      const counted = name.replace(/running_mean$/, "num_batches_tracked");
      const stored = weights.get(counted) ?? folder?.weights.get(counted);
      const before = isPlain(stored) && stored.dtype === "int64" ? Number(readStored(stored).data[0]) : 0;
      return [counted, int64([], [before + steps])];
    });
}

/** The weights under their names, LoRA's additions in them. */
export async function modelValues(
  start: Start,
  { all, lora, state }: VisionTraining,
  values: ReadonlyMap<string, NdArray>,
  steps: number,
): Promise<Map<string, NdArray>> {
  const merged: Record<string, NdArray> = {};
  if (lora) {
    const g = mergeGraph(lora, all);
    await using program = await compile(g, { trained: (name) => values.has(name) });
    const feeds = program.inputs.map((name) => [name, values.get(name)!] as const);
    for (const [name, value] of Object.entries(await program.run(Object.fromEntries(feeds)))) {
      merged[name.slice(mergedPrefix.length)] = value;
    }
  }
  const own = all
    .filter(({ name }) => !isBeside(name))
    .map(({ name }): [string, NdArray] => [name, merged[name] ?? values.get(name)!]);
  return new Map([...own, ...countedBatches(start, all, state.length > 0 ? steps : 0)]);
}

/** Write the folder; config.json comes last. */
export async function writeModel(out: string, start: Start, values: ReadonlyMap<string, NdArray>): Promise<void> {
  const { config, processor, folder } = start;
  await writeCheckpoint(out, values);
  if (!isTimm(config)) await writeProcessor(out, start);
  const made = isTimm(config) ? withPretrained(config, processor) : config;
  // An original checkpoint has no config.json of its own.
  const written = folder?.files.includes("config.json") ? configText(folder.path, made) : text(made);
  await writeFileSafely(join(out, "config.json"), written);
}

/** The file that says how pictures are prepared: as it was, or for other sides anew. */
async function writeProcessor(out: string, { folder, processor, prepared, architecture }: Start): Promise<void> {
  const name = "preprocessor_config.json";
  const file =
    folder && prepared === "alike" ? companions(folder, ["images"]).find((one) => one[0] === name) : undefined;
  const content = file ? readCompanion(file) : text(processorJson(processor, architecture.image.channels));
  await writeFileSafely(join(out, name), content);
}

/** timm's way to say it: sides, means and deviations, and the share of the shorter side that is kept. */
function withPretrained(config: JsonObject, { resize, crop, normalize }: ImageProcessor): JsonObject {
  if (!resize) return config;
  const whole = "shortest" in resize.to ? undefined : resize.to;
  const seen = crop ?? whole;
  if (!seen) return config;
  const from = whole ? whole.height : (resize.to as { readonly shortest: number }).shortest;
  const pretrained = isJsonObject(config.pretrained_cfg) ? config.pretrained_cfg : {};
  const [channels] = Array.isArray(pretrained.input_size) ? pretrained.input_size : [3];
  return {
    ...config,
    pretrained_cfg: {
      ...pretrained,
      input_size: [channels, seen.height, seen.width],
      ...(normalize && { mean: normalize.mean, std: normalize.std }),
      interpolation: resize.resample,
      crop_pct: (whole ? seen.height : Math.min(seen.width, seen.height)) / from,
      ...(whole && { crop_mode: "squash" }),
    },
  };
}

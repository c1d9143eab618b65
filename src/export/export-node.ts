/** Writing an exported model to disk: what there is for each kind of model. */
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import type { JsonObject } from "../base/json.ts";
import { companions, copyCompanions, type NamedPath } from "../folders/companions-node.ts";
import { configText } from "../folders/config-text-node.ts";
import type { ModelFolder } from "../folders/open-node.ts";
import type { Target } from "../graph/emit.ts";
import { knownFamily, readModel } from "../models/families.ts";
import type { Architecture } from "../models/family.ts";
import { readStored, writeCheckpoint } from "../weights/safetensors-node.ts";
import { isGguf, isQuantized, unquantizedConfig, type Weights } from "../weights/weights.ts";
import { decoderOnnx, decoderTransformersJs } from "./decoder.ts";
import { encoderOnnx, encoderTransformersJs } from "./encoder.ts";
import { encoderDecoderOnnx, encoderDecoderTransformersJs } from "./encoder-decoder.ts";
import type { ExportedFile, ExportSource } from "./files.ts";
import { imageEncoderOnnx, imageEncoderTransformersJs } from "./image-encoder.ts";
import { twoTowersOnnx, twoTowersTransformersJs } from "./two-towers.ts";

/** The parts of an open model folder that an export needs. */
export type ExportFolder = Pick<ModelFolder, "path" | "files" | "config" | "weights"> &
  Partial<Pick<ModelFolder, "generationConfig" | "absent" | "same">>;

export interface TransformersJsOptions {
  /** Standard operators only, or also the engine's fused ones, which every device of transformers.js has. */
  readonly target?: Extract<Target, "onnx" | "webgpu">;
}

function sourceOf(folder: ExportFolder): { architecture: Architecture; source: ExportSource } {
  const { architecture, weights } = readModel(folder.config, folder.weights, folder.path, folder);
  return { architecture, source: { weights, read: readStored } };
}

function onnxFiles(model: Architecture, source: ExportSource): ExportedFile[] {
  switch (model.kind) {
    case "encoder-decoder":
      return encoderDecoderOnnx(model, source);
    case "decoder":
      return decoderOnnx(model, source);
    case "encoder":
      return encoderOnnx(model, source);
    case "image-encoder":
      return imageEncoderOnnx(model, source);
    case "two-towers":
      return twoTowersOnnx(model, source);
  }
}

function transformersJsFiles(model: Architecture, source: ExportSource, target: Target): ExportedFile[] {
  switch (model.kind) {
    case "encoder-decoder":
      return encoderDecoderTransformersJs(model, source, target);
    case "decoder":
      return decoderTransformersJs(model, source, target);
    case "encoder":
      return encoderTransformersJs(model, source, target);
    case "image-encoder":
      return imageEncoderTransformersJs(model, source, target);
    case "two-towers":
      return twoTowersTransformersJs(model, source, target);
  }
}

const json = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`;

/** Write files, then those that belong to the model besides, then config.json: until it is there, there is no model. */
async function writeAll(
  out: string,
  files: readonly ExportedFile[],
  beside: readonly NamedPath[],
  config: string,
): Promise<string[]> {
  for (const { name, content } of files) await writeFileSafely(join(out, name), content);
  const copied = await copyCompanions(beside, out);
  await writeFileSafely(join(out, "config.json"), config);
  return [...files.map(({ name }) => name), ...copied, "config.json"];
}

/**
 * Write ONNX files of standard operators, with config.json and what else belongs to the model, into a folder. Returns
 * the names of the files written.
 */
export async function exportOnnx(folder: ExportFolder, out: string): Promise<string[]> {
  const beside = companions(folder);
  const { architecture, source } = sourceOf(folder);
  return writeAll(
    out,
    onnxFiles(architecture, source),
    beside,
    configText(folder.path, unquantizedConfig(folder.config)),
  );
}

/**
 * Write the weights as safetensors, those in few bits as numbers, with config.json and what else belongs to the model.
 * Of families that run here the tensors get the names of the network; of others they keep theirs. Returns the names of
 * the files written.
 */
export async function exportSafetensors(folder: ExportFolder, out: string): Promise<string[]> {
  const beside = companions(folder);
  const known = knownFamily(folder.config) !== undefined;
  const weights = known ? ownNames(sourceOf(folder)) : folder.weights;
  // One matrix at a time.
  const plain = [...weights].map(([name, stored]) => {
    const numbers = { dtype: "float32", shape: stored.shape, read: () => readStored(stored) } as const;
    return [name, isQuantized(stored) || isGguf(stored) ? numbers : stored] as const;
  });
  const written = await writeCheckpoint(out, plain);
  return [...written, ...(await writeAll(out, [], beside, configText(folder.path, unquantizedConfig(folder.config))))];
}

/** Without the second names of a tensor. */
function ownNames({ architecture, source }: ReturnType<typeof sourceOf>): Weights {
  const aliases = new Set(Object.values(architecture.names.aliases ?? {}).flat());
  return new Map([...source.weights].filter(([name]) => !aliases.has(name)));
}

/** What a model that writes says of the tokens around an answer. */
function generationConfig(model: Architecture, given: JsonObject | undefined): ExportedFile[] {
  if (!("ends" in model)) return [];
  const own = {
    ...(model.kind === "encoder-decoder" && { decoder_start_token_id: model.start }),
    ...(model.ends.length > 0 && { eos_token_id: model.ends.length === 1 ? model.ends[0]! : [...model.ends] }),
    pad_token_id: model.pad,
  };
  return [{ name: "generation_config.json", content: json({ ...own, ...given }) }];
}

/** Write the folder that transformers.js 4 reads. Returns the names of the files written, config.json last. */
export async function exportTransformersJs(
  folder: ExportFolder,
  out: string,
  { target = "webgpu" }: TransformersJsOptions = {},
): Promise<string[]> {
  const beside = companions(folder, ["tokenizer", "images", "pooling", "notes"]);
  const { architecture, source } = sourceOf(folder);
  const own = architecture.configText ? (JSON.parse(architecture.configText()) as JsonObject) : {};
  const config = {
    ...unquantizedConfig(folder.config),
    ...own,
    "transformers.js_config": { dtype: "fp32", use_external_data_format: true },
  };
  const files = [
    ...transformersJsFiles(architecture, source, target),
    ...generationConfig(architecture, folder.generationConfig),
  ];
  return writeAll(out, files, beside, configText(folder.path, config));
}

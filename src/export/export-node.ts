/** Writing an exported model to disk: what there is for each kind of model. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import type { JsonObject } from "../base/json.ts";
import { needFile } from "../base/read-node.ts";
import type { ModelFolder } from "../folders/open-node.ts";
import type { Target } from "../graph/emit.ts";
import { locate } from "../hub/locate-node.ts";
import { readModel } from "../models/families.ts";
import type { Architecture } from "../models/family.ts";
import { readStored } from "../weights/safetensors-node.ts";
import { unquantizedConfig } from "../weights/weights.ts";
import { decoderOnnx, decoderTransformersJs } from "./decoder.ts";
import { encoderOnnx, encoderTransformersJs } from "./encoder.ts";
import { encoderDecoderOnnx, encoderDecoderTransformersJs } from "./encoder-decoder.ts";
import type { ExportedFile, ExportSource } from "./files.ts";
import { imageEncoderOnnx, imageEncoderTransformersJs } from "./image-encoder.ts";
import { twoTowersOnnx, twoTowersTransformersJs } from "./two-towers.ts";

/** The parts of an open model folder that an export needs. */
export type ExportFolder = Pick<ModelFolder, "config" | "weights" | "tokenizer"> &
  Partial<Pick<ModelFolder, "generationConfig" | "path">>;

export interface TransformersJsOptions {
  /** Standard operators only, or also the engine's fused ones, which every device of transformers.js has. */
  readonly target?: Extract<Target, "onnx" | "webgpu">;
}

function sourceOf(folder: ExportFolder): { architecture: Architecture; source: ExportSource } {
  const { architecture, weights } = readModel(folder.config, folder.weights, "config.json");
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

/** How texts and images become a model's input: the tokenizer's files, and how images are resized and normalised. */
function inputFiles({ tokenizer, path }: ExportFolder): ExportedFile[] {
  const about = (name: string) => (path === undefined ? undefined : locate(path, name));
  const files = {
    "tokenizer.json": tokenizer.json,
    "tokenizer_config.json": tokenizer.config,
    "preprocessor_config.json": about("preprocessor_config.json"),
    "processor_config.json": about("processor_config.json"),
  };
  return Object.entries(files).flatMap(([name, file]) => {
    if (file === undefined) return [];
    needFile(file);
    return [{ name, content: readFileSync(file) }];
  });
}

const json = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`;

async function writeAll(out: string, files: readonly ExportedFile[]): Promise<string[]> {
  for (const { name, content } of files) await writeFileSafely(join(out, name), content);
  return files.map(({ name }) => name);
}

/**
 * Write ONNX files of standard operators, with config.json and the tokenizer's files, into a folder. Returns the names
 * of the files written.
 */
export async function exportOnnx(folder: ExportFolder, out: string): Promise<string[]> {
  const { architecture, source } = sourceOf(folder);
  const config = { name: "config.json", content: json(unquantizedConfig(folder.config)) };
  return writeAll(out, [...onnxFiles(architecture, source), ...inputFiles(folder), config]);
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
  const { architecture, source } = sourceOf(folder);
  const own = architecture.configText ? (JSON.parse(architecture.configText()) as JsonObject) : {};
  const config = {
    ...unquantizedConfig(folder.config),
    ...own,
    "transformers.js_config": { dtype: "fp32", use_external_data_format: true },
  };
  return writeAll(out, [
    ...transformersJsFiles(architecture, source, target),
    ...inputFiles(folder),
    ...generationConfig(architecture, folder.generationConfig),
    { name: "config.json", content: json(config) },
  ]);
}

/** Writing an exported T5 model to disk. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import type { ModelFolder } from "../folders/open-node.ts";
import { cannot, readModel } from "../models/families.ts";
import { readStored } from "../weights/safetensors-node.ts";
import { unquantizedConfig } from "../weights/weights.ts";
import { type ExportedFile, onnxFiles, type TransformersJsSource, transformersJsFiles } from "./encoder-decoder.ts";

/** The parts of an open model folder that an export needs. */
export type ExportFolder = Pick<ModelFolder, "config" | "weights" | "tokenizer"> &
  Partial<Pick<ModelFolder, "generationConfig">>;

function sourceOf(folder: ExportFolder) {
  const { architecture, weights } = readModel(folder.config, folder.weights, "config.json");
  if (architecture.kind !== "encoder-decoder") return cannot(architecture, "be exported to ONNX yet");
  return { config: architecture, weights, read: readStored };
}

function tokenizerFiles({ tokenizer }: ExportFolder): ExportedFile[] {
  const files = { "tokenizer.json": tokenizer.json, "tokenizer_config.json": tokenizer.config };
  return Object.entries(files).flatMap(([name, path]) => (path ? [{ name, content: readFileSync(path) }] : []));
}

async function writeAll(out: string, files: readonly ExportedFile[]): Promise<string[]> {
  for (const { name, content } of files) await writeFileSafely(join(out, name), content);
  return files.map(({ name }) => name);
}

/**
 * Write `encoder.onnx`, `decoder.onnx`, `decoder_step.onnx` and their shared weights, with config.json and the
 * tokenizer's files, into a folder. Returns the names of the files written.
 */
export async function exportOnnx(folder: ExportFolder, out: string): Promise<string[]> {
  const config = { name: "config.json", content: `${JSON.stringify(unquantizedConfig(folder.config), null, 2)}\n` };
  return writeAll(out, [...onnxFiles(sourceOf(folder)), ...tokenizerFiles(folder), config]);
}

/** Write the folder that transformers.js reads. Returns the names of the files written, config.json last. */
export async function exportTransformersJs(
  folder: ExportFolder,
  out: string,
  options: Pick<TransformersJsSource, "target"> = {},
): Promise<string[]> {
  const { config, generationConfig } = folder;
  const configJson = unquantizedConfig(config);
  const files = transformersJsFiles({ ...sourceOf(folder), ...options, configJson, generationConfig });
  return writeAll(out, [...files.slice(0, -1), ...tokenizerFiles(folder), files.at(-1)!]);
}

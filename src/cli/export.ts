/** `zeroth export`: a model folder as ONNX files, in the layout of transformers.js, or as safetensors. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import { fail } from "../errors.ts";
import { exportOnnx, exportTransformersJs } from "../export/export-node.ts";
import { type ModelFolder, openModelFolder } from "../folders/open-node.ts";
import { locate } from "../hub/locate-node.ts";
import { readStored, type Writable, writeCheckpoint } from "../weights/safetensors-node.ts";
import { isQuantized, type StoredTensor, unquantizedConfig } from "../weights/weights.ts";
import { modelFor } from "./models.ts";
import { bytes, type Output } from "./output.ts";

const copied = ["tokenizer.json", "tokenizer_config.json", "generation_config.json"];

const asNumbers = (stored: StoredTensor): Writable =>
  isQuantized(stored) ? { dtype: "float32", shape: stored.shape, read: () => readStored(stored) } : stored;

async function exportSafetensors(folder: ModelFolder, out: string): Promise<string[]> {
  // Weights in few bits are written out as numbers, one matrix at a time.
  const plain = [...folder.weights].map(([name, stored]) => [name, asNumbers(stored)] as const);
  const written = await writeCheckpoint(out, plain);
  for (const name of copied) {
    const path = locate(folder.path, name);
    if (!path) continue;
    await writeFileSafely(join(out, name), await readFile(path));
    written.push(name);
  }
  const config = `${JSON.stringify(unquantizedConfig(folder.config), null, 2)}\n`;
  await writeFileSafely(join(out, "config.json"), config);
  return [...written, "config.json"];
}

const formats = {
  onnx: exportOnnx,
  safetensors: exportSafetensors,
  "transformers.js": exportTransformersJs,
} satisfies Record<string, (folder: ModelFolder, out: string) => Promise<string[]>>;

export async function exportModel(
  names: readonly string[],
  flags: { format?: string; out?: string },
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const { format, out } = flags;
  if (!format || !Object.hasOwn(formats, format)) {
    fail("wrong_use", format ? `--format ${format} is not known` : "--format is missing", {
      hint: Object.keys(formats).join(", "),
    });
  }
  if (!out) fail("wrong_use", "--out is missing", { hint: "name the folder to write to" });
  const folder = openModelFolder((await modelFor(names[0] ?? "zeroth-nano", output, signal)).path);
  await mkdir(out, { recursive: true });
  const written = await formats[format as keyof typeof formats](folder, out);
  for (const file of written) {
    const content = await readFile(join(out, file));
    output.row({ file, bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") });
    output.text(`${file}  ${bytes(content.length)}\n`);
  }
  output.row({ done: true, out, format });
  return 0;
}

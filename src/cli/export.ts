/** `zeroth export`: a model folder as ONNX files or as safetensors. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { lower } from "../graph/lower.ts";
import { encodeOnnx } from "../graph/onnx.ts";
import { writeFileSafely } from "../hub/files-node.ts";
import { findModel, openModelFolder } from "../hub/folder-node.ts";
import { readStored, writeCheckpoint } from "../hub/safetensors-node.ts";
import type { Weights } from "../hub/weights.ts";
import { decoderGraph, encoderGraph } from "../models/t5-graphs.ts";
import { canonicalWeights, t5ConfigFor } from "../models/t5-model.ts";
import { bytes, type Output } from "./output.ts";

/** ONNX with standard operators only, weights beside it as one external file. */
function onnxFile(graph: Graph, weights: Weights, dataName: string): { model: Uint8Array; parts: Uint8Array[] } {
  const parts: Uint8Array[] = [];
  let offset = 0;
  const model = lower(graph, {
    target: "onnx",
    weight(name) {
      const stored = weights.get(name) ?? fail("corrupt_file", `there is no tensor "${name}" among the weights`);
      const { data } = readStored(stored);
      const part = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      parts.push(part);
      offset += part.length;
      return { dtype: stored.dtype, data: { location: dataName, offset: offset - part.length, length: part.length } };
    },
  });
  return { model: encodeOnnx(model), parts };
}

export async function exportModel(
  names: readonly string[],
  flags: { format?: string; out?: string },
  output: Output,
): Promise<number> {
  const { format, out } = flags;
  if (format !== "onnx" && format !== "safetensors" && format !== "transformers.js") {
    fail("wrong_use", format ? `--format ${format} is not known` : "--format is missing", {
      hint: "onnx, safetensors or transformers.js",
    });
  }
  if (!out) fail("wrong_use", "--out is missing", { hint: "name the folder to write to" });
  const folder = openModelFolder(findModel(names[0] ?? "zeroth-nano").path);
  await mkdir(out, { recursive: true });
  const written: string[] = [];
  const copies = ["tokenizer.json", "tokenizer_config.json", "generation_config.json", "config.json"];
  if (format === "transformers.js") {
    fail("unsupported", "the layout of transformers.js is not written yet", { hint: "use --format onnx" });
  }
  if (format === "safetensors") written.push(...(await writeCheckpoint(out, folder.weights)));
  else {
    const weights = canonicalWeights(folder.weights);
    const config = t5ConfigFor(folder.config, weights);
    const graphs = { encoder: encoderGraph(config), decoder: decoderGraph(config) };
    for (const [name, graph] of Object.entries(graphs)) {
      const { model, parts } = onnxFile(graph, weights, `${name}.onnx_data`);
      await writeFileSafely(join(out, `${name}.onnx_data`), () => parts);
      await writeFileSafely(join(out, `${name}.onnx`), model);
      written.push(`${name}.onnx`, `${name}.onnx_data`);
    }
  }
  for (const name of copies) {
    if (!folder.files.includes(name)) continue;
    await writeFileSafely(join(out, name), await readFile(join(folder.path, name)));
    written.push(name);
  }
  for (const file of written) {
    const content = await readFile(join(out, file));
    output.row({ file, bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") });
    output.text(`${file}  ${bytes(content.length)}\n`);
  }
  output.row({ done: true, out, format });
  return 0;
}

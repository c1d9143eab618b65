/** `zeroth export`: a model folder as ONNX files, in the layout of transformers.js, or as safetensors. */
import { join } from "node:path";
import { fail } from "../../errors.ts";
import type { ModelFolder } from "../../folders/open-node.ts";
import { defineCommand } from "../define.ts";
import { modelNames } from "../options.ts";
import { bytes } from "../output.ts";
import { needFreeFolder, overwriting } from "../targets.ts";

type Exporter = (folder: ModelFolder, out: string) => Promise<string[]>;

const formats: Readonly<Record<"onnx" | "safetensors" | "transformers.js", () => Promise<Exporter>>> = {
  onnx: async () => (await import("../../export/export-node.ts")).exportOnnx,
  safetensors: async () => (await import("../../export/export-node.ts")).exportSafetensors,
  "transformers.js": async () => (await import("../../export/export-node.ts")).exportTransformersJs,
};

export default defineCommand({
  group: "models",
  summary: "Write a model in another form",
  arguments: "[model]",
  names: modelNames,
  options: [
    {
      flags: "--format <name>",
      help: "onnx, safetensors or transformers.js",
      values: ["onnx", "safetensors", "transformers.js"],
    },
    { flags: "--out <folder>", help: "where to" },
    overwriting,
  ],
  rows: 'one `{"file","bytes","sha256"}` a file, then `{"done":true,…}`',
  example: "zeroth export zeroth-nano --format onnx --out nano-onnx",
  async run({ args: [name = "zeroth-nano"], flags: { format, out, overwrite }, output, signal }) {
    if (!format) fail("wrong_use", "--format is missing", { hint: Object.keys(formats).join(", ") });
    if (!out) fail("wrong_use", "--out is missing", { hint: "name the folder to write to" });
    needFreeFolder(out, overwrite);
    const { stat } = await import("node:fs/promises");
    const { fileSha256, makeFolder } = await import("../../base/files-node.ts");
    const { openModelFolder } = await import("../../folders/open-node.ts");
    const { modelFor } = await import("../downloads.ts");
    const folder = openModelFolder((await modelFor(name, output, signal)).path);
    makeFolder(out);
    for (const file of await (await formats[format]())(folder, out)) {
      const path = join(out, file);
      const { size } = await stat(path);
      output.row({ file, bytes: size, sha256: await fileSha256(path) });
      output.text(`${file}  ${bytes(size)}\n`);
    }
    output.row({ done: true, out, format });
    return 0;
  },
});

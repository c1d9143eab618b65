/** `zeroth quantize`: a model folder in 8 or 4 bits. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { modelNames } from "../options.ts";
import { bytes } from "../output.ts";
import { overwriting } from "../targets.ts";

export default defineCommand({
  group: "models",
  summary: "Write a model in 8 or 4 bits",
  arguments: "[model]",
  names: modelNames,
  options: [
    { flags: "--dtype <type>", help: "int8 or int4", values: ["int8", "int4"] },
    { flags: "--out <folder>", help: "where to" },
    overwriting,
  ],
  rows: 'one `{"file","bytes","sha256"}` a file, then `{"done":true,"out","dtype","tensors","worst":{"tensor","format","error"}}`',
  example: "zeroth quantize google/flan-t5-base --dtype int8 --out flan-t5-base-int8",
  async run({ args: [name = "zeroth-nano"], flags: { dtype, out, overwrite }, output, signal }) {
    if (!dtype) fail("wrong_use", "--dtype is missing: int8 or int4");
    if (!out) fail("wrong_use", "--out is missing", { hint: "name the folder to write to" });
    const { fileSha256, makeFolder } = await import("../../base/files-node.ts");
    const { openModelFolder } = await import("../../folders/open-node.ts");
    const { quantizeFolder } = await import("../../folders/quantize-node.ts");
    const { readModel } = await import("../../models/families.ts");
    const { formatsOf } = await import("../../models/kinds/formats.ts");
    const { modelFor } = await import("../downloads.ts");
    const { withHint } = await import("../report.ts");
    const folder = openModelFolder((await modelFor(name, output, signal)).path);
    const { architecture, weights } = readModel(folder.config, folder.weights, folder.path, folder);
    const bits = dtype === "int8" ? 8 : 4;
    const choose = formatsOf(architecture, bits);
    makeFolder(out);
    const hint = `what is done is kept; go on with: zeroth quantize ${name} --dtype ${dtype} --out ${out}`;
    const { files, reports } = await withHint(hint, () =>
      quantizeFolder(
        { ...folder, weights },
        {
          out,
          bits,
          choose,
          ...(overwrite && { overwrite }),
          signal,
          onProgress: (done, total, tensor) =>
            output.progress(`${((100 * done) / total).toFixed(0).padStart(3)} %  ${tensor}`),
        },
      ),
    );
    output.progress("");
    for (const file of files) {
      const path = join(out, file);
      const { size } = statSync(path);
      output.row({ file, bytes: size, sha256: await fileSha256(path) });
      output.text(`${file}  ${bytes(size)}\n`);
    }
    const tensors: Record<string, number> = {};
    for (const { format } of reports) tensors[format] = (tensors[format] ?? 0) + 1;
    const worst = reports.reduce((a, b) => (b.error > a.error ? b : a));
    const { tensor, format, error } = worst;
    output.row({ done: true, out, dtype, tensors, worst: { tensor, format, error } });
    const counts = Object.entries(tensors).map(([kind, n]) => `${n} ${kind}`);
    output.text(`${counts.join(", ")}; largest loss ${(100 * error).toFixed(2)} % in ${tensor} (${format})\n`);
    return 0;
  },
});

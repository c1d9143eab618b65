/** `zeroth quantize`: a model folder in 8 or 4 bits. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileSha256 } from "../base/files-node.ts";
import { fail, ZerothError } from "../errors.ts";
import { openModelFolder } from "../folders/open-node.ts";
import { quantizeFolder } from "../folders/quantize-node.ts";
import { readModel } from "../models/families.ts";
import { formatsOf } from "../models/kinds/formats.ts";
import { modelFor } from "./models.ts";
import { bytes, type Output } from "./output.ts";

interface QuantizeFlags {
  readonly dtype?: string;
  readonly out?: string;
  readonly overwrite?: boolean;
}

export async function quantize(
  names: readonly string[],
  { dtype, out, overwrite }: QuantizeFlags,
  output: Output,
  signal?: AbortSignal,
): Promise<number> {
  if (names.length > 1) fail("wrong_use", "one model at a time");
  if (dtype !== "int8" && dtype !== "int4") {
    fail("wrong_use", dtype ? `--dtype ${dtype}: expected int8 or int4` : "--dtype is missing: int8 or int4");
  }
  if (!out) fail("wrong_use", "--out is missing", { hint: "name the folder to write to" });
  const name = names[0] ?? "zeroth-nano";
  const folder = openModelFolder((await modelFor(name, output, signal)).path);
  const { architecture, weights } = readModel(folder.config, folder.weights, join(folder.path, "config.json"));
  const bits = dtype === "int8" ? 8 : 4;
  const choose = formatsOf(architecture, bits);
  try {
    const { files, reports } = await quantizeFolder(
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
    output.row({
      done: true,
      out,
      dtype,
      tensors,
      worst: { tensor: worst.tensor, format: worst.format, error: worst.error },
    });
    const counts = Object.entries(tensors).map(([format, n]) => `${n} ${format}`);
    output.text(
      `${counts.join(", ")}; largest loss ${(100 * worst.error).toFixed(2)} % in ${worst.tensor} (${worst.format})\n`,
    );
    return 0;
  } catch (error) {
    if (error instanceof ZerothError && error.code === "interrupted") {
      const hint = `what is done is kept; go on with: zeroth quantize ${name} --dtype ${dtype} --out ${out}`;
      throw new ZerothError("interrupted", error.message, { hint, cause: error });
    }
    throw error;
  }
}

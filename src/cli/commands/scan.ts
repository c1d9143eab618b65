/** `zeroth scan`: whether a model folder or file is safe; exit 0 safe, 1 something is not, 2 cannot be told. */
import { existsSync } from "node:fs";
import { fail } from "../../errors.ts";
import type { Verdict } from "../../scan/kinds-node.ts";
import { defineCommand } from "../define.ts";
import { modelNames } from "../options.ts";

/** A file's name as it may stand on a terminal. */
const nameOf = (file: string) => (/^[\p{L}\p{N}\p{P}\p{S} ]+$/u.test(file) ? file : JSON.stringify(file));

export default defineCommand({
  group: "models",
  summary: "Whether a model folder or file is safe: exit 0 safe, 1 unsafe, 2 cannot be told",
  arguments: "<model>",
  names: modelNames,
  options: [],
  rows: 'one `{"file","kind","verdict":"safe"|"unsafe"|"unknown","findings","hint"?}` a file, then `{"done":true,"path","safe","unsafe","unknown"}`',
  example: "zeroth scan ./a-folder-somebody-sent",
  async run({ args: [name], output }) {
    if (name === undefined) fail("wrong_use", "nothing to scan", { hint: "zeroth scan FOLDER, FILE or NAME" });
    const { findModel } = await import("../../hub/find-node.ts");
    const { scan } = await import("../../scan/scan-node.ts");
    const path = existsSync(name) ? name : findModel(name).path;
    const counts: Record<Verdict, number> = { safe: 0, unsafe: 0, unknown: 0 };
    for (const row of scan(path)) {
      counts[row.verdict]++;
      output.row(row);
      const why = row.findings.map((finding) => `\n         ${finding}`).join("");
      const hint = row.hint === undefined ? "" : `\n         ${output.dim(`→ ${row.hint}`)}`;
      output.text(`${row.verdict.padEnd(7)}  ${nameOf(row.file)}  ${output.dim(row.kind)}${why}${hint}\n`);
    }
    output.row({ done: true, path, ...counts });
    const { unsafe, unknown } = counts;
    output.text(
      unsafe > 0
        ? `${unsafe} unsafe: do not load this with programs that run what a file asks for\n`
        : unknown > 0
          ? `nothing unsafe found, ${unknown} cannot be told\n`
          : "safe\n",
    );
    return unsafe > 0 ? 1 : unknown > 0 ? 2 : 0;
  },
});

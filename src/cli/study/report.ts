/** `zeroth study report`: what a study's results say, as one page. */
import { join, resolve } from "node:path";
import { writeReport } from "../../study/report/report-node.ts";
import { type FolderCall, openResults } from "./folders.ts";

export async function report({
  paths: [path],
  flags,
  output,
}: FolderCall & { readonly flags: { readonly output?: string | undefined } }): Promise<number> {
  const { folder, settings } = await openResults(path, flags, "report");
  const page = flags.output ?? join(folder.path, "report.html");
  const data = page.replace(/(?:\.html?)?$/i, ".csv");
  const { rows, claims } = await writeReport(folder, settings, { page, data }, ({ message }) =>
    output.say(`left out: ${message}`),
  );
  for (const { claim, verdict, figure } of claims) {
    output.row({ claim, verdict, figure });
    output.text(`${output.bold(verdict)}: ${claim}\n  ${output.dim(figure)}\n`);
  }
  output.row({ done: true, report: page, data, rows: rows.length });
  output.text(`${resolve(page)}\n${rows.length} rows: ${data}\n`);
  return 0;
}

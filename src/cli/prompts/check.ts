/** `zeroth prompts check`: what is wrong with templates, by themselves and on rows. */
import { existsSync } from "node:fs";
import { type Row, renamedColumns } from "../../data/values.ts";
import { ZerothError } from "../../errors.ts";
import { checkTemplates } from "../../prompts/check.ts";
import { datasetsIn, ownTemplates, readTemplates } from "../../prompts/library-node.ts";
import { promptRows } from "../prompt-rows.ts";
import { type Call, find } from "./templates.ts";

export async function check({ names, flags, output }: Call): Promise<number> {
  const rows: Row[] = [];
  if (flags.data) {
    for await (const row of promptRows(flags.data)) {
      if (row instanceof ZerothError) throw row;
      if (rows.push(renamedColumns(row)) >= (flags.limit ?? 100)) break;
    }
  }
  const { root, paths } = datasetsIn(flags.folder ?? ownTemplates());
  const all = names.length > 0 ? names : paths.map((path) => `${root}/${path}/templates.yaml`);
  let findings = 0;
  let templates = 0;
  for (const name of all) {
    const report = (finding: { file: string; template?: string; line?: number | undefined; problem: string }) => {
      findings++;
      output.row(finding);
      const place = `${finding.file}${finding.line === undefined ? "" : `:${finding.line}`}`;
      output.text(
        `${place}${finding.template === undefined ? "" : `  ${output.bold(finding.template)}`}  ${finding.problem}\n`,
      );
    };
    try {
      // A path that is a file is one, whatever its ending.
      const { file, template } = existsSync(name)
        ? { file: readTemplates(name), template: undefined }
        : find(name, flags);
      templates += template ? 1 : file.templates.length;
      for (const finding of checkTemplates(file, rows))
        if (!template || finding.template === template.name) report(finding);
    } catch (error) {
      if (!(error instanceof ZerothError) || error.code === "not_found") throw error;
      const [, line] = /:(\d+)(?:,|$)/.exec(error.where ?? "") ?? [];
      report({ file: name, ...(line ? { line: Number(line) } : {}), problem: error.message });
    }
  }
  const data = rows.length > 0 ? ` on ${rows.length} row${rows.length === 1 ? "" : "s"}` : "";
  output.say(
    `${templates} templates checked${data}: ${findings === 0 ? "nothing to report" : `${findings} finding${findings === 1 ? "" : "s"}`}`,
  );
  return findings === 0 ? 0 : 4;
}

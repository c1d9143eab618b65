/** `zeroth prompts render`: what templates make of every row. */
import { idOf } from "../../data/cli-rows-node.ts";
import { renamedColumns } from "../../data/values.ts";
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import { applyTemplate } from "../../prompts/template.ts";
import { promptRows } from "../prompt-rows.ts";
import { errorRow } from "../report.ts";
import { applyFlags, type Call, find, warnMissing } from "./templates.ts";

export async function render({ names, flags, output, signal }: Call): Promise<number> {
  const name = flags.template ?? names[0];
  const path = flags.input ?? flags.data;
  if (name === undefined || path === undefined) {
    fail("wrong_use", "a template and rows are needed", {
      hint: 'try: zeroth prompts render --template "ag_news/pick a desk" --data news.jsonl',
    });
  }
  const { file, template: one } = find(name, flags);
  const templates = one ? [one] : file.templates;
  let index = -1;
  let failed = 0;
  let skipped = 0;
  for await (const given of promptRows(path, { signal, say: (text) => output.say(text) })) {
    if (++index >= (flags.limit ?? Number.POSITIVE_INFINITY)) break;
    throwIfAborted(signal);
    const row = given instanceof ZerothError ? given : renamedColumns(given);
    const id = row instanceof ZerothError ? undefined : idOf(row);
    for (const template of templates) {
      const called = one ? {} : { template: template.name };
      const label = { ...(id === undefined ? {} : { id }), ...called };
      try {
        if (row instanceof ZerothError) throw row;
        if (index === 0) warnMissing(template, row, output);
        const applied = applyTemplate(template, row, applyFlags(flags, index));
        if (applied) {
          output.row({ ...label, ...applied });
          output.answer(`${applied.prompt}\n`);
          output.text(output.bold("→ "));
          output.answer(`${applied.target}\n\n`);
        } else {
          skipped++;
          output.row({ ...label, skipped: "the template does not apply to this row" });
        }
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        failed++;
        output.row({ ...label, ...errorRow(error, undefined) });
        if (!output.json) output.say(`row ${index + 1}: ${error.message}`);
      }
    }
  }
  if (skipped > 0) output.say(`${skipped} not rendered: the template does not apply to them`);
  return failed > 0 ? 1 : 0;
}

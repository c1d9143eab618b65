/** `zeroth prompts list`: the data sets with templates, or the templates of some. */
import { datasetsIn, ownTemplates, readTemplates } from "../../prompts/library-node.ts";
import { aligned } from "../output.ts";
import { type Call, choicesText, datasetName, find, templateRow } from "./templates.ts";

export function list({ names, flags, output }: Call): number {
  const { root, paths } = datasetsIn(flags.folder ?? ownTemplates());
  const files =
    names.length > 0
      ? names.map((name) => find(name, flags).file)
      : paths.map((path) => readTemplates(`${root}/${path}/templates.yaml`));
  for (const file of files) for (const template of file.templates) output.row(templateRow(file, template));
  if (names.length > 0) {
    for (const file of files) {
      const rows = file.templates.map((template) => {
        const { originalTask, choicesInPrompt } = template.metadata;
        const marks = [originalTask ? "original" : "other task", ...(choicesInPrompt ? ["choices shown"] : [])].join(
          ", ",
        );
        return [`  ${template.name}`, marks, choicesText(template)] as const;
      });
      output.text(`${output.bold(datasetName(file))}\n${aligned(rows)}`);
    }
    return 0;
  }
  const rows = files.map((file) => {
    const ranked = file.templates.filter(({ answerChoices }) => answerChoices !== undefined).length;
    const original = file.templates.filter(({ metadata }) => metadata.originalTask).length;
    return [
      datasetName(file),
      `${file.templates.length} templates`,
      `${ranked} with choices`,
      `${original} original task`,
    ] as const;
  });
  output.text(aligned(rows));
  output.say(output.dim("zeroth prompts list DATASET names its templates; zeroth prompts show DATASET/NAME shows one"));
  return 0;
}

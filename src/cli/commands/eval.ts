/** `zeroth eval`: tasks under their templates, one after another, with a table for people and rows for scripts. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { evalOptions } from "../eval/options.ts";

export default defineCommand({
  group: "train",
  summary: "Evaluate a model on a task, zero-shot, under every wording",
  arguments: "",
  extraHint: (argument) => `did you mean --task ${argument}?`,
  options: evalOptions,
  rows: 'one a task and template `{"task","template","metric","value","stderr","interval","n","skipped","cut","chance","majority","metrics","ece"?,"normalize"?,"prompt_end","eos"?,"delimiter"?}`, one a task with `"template":null` and `median`, `mean`, `spread`; superglue adds the official metrics and `{"task":"superglue","metric":"average","value"}`',
  example: "zeroth eval --task super_glue/rte --data rte.validation.jsonl",
  async run({ flags, output, signal }) {
    const { task: tasks } = flags;
    if (!tasks) {
      fail("wrong_use", "which task? --task NAME", {
        hint: "try: zeroth eval --task super_glue/rte --data rte.jsonl; zeroth prompts list shows the data sets",
      });
    }
    const { evaluateTasks } = await import("../eval/run.ts");
    return evaluateTasks(tasks, flags, output, signal);
  },
});

/** `zeroth prompts`: list, show, render and check templates. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { promptsOptions } from "../prompts/options.ts";

const words = ["list", "show", "render", "check"] as const;

export default defineCommand({
  group: "train",
  summary: "Prompt templates: list them, show one, render rows, check a file",
  arguments: "<list|show|render|check> [template...]",
  words: words,
  options: promptsOptions,
  rows: '`list`, `show`: `{"dataset","subset"?,"template","id","choices"?,…}`, show also `{"jinja","preview"?,…}`; `render`: a data row → `{"prompt","target","choices"?}`, or `{"skipped"}` where the template does not apply; `check`: one `{"file","template","line","problem"}` a finding, exit 4',
  example: 'zeroth prompts render --template "ag_news/pick a desk" --data news.jsonl --json',
  async run({ args: [action = "list", ...names], flags, output, signal }) {
    if (flags.row !== undefined && flags.row < 1) fail("wrong_use", `--row ${flags.row}: rows are counted from 1`);
    if (flags.limit !== undefined && flags.limit < 1) fail("wrong_use", `--limit ${flags.limit}: expected 1 or more`);
    const { oneOf } = await import("../parse.ts");
    const call = { names, flags, output, signal };
    switch (oneOf("zeroth prompts", action, words)) {
      case "list":
        return (await import("../prompts/list.ts")).list(call);
      case "show":
        return (await import("../prompts/show.ts")).show(call);
      case "render":
        return (await import("../prompts/render.ts")).render(call);
      case "check":
        return (await import("../prompts/check.ts")).check(call);
    }
  },
});

/** `zeroth tokenize`: text as pieces, ids and places. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { model, rows } from "../options.ts";

export default defineCommand({
  group: "use",
  summary: "Text as the model sees it",
  arguments: "[text...]",
  options: [model, ...rows, { flags: "--no-special", help: "without special tokens" }],
  rows: '`{"text"}` → `{"tokens","pieces","offsets"}`',
  example: 'zeroth tokenize "Hello there"',
  async run({ args, flags, output, signal }) {
    const { givenTexts } = await import("../stdin.ts");
    const texts = flags.input ? args : await givenTexts(args, { output, signal });
    if (texts.length === 0 && !flags.input)
      fail("wrong_use", "there is no text", { hint: 'try: zeroth tokenize "Hello there"' });
    if (texts.length > 0 && flags.input) fail("wrong_use", "give texts or --input, not both");
    const { textOf } = await import("../../data/cli-rows-node.ts");
    const { openModelFolder, openTokenizer } = await import("../../folders/open-node.ts");
    const { modelFor } = await import("../downloads.ts");
    const { jobsOf } = await import("../jobs.ts");
    const { modelOf, openRowJob } = await import("../rows/run.ts");
    const job = await openRowJob("tokenize", { flags, given: texts.map((text) => ({ text })), output, signal });
    if (job === undefined) return 0;
    const name = flags.model ?? "zeroth-nano";
    const { path } = await modelFor(name, output, signal);
    const folder = openModelFolder(path, { weights: "unread" });
    const tokenizer = openTokenizer(folder);
    return job.run({
      model: modelOf({ name, folder, weights: new Map() }),
      things: "texts",
      batch: async (inputs) =>
        jobsOf(inputs, (row) => {
          const { ids, pieces, offsets } = tokenizer.encode(textOf(row, "text"), {
            addSpecialTokens: flags.special !== false,
          });
          const line = pieces.map((piece, i) => `${piece} ${output.dim(String(ids[i]))}`).join("  ");
          return { row: { tokens: ids, pieces, offsets }, show: () => output.text(`${line}\n`) };
        }),
    });
  },
});

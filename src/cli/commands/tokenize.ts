/** `zeroth tokenize`: text as pieces, ids and places. */
import { fail, ZerothError } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { input, model } from "../options.ts";

export default defineCommand({
  group: "use",
  summary: "Text as the model sees it",
  arguments: "[text...]",
  options: [model, input, { flags: "--no-special", help: "without special tokens" }],
  rows: '`{"text"}` → `{"tokens","pieces","offsets"}`',
  example: 'zeroth tokenize "Hello there"',
  async run({ args: texts, flags, output, signal }) {
    if (texts.length === 0 && !flags.input)
      fail("wrong_use", "there is no text", { hint: 'try: zeroth tokenize "Hello there"' });
    if (texts.length > 0 && flags.input) fail("wrong_use", "give texts or --input, not both");
    const { textOf } = await import("../../data/cli-rows-node.ts");
    const { openModelFolder, openTokenizer } = await import("../../folders/open-node.ts");
    const { modelFor } = await import("../downloads.ts");
    const { inputBatches } = await import("../jobs.ts");
    const { errorRow } = await import("../report.ts");
    const batches = await inputBatches(
      flags.input,
      texts.map((text) => ({ text })),
      { output, signal },
    );
    const { path } = await modelFor(flags.model ?? "zeroth-nano", output, signal);
    const tokenizer = openTokenizer(openModelFolder(path, { weights: "unread" }));
    let failed = false;
    for await (const rows of batches) {
      for (const row of rows) {
        try {
          if (row instanceof ZerothError) throw row;
          const { ids, pieces, offsets } = tokenizer.encode(textOf(row, "text"), {
            addSpecialTokens: flags.special !== false,
          });
          output.row({ ...(row.id === undefined ? {} : { id: row.id }), tokens: ids, pieces, offsets });
          output.text(`${pieces.map((piece, i) => `${piece} ${output.dim(String(ids[i]))}`).join("  ")}\n`);
        } catch (error) {
          if (!(error instanceof ZerothError) || !flags.input) throw error;
          failed = true;
          output.row(errorRow(error, row instanceof ZerothError ? undefined : row.id));
          if (!output.json) output.say(error.message);
        }
      }
    }
    return failed ? 1 : 0;
  },
});

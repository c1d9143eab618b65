/** `zeroth tokenize`: text as pieces, ids and places. */

import { type InputRow, readInput, textOf } from "../data/cli-rows-node.ts";
import { fail, ZerothError } from "../errors.ts";
import { openModelFolder, openTokenizer } from "../folders/open-node.ts";
import { modelFor } from "./models.ts";
import { errorRow, type Output } from "./output.ts";

export interface TokenizeFlags {
  readonly model?: string;
  readonly input?: string;
  readonly special?: boolean;
}

export async function tokenize(
  texts: readonly string[],
  flags: TokenizeFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  if (texts.length === 0 && !flags.input)
    fail("wrong_use", "there is no text", { hint: 'try: zeroth tokenize "Hello there"' });
  const rows: (InputRow | ZerothError)[] = flags.input ? await readInput(flags.input) : texts.map((text) => ({ text }));
  const tokenizer = openTokenizer(openModelFolder((await modelFor(flags.model ?? "zeroth-nano", output, signal)).path));
  let failed = false;
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
  return failed ? 1 : 0;
}

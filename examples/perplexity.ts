/**
 * `zeroth perplexity FILE`: how surprised a decoder is by a text, exp of the mean of −log p over its tokens. A command that
 * is not among those of this package: as src/cli/commands/perplexity.ts, its imports "../src/…" written "../../…", it is
 * all that a new command needs. test/newcomer.test.ts builds the package with it and runs it.
 */
import { defineCommand } from "../src/cli/define.ts";
import { engine, model } from "../src/cli/options.ts";
import { fail } from "../src/errors.ts";

export default defineCommand({
  group: "use",
  summary: "How surprised a decoder is by a text",
  arguments: "<file>",
  options: [
    model,
    {
      flags: "--window <n>",
      help: "tokens that are read together (as many as the model has positions)",
      as: "integer",
    },
    ...engine,
  ],
  rows: '`{"perplexity","tokens","windows"}`',
  example: "zeroth perplexity page.txt --model openai-community/gpt2",
  async run({ args: [file], flags, output, signal }) {
    if (file === undefined) fail("wrong_use", "there is no text", { hint: "zeroth perplexity FILE --model NAME" });
    if (flags.window !== undefined && flags.window < 2) fail("wrong_use", "--window: 2 tokens at least");
    const { readTextFile } = await import("../src/base/read-node.ts");
    const { ZerothError } = await import("../src/errors.ts");
    const { cannot } = await import("../src/models/families.ts");
    const { openForCommand } = await import("../src/cli/engine.ts");
    await using opened = await openForCommand(flags, output, signal);
    if (opened.kind !== "decoder") cannot(opened.architecture, "tell the likelihood of a text without a prompt");
    const { ids } = opened.tokenizer.encode(readTextFile(file, 1 << 26));
    const width = Math.min(flags.window ?? Infinity, opened.architecture.longest ?? 1024);
    // Nothing foretells the first token of a window: it is the prompt of those that follow.
    const windows = Array.from({ length: Math.ceil(ids.length / width) }, (_, i) =>
      ids.slice(i * width, (i + 1) * width),
    );
    const rows = windows
      .filter(({ length }) => length > 1)
      .map(([first, ...rest]) => ({ prompt: [first!], choices: [rest] }));
    if (rows.length === 0) fail("bad_input", "the text has fewer than two tokens", { where: file });
    const onDone = (done: number, total: number) => output.progress(`${done} of ${total} windows`);
    let [sum, tokens] = [0, 0];
    for (const scored of await opened.text.scoreAll(rows, { eos: false, signal, onDone })) {
      if (scored instanceof ZerothError) throw scored;
      sum += scored.scores[0]!;
      tokens += scored.lengths[0]!;
    }
    const perplexity = Math.exp(-sum / tokens);
    output.row({ perplexity, tokens, windows: rows.length });
    output.text(`perplexity ${perplexity.toFixed(2)} over ${tokens} tokens\n`);
    return 0;
  },
});

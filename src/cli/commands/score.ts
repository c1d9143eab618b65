/** `zeroth score`: log-likelihoods of choices or of one target. */
import { fail, ZerothError } from "../../errors.ts";
import type { Prompt, Scored } from "../../text/model.ts";
import { defineCommand } from "../define.ts";
import { adapter, engine, input, model } from "../options.ts";
import type { Output } from "../output.ts";

const resultRow = (id: unknown, { scores, lengths, best, logprobs }: Scored, single: boolean) => ({
  ...(id === undefined ? {} : { id }),
  scores,
  lengths,
  best,
  ...(single ? { logprobs: logprobs[0] } : {}),
});

/** Choices, likeliest first, with their share of the probability. */
function table(choices: readonly Prompt[], { scores, lengths }: Scored, output: Output): string {
  const top = Math.max(...scores);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
  const rows = choices.map((choice, i) => ({ choice: String(choice), score: scores[i]!, length: lengths[i]! }));
  const width = Math.max(...rows.map(({ choice }) => choice.length));
  return rows
    .sort((a, b) => b.score - a.score)
    .map(({ choice, score, length }, i) => {
      const share = ((100 * Math.exp(score - top)) / total).toFixed(1).padStart(5);
      const line = `${choice.padEnd(width)}  ${share} %  ${score.toFixed(3)} over ${length} token${length === 1 ? "" : "s"}`;
      return `${i === 0 ? output.bold(line) : line}\n`;
    })
    .join("");
}

export default defineCommand({
  group: "use",
  summary: "How likely each choice is as the answer",
  arguments: "[prompt]",
  options: [
    model,
    input,
    { flags: "--choices <a,b>", help: "the answers to compare", as: "list" },
    { flags: "--target <text>", help: "one answer, token by token" },
    { flags: "--no-eos", help: "do not append and count the end token" },
    { flags: "--no-prompt-end", help: "do not add the end token to prompts" },
    adapter,
    ...engine,
  ],
  rows: '`{"prompt","choices":[…]}` or `{"prompt","target"}` → `{"scores","lengths","best"}`, for one target also `"logprobs"`',
  example: 'zeroth score "Is this a fact or an opinion? Snow is cold." --choices fact,opinion',
  async run({ args: prompts, flags, output, signal }) {
    if (!flags.input && (prompts.length === 0 || (!flags.choices && flags.target === undefined))) {
      fail("wrong_use", "a prompt and --choices or --target are needed, or --input", {
        hint: 'try: zeroth score "Is this a fact or an opinion? Snow is cold." --choices fact,opinion',
      });
    }
    if (flags.input && (prompts.length > 0 || flags.choices || flags.target !== undefined)) {
      fail("wrong_use", "with --input the prompts, choices and targets are those of its rows", {
        hint: "give a prompt with --choices or --target, or --input, not both",
      });
    }
    if (flags.choices && flags.target !== undefined) fail("wrong_use", "give --choices or --target, not both");
    const { inputBatches, jobsOf, scoreJob } = await import("../jobs.ts");
    const { openForCommand } = await import("../engine.ts");
    const { errorRow } = await import("../report.ts");
    const given = { prompt: prompts[0], ...(flags.choices ? { choices: flags.choices } : { target: flags.target }) };
    const batches = await inputBatches(flags.input, [given], { output, signal });
    await using opened = await openForCommand(flags, output, signal);
    let failed = false;
    let before = 0;
    for await (const rows of batches) {
      const jobs = jobsOf(rows, scoreJob);
      const good = jobs.flatMap((job) => (job instanceof ZerothError ? [] : [job]));
      const onDone = (done: number, total: number) =>
        output.progress(`${before + done} of ${before + total}${flags.input ? " or more" : ""} rows`);
      const scored = await opened.text.scoreAll(good, {
        eos: flags.eos !== false,
        promptEnd: flags.promptEnd !== false,
        signal,
        onDone,
      });
      for (const [i, job] of jobs.entries()) {
        const result = job instanceof ZerothError ? job : scored.shift()!;
        const row = rows[i]!;
        const id = row instanceof ZerothError ? undefined : row.id;
        if (job instanceof ZerothError || result instanceof ZerothError) {
          const error = job instanceof ZerothError ? job : (result as ZerothError);
          if (!flags.input) throw error;
          failed = true;
          output.row(errorRow(error, id));
          if (!output.json) output.say(`row ${before + i + 1}: ${error.message}`);
          continue;
        }
        output.row(resultRow(id, result, job.single));
        if (flags.input) {
          output.text(`${result.best}\t${result.scores.map((value) => value.toFixed(4)).join("\t")}\n`);
        } else output.text(table(job.choices, result, output));
      }
      before += rows.length;
    }
    return failed ? 1 : 0;
  },
});

/** `zeroth score`: log-likelihoods of choices or of one target. */
import { fail, ZerothError } from "../../errors.ts";
import type { Prompt, Scored } from "../../text/model.ts";
import { defineCommand } from "../define.ts";
import { adapter, engine, model, rows } from "../options.ts";
import { type Output, unlikely } from "../output.ts";

const resultRow = ({ scores, lengths, best, likely, logprobs }: Scored, single: boolean) => ({
  scores,
  lengths,
  best,
  likely,
  ...(single ? { logprobs: logprobs[0] } : {}),
});

/** Choices, likeliest first, with their share of the probability; one alone has no share worth telling. */
function table(choices: readonly Prompt[], { scores, lengths, likely }: Scored, output: Output): string {
  const top = Math.max(...scores);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
  const rows = choices.map((choice, i) => ({ choice: String(choice), score: scores[i]!, length: lengths[i]! }));
  const width = Math.max(...rows.map(({ choice }) => choice.length));
  const lines = rows
    .sort((a, b) => b.score - a.score)
    .map(({ choice, score, length }, i) => {
      const percent = ((100 * Math.exp(score - top)) / total).toFixed(1).padStart(5);
      const share = rows.length === 1 ? "" : `${percent} %  `;
      const line = `${choice.padEnd(width)}  ${share}${score.toFixed(3)} over ${length} token${length === 1 ? "" : "s"}`;
      return `${i === 0 ? output.bold(line) : line}\n`;
    });
  return [...lines, ...(likely ? [] : [`${unlikely(choices.length)}\n`])].join("");
}

export default defineCommand({
  group: "use",
  summary: "How likely each choice is as the answer",
  arguments: "[prompt]",
  options: [
    model,
    ...rows,
    { flags: "--choices <a,b>", help: "the answers to compare", as: "list" },
    { flags: "--target <text>", help: "one answer, token by token" },
    { flags: "--no-eos", help: "do not append and count the end token" },
    { flags: "--no-prompt-end", help: "do not add the end token to prompts" },
    adapter,
    ...engine,
  ],
  rows: '`{"prompt","choices":[…]}` or `{"prompt","target"}` → `{"scores","lengths","best","likely"}`, for one target also `"logprobs"`',
  example: 'zeroth score "Is this a fact or an opinion? Snow is cold." --choices fact,opinion',
  async run({ args, flags, output, signal }) {
    const { givenTexts } = await import("../stdin.ts");
    const prompts = flags.input ? args : await givenTexts(args, { output, signal, joined: true });
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
    const { jobsOf, scoreJob } = await import("../jobs.ts");
    const { modelOf, openRowJob } = await import("../rows/run.ts");
    const { openForCommand } = await import("../engine.ts");
    const asked = { prompt: prompts[0], ...(flags.choices ? { choices: flags.choices } : { target: flags.target }) };
    const job = await openRowJob("score", { flags, given: flags.input ? [] : [asked], output, signal });
    if (job === undefined) return 0;
    await using opened = await openForCommand(flags, output, signal);
    const options = { eos: flags.eos !== false, promptEnd: flags.promptEnd !== false, signal };
    return await job.run({
      model: modelOf(opened),
      things: "rows",
      async batch(inputs, { onDone }) {
        const jobs = jobsOf(inputs, scoreJob);
        const good = jobs.flatMap((one) => (one instanceof ZerothError ? [] : [one]));
        const scored = await opened.text.scoreAll(good, { ...options, onDone });
        return jobs.map((one) => {
          if (one instanceof ZerothError) return one;
          const result = scored.shift()!;
          if (result instanceof ZerothError) return result;
          const line = `${result.best}\t${result.scores.map((value) => value.toFixed(4)).join("\t")}\n`;
          const show = () => output.text(flags.input ? line : table(one.choices, result, output));
          return { row: resultRow(result, one.single), show };
        });
      },
    });
  },
});

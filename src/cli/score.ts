/** `zeroth score`: log-likelihoods of choices or of one target. */

import { type InputRow, idsOf, readInput, textOf } from "../data/cli-rows-node.ts";
import { fail, ZerothError } from "../errors.ts";
import type { Prompt, Scored } from "../text/model.ts";
import { type EngineFlags, openForCommand } from "./engine.ts";
import { errorRow, type Output } from "./output.ts";

export interface ScoreFlags extends EngineFlags {
  readonly input?: string;
  readonly choices?: readonly string[];
  readonly target?: string;
  readonly eos?: boolean;
  readonly promptEnd?: boolean;
}

interface Job {
  readonly prompt: Prompt;
  readonly choices: readonly Prompt[];
  /** One target: log-probabilities of its tokens are given too. */
  readonly single: boolean;
}

function jobOf(row: InputRow): Job {
  const prompt = idsOf(row, "tokens") ?? textOf(row, "prompt");
  if (row.choice_tokens !== undefined) {
    if (!Array.isArray(row.choice_tokens)) fail("bad_input", '"choice_tokens" must be a list of lists of ids');
    return { prompt, choices: (row.choice_tokens as unknown[]).map((ids) => idsOf({ ids }, "ids")!), single: false };
  }
  if (row.choices !== undefined) {
    const { choices } = row;
    if (!Array.isArray(choices) || choices.some((choice) => typeof choice !== "string")) {
      fail("bad_input", '"choices" must be a list of texts');
    }
    return { prompt, choices: choices as string[], single: false };
  }
  return { prompt, choices: [idsOf(row, "target_tokens") ?? textOf(row, "target")], single: true };
}

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

export async function score(
  prompts: readonly string[],
  flags: ScoreFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  if (!flags.input && (prompts.length === 0 || (!flags.choices && flags.target === undefined))) {
    fail("wrong_use", "a prompt and --choices or --target are needed, or --input", {
      hint: 'try: zeroth score "Is this a fact or an opinion? Snow is cold." --choices fact,opinion',
    });
  }
  const given = { prompt: prompts[0], ...(flags.choices ? { choices: flags.choices } : { target: flags.target }) };
  const rows: (InputRow | ZerothError)[] = flags.input ? await readInput(flags.input) : [given];
  await using model = await openForCommand(flags, output, signal);
  const jobs = rows.map((row): Job | ZerothError => {
    if (row instanceof ZerothError) return row;
    try {
      return jobOf(row);
    } catch (error) {
      if (error instanceof ZerothError) return error;
      throw error;
    }
  });
  const good = jobs.filter((job): job is Job => !(job instanceof ZerothError));
  const onDone = (done: number, total: number) => output.progress(`${done} of ${total} rows`);
  const scored = await model.text.scoreAll(good, {
    eos: flags.eos !== false,
    promptEnd: flags.promptEnd !== false,
    signal,
    onDone,
  });
  let failed = false;
  let next = 0;
  for (const [i, job] of jobs.entries()) {
    const result = job instanceof ZerothError ? job : scored[next++]!;
    const row = rows[i]!;
    const id = row instanceof ZerothError ? undefined : row.id;
    if (result instanceof ZerothError) {
      if (!flags.input) throw result;
      failed = true;
      output.row(errorRow(result, id));
      if (!output.json) output.say(`row ${i + 1}: ${result.message}`);
      continue;
    }
    const { choices, single } = job as Job;
    output.row(resultRow(id, result, single));
    if (rows.length > 1) output.text(`${result.best}\t${result.scores.map((value) => value.toFixed(4)).join("\t")}\n`);
    else output.text(table(choices, result, output));
  }
  return failed ? 1 : 0;
}

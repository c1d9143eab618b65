/** `zeroth generate`: prompts from the command line or rows of a file to answers. */

import { type InputRow, idsOf, readInput, textOf } from "../data/cli-rows-node.ts";
import { fail, ZerothError } from "../errors.ts";
import type { Prompt } from "../text/model.ts";
import type { Generated, GenerateOptions, Settings } from "../text/options.ts";
import { settingsOf } from "../text/options.ts";
import { type EngineFlags, type Opened, openForCommand } from "./engine.ts";
import { errorRow, type Output } from "./output.ts";

export interface GenerateFlags extends EngineFlags, Partial<Omit<Settings, "stop">> {
  readonly input?: string;
  readonly stop?: readonly string[];
  readonly choices?: readonly string[];
  readonly maxInput?: number;
  readonly promptEnd?: boolean;
  readonly stats?: boolean;
}

interface Job {
  readonly id: unknown;
  readonly prompt: Prompt;
  readonly choices: readonly string[] | undefined;
}

function options(flags: GenerateFlags, signal: AbortSignal): GenerateOptions {
  const picked = { ...flags, signal } as GenerateOptions;
  try {
    settingsOf(picked);
  } catch (error) {
    // On the command line a value out of range is wrong use, not bad data.
    if (error instanceof ZerothError)
      throw new ZerothError("wrong_use", error.message, { ...(error.hint ? { hint: error.hint } : {}) });
    throw error;
  }
  return picked;
}

function jobOf(row: InputRow, flags: GenerateFlags): Job {
  const { choices = flags.choices } = row as { choices?: unknown };
  if (
    choices !== undefined &&
    !(Array.isArray(choices) && choices.length > 0 && choices.every((c) => typeof c === "string"))
  ) {
    fail("bad_input", `"choices" must be a list of texts`);
  }
  return {
    id: row.id,
    prompt: idsOf(row, "tokens") ?? textOf(row, "prompt"),
    choices: choices as string[] | undefined,
  };
}

const resultRow = (id: unknown, { text, tokens, finish, promptTokens, score }: Generated) => ({
  ...(id === undefined ? {} : { id }),
  text,
  tokens,
  finish,
  prompt_tokens: promptTokens,
  ...(score === undefined ? {} : { score }),
});

function stats(model: Opened, results: readonly Generated[], seconds: number, output: Output): void {
  const prompt = results.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  const made = results.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const row = {
    load_seconds: model.seconds,
    seconds,
    prompt_tokens: prompt,
    new_tokens: made,
    new_tokens_per_second: made / seconds,
  };
  output.say(
    `opened in ${model.seconds.toFixed(2)} s; ${prompt} prompt and ${made} new tokens in ${seconds.toFixed(2)} s (${row.new_tokens_per_second.toFixed(1)} new tokens/s)`,
  );
  output.row({ stats: row });
}

export async function generate(
  prompts: readonly string[],
  flags: GenerateFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const picked = options(flags, signal);
  if (prompts.length === 0 && !flags.input) {
    fail("wrong_use", "there is no prompt", {
      hint: 'try: zeroth generate "Is this a fact or an opinion? Snow is cold."',
    });
  }
  if (prompts.length > 0 && flags.input) fail("wrong_use", "give prompts or --input, not both");
  const rows: (InputRow | ZerothError)[] = flags.input
    ? await readInput(flags.input)
    : prompts.map((prompt) => ({ prompt }));
  await using model = await openForCommand(flags, output, signal);
  const started = performance.now();

  const single = rows.length === 1 && !flags.input && !flags.choices ? prompts[0] : undefined;
  if (single !== undefined && !output.json) {
    const stream = model.text.stream(single, picked);
    let step = await stream.next();
    while (!step.done) {
      output.answer(step.value);
      step = await stream.next();
    }
    output.text("\n");
    if (flags.stats) stats(model, [step.value], (performance.now() - started) / 1000, output);
    return 0;
  }

  const jobs = rows.map((row): Job | ZerothError => {
    if (row instanceof ZerothError) return row;
    try {
      return jobOf(row, flags);
    } catch (error) {
      if (error instanceof ZerothError) return error;
      throw error;
    }
  });
  const good = jobs.filter((job): job is Job => !(job instanceof ZerothError));
  const free = good.filter(({ choices }) => !choices);
  const bound = good.flatMap(({ prompt, choices }) => (choices ? [{ prompt, choices }] : []));
  const onDone = (done: number, total: number) => output.progress(`${done} of ${total} prompts`);
  const answers = await model.text.generateAll(
    free.map(({ prompt }) => prompt),
    { ...picked, onDone },
  );
  const chosen = await model.text.chooseAll(bound, { ...picked, onDone });
  const made: Generated[] = [];
  let failed = false;
  for (const [i, job] of jobs.entries()) {
    const result = job instanceof ZerothError ? job : (job.choices ? chosen : answers).shift()!;
    const row = rows[i]!;
    const id = row instanceof ZerothError ? undefined : row.id;
    if (result instanceof ZerothError) {
      failed = true;
      // A single prompt has no other rows to save: its error is the command's.
      if (jobs.length === 1 && !flags.input) throw result;
      output.row(errorRow(result, id));
      if (!output.json) {
        output.text("\n");
        output.say(`row ${i + 1}: ${result.message}`);
      }
      continue;
    }
    made.push(result);
    output.row(resultRow(id, result));
    output.answer(`${result.text}\n`);
  }
  if (flags.stats) stats(model, made, (performance.now() - started) / 1000, output);
  return failed ? 1 : 0;
}

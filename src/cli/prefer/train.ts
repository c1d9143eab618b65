/** `zeroth prefer reward` and `dpo`: what they show while they train, and what they wrote. */
import { fail } from "../../errors.ts";
import type { FitEvents } from "../../learn/fit/fit.ts";
import { type DpoStart, trainDpo } from "../../prefer/dpo/train-node.ts";
import { type CommonOptions, parseDpoOptions, parseRewardOptions } from "../../prefer/options.ts";
import { type RewardStart, trainReward } from "../../prefer/reward/train-node.ts";
import type { PairStart } from "../../prefer/training-node.ts";
import { modelFor } from "../downloads.ts";
import { duration, type Output } from "../output.ts";
import { withHint } from "../report.ts";
import { threadsFor } from "../threads.ts";
import { curve } from "../tune/curve.ts";
import { shareText } from "./rows.ts";

type Flags = Partial<Omit<CommonOptions, "targets">> & {
  readonly targets?: readonly string[] | undefined;
  readonly model?: string | undefined;
  readonly data?: string | undefined;
  readonly eval?: string | undefined;
  readonly out?: string | undefined;
  readonly resume?: boolean | undefined;
  readonly demonstrations?: string | undefined;
  readonly method?: "full" | "lora" | "head" | undefined;
  readonly beta?: number | undefined;
};
type Given = { readonly [name in keyof Flags]?: Flags[name] | undefined };

const named = [
  ...(["rank", "alpha", "lr", "schedule", "warmup", "batch", "accumulate", "epochs", "steps", "patience"] as const),
  ...(["evalEvery", "clip", "weightDecay", "dropout", "seed", "shuffle", "split", "maxLength", "recompute"] as const),
];

function filesOf({ model, data, eval: held, out }: Given) {
  if (model === undefined) fail("wrong_use", "--model is missing", { hint: "a folder, or a name of the hub" });
  if (data === undefined)
    fail("wrong_use", "--data is missing", { hint: "comparisons, as zeroth summarize compare writes them" });
  if (out === undefined) fail("wrong_use", "--out is missing", { hint: "the folder that is written" });
  return { model, data, eval: held, out };
}

function optionsOf(flags: Given, output: Output) {
  const given = Object.fromEntries(named.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
  const { targets, threads, method } = flags;
  return {
    ...given,
    ...(method && { method }),
    ...(targets && { targets: targets.join() === "all-linear" ? "all-linear" : [...targets] }),
    threads: threadsFor(threads, output),
  };
}

const number = (value: number) => value.toLocaleString("en");

function eventsOf(output: Output): FitEvents {
  const losses: number[] = [];
  return {
    step({ step, steps, loss, lr, seconds, tokens, grad_norm }) {
      losses.push(loss);
      output.row({ step, loss, lr, grad_norm, tokens, seconds });
      output.progress(
        `step ${step}/${steps}  loss ${loss.toFixed(3)}  ${curve(losses, 32)}  ${duration((steps - step) * seconds)} left`,
      );
    },
    evaluated({ step, metric, value, more, best }) {
      output.row({ step, metric, value, ...more });
      const rest = Object.entries(more).map(([name, of]) => `${name} ${of.toFixed(4)}`);
      output.say(`step ${step}: ${metric} ${value.toFixed(4)}${best ? " (best so far)" : ""}  ${rest.join("  ")}`);
    },
    warned: (text) => output.say(`warning: ${text}`),
  };
}

function sayStart({ pairs, held, silent, books, trained, step, steps }: PairStart, output: Output): void {
  output.say(
    `${number(pairs)} pairs of ${books.train.length} books, ${number(held)} of ${books.held.length} others held out; ${number(trained)} numbers move, steps ${step + 1} to ${steps}`,
  );
  if (silent > 0) output.say(`${number(silent)} rows are ties or were skipped: they teach nothing`);
}

const goesOn = "what was done is saved; the same command with --resume goes on";

export async function reward(flags: Given, output: Output, signal: AbortSignal): Promise<number> {
  if (flags.beta !== undefined) fail("wrong_use", "--beta is for dpo");
  const files = { ...filesOf(flags), demonstrations: flags.demonstrations };
  const options = parseRewardOptions(optionsOf(flags, output));
  await modelFor(files.model, output, signal);
  const events = {
    ...eventsOf(output),
    started(info: RewardStart) {
      sayStart(info, output);
      if (info.cut > 0) output.say(`${number(info.cut)} texts are longer than the model reads: their inputs are cut`);
    },
  };
  const result = await withHint(goesOn, () =>
    trainReward(files, options, { resume: flags.resume ?? false, signal, events }),
  );
  const { folder, accuracy, byBook, shift, steps, best } = result;
  output.row({
    ...{ done: true, model: folder, steps, best: best ?? null, shift },
    pair_accuracy: accuracy ?? null,
    books: byBook,
  });
  output.say(`done after ${steps} steps: ${folder}`);
  if (accuracy) output.say(`pairs of books it has not seen in the right order: ${shareText(accuracy)}`);
  output.text(`Try it: zeroth summarize BOOK --model NAME --best-of 4 --reward ${folder} --out RUN\n`);
  return 0;
}

export async function dpo(flags: Given, output: Output, signal: AbortSignal): Promise<number> {
  if (flags.demonstrations !== undefined) fail("wrong_use", "--demonstrations are for reward");
  const files = filesOf(flags);
  const options = parseDpoOptions({
    ...(optionsOf(flags, output) as object),
    ...(flags.beta !== undefined && { beta: flags.beta }),
  });
  await modelFor(files.model, output, signal);
  const events = {
    ...eventsOf(output),
    reference: (done: number, total: number) =>
      output.progress(`the frozen model has read ${number(done)} of ${number(total)} pairs`),
    started(info: DpoStart) {
      sayStart(info, output);
      if (info.skipped > 0) output.say(`${number(info.skipped)} pairs are too long and left out (--max-length)`);
    },
  };
  const { adapter, steps, best } = await withHint(goesOn, () =>
    trainDpo(files, options, { resume: flags.resume ?? false, signal, events }),
  );
  output.row({ done: true, adapter, steps, best: best ?? null });
  output.say(`done after ${steps} steps: ${adapter}`);
  const on = options.method === "full" ? `--model ${adapter}` : `--model ${files.model} --adapter ${adapter}`;
  output.text(`Try it: zeroth summarize BOOK ${on} --out RUN\n`);
  return 0;
}

/** What `zeroth tune` does and shows: counts first, a live line a step, the curve as it goes, what was written. */
import { fail } from "../../errors.ts";
import { type Tuned, tune } from "../../tune/folder-node.ts";
import { parseTuneOptions, type TuneInput, type TuneOptions } from "../../tune/options.ts";
import { search, usualGrid } from "../../tune/search-node.ts";
import type { TuneEvents } from "../../tune/tune.ts";
import { modelFor } from "../downloads.ts";
import { duration, type Output } from "../output.ts";
import { withHint } from "../report.ts";
import { threadsFor } from "../threads.ts";
import { curve } from "./curve.ts";

export interface TuneFlags {
  readonly model: string;
  readonly data: string;
  readonly out: string;
  readonly method?: TuneOptions["method"] | undefined;
  readonly task?: TuneOptions["task"];
  readonly eval?: string | undefined;
  readonly split?: number | undefined;
  readonly with?: readonly string[] | undefined;
  readonly withEval?: readonly string[] | undefined;
  readonly from?: string | undefined;
  readonly resume?: boolean | undefined;
  readonly n?: number | undefined;
  readonly sites?: readonly string[] | undefined;
  readonly counted?: boolean | undefined;
  readonly projection?: number | undefined;
  readonly rank?: number | undefined;
  readonly alpha?: number | undefined;
  readonly targets?: readonly string[] | undefined;
  readonly init?: string | undefined;
  readonly initText?: string | undefined;
  readonly lr?: number | undefined;
  readonly schedule?: TuneOptions["schedule"] | undefined;
  readonly warmup?: number | undefined;
  readonly batch?: number | undefined;
  readonly accumulate?: number | undefined;
  readonly epochs?: number | undefined;
  readonly steps?: number | undefined;
  readonly patience?: number | undefined;
  readonly evalEvery?: number | undefined;
  readonly clip?: number | undefined;
  readonly weightDecay?: number | undefined;
  readonly dropout?: number | undefined;
  readonly seed?: number | undefined;
  readonly shuffle?: boolean | undefined;
  readonly maxLength?: number | undefined;
  readonly tooLong?: TuneOptions["tooLong"] | undefined;
  readonly stride?: number | undefined;
  readonly optimizer?: TuneOptions["optimizer"] | undefined;
  readonly factored?: boolean | undefined;
  readonly zLoss?: number | undefined;
  readonly metric?: TuneOptions["metric"];
  readonly recompute?: boolean | undefined;
  readonly dtype?: "int8" | "int4" | undefined;
  readonly threads?: number | undefined;
  readonly search?: readonly string[] | undefined;
  readonly inits?: readonly string[] | undefined;
  readonly budget?: number | undefined;
}

const counted = (value: number) => value.toLocaleString("en");

/** Flags that are options of a tuning under the same name. */
const named = [
  ...([
    "task",
    "split",
    "sites",
    "counted",
    "projection",
    "rank",
    "alpha",
    "init",
    "initText",
    "lr",
    "schedule",
  ] as const),
  ...(["warmup", "batch", "accumulate", "epochs", "steps", "patience", "evalEvery", "clip", "weightDecay"] as const),
  ...(["dropout", "seed", "shuffle", "maxLength", "tooLong", "stride", "recompute"] as const),
  ...(["optimizer", "factored", "zLoss", "metric"] as const),
] satisfies readonly (keyof TuneFlags & keyof TuneOptions)[];

function optionsOf(flags: TuneFlags, output: Output): TuneOptions {
  const { n, targets, threads, method = "p-tuning-v2" } = flags;
  const given = Object.fromEntries(named.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
  return parseTuneOptions({
    ...given,
    method,
    ...(n !== undefined && { length: n }),
    ...(targets && { targets: targets.join() === "all-linear" ? "all-linear" : [...targets] }),
    threads: threadsFor(threads, output),
  } as TuneInput);
}

/** Lines and rows while a tuning goes on. */
function eventsOf(
  output: Output,
): TuneEvents & { readonly losses: readonly number[]; readonly about: { parameters: number; writes: boolean } } {
  const losses: number[] = [];
  const about = { parameters: 0, writes: false };
  return {
    losses,
    about,
    started({ task, rows, held, skipped, cut, windowed, labels, trained, parameters, step, steps }) {
      Object.assign(about, { parameters, writes: task === "seq2seq" || task === "causal" });
      output.say(
        `trainable params: ${counted(trained)} || all params: ${counted(parameters)} || trainable%: ${((100 * trained) / parameters).toFixed(4)}`,
      );
      const classes = labels.length > 0 ? `, ${labels.length} labels` : "";
      output.say(`${task}: ${counted(rows)} rows, ${counted(held)} held out${classes}, steps ${step + 1} to ${steps}`);
      if (skipped > 0) output.say(`${counted(skipped)} rows are too long and left out`);
      if (cut > 0) output.say(`${counted(cut)} rows are too long and cut`);
      if (windowed > 0) output.say(`${counted(windowed)} rows are too long and read in windows`);
    },
    step({ step, steps, loss, lr, seconds, tokens, grad_norm }) {
      losses.push(loss);
      output.row({ step, loss, lr, grad_norm, tokens, seconds });
      output.progress(
        `step ${step}/${steps}  loss ${loss.toFixed(3)}  lr ${lr.toExponential(1)}  ${curve(losses, 32)}  ${duration((steps - step) * seconds)} left`,
      );
    },
    evaluated({ step, metric, value, more, best }) {
      output.row({ step, metric, value, ...more });
      const rest = Object.entries(more).map(([name, number]) => `${name} ${number.toFixed(4)}`);
      output.say(
        `step ${step}: ${metric} ${value.toFixed(4)}${best ? " (best so far)" : ""}${rest.length > 0 ? `  ${rest.join("  ")}` : ""}`,
      );
    },
    warned: (text) => output.say(`warning: ${text}`),
  };
}

const endings = {
  steps: "",
  patience: ", as nothing better came",
  diverged: ", as the loss was no number",
  time: ", as its time was over",
  enough: ", as it was told to",
};

/** Files of further tasks, with those they are judged by in the same order. */
function furtherSets({ with: further = [], withEval: judged = [] }: TuneFlags) {
  if (judged.length > 0 && judged.length !== further.length) {
    fail("wrong_use", `--with names ${further.length} files, --with-eval ${judged.length}: give one for each`);
  }
  return further.map((data, i) => ({ data, eval: judged[i] }));
}

export async function runTune(flags: TuneFlags, output: Output, signal: AbortSignal): Promise<number> {
  const options = optionsOf(flags, output);
  await modelFor(flags.model, output, signal);
  const { model, data, eval: held, out, from, dtype } = flags;
  const files = { model, data, eval: held, more: furtherSets(flags), out, from, dtype };
  const events = eventsOf(output);
  const grid = flags.search && (flags.search.join() === "usual" ? usualGrid[options.method] : flags.search.map(Number));
  let tuned: Tuned;
  if (grid) {
    if (grid.some((rate) => !(rate > 0)))
      fail("wrong_use", `--search ${flags.search!.join()}: expected learning rates, or usual`);
    if (flags.resume)
      fail("wrong_use", "a search is not resumed", { hint: "give its best rate with --lr, and --resume" });
    const { best, trials } = await search(
      files,
      options,
      { rates: grid, inits: flags.inits ?? [options.init], budget: flags.budget },
      {
        signal,
        events: {
          ...events,
          step: ({ step, steps, loss }) => output.progress(`step ${step}/${steps}  loss ${loss.toFixed(3)}`),
        },
        trial(trial) {
          output.row({ trial: trial });
          const result = trial.error ?? `${trial.metric ?? "no evaluation"} ${trial.value?.toFixed(4) ?? ""}`;
          output.say(`lr ${trial.lr}, ${trial.init}: ${result} (${duration(trial.seconds)})`);
        },
      },
    );
    output.say(`${trials.length} trials`);
    tuned = best;
  } else {
    const hint = "what was done is saved; the same command with --resume goes on";
    tuned = await withHint(hint, () => tune(files, options, { resume: flags.resume ?? false, signal, events }));
  }
  const { adapter, parts, best, last, steps, stopped, trained } = tuned;
  if (!output.json && events.losses.length > 1) output.say(`loss  ${curve(events.losses)}`);
  output.row({
    done: true,
    adapter,
    ...(parts.length > 0 && { adapters: parts }),
    best: best ?? null,
    last: last ?? null,
    steps,
    stopped,
    trainable: trained,
    parameters: events.about.parameters,
  });
  output.say(`done after ${steps} steps${endings[stopped]}: ${parts.length > 0 ? parts.join(", ") : adapter}`);
  if (best && last) {
    output.say(
      `best evaluation: step ${best.step}, ${best.metric} ${best.value.toFixed(4)}; last: step ${last.step}, ${last.value.toFixed(4)}`,
    );
  }
  const on = options.method === "full" ? `--model ${adapter}` : `--model ${model} --adapter ${parts[0] ?? adapter}`;
  output.text(`Try it: zeroth ${events.about.writes ? "generate" : "predict"} ${on} "…"\n`);
  return 0;
}

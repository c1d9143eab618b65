/** The best of several learning rates and starts, judged on rows that are held out, within a time. */
import { cpSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { fail } from "../errors.ts";
import { type Tuned, type TuneFolderRun, tuneOpened } from "./folder-node.ts";
import { openTuning, type TuneFiles } from "./open-node.ts";
import type { TuneOptions } from "./options.ts";

export interface SearchOptions {
  readonly rates: readonly number[];
  readonly inits: readonly string[];
  /** Seconds for all trials together; each gets its share. */
  readonly budget?: number | undefined;
}

export interface Trial {
  readonly lr: number;
  readonly init: string;
  readonly metric?: string | undefined;
  readonly value?: number | undefined;
  readonly step?: number | undefined;
  readonly seconds: number;
  readonly error?: string | undefined;
}

/** Learning rates that a method is tried with where none are named. */
export const usualGrid: Readonly<Record<TuneOptions["method"], readonly number[]>> = {
  prefix: [3e-3, 1e-2, 3e-2],
  "p-tuning-v2": [3e-3, 1e-2, 3e-2],
  prompt: [1e-2, 3e-2, 1e-1],
  lora: [3e-4, 1e-3, 3e-3],
  head: [1e-3, 1e-2, 3e-2],
  full: [2e-5, 5e-5, 2e-4],
};

/**
 * Tune with every pair of rate and start; `out` becomes the best one's folder. A trial that fails, by a loss that is no
 * number say, is noted and the others go on.
 * @throws bad_input without rows that are held out, and where no trial ends with an adapter
 */
export async function search(
  files: TuneFiles,
  o: TuneOptions,
  { rates, inits, budget }: SearchOptions,
  run: TuneFolderRun & { readonly trial?: (trial: Trial) => void } = {},
): Promise<{ readonly best: Tuned; readonly trials: readonly Trial[] }> {
  const { now = Date.now, signal } = run;
  const opened = await openTuning(files);
  if (!opened.held && (o.split ?? (o.shuffle ? 0.1 : 0)) === 0) {
    fail("bad_input", "a search needs rows that are held out to judge by", {
      hint: "give --eval FILE, or --split 0.1",
    });
  }
  const began = now();
  const trials: Trial[] = [];
  let best: { tuned: Tuned; folder: string } | undefined;
  const pairs = rates.flatMap((lr) => inits.map((init) => ({ lr, init })));
  for (const [i, { lr, init }] of pairs.entries()) {
    const started = now();
    const left = budget === undefined ? undefined : began + 1000 * budget - started;
    if (left !== undefined && left <= 0) break;
    const folder = join(files.out, `trial-${i + 1}`);
    rmSync(folder, { recursive: true, force: true });
    const share = left === undefined ? undefined : started + left / (pairs.length - i);
    const seconds = () => (now() - started) / 1000;
    try {
      const tuned = await tuneOpened(
        { ...opened, files: { ...files, out: folder } },
        { ...o, lr, init },
        { ...run, until: share },
      );
      const { metric, value, step } = tuned.best ?? {};
      trials.push({ lr, init, metric, value, step, seconds: seconds() });
      if (!best || (value ?? -Infinity) > (best.tuned.best?.value ?? -Infinity)) best = { tuned, folder };
    } catch (cause) {
      if (signal?.aborted) throw cause;
      trials.push({ lr, init, seconds: seconds(), error: (cause as Error).message });
    }
    run.trial?.(trials.at(-1)!);
  }
  if (!best)
    return fail("bad_input", `none of ${trials.length} trials ended with an adapter`, {
      hint: trials[0]?.error ?? "more time",
    });
  for (const name of readdirSync(best.folder)) {
    if (!/^checkpoint-/.test(name)) cpSync(join(best.folder, name), join(files.out, name), { recursive: true });
  }
  for (const i of pairs.keys()) rmSync(join(files.out, `trial-${i + 1}`), { recursive: true, force: true });
  return {
    best: { ...best.tuned, adapter: files.out, parts: best.tuned.parts.map((path) => join(files.out, basename(path))) },
    trials,
  };
}

/** What a command was given by name, a model or a data set, downloaded before a person's eyes where it is not here yet. */
import { ensureModel } from "../hub/download/ensure-node.ts";
import type { Progress } from "../hub/download/progress.ts";
import { type PullEvents, settingsHere } from "../hub/download/pull-node.ts";
import type { ResolvedModel } from "../hub/find.ts";
import type { MixtureSettings } from "../prompts/open-mixture-node.ts";
import { bytes, duration, type Output } from "./output.ts";

/** ` 42 %  ████░░░░  410 MB of 990 MB  12.3 MB/s  47 s left` */
export function progressLine({ done, total, rate, secondsLeft }: Progress): string {
  const share = total > 0 ? done / total : 1;
  const filled = Math.round(share * 20);
  const bar = "█".repeat(filled) + "░".repeat(20 - filled);
  const left = secondsLeft === undefined ? "" : `  ${duration(secondsLeft)} left`;
  return `${String(Math.floor(share * 100)).padStart(3)} %  ${bar}  ${bytes(done)} of ${bytes(total)}  ${bytes(rate)}/s${left}`;
}

/** What a download says: a line before the first byte, a live line on a terminal, a line for every trouble. */
export function pullEvents(output: Output): PullEvents {
  const { progress: bars } = settingsHere(process.env);
  let started = 0;
  let missing = 0;
  return {
    planned(plan) {
      ({ missing } = plan);
      started = performance.now();
      const what = `${plan.repo} at ${plan.commit.slice(0, 7)}: ${plan.files} files, ${bytes(plan.bytes)}`;
      output.say(missing === 0 ? `${what}, all here` : `${what}, ${bytes(missing)} to download`);
    },
    progress(progress) {
      if (bars) output.progress(progressLine(progress));
      if (progress.done < progress.total || missing === 0) return;
      output.say(
        `${bytes(missing)} in ${duration((performance.now() - started) / 1000)}, every file checked by its hash`,
      );
      missing = 0;
    },
    retry({ why, wait }) {
      output.say(`${why}; again in ${Math.ceil(wait / 1000)} s`);
    },
    waiting(file) {
      output.say(`${file}: another process is downloading it; waiting`);
    },
  };
}

/** Find a model by name or path; one that is neither here nor in the cache is downloaded, and says so. */
export function modelFor(name: string, output: Output, signal?: AbortSignal): Promise<ResolvedModel> {
  return ensureModel(name, {
    ...(signal ? { signal } : {}),
    events: pullEvents(output),
    onDownload(wanted, lacks) {
      output.say(lacks ? `${wanted} is in the cache without ${lacks}` : `${wanted} is not on this machine yet`);
    },
  });
}

/** How the program gets the data sets that a mixture or a task names. */
export function dataSetSettings(output: Output): MixtureSettings {
  return {
    hub: {
      events: pullEvents(output),
      onDownload: (name) => output.say(`the data set ${name} is not on this machine yet`),
    },
  };
}

/** A process that tunes, from its server's side: started for one piece of work, told to stop, or killed. */
import { startChild, type WorkChild } from "./child-node.ts";
import type { FromTuning, ToTuning, TuningStart } from "./tuning-messages.ts";

export interface TuningChild extends Pick<WorkChild<ToTuning>, "pid" | "kill" | "ended"> {
  /** Save what is done and end; by force after `grace` milliseconds. */
  stop(grace: number): void;
}

/** The script beside this file, which is where a bundler puts it as well. */
const usualScript = (): URL => new URL("./tuning-process-node.js", import.meta.url);

/** Start a process for a piece of work. `told` hears what it says, in order. */
export function startTuningChild(
  start: TuningStart,
  told: (message: Exclude<FromTuning, { kind: "ready" }>) => void,
  script: URL = usualScript(),
): TuningChild {
  const child = startChild<ToTuning, FromTuning>(script, { kind: "start", start }, told);
  let force: ReturnType<typeof setTimeout> | undefined;
  void child.ended.then(() => clearTimeout(force));
  return {
    pid: child.pid,
    stop(grace) {
      child.post({ kind: "stop" });
      force ??= setTimeout(() => child.kill(), grace);
    },
    kill: child.kill,
    ended: child.ended,
  };
}

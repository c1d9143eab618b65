/** A process that tunes, from its server's side: started for one piece of work, told to stop, or killed. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FromTuning, ToTuning, TuningStart } from "./tuning-messages.ts";

export interface TuningChild {
  readonly pid: number | undefined;
  /** Save what is done and end; by force after `grace` milliseconds. */
  stop(grace: number): void;
  kill(): void;
  /** Resolves when it has ended: how, in words, where that was not of its own will. */
  readonly ended: Promise<string | undefined>;
}

/** The script beside this file, which is where a bundler puts it as well. */
const usualScript = (): URL => new URL("./tuning-process-node.js", import.meta.url);

/** Start a process for a piece of work. `told` hears what it says, in order. */
export function startTuningChild(
  start: TuningStart,
  told: (message: Exclude<FromTuning, { kind: "ready" }>) => void,
  script: URL = usualScript(),
): TuningChild {
  const child = fork(fileURLToPath(script), {
    serialization: "advanced",
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  // A channel that is closed is told by the process's end.
  const post = (message: ToTuning) => void child.send(message, () => {});
  let force: ReturnType<typeof setTimeout> | undefined;
  child.on("message", (message) => {
    const said = message as FromTuning;
    if (said.kind === "ready") post({ kind: "start", start });
    else told(said);
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("exit", (code, signal) => {
      clearTimeout(force);
      resolve(signal ? `it was ended by ${signal}` : code === 0 ? undefined : `exit code ${code}`);
    });
  });
  return {
    pid: child.pid,
    stop(grace) {
      post({ kind: "stop" });
      force ??= setTimeout(() => child.kill("SIGKILL"), grace);
    },
    kill: () => void child.kill("SIGKILL"),
    ended,
  };
}

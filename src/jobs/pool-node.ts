/** Partitions in processes: as many at once as there are workers, each with a model of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ZerothError } from "../errors.ts";
import type { JobEvent } from "./events.ts";
import { exits } from "./exits.ts";
import type { Failure, FromWorker, ToWorker, WorkerStart } from "./messages.ts";

export interface PoolOptions extends WorkerStart {
  readonly workers: number;
  readonly signal: AbortSignal;
  /** Go on with the others where one fails. */
  readonly keepGoing: boolean;
  readonly onEvent: (partition: string, event: JobEvent) => void;
  readonly onDone: (partition: string, key: string, cached: boolean) => void;
  readonly onFailed: (partition: string, failure: Failure) => void;
  /** The processes' script, where a bundler moved it. */
  readonly script?: URL | undefined;
  /** Milliseconds that a process gets to stop by itself; 5 seconds by default. */
  readonly grace?: number | undefined;
}

/** The script beside this file, which is where a bundler puts it as well. */
const usualScript = (): URL => new URL("./worker-process-node.js", import.meta.url);

const endedBy = (signal: NodeJS.Signals | null, code: number | null): Failure => ({
  code: signal === "SIGKILL" ? "out_of_memory" : "engine_failed",
  message: `the process that did it was ended by ${signal ?? `exit code ${code}`}`,
  hint: signal === "SIGKILL" ? "perhaps the machine has too little memory: fewer --workers" : undefined,
  exit: exits.failed,
});

const stopped: Failure = { code: "interrupted", message: "stopped on request", exit: exits.interrupted };

/**
 * Do the partitions, in their order, by the next process that is free. Resolves when all is done, or nothing more is
 * tried; never rejects.
 * @returns partitions that were not done
 */
export async function runPool(partitions: readonly string[], options: PoolOptions): Promise<readonly string[]> {
  const { workers, signal, keepGoing, script = usualScript(), grace = 5000 } = options;
  const waiting = [...partitions];
  const undone: string[] = [];
  let ended = false;

  /** One process after another until nothing waits: where one dies, what it did failed, and the next takes its place. */
  async function lane(): Promise<void> {
    while (waiting.length > 0 && !ended && !signal.aborted) await life();
  }

  function life(): Promise<void> {
    const child = fork(fileURLToPath(script), { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const post = (message: ToWorker) => void child.send(message, () => {});
    let current: string | undefined;
    const stop = forceful(child, grace, () => post({ kind: "stop" }));
    signal.addEventListener("abort", stop.begin, { once: true });

    const failed = (failure: Failure) => {
      if (current === undefined) return;
      const partition = current;
      current = undefined;
      undone.push(partition);
      options.onFailed(partition, failure);
      if (!keepGoing) ended = true;
    };
    const next = () => {
      current = ended || signal.aborted ? undefined : waiting.shift();
      if (current === undefined) child.disconnect();
      else post({ kind: "run", partition: current });
    };
    return new Promise((resolve) => {
      child.on("message", (message) => {
        const said = message as FromWorker;
        if (said.kind === "ready") {
          const { job, config, store, work, asset } = options;
          post({ kind: "start", job, config, store, work, asset });
          next();
        } else if (said.kind === "event") {
          if (current !== undefined) options.onEvent(current, said.event);
        } else {
          if (said.kind === "failed") failed(said.failure);
          else if (current !== undefined) {
            const partition = current;
            current = undefined;
            options.onDone(partition, said.key, said.cached);
          }
          next();
        }
      });
      const over = (failure: Failure) => {
        signal.removeEventListener("abort", stop.begin);
        stop.end();
        failed(signal.aborted ? stopped : failure);
        resolve();
      };
      child.once("error", (error) => over({ code: "engine_failed", message: error.message, exit: exits.failed }));
      child.once("exit", (code, by) => over(endedBy(by, code)));
    });
  }

  await Promise.all(Array.from({ length: Math.max(1, Math.min(workers, partitions.length)) }, lane));
  return [...undone, ...waiting];
}

/** Asked to stop, then killed. */
function forceful(child: ChildProcess, grace: number, ask: () => void) {
  let timer: NodeJS.Timeout | undefined;
  return {
    begin() {
      ask();
      timer = setTimeout(() => child.kill("SIGKILL"), grace);
    },
    end: () => clearTimeout(timer),
  };
}

/** A failure as the error that it was. */
export const errorOf = ({ code, message, hint }: Failure): ZerothError =>
  new ZerothError(code, message, { ...(hint !== undefined && { hint }) });

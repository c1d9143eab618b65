/** Items of work in processes: as many at once as there are workers, each with what it opened of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ZerothError } from "../../errors.ts";
import { exits } from "./exits.ts";
import type { Failure, FromWorker, ToWorker } from "./messages.ts";

export interface PoolOptions<Start, Event, Done> {
  /** The processes' script, which calls `serveWork`. */
  readonly script: URL;
  /** Told to each process first. */
  readonly start: Start;
  readonly workers: number;
  readonly signal: AbortSignal;
  /** The next item, when there is one; undefined where nothing more is to be done. Asked by each process that is free. */
  next(): Promise<string | undefined>;
  onEvent(item: string, event: Event): void;
  onDone(item: string, done: Done): void;
  onFailed(item: string, failure: Failure): void;
  /** Milliseconds that a process gets to stop by itself; 5 seconds by default. */
  readonly grace?: number | undefined;
}

const endedBy = (signal: NodeJS.Signals | null, code: number | null): Failure => ({
  code: signal === "SIGKILL" ? "out_of_memory" : "engine_failed",
  message: `the process that did it was ended by ${signal ?? `exit code ${code}`}`,
  hint: signal === "SIGKILL" ? "perhaps the machine has too little memory: fewer --workers" : undefined,
  exit: exits.failed,
});

const stopped: Failure = { code: "interrupted", message: "stopped on request", exit: exits.interrupted };

/** Do items by the next process that is free. Resolves when all is done, or nothing more is tried; never rejects. */
export async function runPool<Start, Event, Done>(options: PoolOptions<Start, Event, Done>): Promise<void> {
  const { script, start, workers, signal, grace = 5000 } = options;
  const following = async () => (signal.aborted ? undefined : options.next());

  /** One process after another until nothing waits: where one dies, what it did failed, and the next takes its place. */
  async function lane(): Promise<void> {
    for (let first = await following(); first !== undefined; first = await following()) await life(first);
  }

  function life(first: string): Promise<void> {
    const child = fork(fileURLToPath(script), { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const post = (message: ToWorker<Start>) => void child.send(message, () => {});
    let current: string | undefined = first;
    const stop = forceful(child, grace, () => post({ kind: "stop" }));
    signal.addEventListener("abort", stop.begin, { once: true });
    if (signal.aborted) stop.begin();

    const failed = (failure: Failure) => {
      if (current === undefined) return;
      const item = current;
      current = undefined;
      options.onFailed(item, failure);
    };
    const next = async () => {
      current = await following();
      if (current === undefined) child.disconnect();
      else post({ kind: "run", item: current });
    };
    return new Promise((resolve) => {
      child.on("message", (message) => {
        const said = message as FromWorker<Event, Done>;
        if (said.kind === "ready") {
          post({ kind: "start", start });
          post({ kind: "run", item: first });
        } else if (said.kind === "event") {
          if (current !== undefined) options.onEvent(current, said.event);
        } else {
          if (said.kind === "failed") failed(said.failure);
          else if (current !== undefined) {
            const item = current;
            current = undefined;
            options.onDone(item, said.done);
          }
          void next();
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

  await Promise.all(Array.from({ length: Math.max(1, workers) }, lane));
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

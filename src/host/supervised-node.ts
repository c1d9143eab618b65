/** A child process that is kept up: started again when it ends, later and later when it ends at once, until it is closed. */
import { type ChildProcess, fork } from "node:child_process";
import { fail, ZerothError } from "../errors.ts";
import { type FromEngine, needFromEngine, type ToEngine } from "./messages.ts";

export interface Supervised {
  /**
   * The process, as soon as it takes messages.
   * @throws engine_failed while it does not stay up, interrupted once it is closed
   */
  running(): Promise<ChildProcess>;
  /** The process where it takes messages now. */
  current(): ChildProcess | undefined;
  /** Times it was started again. */
  restarts(): number;
  /** One more, or one less, waits for it: while nobody does, it keeps no program alive. */
  use(change: 1 | -1): void;
  /** Have it stop by itself, and by force when that takes longer than the grace time. */
  close(): Promise<void>;
}

export interface SupervisedOptions {
  readonly file: string;
  /** What a process is told first. */
  readonly first: () => ToEngine;
  /** What the last one is told. */
  readonly last: ToEngine;
  /** Milliseconds. */
  readonly grace: number;
  readonly told: (message: Exclude<FromEngine, { kind: "ready" }>) => void;
  /** The process has ended, or is about to. */
  readonly ended: () => void;
}

/** A process that lived so long, in milliseconds, did not die of being started. */
const settledAfter = 10_000;
/** Deaths at the start after which nobody waits for the next one. */
const mostDeaths = 5;
/** Milliseconds before the next start after so many deaths one upon another: at once, then doubling up to half a minute. */
const pause = (deaths: number): number => (deaths <= 1 ? 0 : Math.min(30_000, 50 * 2 ** deaths));

/** @throws bad_input for what cannot be sent, such as a function in a schema */
export function post(child: ChildProcess, message: ToEngine): void {
  try {
    // A channel that is closed is told by the process's end.
    child.send(message, () => {});
  } catch (cause) {
    fail("bad_input", `cannot be sent to the engine: ${(cause as Error).message}`, { cause });
  }
}

export const closing = () => new ZerothError("interrupted", "the engine is being closed");

/** Start a process of this script, and keep it up. */
export function supervised({ file, first, last, grace, told, ended }: SupervisedOptions): Supervised {
  const waiting = new Set<{ resolve: (child: ChildProcess) => void; reject: (error: ZerothError) => void }>();
  let [restarts, deaths, users, closed] = [0, 0, 0, false];
  let child: ChildProcess;
  let up: ChildProcess | undefined;
  let broken: ZerothError | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const keepAlive = () => {
    for (const one of [child, child.channel, timer]) users > 0 ? one?.ref() : one?.unref();
  };

  function rejectWaiting(error: ZerothError): void {
    for (const { reject } of waiting) reject(error);
    waiting.clear();
  }

  function launch(): void {
    timer = undefined;
    const started = performance.now();
    const own = fork(file, { serialization: "advanced", execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    child = own;
    own.on("message", (messages) => {
      try {
        for (const message of needFromEngine(messages)) {
          if (message.kind !== "ready") told(message);
          else if (!closed) ready(own);
        }
      } catch {
        // What speaks another language is not the engine.
        own.kill("SIGKILL");
      }
    });
    own.on("error", (error) => {
      // One that was never there does not end; of one that is there, its end is what counts.
      if (own.pid === undefined) died(error.message, 0);
    });
    own.on("exit", (code, signal) =>
      died(signal ? `it was ended by ${signal}` : `exit code ${code}`, performance.now() - started),
    );
    post(own, first());
    keepAlive();
  }

  function ready(own: ChildProcess): void {
    [up, broken] = [own, undefined];
    for (const { resolve } of waiting) resolve(own);
    waiting.clear();
  }

  function died(why: string, lived: number): void {
    up = undefined;
    ended();
    if (closed) return;
    restarts++;
    deaths = lived < settledAfter ? deaths + 1 : 1;
    if (deaths >= mostDeaths) {
      const hint = "what it wrote on standard error says more; it is tried again from time to time";
      broken = new ZerothError("engine_failed", `the engine does not stay up: ${why}`, { hint });
      rejectWaiting(broken);
    }
    timer = setTimeout(launch, pause(deaths));
    keepAlive();
  }

  launch();
  return {
    running() {
      if (up) return Promise.resolve(up);
      if (closed) return Promise.reject(closing());
      if (broken) return Promise.reject(broken);
      return new Promise((resolve, reject) => waiting.add({ resolve, reject }));
    },
    current: () => up,
    restarts: () => restarts,
    use(change) {
      users += change;
      keepAlive();
    },
    close() {
      closed = true;
      up = undefined;
      clearTimeout(timer);
      rejectWaiting(closing());
      ended();
      const own = child;
      if (own.pid === undefined || own.exitCode !== null || own.signalCode !== null) return Promise.resolve();
      return new Promise((resolve) => {
        const force = setTimeout(() => own.kill("SIGKILL"), grace);
        own.ref();
        own.once("exit", () => {
          clearTimeout(force);
          resolve();
        });
        post(own, last);
      });
    },
  };
}

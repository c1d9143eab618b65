/**
 * A process that works on indices, from its server's side: it reads, cuts and searches, so that the server's thread goes
 * on, and may be killed at any moment. It is started when it is asked, and anew when it has ended.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { throwIfAborted, ZerothError } from "../../errors.ts";
import { errorOf, type SentError, sentErrorOf } from "../../host/messages.ts";
import type { Asking, Calls, FromIndexProcess, IndexAt, Questions, ToIndexProcess } from "./index-messages.ts";

export interface IndexChild {
  /** @throws what the process says; engine_failed where it ends meanwhile; interrupted; what a call of it throws here */
  ask<K extends Asking>(
    name: K,
    at: IndexAt,
    ask: Questions[K]["ask"],
    calls?: Calls,
    signal?: AbortSignal,
  ): Promise<Questions[K]["answer"]>;
  /** Whether it has been started: one that has not keeps nothing open. */
  readonly running: boolean;
  /** End it, and refuse what it was asked. It would be started anew by another question. */
  kill(): void;
}

interface Waiting {
  readonly calls: Calls;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

// The sources themselves are only run by tests, which build first: a process cannot be started from TypeScript.
const script = import.meta.url.endsWith(".ts")
  ? new URL("../../../dist/server/vectors/index-process-node.js", import.meta.url)
  : new URL("./index-process-node.js", import.meta.url);

const stopped = () => new ZerothError("interrupted", "stopped on request");

export function indexChild(): IndexChild {
  let child: ChildProcess | undefined;
  let last = 0;
  const waiting = new Map<number, Waiting>();

  /** Whether the process keeps this one alive. */
  function hold(): void {
    for (const one of [child, child?.channel]) {
      if (waiting.size > 0) one?.ref();
      else one?.unref();
    }
  }

  function refuseAll(error: unknown): void {
    for (const one of [...waiting.values()]) one.reject(error);
  }

  async function answer({ id, call, name, args }: Extract<FromIndexProcess, { kind: "call" }>): Promise<void> {
    const asked = waiting.get(id);
    const to = child;
    // Who is gone needs no answer, and nobody's channel throws.
    const post = (message: ToIndexProcess) => void to?.send(message, () => {});
    try {
      const work = asked?.calls[name] as ((...args: readonly unknown[]) => Promise<unknown>) | undefined;
      if (!work) throw stopped();
      post({ kind: "answer", call, value: await work(...args) });
    } catch (error) {
      const sent: SentError = sentErrorOf(error);
      // The error itself is for whoever asked here; the process is told that there is no answer.
      asked?.reject(error);
      post({ kind: "refused", call, error: sent });
    }
  }

  function started(): ChildProcess {
    if (child) return child;
    const own = fork(fileURLToPath(script), [], {
      serialization: "advanced",
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const gone = () => {
      if (child !== own) return;
      child = undefined;
      const hint = "ask again: it is started anew";
      refuseAll(new ZerothError("engine_failed", "the process that works on indices ended", { hint }));
    };
    own.on("error", gone).on("exit", gone);
    own.on("message", (message) => {
      const said = message as FromIndexProcess;
      if (said.kind === "call") void answer(said);
      else if (said.kind === "done") waiting.get(said.id)?.resolve(said.value);
      else waiting.get(said.id)?.reject(errorOf(said.error));
    });
    child = own;
    return own;
  }

  return {
    async ask(name, at, ask, calls = {}, signal) {
      throwIfAborted(signal);
      const id = ++last;
      const stop = () => waiting.get(id)?.reject(stopped());
      try {
        return await new Promise<never>((resolve, reject) => {
          waiting.set(id, { calls, resolve: resolve as (value: unknown) => void, reject });
          signal?.addEventListener("abort", stop);
          const process = started();
          hold();
          process.send({ kind: "ask", id, name, at, ask } satisfies ToIndexProcess, (cause) => {
            if (cause) reject(new ZerothError("engine_failed", `the index cannot be asked: ${cause.message}`));
          });
        });
      } finally {
        waiting.delete(id);
        signal?.removeEventListener("abort", stop);
        hold();
      }
    },
    get running() {
      return child !== undefined;
    },
    kill() {
      child?.kill("SIGKILL");
      child = undefined;
      refuseAll(stopped());
    },
  };
}

/** Milliseconds that a process which has nothing to do is kept. */
const idleFor = 30_000;

export interface IndexChildren {
  /** Work alone in a process; it is killed when the signal fires, as reading a file cannot be interrupted. */
  with<T>(signal: AbortSignal, work: (child: IndexChild) => Promise<T>): Promise<T>;
  kill(): void;
}

/** Processes for pieces of work side by side, each used again when its piece is done. */
export function indexChildren(): IndexChildren {
  const all = new Set<IndexChild>();
  const idle = new Map<IndexChild, ReturnType<typeof setTimeout>>();
  const end = (child: IndexChild) => {
    clearTimeout(idle.get(child));
    idle.delete(child);
    all.delete(child);
    child.kill();
  };
  return {
    async with(signal, work) {
      const child = idle.keys().next().value ?? indexChild();
      clearTimeout(idle.get(child));
      idle.delete(child);
      all.add(child);
      const stop = () => end(child);
      signal.addEventListener("abort", stop);
      try {
        return await work(child);
      } finally {
        signal.removeEventListener("abort", stop);
        if (all.has(child)) {
          const timer = setTimeout(() => end(child), idleFor);
          timer.unref();
          idle.set(child, timer);
        }
      }
    },
    kill() {
      for (const child of [...all]) end(child);
    },
  };
}

/**
 * An engine in a child process: the caller's thread stays free while it computes, a request is stopped between two
 * steps, and a crash of the engine is its own. It is started again then, and only what it was doing fails.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import { parseModelName } from "../hub/names.ts";
import { defaultThreads } from "../runtime/threads-node.ts";
import type { LiveEvent } from "../text/live/request.ts";
import type { Engine, EngineStatus, GenerateAsk, Prepared } from "./engine.ts";
import type { EngineOptions } from "./local-node.ts";
import {
  type Arguments,
  errorOf,
  eventsAhead,
  type FromEngine,
  type Method,
  needFromEngine,
  type ToEngine,
  type Value,
} from "./messages.ts";
import { eventStream } from "./stream.ts";
import { waitFor } from "./waiting.ts";

export interface ChildEngineOptions extends EngineOptions {
  /** Milliseconds that the process is given to stop by itself before it is killed; 5 seconds by default. */
  readonly grace?: number;
  /** The process's script, where a bundler moved it. */
  readonly script?: URL;
}

/** Who waits for what the engine says to one call. */
interface Listener {
  readonly told: (message: FromEngine) => void;
  readonly failed: (error: ZerothError) => void;
}

/** A process that lived so long, in milliseconds, did not die of being started. */
const settledAfter = 10_000;
/** Deaths at the start after which calls no longer wait for the next one. */
const mostDeaths = 5;
/** Milliseconds before the next start after so many deaths one upon another: at once, then doubling up to half a minute. */
const pause = (deaths: number): number => (deaths <= 1 ? 0 : Math.min(30_000, 50 * 2 ** deaths));
/** Milliseconds after which the last status that is known is given: a long run does not make anybody wait for it. */
const statusWithin = 200;

const gone = () =>
  new ZerothError("engine_failed", "the engine stopped while it answered; it is being started again", {
    hint: "ask again",
  });
/** @throws bad_input for what cannot be sent, such as a function in a schema */
function post(child: ChildProcess, message: ToEngine): void {
  try {
    // A channel that is closed is told by the process's end.
    child.send(message, () => {});
  } catch (cause) {
    fail("bad_input", `cannot be sent to the engine: ${(cause as Error).message}`, { cause });
  }
}

const closing = () => new ZerothError("interrupted", "the engine is being closed");

/**
 * Start an engine in a process of its own. It is ready at once: what is asked waits until the process is.
 * @throws bad_input for pinned names that cannot be names
 */
export function childEngine({ grace = 5000, script, ...options }: ChildEngineOptions = {}): Engine {
  const file = fileURLToPath(script ?? new URL("./engine-process-node.js", import.meta.url));
  const { pinned = [], folders = {}, env } = options;
  for (const name of pinned) if (!Object.hasOwn(folders, name)) parseModelName(name, false);
  const start: ToEngine = { kind: "start", options: { ...options, ...(env && { env: { ...env } }) } };

  const listeners = new Map<number, Listener>();
  const waiting = new Set<{ resolve: (child: ChildProcess) => void; reject: (error: ZerothError) => void }>();
  let [next, restarts, deaths, users] = [1, 0, 0, 0];
  let child: ChildProcess;
  /** The process once it is ready. */
  let up: ChildProcess | undefined;
  let broken: ZerothError | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let disposed: Promise<void> | undefined;
  let lastStatus: EngineStatus | undefined;

  /** While nobody waits for anything, the engine keeps no program alive. */
  const keepAlive = () => {
    for (const one of [child, child.channel, timer]) users > 0 ? one?.ref() : one?.unref();
  };
  const use = (change: 1 | -1) => {
    users += change;
    keepAlive();
  };

  function launch(): void {
    timer = undefined;
    const started = performance.now();
    const own = fork(file, { serialization: "advanced", execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    child = own;
    let ended = false;
    const end = (why: string) => {
      if (!ended) died(why, performance.now() - started);
      ended = true;
    };
    own.on("message", (messages) => {
      try {
        for (const message of needFromEngine(messages)) {
          if (message.kind !== "ready") listeners.get(message.id)?.told(message);
          else if (!disposed) ready(own);
        }
      } catch {
        // What speaks another language is not the engine.
        own.kill("SIGKILL");
      }
    });
    own.on("error", (error) => end(error.message));
    own.on("exit", (code, signal) => end(signal ? `it was ended by ${signal}` : `exit code ${code}`));
    post(own, start);
    keepAlive();
  }

  function ready(own: ChildProcess): void {
    [up, broken] = [own, undefined];
    for (const { resolve } of waiting) resolve(own);
    waiting.clear();
  }

  function died(why: string, lived: number): void {
    [up, lastStatus] = [undefined, undefined];
    const failed = disposed ? closing() : gone();
    for (const listener of [...listeners.values()]) listener.failed(failed);
    listeners.clear();
    if (disposed) return;
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

  function rejectWaiting(error: ZerothError): void {
    for (const { reject } of waiting) reject(error);
    waiting.clear();
  }

  /** The process, as soon as it takes calls. */
  function running(): Promise<ChildProcess> {
    if (up) return Promise.resolve(up);
    if (disposed) return Promise.reject(closing());
    if (broken) return Promise.reject(broken);
    return new Promise((resolve, reject) => waiting.add({ resolve, reject }));
  }

  /** Send a call to the process when it is ready; `told` hears what it says to it, until `leave`. */
  function begin(make: (id: number) => ToEngine, listener: Listener) {
    const id = next++;
    let state: "waiting" | "sent" | "over" = "waiting";
    use(1);
    const leave = (cancel: boolean) => {
      if (cancel && state === "sent" && up) post(up, { kind: "cancel", id });
      if (state !== "over") use(-1);
      state = "over";
      listeners.delete(id);
    };
    running().then(
      (own) => {
        if (state !== "waiting") return;
        // It may have died since it was said to be ready.
        if (own !== up) return listener.failed(gone());
        listeners.set(id, listener);
        state = "sent";
        try {
          post(own, make(id));
        } catch (error) {
          listener.failed(error as ZerothError);
        }
      },
      (error) => listener.failed(error),
    );
    const more = (count: number) => {
      if (state === "sent" && up) post(up, { kind: "more", id, count });
    };
    return { leave, more };
  }

  async function call<M extends Method>(method: M, args: Arguments<M>, signal?: AbortSignal): Promise<Value<M>> {
    throwIfAborted(signal);
    let leave = (_cancel: boolean) => {};
    let over = false;
    const value = new Promise<Value<M>>((resolve, reject) => {
      const failed = (error: ZerothError) => {
        over = true;
        reject(error);
      };
      ({ leave } = begin((id) => ({ kind: "call", id, method, args }), {
        told(message) {
          if (message.kind === "error") failed(errorOf(message.error));
          else if (message.kind === "value") {
            over = true;
            resolve(message.value as Value<M>);
          }
        },
        failed,
      }));
    });
    try {
      return await waitFor(value, signal);
    } finally {
      leave(!over);
    }
  }

  function generate(ask: GenerateAsk, signal?: AbortSignal): AsyncIterableIterator<Prepared | LiveEvent> {
    let begun: ReturnType<typeof begin> | undefined;
    const stopped = () => stream.fail(new ZerothError("interrupted", "stopped on request"), true);
    const stream = eventStream<Prepared | LiveEvent>({
      start() {
        if (signal?.aborted) return stopped();
        signal?.addEventListener("abort", stopped, { once: true });
        begun = begin((id) => ({ kind: "generate", id, ask }), {
          told(message) {
            if (message.kind === "event") stream.push(message.event);
            else if (message.kind === "end") stream.end();
            else if (message.kind === "error") stream.fail(errorOf(message.error));
          },
          failed: (error) => stream.fail(error),
        });
      },
      read: (count) => begun?.more(count),
      every: eventsAhead / 4,
      over(left) {
        signal?.removeEventListener("abort", stopped);
        begun?.leave(left);
      },
    });
    return stream.iterator;
  }

  async function status(): Promise<EngineStatus> {
    const { device = "cpu", threads = defaultThreads() } = options;
    const known = lastStatus ?? { models: [], pid: up?.pid ?? 0, memory: 0, device, threads, restarts };
    if (!up) return { ...known, restarts };
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(), statusWithin);
    try {
      lastStatus = { ...(await call("status", [], stop.signal)), restarts };
      return lastStatus;
    } catch {
      return { ...known, restarts };
    } finally {
      clearTimeout(late);
    }
  }

  /** Stop by itself, and by force when it takes too long. */
  function close(): Promise<void> {
    clearTimeout(timer);
    rejectWaiting(closing());
    for (const { failed } of [...listeners.values()]) failed(closing());
    const own = child;
    if (own.exitCode !== null || own.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      const force = setTimeout(() => own.kill("SIGKILL"), grace);
      own.ref();
      own.once("exit", () => {
        clearTimeout(force);
        resolve();
      });
      post(own, { kind: "stop" });
    });
  }

  launch();
  return {
    list: () => call("list", []),
    about: (model, signal) => call("about", [model], signal),
    open: (model, signal) => call("open", [model], signal),
    close: (model) => call("close", [model]),
    generate,
    score: (ask, signal) => call("score", [ask], signal),
    embed: (ask, signal) => call("embed", [ask], signal),
    tokenize: (model, prompt) => call("tokenize", [model, prompt]),
    detokenize: (model, ids) => call("detokenize", [model, ids]),
    tokens: (model, ids) => call("tokens", [model, ids]),
    tokenizerInfo: (model) => call("tokenizerInfo", [model]),
    status,
    [Symbol.asyncDispose]() {
      disposed ??= close();
      return disposed;
    },
  };
}

/**
 * An engine in a child process: the caller's thread stays free while it computes, a request is stopped between two
 * steps, and a crash of the engine is its own. It is started again then, and only what it was doing fails.
 */
import { fileURLToPath } from "node:url";
import { throwIfAborted, ZerothError } from "../errors.ts";
import { parseModelName } from "../hub/names.ts";
import { defaultThreads } from "../runtime/threads-node.ts";
import type { LiveEvent } from "../text/live/request.ts";
import { needAdapterId } from "./adapters/names.ts";
import type { Engine, EngineStatus, GenerateAsk, Prepared } from "./engine.ts";
import type { EngineOptions } from "./local-node.ts";
import {
  type Arguments,
  errorOf,
  eventsAhead,
  type FromEngine,
  type Method,
  type ToEngine,
  type Value,
} from "./messages.ts";
import { eventStream } from "./stream.ts";
import { closing, post, supervised } from "./supervised-node.ts";
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

/** Milliseconds after which the last status that is known is given: a long run does not make anybody wait for it. */
const statusWithin = 200;

const gone = () =>
  new ZerothError("engine_failed", "the engine stopped while it answered; it is being started again", {
    hint: "ask again",
  });
/**
 * Start an engine in a process of its own. It is ready at once: what is asked waits until the process is.
 * @throws bad_input for names of pinned models and adapters that cannot be names
 */
export function childEngine({ grace = 5000, script, ...options }: ChildEngineOptions = {}): Engine {
  const file = fileURLToPath(script ?? new URL("./engine-process-node.js", import.meta.url));
  const { pinned = [], folders = {}, env } = options;
  /** Adapters that were given or added: a process that is started again knows of them, too. */
  const adapters = new Map(Object.entries(options.adapters ?? {}));
  const bases = [...adapters.keys()].map((id) => needAdapterId(id).base);
  for (const name of [...pinned, ...bases]) if (!Object.hasOwn(folders, name)) parseModelName(name, false);
  const listeners = new Map<number, Listener>();
  let next = 1;
  let isClosing = false;
  let disposed: Promise<void> | undefined;
  let lastStatus: EngineStatus | undefined;

  const engine = supervised({
    file,
    first: () => ({
      kind: "start",
      options: { ...options, adapters: Object.fromEntries(adapters), ...(env && { env: { ...env } }) },
    }),
    last: { kind: "stop" },
    grace,
    told: (message) => listeners.get(message.id)?.told(message),
    ended() {
      lastStatus = undefined;
      const error = isClosing ? closing() : gone();
      for (const { failed } of [...listeners.values()]) failed(error);
      listeners.clear();
    },
  });

  /** Send a call to the process when it is ready; `told` hears what it says to it, until `leave`. */
  function begin(make: (id: number) => ToEngine, listener: Listener) {
    const id = next++;
    let state: "waiting" | "sent" | "over" = "waiting";
    engine.use(1);
    const leave = (cancel: boolean) => {
      const own = engine.current();
      if (cancel && state === "sent" && own) post(own, { kind: "cancel", id });
      if (state !== "over") engine.use(-1);
      state = "over";
      listeners.delete(id);
    };
    engine.running().then(
      (own) => {
        if (state !== "waiting") return;
        // It may have died since it was said to be ready.
        if (own !== engine.current()) return listener.failed(gone());
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
      const own = engine.current();
      if (state === "sent" && own) post(own, { kind: "more", id, count });
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
    const restarts = engine.restarts();
    const pid = engine.current()?.pid ?? 0;
    const known = { ...(lastStatus ?? { models: [], memory: 0, device, threads }), pid, restarts };
    if (pid === 0) return known;
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(), statusWithin);
    try {
      lastStatus = { ...(await call("status", [], stop.signal)), restarts };
      return lastStatus;
    } catch {
      return known;
    } finally {
      clearTimeout(late);
    }
  }

  return {
    list: () => call("list", []),
    about: (model, signal) => call("about", [model], signal),
    open: (model, signal) => call("open", [model], signal),
    close: (model) => call("close", [model]),
    generate,
    score: (ask, signal) => call("score", [ask], signal),
    embed: (ask, signal) => call("embed", [ask], signal),
    predict: (ask, signal) => call("predict", [ask], signal),
    adapters: () => call("adapters", []),
    async addAdapter(base, name, folder) {
      const added = await call("addAdapter", [base, name, folder]);
      adapters.set(added.id, folder);
      return added;
    },
    async removeAdapter(id) {
      const removed = await call("removeAdapter", [id]);
      adapters.delete(removed);
      return removed;
    },
    scanAdapters: () => call("scanAdapters", []),
    tokenize: (model, prompt) => call("tokenize", [model, prompt]),
    detokenize: (model, ids) => call("detokenize", [model, ids]),
    tokens: (model, ids) => call("tokens", [model, ids]),
    tokenizerInfo: (model) => call("tokenizerInfo", [model]),
    status,
    [Symbol.asyncDispose]() {
      isClosing = true;
      disposed ??= engine.close();
      return disposed;
    },
  };
}

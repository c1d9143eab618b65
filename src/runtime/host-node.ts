/**
 * Where the engine computes: on the caller's thread, on a worker thread (the caller stays responsive; a run goes on to
 * its end), or in a child process (can be killed in the middle of a run, and a crash of the engine is only its own).
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type Tensor as OrtTensor, Tensor } from "onnxruntime-common";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import type { DType, TypedArray } from "../graph/dtype.ts";
import type { Graph } from "../graph/graph.ts";
import { type CompileOptions, compile, prepare } from "./compile-node.ts";
import { type Call, compact, type Reply, type TensorMessage } from "./host-messages.ts";
import { int8Levels } from "./int8-node.ts";
import type { Program } from "./program.ts";
import { engineError, type OpenSession, sessionProgram, type TensorClass } from "./session.ts";

export type HostKind = "thread" | "worker" | "child";

export interface EngineHost extends AsyncDisposable {
  readonly kind: HostKind;
  /** {@link compile}, with the session in this host. Programs of one host run one after another. */
  compile<O extends string>(g: Graph<O>, options?: CompileOptions): Promise<Program<O>>;
  /**
   * Stop a child process at once, in the middle of a run if need be: its pending runs fail with `interrupted`. The
   * other kinds cannot be killed without the whole process; dispose them, which waits for the run under way.
   */
  kill(): void;
}

export interface HostOptions {
  /** The engine's script, where a bundler moved it. */
  readonly engine?: URL;
}

/** The other end, thread or process. */
interface Channel {
  send(call: Call): void;
  /** Whether the other end keeps this process alive. */
  keepAlive(on: boolean): void;
  kill?(): void;
}

interface Listeners {
  onReply(reply: Reply): void;
  onEnd(why: string): void;
}

function workerChannel(script: URL, { onReply, onEnd }: Listeners): Channel {
  const worker = new Worker(script, { execArgv: [] });
  worker.on("message", onReply);
  worker.on("error", (error) => onEnd(error.message));
  worker.on("exit", () => onEnd("its thread ended"));
  return {
    send: (call) => worker.postMessage(call),
    keepAlive: (on) => (on ? worker.ref() : worker.unref()),
  };
}

function childChannel(script: URL, { onReply, onEnd }: Listeners): Channel {
  const child: ChildProcess = fork(fileURLToPath(script), { serialization: "advanced", execArgv: [] });
  child.on("message", (message) => onReply(message as Reply));
  child.on("error", (error) => onEnd(error.message));
  child.on("exit", (code, signal) => onEnd(signal ? `its process was killed by ${signal}` : `exit code ${code}`));
  return {
    send: (call) => child.send(call),
    keepAlive(on) {
      if (on) child.ref();
      else child.unref();
      if (on) child.channel?.ref();
      else child.channel?.unref();
    },
    kill: () => child.kill("SIGKILL"),
  };
}

type Value = number | Readonly<Record<string, TensorMessage>> | undefined;

/** A call as written by the caller: its number is given when it is sent. */
type Unsent = Call extends infer C ? (C extends Call ? Omit<C, "id"> : never) : never;

/** Calls over a channel; when it ends, calls that wait for a reply fail. */
function callsOver(open: (listeners: Listeners) => Channel) {
  const waiting = new Map<number, { resolve: (value: Value) => void; reject: (error: unknown) => void }>();
  let next = 1;
  let ended: ZerothError | undefined;
  let killed = false;
  let closed = () => {};
  const end = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const channel = open({
    onReply(reply) {
      const call = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (waiting.size === 0) channel.keepAlive(false);
      if ("error" in reply) call?.reject(new Error(reply.error));
      else call?.resolve(reply.value);
    },
    onEnd(why) {
      ended ??= killed
        ? new ZerothError("interrupted", "the engine was stopped")
        : new ZerothError("engine_failed", `the engine is gone: ${why}`, { hint: "open a new host" });
      for (const { reject } of waiting.values()) reject(ended);
      waiting.clear();
      closed();
    },
  });
  channel.keepAlive(false);
  const call = (unsent: Unsent): Promise<Value> => {
    if (ended) return Promise.reject(ended);
    const id = next++;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      channel.keepAlive(true);
      channel.send({ ...unsent, id } as Call);
    });
  };
  return {
    call,
    kill() {
      if (!channel.kill) fail("wrong_use", "only a child process can be killed", { hint: 'open the host as "child"' });
      killed = true;
      channel.kill();
    },
    /** Let the other end finish, and wait until it is gone. */
    async close() {
      await call({ kind: "exit" });
      channel.keepAlive(true);
      await end;
    },
    hasEnded: () => ended !== undefined,
  };
}

/** A session at the other end, as {@link sessionProgram} wants one. */
function remoteSession(call: (call: Unsent) => Promise<Value>, session: number): OpenSession {
  return {
    async run(feeds: Readonly<Record<string, OrtTensor>>, fetches: Readonly<Record<string, unknown>>) {
      const tensors = Object.entries(feeds).map(([name, { type, dims, data }]) => {
        const message: TensorMessage = { type: type as DType, dims, data: compact(data as TypedArray) };
        return [name, message] as const;
      });
      const outputs = Object.keys(fetches);
      const results = await call({ kind: "run", session, feeds: Object.fromEntries(tensors), outputs });
      return results as unknown as Record<string, OrtTensor>;
    },
    async release() {
      await call({ kind: "release", session });
    },
  } as OpenSession;
}

const onThisThread: EngineHost = {
  kind: "thread",
  compile,
  kill: () => fail("wrong_use", "only a child process can be killed", { hint: 'open the host as "child"' }),
  async [Symbol.asyncDispose]() {},
};

/** Open a host. The caller closes it with `await using`, after its programs. */
export function openHost(kind: HostKind, { engine }: HostOptions = {}): EngineHost {
  if (kind === "thread") return onThisThread;
  const script = engine ?? new URL("./host-engine-node.js", import.meta.url);
  const calls = callsOver((listeners) => (kind === "worker" ? workerChannel : childChannel)(script, listeners));
  let last: Promise<unknown> = Promise.resolve();
  /** One thing at a time, so that what waits can still be called off. */
  const inTurn = <T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    const turn = last.then(() => {
      throwIfAborted(signal);
      return work();
    });
    last = turn.catch(() => {});
    return turn;
  };
  return {
    kind,
    async compile<O extends string>(g: Graph<O>, how: CompileOptions = {}): Promise<Program<O>> {
      const { signature, model, options } = prepare(g, { ...how, levels: await int8Levels(how.weights) });
      let session: number;
      try {
        session = (await inTurn(undefined, () => calls.call({ kind: "open", prepared: { model, options } }))) as number;
      } catch (error) {
        throw engineError(error, "opening a session");
      }
      const inner = sessionProgram<O>(
        remoteSession(calls.call, session),
        signature,
        Tensor as unknown as TensorClass,
        false,
      );
      return {
        ...inner,
        run: (feeds, run) => inTurn(run?.signal, () => inner.run(feeds, run)),
        async [Symbol.asyncDispose]() {
          // The engine took its sessions with it.
          if (!calls.hasEnded()) await inTurn(undefined, async () => inner[Symbol.asyncDispose]());
        },
      };
    },
    kill: calls.kill,
    async [Symbol.asyncDispose]() {
      await last;
      if (calls.hasEnded()) return;
      await calls.close();
    },
  };
}

/**
 * Files whose library has no limits of its own are read in a process with little memory and for a limited time, so that a
 * file that breaks the process is one more damaged file. A thread would not do: when its memory is full in the middle of
 * an allocation, the engine ends the whole program. One question is answered after the other.
 */
import { type ChildProcess, fork } from "node:child_process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type ErrorCode, fail, ZerothError } from "../errors.ts";
import { leaveSignalsToOwner, whenOwnerGone } from "./owner-node.ts";

/** For a file or a part of it. */
export interface ReaderLimits {
  readonly milliseconds: number;
  readonly megabytes: number;
}

export interface ReaderFailure {
  readonly error: string;
  readonly code: ErrorCode;
  readonly hint?: string | undefined;
}

export interface ReaderProcessOptions {
  /** What follows "cannot be read" in a message: "as PDF". */
  readonly as: string;
  /** The process's program. */
  readonly script: URL;
  /** What each megabyte of the file adds to the limits. */
  readonly each: ReaderLimits;
}

/** Whatever a file's size. */
const mostMegabytes = 8192;

/** A process is used again for a file that may take as much, or this much less: one of a large file has no bound for a small. */
const spare = 1.5;

/** Whether the process keeps this one alive. */
function hold(child: ChildProcess, on: boolean): void {
  if (on) child.ref();
  else child.unref();
  if (on) child.channel?.ref();
  else child.channel?.unref();
}

export interface ReaderProcess<Q extends { readonly path: string }, R> {
  /** @throws what the process says; corrupt_file where it takes more time or memory than it may, or breaks; interrupted */
  ask(question: Q, limits: ReaderLimits, signal?: AbortSignal): Promise<R>;
}

export function readerProcess<Q extends { readonly path: string }, R extends object>({
  as,
  script,
  each,
}: ReaderProcessOptions): ReaderProcess<Q, R> {
  type Heard = (R | ReaderFailure) & { readonly broken?: true };
  /** The process of the last file, if nothing broke it. */
  let idle: { child: ChildProcess; megabytes: number } | undefined;
  /** Ends when the question before is answered. */
  let before: Promise<unknown> = Promise.resolve();

  /** A process that has begun: how long that takes is the machine's affair, not the file's. */
  async function processOf(megabytes: number): Promise<ChildProcess> {
    const kept = idle;
    idle = undefined;
    if (kept && kept.megabytes >= megabytes && kept.megabytes <= spare * megabytes) return kept.child;
    kept?.child.kill("SIGKILL");
    const child = fork(fileURLToPath(script), [String(megabytes)], {
      serialization: "advanced",
      execArgv: [`--max-old-space-size=${megabytes}`],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    // Whoever waits for it hears of its end; when nobody does, nothing is lost.
    child.on("error", () => {});
    child.once("exit", () => {
      if (idle?.child === child) idle = undefined;
    });
    await new Promise<void>((resolve) => {
      for (const event of ["message", "error", "exit"]) child.once(event, () => resolve());
    });
    return child;
  }

  /** What the process says; it is not to be used again where it broke or did not answer. */
  function answerOf(
    child: ChildProcess,
    question: Q,
    patience: number,
    signal: AbortSignal | undefined,
  ): Promise<Heard> {
    return new Promise((resolve) => {
      const began = performance.now();
      const late = () => wrong(`not done after ${patience / 1000} s`);
      // Both may wait for this thread at once: an answer that came too late is none, whichever is looked at first.
      const heard = (reply: unknown) => (performance.now() - began > patience ? late() : settle(reply as Heard));
      const settle = (reply: Heard) => {
        clearTimeout(timer);
        child.off("message", heard).off("error", broke).off("exit", gone);
        signal?.removeEventListener("abort", stopped);
        resolve(reply);
      };
      const wrong = (what: string) =>
        settle({ error: `cannot be read ${as}: ${what}`, code: "corrupt_file", broken: true } as Heard);
      const broke = ({ message }: Error) => wrong(message);
      const stopped = () => settle({ error: "stopped on request", code: "interrupted", broken: true } as Heard);
      // The engine aborts when memory is full, and the process kills itself.
      const gone = (code: number | null, end: string | null) =>
        wrong(
          end === "SIGABRT" || end === "SIGKILL" || code === 134
            ? "takes too much memory"
            : `its reader ended (${end ?? code})`,
        );
      const timer = setTimeout(late, patience);
      child.on("message", heard).on("error", broke).on("exit", gone);
      signal?.addEventListener("abort", stopped);
      if (signal?.aborted) return stopped();
      child.send(question, (error) => {
        if (error) broke(error);
      });
    });
  }

  async function answered(question: Q, limits: ReaderLimits, signal: AbortSignal | undefined): Promise<Heard> {
    const size = Math.floor((statSync(question.path, { throwIfNoEntry: false })?.size ?? 0) / 1e6);
    const megabytes = Math.min(limits.megabytes + each.megabytes * size, Math.max(limits.megabytes, mostMegabytes));
    const child = await processOf(megabytes);
    hold(child, true);
    const reply = await answerOf(child, question, limits.milliseconds + each.milliseconds * size, signal);
    hold(child, false);
    if (reply.broken) child.kill("SIGKILL");
    else idle = { child, megabytes };
    return reply;
  }

  return {
    async ask(question, limits, signal) {
      const work = before.then(() => answered(question, limits, signal));
      before = work.catch(() => undefined);
      const reply = await work;
      if (!("error" in reply)) return reply;
      const { error, code, hint } = reply as ReaderFailure;
      return fail(code, error, { where: question.path, ...(hint !== undefined && { hint }) });
    },
  };
}

/** How often memory is looked at, in milliseconds. */
const often = 100;

/**
 * The process's end: answers one question after another with `answer`. Memory outside of the engine's heap is watched from
 * a thread of its own, which begins with the same program.
 */
export function answerQuestions<Q, R extends object>(answer: (question: Q) => Promise<R>): void {
  const megabytes = Number(process.argv[2]) * 1.5 + 256;
  if (!isMainThread) {
    if (workerData === "watch") {
      parentPort!.postMessage("watching");
      setInterval(() => {
        if (process.memoryUsage.rss() > megabytes * 1e6) process.kill(process.pid, "SIGKILL");
      }, often);
    }
    return;
  }
  const watch = new Worker(process.argv[1]!, { workerData: "watch", argv: [process.argv[2]] });
  watch.unref();
  // A library may read parts side by side and wait for the first that fails: the others fail unheard.
  process.on("unhandledRejection", () => {});
  leaveSignalsToOwner();
  whenOwnerGone(() => process.exit());
  process.on("message", async (question: Q) => {
    let reply: R | ReaderFailure;
    try {
      reply = await answer(question);
    } catch (error) {
      const { code, message, where, hint } = error as ZerothError;
      reply =
        error instanceof ZerothError
          ? { error: where === undefined ? message : message.slice(where.length + 2), code, hint }
          : { error: String(error), code: "corrupt_file" };
    }
    // Nobody to answer: the other end has gone meanwhile.
    process.send?.(reply, () => {});
  });
  // Begun.
  watch.once("message", () => process.send?.({}));
}

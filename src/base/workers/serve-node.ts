/**
 * The other end of a pool: a process that does one item after another. It may be killed at any moment, so what it makes
 * is whole or not there.
 */
import { throwIfAborted, ZerothError } from "../../errors.ts";
import { leaveSignalsToOwner, whenOwnerGone } from "../owner-node.ts";
import { exitOf } from "./exits.ts";
import type { Failure, FromWorker, ToWorker } from "./messages.ts";

function failureOf(error: unknown): Failure {
  const known = error instanceof ZerothError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: known?.code ?? "internal",
    message,
    hint: known?.hint,
    stack: error instanceof Error ? error.stack : undefined,
    exit: exitOf(error),
  };
}

export interface WorkerContext<Event> {
  /** Aborted when the owner asks to stop. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: Event) => void;
}

/** Serve whoever started this process. @param open gives what does an item, once */
export function serveWork<Start, Event, Done>(
  open: (start: Start, context: WorkerContext<Event>) => Promise<(item: string) => Promise<Done>>,
): void {
  const stop = new AbortController();
  const tell = (message: FromWorker<Event, Done>): void => void process.send?.(message, undefined, {}, () => {});
  leaveSignalsToOwner();
  // Nobody waits for the result any more. A process that ends itself during a run of the engine would be a crash.
  whenOwnerGone(() => process.kill(process.pid, "SIGKILL"));
  let work: ReturnType<typeof open> | undefined;
  process.on("message", async (message) => {
    const said = message as ToWorker<Start>;
    if (said.kind === "stop") return stop.abort();
    try {
      if (said.kind === "start") {
        work = open(said.start, { signal: stop.signal, onEvent: (event) => tell({ kind: "event", event }) });
        await work;
        return;
      }
      const one = await work!;
      throwIfAborted(stop.signal);
      tell({ kind: "done", done: await one(said.item) });
    } catch (error) {
      if (said.kind === "run") tell({ kind: "failed", failure: failureOf(error) });
      // A start that failed is told with the first item.
    }
  });
  tell({ kind: "ready" });
}

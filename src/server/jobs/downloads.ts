/** Downloads that a server was asked for: they go on when nobody watches, and can be stopped. */
import { apiError, type ErrorBody, errorBody, refuse } from "../errors.ts";
import type { DownloadState, Hub, Scanned } from "./hub.ts";

export interface Download {
  readonly id: string;
  readonly model: string;
  readonly state: "running" | "done" | "failed" | "stopped";
  /** Unix milliseconds. */
  readonly started: number;
  readonly ended?: number;
  readonly progress?: DownloadState;
  readonly scan?: Scanned;
  readonly error?: ErrorBody["error"];
}

export interface Downloads {
  /** Begin one; where the same model is being downloaded already, it is that one. */
  begin(model: string): Download;
  /** The newest first. */
  list(): readonly Download[];
  get(id: string): Download | undefined;
  /** End it; what has come is kept. One that has ended is left as it is. */
  stop(id: string): Promise<void>;
  stopAll(): void;
  /** Its states as they change, the present one first, until it has ended. */
  follow(id: string, signal: AbortSignal): AsyncGenerator<Download, void>;
}

/** Ended downloads that are remembered. */
const mostEnded = 50;
/** Downloads at the same time. */
const mostRunning = 8;

export function createDownloads(hub: Hub): Downloads {
  interface Running {
    readonly controller: AbortController;
    readonly over: Promise<void>;
  }
  const jobs = new Map<string, Download>();
  const running = new Map<string, Running>();
  /** Woken at every change. */
  const watchers = new Set<() => void>();

  const set = (id: string, change: Partial<Download>): void => {
    jobs.set(id, { ...jobs.get(id)!, ...change });
    for (const wake of watchers) wake();
  };

  async function run(id: string, model: string, signal: AbortSignal): Promise<void> {
    try {
      const scan = await hub.download(model, (progress) => set(id, { progress }), signal);
      set(id, { state: "done", ended: Date.now(), scan });
    } catch (error) {
      const stopped = signal.aborted;
      set(id, {
        state: stopped ? "stopped" : "failed",
        ended: Date.now(),
        ...(!stopped && { error: errorBody(apiError(error)).error }),
      });
    } finally {
      running.delete(id);
      const ended = [...jobs.values()].filter(({ state }) => state !== "running");
      for (const { id: old } of ended.slice(0, Math.max(0, ended.length - mostEnded))) jobs.delete(old);
    }
  }

  return {
    begin(model) {
      const same = [...jobs.values()].find((job) => job.model === model && job.state === "running");
      if (same) return same;
      if (running.size >= mostRunning) {
        refuse(429, `${mostRunning} models are being downloaded already`, {
          code: "rate_limit_exceeded",
          headers: { "retry-after": "10" },
        });
      }
      const id = `job_${crypto.randomUUID().replaceAll("-", "")}`;
      const controller = new AbortController();
      jobs.set(id, { id, model, state: "running", started: Date.now() });
      running.set(id, { controller, over: run(id, model, controller.signal) });
      return jobs.get(id)!;
    },
    list: () => [...jobs.values()].reverse(),
    get: (id) => jobs.get(id),
    async stop(id) {
      const job = running.get(id);
      job?.controller.abort();
      await job?.over;
    },
    stopAll() {
      for (const { controller } of running.values()) controller.abort();
    },
    async *follow(id, signal) {
      let last: Download | undefined;
      while (!signal.aborted) {
        const job = jobs.get(id);
        if (job === undefined) return;
        if (job !== last) yield job;
        last = job;
        if (job.state !== "running") return;
        if (jobs.get(id) !== last) continue;
        await new Promise<void>((resolve) => {
          const wake = () => {
            watchers.delete(wake);
            signal.removeEventListener("abort", wake);
            resolve();
          };
          watchers.add(wake);
          signal.addEventListener("abort", wake, { once: true });
        });
      }
    },
  };
}

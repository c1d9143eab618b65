/** The embedded model in this browser: the same library, in a worker. */
import type { Failure, Opened, Order, Report } from "../engine/messages.ts";
import { browserTeacher } from "./browser-teacher.ts";
import { type Client, type Job, type ModelCard, Problem, type Told } from "./client.ts";
import { createQueue, type Queue } from "./queue.ts";
import type { Shelf } from "./teach.ts";
import { problemFrom } from "./words.ts";

export const embedded = "zeroth-nano";

type Waiting =
  | { readonly kind: "told"; readonly queue: Queue<Told> }
  | { readonly kind: "one"; resolve(report: Report): void; reject(error: unknown): void };

const problemOfFailure = ({ code, message, hint }: Failure): Problem => problemFrom(code, message, hint);

/** What this page and its worker hold, where the browser tells: only pages that are isolated from others are told. */
async function measureMemory(): Promise<number | undefined> {
  const { measureUserAgentSpecificMemory: measure } = performance as Performance & {
    measureUserAgentSpecificMemory?(): Promise<{ readonly bytes: number }>;
  };
  if (!crossOriginIsolated || !measure) return undefined;
  return measure.call(performance).then(
    ({ bytes }) => bytes,
    () => undefined,
  );
}

/**
 * @param base address of the model's folder, with a slash at its end
 * @param shelf keeps what was taught
 */
export function browserClient(base: string, shelf: Shelf): Client {
  let worker: Worker | undefined;
  let opening: Promise<void> | undefined;
  let settle: { resolve(): void; reject(error: unknown): void } | undefined;
  let about: Opened | undefined;
  let job: Job | undefined;
  let memory: number | undefined;
  let next = 1;
  const waiting = new Map<number, Waiting>();
  const watchers = new Set<() => void>();
  const changed = () => {
    for (const watcher of watchers) watcher();
  };

  const failAll = (error: Problem) => {
    teacher.failedAll(error);
    for (const one of waiting.values()) one.kind === "told" ? one.queue.end(error) : one.reject(error);
    waiting.clear();
  };

  function endJob(problem?: Problem): void {
    if (!job) return;
    job = {
      ...job,
      state: problem ? "failed" : "done",
      ended: Date.now(),
      ...(problem && { problem: problem.message }),
    };
  }

  const heard: { [K in Report["kind"]]: (report: Extract<Report, { kind: K }>) => void } = {
    loading({ done, total }) {
      if (job) job = { ...job, progress: { done, unit: "bytes", ...(total !== undefined && { total }) } };
      changed();
    },
    opened(report) {
      about = report.about;
      teacher.opened();
      endJob();
      settle?.resolve();
      changed();
      void measureMemory().then((bytes) => {
        memory = bytes;
        changed();
      });
    },
    closed() {
      about = undefined;
      opening = undefined;
      memory = undefined;
      worker?.terminate();
      worker = undefined;
      failAll(new Problem("The model was closed.", { stopped: true }));
      changed();
    },
    "not-opened"({ failure }) {
      couldNotOpen(problemOfFailure(failure));
    },
    told({ id, told }) {
      const found = waiting.get(id);
      if (found?.kind !== "told") return;
      found.queue.push(...told);
      if (told.at(-1)?.kind === "end") {
        found.queue.end();
        waiting.delete(id);
      }
    },
    scored: (report) => answered(report.id, report),
    counted: (report) => answered(report.id, report),
    "lesson-told": (report) => teacher.heard(report),
    taught: (report) => teacher.heard(report),
    failed({ id, failure }) {
      const found = waiting.get(id);
      waiting.delete(id);
      const problem = problemOfFailure(failure);
      if (teacher.failed(id, problem)) return;
      if (found?.kind === "told") found.queue.end(problem);
      else found?.reject(problem);
    },
  };

  function couldNotOpen(problem: Problem): void {
    endJob(problem);
    settle?.reject(problem);
    opening = undefined;
    worker?.terminate();
    worker = undefined;
    failAll(problem);
    changed();
  }

  function answered(id: number, report: Report): void {
    const found = waiting.get(id);
    waiting.delete(id);
    if (found?.kind === "one") found.resolve(report);
  }

  const order = (message: Order) => worker?.postMessage(message);
  const teacher = browserTeacher({ shelf, open, order, nextId: () => next++, changed });

  function open(): Promise<void> {
    opening ??= new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
      job = { id: "open", title: `Opening ${embedded} in this browser`, state: "running", started: Date.now() };
      worker = new Worker(new URL("../engine/worker.ts", import.meta.url), { type: "module" });
      worker.addEventListener("message", ({ data }: MessageEvent<Report>) => {
        (heard[data.kind] as (report: Report) => void)(data);
      });
      worker.addEventListener("error", ({ message }) => {
        couldNotOpen(
          new Problem("The engine could not start in this browser.", {
            hint: "It needs WebAssembly with SIMD: any browser of the last three years has it.",
            details: message || "the worker's script did not load",
          }),
        );
      });
      order({ kind: "open", base });
      changed();
    });
    return opening;
  }

  /** One order and its one answer; stopped when the signal fires. */
  async function one(make: (id: number) => Order, signal?: AbortSignal): Promise<Report> {
    await open();
    signal?.throwIfAborted();
    const id = next++;
    return new Promise((resolve, reject) => {
      waiting.set(id, { kind: "one", resolve, reject });
      signal?.addEventListener("abort", () => order({ kind: "stop", id }), { once: true });
      order(make(id));
    });
  }

  return {
    where: "browser",
    manages: { anyModel: false, close: true },
    async models() {
      const card: ModelCard = {
        id: embedded,
        can: ["generate", "score"],
        state: about ? "ready" : opening ? "opening" : "closed",
        ...(about && {
          family: about.family,
          kind: about.kind,
          bytes: about.bytes,
          parameters: about.parameters,
          ...(about.longest !== undefined && { longest: about.longest }),
        }),
        ...(!about && job?.progress && { progress: job.progress }),
        ...(memory !== undefined && { memory }),
      };
      const { memory: _, bytes: __, progress: ___, ...base } = card;
      const taught = teacher.kept().map(({ id }): ModelCard => ({ ...base, id, taught: true }));
      return [card, ...taught];
    },
    open: () => open(),
    async close() {
      order({ kind: "close" });
    },
    async *answer(ask, signal) {
      await open();
      signal?.throwIfAborted();
      const id = next++;
      const queue = createQueue<Told>();
      waiting.set(id, { kind: "told", queue });
      const stop = () => order({ kind: "stop", id });
      signal?.addEventListener("abort", stop, { once: true });
      order({ kind: "answer", id, ask });
      try {
        yield* queue;
      } finally {
        signal?.removeEventListener("abort", stop);
        if (waiting.delete(id)) stop();
      }
    },
    async score(ask, choices, signal) {
      const report = await one((id) => ({ kind: "score", id, ask, choices }), signal);
      return report.kind === "scored" ? report.scores : [];
    },
    async count(_model, prompt, signal) {
      const report = await one((id) => ({ kind: "count", id, prompt }), signal);
      return report.kind === "counted" ? report.tokens : 0;
    },
    teacher,
    jobs: async () => [...teacher.jobs(), ...(job ? [job] : [])],
    async status() {
      return {
        device: "WebAssembly",
        ...(about && { threads: about.threads }),
        ...(memory !== undefined && { memory }),
        ...(!crossOriginIsolated && { note: "one thread: this page is not isolated from others" }),
      };
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

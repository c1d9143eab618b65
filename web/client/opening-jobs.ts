/** Openings and downloads of a server as jobs: seen in what it says of its models, kept for this visit. */
import type { Job, ModelCard, Problem } from "./client.ts";

export function openingJobs() {
  const jobs = new Map<string, Job>();
  const begun = (model: string, more: Partial<Job> = {}): Job => {
    const known = jobs.get(model);
    const started = known?.state === "running" ? known.started : Date.now();
    return { id: model, title: `Opening ${model}`, state: "running", started, ...more };
  };
  return {
    begin(model: string): void {
      jobs.set(model, begun(model));
    },
    failed(model: string, problem: Problem): void {
      const job = begun(model);
      jobs.set(model, {
        ...job,
        state: problem.stopped ? "done" : "failed",
        ended: Date.now(),
        ...(!problem.stopped && { problem: `${problem.message} ${problem.hint ?? ""}`.trim() }),
      });
    },
    /** Takes what the server says now: which are opening, how far, and which have become ready. */
    note(models: readonly ModelCard[]): void {
      for (const { id, state, progress } of models) {
        const known = jobs.get(id);
        if (state === "opening") {
          jobs.set(id, begun(id, progress ? { progress: { ...progress, unit: "bytes" } } : {}));
        } else if (state === "ready" && known?.state === "running") {
          jobs.set(id, { ...known, state: "done", ended: Date.now() });
        }
      }
    },
    jobs: (): readonly Job[] => [...jobs.values()].sort((a, b) => b.started - a.started),
  };
}

/** Teaching in this browser: lessons run in the worker, results are kept on a shelf and put in front of the model. */
import type { Order, Report } from "../engine/messages.ts";
import { type Job, Problem } from "./client.ts";
import { createQueue, type Queue } from "./queue.ts";
import type { Kept, Lesson, LessonTold, Shelf, Teacher } from "./teach.ts";

interface Parts {
  readonly shelf: Shelf;
  /** Resolves when the model is open. */
  open(): Promise<void>;
  order(message: Order): void;
  nextId(): number;
  changed(): void;
}

interface Running {
  readonly lesson: Lesson;
  readonly queue: Queue<LessonTold>;
  readonly job: Job;
}

export interface BrowserTeacher extends Teacher {
  readonly jobs: () => readonly Job[];
  /** Results on the shelf. */
  readonly kept: () => readonly Kept[];
  /** Gives an opened model what was taught. */
  opened(): void;
  heard(report: Extract<Report, { kind: "lesson-told" | "taught" }>): void;
  /** Whether the request was one of a lesson. */
  failed(id: number, problem: Problem): boolean;
  failedAll(problem: Problem): void;
}

export function browserTeacher({ shelf, open, order, nextId, changed }: Parts): BrowserTeacher {
  const running = new Map<number, Running>();
  let jobs: readonly Job[] = [];
  let kept: readonly Kept[] = [];
  const read = shelf.all().then((all) => {
    kept = all;
    for (const one of all) order({ kind: "adapter", model: one.id, files: one.files });
    changed();
  });

  const noteJob = (job: Job) => {
    jobs = [job, ...jobs.filter(({ id }) => id !== job.id)].slice(0, 20);
    changed();
  };
  const end = (id: number, state: Job["state"], problem?: Problem) => {
    const found = running.get(id);
    running.delete(id);
    const last = jobs.find((job) => job.id === found?.job.id);
    if (last) {
      noteJob({ ...last, state, ended: Date.now(), ...(problem && !problem.stopped && { problem: problem.message }) });
    }
    return found?.queue;
  };

  return {
    jobs: () => jobs,
    kept: () => kept,
    opened() {
      for (const one of kept) order({ kind: "adapter", model: one.id, files: one.files });
    },
    heard(report) {
      const found = running.get(report.id);
      if (!found) return;
      const { lesson, queue, job } = found;
      if (report.kind === "lesson-told") {
        queue.push(...report.told);
        const step = report.told.findLast((told) => told.kind === "step");
        if (step) noteJob({ ...job, progress: { done: step.step, total: step.steps, unit: "steps" } });
        return;
      }
      const id = `${lesson.model}:${lesson.name}`;
      order({ kind: "adapter", model: id, files: report.files });
      const labels = lesson.classes ? [...new Set(lesson.rows.map(({ label }) => label))] : [];
      const one: Kept = { id, changed: Date.now(), base: lesson.model, labels, files: report.files };
      kept = [one, ...kept.filter((other) => other.id !== id)];
      void shelf.keep(one);
      queue.push({ kind: "taught", model: id });
      end(report.id, "done")?.end();
      changed();
    },
    failed(id, problem) {
      if (!running.has(id)) return false;
      end(id, problem.stopped ? "stopped" : "failed", problem)?.end(problem);
      return true;
    },
    failedAll(problem) {
      for (const id of [...running.keys()]) end(id, problem.stopped ? "stopped" : "failed", problem)?.end(problem);
    },
    async able() {
      await read;
    },
    teach(lesson) {
      const id = nextId();
      const queue = createQueue<LessonTold>();
      const title = `Teaching ${lesson.model}: ${lesson.name}`;
      const job: Job = { id: `lesson-${id}`, title, state: "running", started: Date.now() };
      running.set(id, { lesson, queue, job });
      noteJob(job);
      open().then(
        () => running.has(id) && order({ kind: "teach", id, lesson }),
        (error: unknown) => end(id, "failed")?.end(error),
      );
      const now = (what: "pause" | "go-on" | "finish") => order({ kind: "lesson", id, now: what });
      return {
        told: queue,
        pause: () => now("pause"),
        goOn: () => now("go-on"),
        finish: () => now("finish"),
        drop() {
          order({ kind: "stop", id });
          end(id, "stopped")?.end(new Problem("Stopped.", { stopped: true }));
        },
      };
    },
    async taught() {
      await read;
      return kept;
    },
    async note(taught) {
      const found = kept.find(({ id }) => id === taught.id);
      if (!found) return;
      const one = { ...found, ...taught };
      kept = kept.map((other) => (other === found ? one : other));
      await shelf.keep(one);
    },
    async files(id) {
      return kept.find((one) => one.id === id)?.files ?? [];
    },
    async forget(id) {
      kept = kept.filter((one) => one.id !== id);
      order({ kind: "adapter", model: id });
      await shelf.forget(id);
      changed();
    },
  };
}

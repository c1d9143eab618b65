/** A study done by child processes: each free one takes the next run that nobody has done and nobody is at. */
import { existsSync, rmSync } from "node:fs";
import { namesIn } from "../../base/files-node.ts";
import { lockTimes, takeLock } from "../../base/lock-node.ts";
import type { Failure } from "../../base/workers/messages.ts";
import { runPool } from "../../base/workers/pool-node.ts";
import type { PlannedRun } from "../declare/plan-node.ts";
import type { Study } from "../declare/study.ts";
import {
  noteAbout,
  noteFailed,
  type RunRecord,
  readFailed,
  readRecord,
  type StudyFolder,
} from "../store/records-node.ts";
import type { StudyDone, StudyEvent, StudyStart } from "./study-process-node.ts";

export interface RunStudyOptions {
  readonly study: Study;
  readonly file: string;
  readonly runs: readonly PlannedRun[];
  readonly folder: StudyFolder;
  readonly quick: boolean;
  readonly workers: number;
  /** Of the whole machine; each worker has its part. */
  readonly threads: number;
  /** Times that a run is tried again after it failed; 2 by default. */
  readonly retries?: number | undefined;
  /** Runs that failed before are tried again. */
  readonly again: boolean;
  /** Seconds: no run is begun that would last longer than what is left of them. */
  readonly budget?: number | undefined;
  readonly version: string;
  readonly signal: AbortSignal;
  onRun(run: PlannedRun, outcome: "done" | "diverged" | Failure, state: RunState): void;
  onProgress(run: PlannedRun, event: StudyEvent): void;
  readonly script?: URL | undefined;
  readonly grace?: number | undefined;
}

export interface RunState {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  /** Seconds until all is done, by what runs of the same stage took; undefined before one has ended. */
  readonly left: number | undefined;
}

export interface StudyOutcome extends RunState {
  /** Runs that were not tried, as what they need failed or diverged, or time is up. */
  readonly skipped: number;
}

/** The script beside this file, which is where a bundler puts it as well. */
const usualScript = (): URL => new URL("./study-process-node.js", import.meta.url);

/** Milliseconds until it is looked again for what another process is at. */
const patience = 300;

/** Seconds that a run takes, by runs of its stage that are done and how dear they were. */
export function estimator(runs: readonly PlannedRun[]) {
  const took = new Map<string, { seconds: number; cost: number }>();
  const byId = new Map(runs.map((run) => [run.id, run]));
  return {
    note({ id, made }: RunRecord): void {
      const run = byId.get(id);
      if (!run) return;
      const { seconds = 0, cost = 0 } = took.get(run.stage) ?? {};
      took.set(run.stage, { seconds: seconds + made.seconds, cost: cost + run.cost });
    },
    of({ stage, cost }: PlannedRun): number | undefined {
      const known = took.get(stage);
      return known && (known.cost > 0 ? (known.seconds * cost) / known.cost : known.seconds);
    },
  };
}

/** Seconds that runs take one after another; undefined where no run of a stage has ended. */
export function estimated(runs: readonly PlannedRun[], { of }: ReturnType<typeof estimator>): number | undefined {
  let sum = 0;
  for (const run of runs) {
    const seconds = of(run);
    if (seconds === undefined) return undefined;
    sum += seconds;
  }
  return sum;
}

/** Do what is not done yet; never rejects because a run failed. */
export async function runStudy(o: RunStudyOptions): Promise<StudyOutcome> {
  const { study, runs, folder, workers, signal, retries = 2 } = o;
  await noteAbout(folder, { name: study.name, metrics: study.metrics, analyses: [...(study.analyses ?? [])] });
  const estimates = estimator(runs);
  const done = new Set<string>();
  const diverged = new Set<string>();
  const failed = new Set<string>();
  const attempts = new Map<string, number>();
  const mine = new Set<string>();
  /** When a run that another process is at may be looked at again. */
  const later = new Map<string, number>();
  const began = performance.now();
  let wake = () => {};

  const byId = new Map(runs.map((run) => [run.id, run]));
  /** Whether a run is done, by whoever did it; one that another process gave up is given up. */
  const look = (run: PlannedRun): boolean => {
    if (done.has(run.id)) return true;
    const record = readRecord(folder, run.id);
    if (record) {
      done.add(run.id);
      if (record.status === "diverged") diverged.add(run.id);
      estimates.note(record);
    } else if (readFailed(folder, run.id)) failed.add(run.id);
    return record !== undefined;
  };
  for (const run of runs) {
    if (o.again) rmSync(folder.at(run.id, "failed.json"), { force: true });
    if (look(run)) await clearUp(folder, run.id);
  }

  const fits = (run: PlannedRun): boolean => {
    if (o.budget === undefined) return true;
    return (performance.now() - began) / 1000 + (estimates.of(run) ?? 0) <= o.budget;
  };
  /** Whether a run may still be done: it fits, and so does what it needs. */
  const possible = (run: PlannedRun): boolean => {
    if (done.has(run.id) || failed.has(run.id)) return false;
    if (mine.has(run.id)) return true;
    if (run.parent === undefined) return fits(run);
    return fits(run) && !diverged.has(run.parent) && (done.has(run.parent) || possible(byId.get(run.parent)!));
  };
  const open = () => runs.filter(possible);
  const state = (): RunState => {
    const waiting = runs.filter(({ id }) => !done.has(id) && !failed.has(id));
    const seconds = estimated(waiting, estimates);
    const left = seconds === undefined ? undefined : seconds / Math.max(1, Math.min(workers, waiting.length));
    return { total: runs.length, done: done.size, failed: failed.size, left };
  };

  async function next(): Promise<string | undefined> {
    for (;;) {
      if (signal.aborted) return undefined;
      const now = performance.now();
      const left = open();
      if (left.length === 0) return undefined;
      const waiting = left.filter(({ id }) => !mine.has(id));
      const ready = waiting.find(
        ({ id, parent }) => (later.get(id) ?? 0) <= now && (parent === undefined || done.has(parent)),
      );
      if (ready) {
        mine.add(ready.id);
        return ready.id;
      }
      // What runs need may be done by another process, which nobody tells.
      for (const run of waiting) look(run);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patience);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  const notes: Promise<void>[] = [];
  await runPool<StudyStart, StudyEvent, StudyDone>({
    script: o.script ?? usualScript(),
    start: {
      ...{ file: o.file, quick: o.quick, folder: folder.path, version: o.version },
      threads: Math.max(1, Math.floor(o.threads / workers)),
    },
    ...{ workers: Math.min(workers, Math.max(1, open().length)), signal, grace: o.grace, next },
    onEvent: (id, event) => o.onProgress(byId.get(id)!, event),
    onDone(id, outcome) {
      mine.delete(id);
      const run = byId.get(id)!;
      if (outcome === "busy" || outcome === "waiting") later.set(id, performance.now() + patience);
      else {
        look(run);
        o.onRun(run, outcome, state());
      }
      wake();
    },
    onFailed(id, failure) {
      mine.delete(id);
      const tries = (attempts.get(id) ?? 0) + 1;
      attempts.set(id, tries);
      if (!signal.aborted && tries > retries) {
        failed.add(id);
        const { code, message, hint } = failure;
        const error = { code, message, ...(hint !== undefined && { hint }) };
        notes.push(noteFailed(folder, id, { attempts: tries, error, at: new Date().toISOString() }));
        o.onRun(byId.get(id)!, failure, state());
      }
      wake();
    },
  });
  await Promise.all(notes);
  for (const run of runs) if (done.has(run.id)) await clearUp(folder, run.id);
  const { total, done: whole, failed: lost, left } = state();
  return { total, done: whole, failed: lost, left, skipped: total - whole - lost };
}

/** Take away what a worker left that was killed between the record of a run and the end of its claim. */
async function clearUp(folder: StudyFolder, id: string): Promise<void> {
  const claim = folder.claim(id);
  const kept = new Set(["record.json", "out"]);
  const left = namesIn(folder.at(id)).filter((name) => !kept.has(name));
  if (left.length === 0 && !existsSync(claim) && !existsSync(`${claim}.owner`)) return;
  const lock = await takeLock(claim, { times: lockTimes, done: () => false, wait: false });
  if (typeof lock === "string") return;
  for (const name of left) rmSync(folder.at(id, name), { recursive: true, force: true });
  lock.release();
  rmSync(claim, { force: true });
}

/** The work on summaries: taken one after another, written in a process of their own, kept in the database as it comes. */

import { ZerothError } from "../../errors.ts";
import type { Engine } from "../../host/engine.ts";
import { newId } from "../../state/ids-node.ts";
import type { State } from "../../state/schema/tables.ts";
import {
  claimSummary,
  endSummary,
  keepRows,
  type NodeChange,
  releaseSummary,
  renewSummary,
  type SummaryClaim,
  summaryRows,
} from "../../state/summaries.ts";
import { keepLease, mostAttempts, pauseBefore, startWork, type Work } from "../../state/work-loop.ts";
import { messageOf } from "../errors.ts";
import { passes } from "../jobs/passing.ts";
import { runSummaryProcess } from "./child-node.ts";
import type { BookFile, Kept, SummaryStart, ToldFailure } from "./messages.ts";
import { type AskedSummary, runRows, type SummaryOptions, sweepBooks, withBook, writerSpec } from "./summaries-node.ts";

/** What a summary has cost so far. */
export interface SummaryProgress {
  readonly done: number;
  readonly total: number;
  readonly calls: number;
  readonly retries: number;
  readonly in_tokens: number;
  readonly out_tokens: number;
  readonly seconds: number;
  readonly tokens_per_second: number;
  readonly eta_seconds: number | null;
}

const nothingYet: SummaryProgress = {
  ...{ done: 0, total: 0, calls: 0, retries: 0, in_tokens: 0, out_tokens: 0, seconds: 0 },
  ...{ tokens_per_second: 0, eta_seconds: null },
};

export const progressOf = (stored: string | null): SummaryProgress =>
  stored === null ? nothingYet : { ...nothingYet, ...JSON.parse(stored) };

/** What is written of nodes, lines and answers that came together. */
function keeper(state: State, claim: SummaryClaim): (kept: Kept) => Promise<boolean> {
  const before = progressOf(claim.job.progress);
  const started = performance.now();
  let counted = 0;
  let change: NodeChange | null = claim.job.change === null ? null : JSON.parse(claim.job.change);
  return ({ rows, nodes, plan, progress }) => {
    counted += rows.filter(({ kind }) => kind === "object").length;
    const seconds = before.seconds + (performance.now() - started) / 1000;
    const now: SummaryProgress | undefined = progress && {
      ...{ done: progress.done, total: progress.total, calls: before.calls + counted, retries: before.retries },
      in_tokens: before.in_tokens + progress.inTokens,
      out_tokens: before.out_tokens + progress.outTokens,
      ...{ seconds: Number(seconds.toFixed(1)), tokens_per_second: progress.tokensPerSecond },
      eta_seconds: progress.etaSeconds,
    };
    // What was to be asked for anew is there: another attempt need not ask again.
    const again = change?.again === true && nodes.some(({ id }) => id === change!.node);
    if (again) change = { ...change!, again: false };
    return keepRows(
      state,
      claim,
      [...rows, ...nodes.map((node) => ({ kind: "node" as const, name: node.id, data: node }))],
      [
        ...(plan ? [{ type: "summary.planned", nodes: nodes.length, tokens: plan.tokens }] : []),
        ...(plan ? [] : nodes.map(({ sentences: _, ...node }) => ({ type: "summary.node", node }))),
        ...(now ? [{ type: "summary.progress", ...now }] : []),
      ],
      {
        ...(plan && {
          ...{ title: plan.title, estimate: JSON.stringify(plan) },
          // The text is in the run now.
          ...{ file: null, text: null },
        }),
        ...(now && { progress: JSON.stringify(now) }),
        ...(again && { change: JSON.stringify(change) }),
      },
    );
  };
}

interface Going {
  readonly state: State;
  readonly engine: Engine;
  readonly options: SummaryOptions;
  readonly claim: SummaryClaim;
  readonly signal: AbortSignal;
}

async function attempt({ state, engine, options, claim, signal }: Going): Promise<void> {
  const { job } = claim;
  const asked = JSON.parse(job.asked) as AskedSummary;
  const change = job.change === null ? undefined : (JSON.parse(job.change) as NodeChange);
  const [rows, shown, writer] = await Promise.all([
    runRows(state, job.id),
    summaryRows(state, job.id, ["node"]),
    writerSpec(engine, options, job.model, asked.temperature, signal),
  ]);
  const begun = rows.some(({ kind }) => kind === "run");
  const start = (book?: BookFile): SummaryStart => ({
    writer,
    task: {
      ...{ stage: "write", rows, shown: new Map(shown.map(({ name, data }) => [name, data])) },
      ...{ begin: book && { book, options: asked.options }, maxCalls: asked.maxCalls },
      above: change && { node: change.node, again: change.again },
      strict: change?.strict ?? false,
    },
  });
  const run = (book?: BookFile) =>
    runSummaryProcess(start(book), {
      ...{ engine, owner: job.owner, model: job.model, signal, script: options.script, keep: keeper(state, claim) },
      warned: (message) => void keepRows(state, claim, [], [{ type: "summary.warning", message }]).catch(() => {}),
    });
  const ended = await (begun ? run() : withBook(state, options.home, job, run));
  if (ended?.kind === "failed") throw new ZerothError(ended.failure.code as never, ended.failure.message);
  if (ended?.kind !== "written") return;
  const { result, missing } = ended;
  const { summary = null, sentences, unsupported, support } = result;
  await endSummary(state, claim, {
    // A change of one node leaves others as they were: something may be missing still.
    status: missing > 0 ? "paused" : "completed",
    result: { summary, sentences, unsupported, support, missing },
  });
}

/** Why a summary ends, as its owner is told; undefined where another attempt may go better. */
function failureOf(error: unknown): ToldFailure | undefined {
  if (!(error instanceof ZerothError)) return { code: "server_error", message: "the book could not be summarised" };
  if (passes(error)) return undefined;
  return { code: error.code === "internal" ? "server_error" : error.code, message: messageOf(error).slice(0, 1000) };
}

async function work(going: Omit<Going, "signal"> & { readonly stopping: AbortSignal }): Promise<void> {
  const { state, claim, options, stopping } = going;
  const { job } = claim;
  const { lease = 30 } = options;
  if (job.attempts > mostAttempts) {
    const message = `the process that summarises ended ${mostAttempts} times without getting on: there may be too little memory`;
    await endSummary(state, claim, { status: "failed", error: { code: "process_ended", message } });
    return;
  }
  const lost = new AbortController();
  const signal = AbortSignal.any([stopping, lost.signal]);
  // It is lost as well where its owner has held or ended it.
  const kept = keepLease(
    lease,
    () => renewSummary(state, claim, lease),
    (now) => now ?? lost.abort(),
  );
  const silence = state.wake.listen(kept.look);
  try {
    await attempt({ ...going, signal });
    if (stopping.aborted) await releaseSummary(state, claim, { again: true });
  } catch (error) {
    if (lost.signal.aborted) return;
    if (stopping.aborted) return await releaseSummary(state, claim, { again: true });
    const failure = failureOf(error);
    if (failure?.code === "check_failed") await endSummary(state, claim, { status: "paused", error: failure });
    else if (failure) await endSummary(state, claim, { status: "failed", error: failure });
    else await releaseSummary(state, claim, { again: false, wait: pauseBefore(job.attempts) });
    if (!(error instanceof ZerothError)) throw error;
  } finally {
    kept.end();
    silence();
  }
}

/** Work on the summaries of a database until it is stopped. Any number of servers may do so. */
export function startSummaries(
  state: State,
  engine: Engine,
  options: SummaryOptions,
  problem: (error: unknown) => void = () => undefined,
): Work {
  const { home, most = 2, lease = 30, look = 5, name = newId(`process-${process.pid}-`) } = options;
  const stopping = new AbortController();
  sweepBooks(home).catch(problem);
  const loop = startWork(state, {
    ...{ most, look, problem },
    async take() {
      const claim = await claimSummary(state, name, lease);
      return claim && (() => work({ state, engine, options, claim, stopping: stopping.signal }));
    },
  });
  return {
    async stop() {
      stopping.abort();
      await loop.stop();
    },
  };
}

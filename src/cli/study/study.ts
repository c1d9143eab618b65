/** `zeroth study declare`, `plan`, `status` and `run`: a declaration, what it comes to, and doing it. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import { packageVersion } from "../../jobs/run-node.ts";
import { defaultThreads } from "../../runtime/threads-node.ts";
import { loadStudy } from "../../study/declare/load-node.ts";
import { type PlannedRun, planStudy } from "../../study/declare/plan-node.ts";
import type { Factors, Study } from "../../study/declare/study.ts";
import { estimated, estimator, runStudy } from "../../study/run/run-node.ts";
import { readAllFailed, readRecord, readRecords, studyFolder } from "../../study/store/records-node.ts";
import { duration, type Output } from "../output.ts";

export interface StudyFlags {
  readonly store?: string | undefined;
  readonly workers?: number | undefined;
  readonly threads?: number | undefined;
  readonly shard?: string | undefined;
  readonly budget?: string | undefined;
  readonly quick?: boolean | undefined;
  readonly retry?: boolean | undefined;
  readonly yes?: boolean | undefined;
}

export interface StudyCall {
  readonly file: string | undefined;
  readonly flags: StudyFlags;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** More are asked about first. */
const manyRuns = 10_000;

/** "2/3" */
function shardOf(text: string | undefined): { index: number; of: number } | undefined {
  if (text === undefined) return undefined;
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (index !== undefined && of !== undefined && index >= 1 && index <= of) return { index, of };
  return fail("wrong_use", `--shard ${text}: expected one of so many parts, from 1`, { hint: "--shard 2/3" });
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600 };

/** "25m" in seconds. */
function budgetOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*(s|m|min|h)$/.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * units[unit!]!;
  return fail("wrong_use", `--budget ${text}: expected a time`, { hint: "--budget 25m" });
}

export const needFile = (file: string | undefined, action: string): string =>
  file ??
  fail("wrong_use", "which study?", { hint: `zeroth study ${action} FILE, a declaration: .mjs, .json or .yaml` });

/** Where a study's results are: as asked, or a folder of its name here. */
export const storeOf = ({ store }: StudyFlags, study: Study): string => store ?? `${study.name}.study`;

async function opened(action: string, { file: given, flags }: StudyCall) {
  const file = needFile(given, action);
  const study = await loadStudy(file);
  const runs = await planStudy(study, { file, quick: flags.quick, shard: shardOf(flags.shard) });
  return { file, study, runs, folder: studyFolder(storeOf(flags, study)) };
}

export const factorText = (factors: Factors): string =>
  Object.entries(factors)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

/** The first declaration of somebody who has none. */
const first = (
  name: string,
): string => `// A study: a grid of runs, each with a row of results. zeroth study run ${name}
export default {
  name: "${basename(name)
    .replace(/\.\w+$/, "")
    .replace(/[^\w-]+/g, "-")}",
  metrics: { accuracy: "max" },
  factors: { rate: { from: 0.001, to: 0.1, count: 3, scale: "log" }, width: [16, 64], seed: [0, 1, 2] },
  async run({ factors: { rate, width, seed }, signal, progress }) {
    // Train something with these factors, and give what came of it.
    const noise = ((seed * 7919 + width) % 13) / 1000;
    return { accuracy: 0.9 - 1 / width - Math.abs(Math.log10(rate) + 2) / 10 + noise };
  },
  analyses: [
    { kind: "curve", x: "rate", y: "accuracy", by: "width", scale: "log" },
    { kind: "table", rows: ["width"], columns: "rate", score: "accuracy" },
  ],
};
`;

/** Write a first declaration, or say what the one that is there declares. */
export async function declare({ file: given, output }: StudyCall): Promise<number> {
  const file = needFile(given, "declare");
  const written = !existsSync(file);
  if (written) {
    if (!/\.m?js$/.test(file))
      fail("wrong_use", "a new declaration is a module", { where: file, hint: "name it .mjs" });
    await writeFileSafely(file, first(file));
  }
  const study = await loadStudy(file);
  const runs = await planStudy(study, { file });
  for (const [stage, { needs, factors }] of Object.entries(study.stages)) {
    const count = runs.filter((run) => run.stage === stage).length;
    output.row({ stage, ...(needs !== undefined && { needs }), factors: Object.keys(factors), runs: count });
    const after = needs === undefined ? "" : ` for each of ${needs}`;
    output.text(`${output.bold(stage)}${after}: ${Object.keys(factors).join(", ")}: ${count} runs\n`);
  }
  output.row({ done: true, study: study.name, runs: runs.length, written });
  if (written) output.say(`wrote ${file}; zeroth study run ${file} does it`);
  return 0;
}

/** The runs, which of them are done, and how long the rest will take. */
export async function plan(call: StudyCall): Promise<number> {
  const { output, signal, flags } = call;
  const { study, runs, folder } = await opened("plan", call);
  const estimates = estimator(runs);
  const failures = new Map(readAllFailed(folder));
  const open: PlannedRun[] = [];
  for (const run of runs) {
    throwIfAborted(signal);
    const record = readRecord(folder, run.id);
    if (record) estimates.note(record);
    else if (!failures.has(run.id)) open.push(run);
    const status = record?.status ?? (failures.has(run.id) ? "failed" : "open");
    output.row({ id: run.id, stage: run.stage, factors: run.factors, status });
    output.text(
      `${output.dim(run.id)}  ${run.stage}  ${factorText(run.factors)}${status === "open" ? "" : `  ${status}`}\n`,
    );
  }
  const planned = new Set(runs.map(({ id }) => id));
  const others = flags.shard === undefined ? readRecords(folder).filter(({ id }) => !planned.has(id)) : [];
  const seconds = estimated(open, estimates);
  output.row({
    ...{ done: true, study: study.name, runs: runs.length, open: open.length },
    ...{ failed: runs.filter(({ id }) => failures.has(id)).length, others: others.length, seconds: seconds ?? null },
  });
  const unknown = "how long that takes is known when one of each stage has ended";
  const left = seconds === undefined ? unknown : `${duration(seconds)} by one worker`;
  output.text(`${runs.length} runs, ${open.length} to do${open.length > 0 ? `: ${left}` : ""}\n`);
  if (others.length > 0) {
    output.say(
      `${others.length} runs in ${folder.path} are none of this declaration: it was another one when they were done`,
    );
  }
  return 0;
}

/** How far a study is: what failed, and why. */
export async function status(call: StudyCall): Promise<number> {
  const { output } = call;
  const { runs, folder } = await opened("status", call);
  const failures = new Map(readAllFailed(folder));
  const stages = new Map<string, { done: number; diverged: number; failed: number; open: number }>();
  for (const { id, stage } of runs) {
    const count = stages.get(stage) ?? { done: 0, diverged: 0, failed: 0, open: 0 };
    stages.set(stage, count);
    count[readRecord(folder, id)?.status ?? (failures.has(id) ? "failed" : "open")]++;
  }
  for (const [stage, count] of stages) {
    output.row({ stage, ...count });
    const parts = Object.entries(count).filter(([, n]) => n > 0);
    output.text(`${output.bold(stage)}: ${parts.map(([name, n]) => `${n} ${name}`).join(", ")}\n`);
  }
  for (const run of runs) {
    const failed = failures.get(run.id);
    if (!failed) continue;
    output.row({ id: run.id, stage: run.stage, factors: run.factors, attempts: failed.attempts, error: failed.error });
    output.text(`${run.stage}  ${factorText(run.factors)}: ${failed.error.message}\n`);
  }
  return 0;
}

export async function run(call: StudyCall): Promise<number> {
  const { flags, output, signal } = call;
  const { workers = 1, threads = defaultThreads(), yes, quick = false, retry: again = false } = flags;
  if (workers < 1) fail("wrong_use", `--workers ${workers}: expected 1 or more`);
  const budget = budgetOf(flags.budget);
  const { file, study, runs, folder } = await opened("run", call);
  if (runs.length > manyRuns && !yes) {
    fail("wrong_use", `${runs.length.toLocaleString("en")} runs`, {
      where: file,
      hint: "if they are meant, add --yes",
    });
  }
  const { done, failed, skipped } = await runStudy({
    ...{ study, file, runs, folder, quick, workers, threads, again, budget, signal, version: packageVersion() },
    onRun({ id, stage, factors }, outcome, { done, total, left }) {
      const failure = typeof outcome === "string" ? undefined : outcome;
      const error = failure && { code: failure.code, message: failure.message };
      output.row({ id, stage, factors, status: error ? "failed" : outcome, ...(error && { error }) });
      const rest = left === undefined || done === total ? "" : ` · ${duration(left)} left`;
      output.progress("");
      output.text(`${done}/${total}  ${stage}  ${factorText(factors)}${output.dim(rest)}\n`);
      if (failure) output.say(`  failed: ${failure.message}${failure.hint ? ` (${failure.hint})` : ""}`);
      else if (outcome === "diverged") output.say("  diverged: a metric is no finite number");
    },
    onProgress: ({ stage, factors }, event) =>
      output.progress(`${stage}  ${factorText(factors)}  ${event.done}/${event.total}`),
  });
  if (signal.aborted) throw new ZerothError("interrupted", "stopped on request; what was done is kept");
  output.row({ done: true, store: folder.path, runs: runs.length, finished: done, failed, skipped });
  const rest = [failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} not tried`].filter(
    (part) => part !== false,
  );
  output.text(`${done} of ${runs.length} runs are in ${folder.path}${rest.length > 0 ? `; ${rest.join(", ")}` : ""}\n`);
  if (failed > 0) output.say(`zeroth study run ${file} --retry tries them again`);
  return failed > 0 ? 1 : 0;
}

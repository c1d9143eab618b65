/** How `zeroth run` works: options to a configuration, partitions to processes, events to a person, a script or Dagster. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { JsonObject } from "../../base/json.ts";
import { exitOf, exits } from "../../base/workers/exits.ts";
import type { Failure } from "../../base/workers/messages.ts";
import { errorOf } from "../../base/workers/pool-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { JobEvent } from "../../jobs/events.ts";
import { type BoundJob, type Job, mergedConfig, typedConfig } from "../../jobs/job.ts";
import { openPipes, type Pipes } from "../../jobs/pipes/pipes-node.ts";
import { checksOf, dataVersionOf, metadataOf } from "../../jobs/pipes/report.ts";
import { jobNames } from "../../jobs/registry.ts";
import { planAll, runAll } from "../../jobs/run-all-node.ts";
import { chosenPartitions, type Outcome } from "../../jobs/run-node.ts";
import { progressText, sparse } from "../../jobs/said.ts";
import { openStore } from "../../jobs/store/open-node.ts";
import { defaultThreads } from "../../runtime/threads-node.ts";
import { zerothHome } from "../../text/copies/kept-node.ts";
import { duration, type Output } from "../output.ts";
import { reportError } from "../report.ts";
import type { RunFlags } from "./options.ts";

type AnyFlags = RunFlags & Readonly<Record<string, unknown>>;

const digest = (text: string) => createHash("sha256").update(text).digest("hex");

async function settingsOf(file: string | undefined): Promise<unknown> {
  if (file === undefined) return undefined;
  const { readTextFile } = await import("../../base/read-node.ts");
  // What an orchestrator gives stands in the argument itself.
  const inline = file.trimStart().startsWith("{");
  const text = inline ? file : readTextFile(file, 1 << 20);
  try {
    if (inline || /\.json$/i.test(file)) return JSON.parse(text) as unknown;
    return (await import("yaml")).parse(text) as unknown;
  } catch (cause) {
    return fail("wrong_use", `cannot be read: ${(cause as Error).message}`, {
      where: inline ? "--settings" : file,
      cause,
    });
  }
}

/** Where attempts are kept: beside the results of a folder, and of a bucket in this machine's own. */
const workOf = (store: string, asked: string | undefined): string =>
  asked ??
  (/^s3:/.test(store) ? join(zerothHome(process.env), "work", digest(store).slice(0, 16)) : join(store, "work"));

/** The partitions that are asked for: by options, by Dagster, or all there are. */
async function wanted(job: BoundJob, flags: RunFlags, pipes: Pipes): Promise<readonly string[]> {
  const { partition, all, list, dryRun } = flags;
  if (partition && all) fail("wrong_use", "--partition and --all: give one");
  if (partition) return chosenPartitions(job, partition);
  if (!all && pipes.partitions.length > 0) return chosenPartitions(job, pipes.partitions);
  const names = await job.partitions();
  if (all || list || dryRun || names.length === 1 || pipes.active) return names;
  return fail("wrong_use", `which of the ${names.length} partitions? --partition NAME, or --all`, {
    hint: `there are ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", … (--list shows all)" : ""}`,
  });
}

const figures = (metrics: Outcome["manifest"]["metrics"]): string =>
  Object.entries(metrics)
    .slice(0, 3)
    .map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(5)) : value}`)
    .join("  ");

/** What is said while partitions are done, to whoever listens. */
function teller(job: string, output: Output, pipes: Pipes) {
  const worth = new Map<string, ReturnType<typeof sparse>>();
  return (partition: string, event: JobEvent): void => {
    const { event: kind, ...rest } = event;
    output.row({ event: kind, partition, ...rest });
    if (event.event === "progress") {
      const line = progressText(job, partition, event);
      output.progress(line);
      const look = worth.get(partition) ?? sparse();
      worth.set(partition, look);
      if (!look(event)) return;
      pipes.log("INFO", line);
      if (!output.terminal && !output.json) output.say(line);
    } else if (event.event === "log") {
      pipes.log(event.level, `${job} ${partition}: ${event.message}`);
      if (event.level !== "DEBUG") output.say(`${partition}: ${event.message}`);
    } else if (event.event === "check" && !event.passed) {
      output.say(`${partition}: check ${event.name} says no: ${event.about ?? ""}`);
    }
  };
}

function showOutcome({ partition, manifest, cached }: Outcome, output: Output): void {
  const { key, outputHash, metrics, seconds } = manifest;
  output.row({ done: true, partition, key, output_hash: outputHash, cached, metrics, seconds });
  const how = cached ? "there already" : duration(seconds);
  output.text(`${output.bold(partition)}  ${figures(metrics)}  ${output.dim(how)}\n`);
}

/** Tell Dagster what came of it. */
function report(outcomes: readonly Outcome[], store: string, pipes: Pipes, undeterministic: readonly string[]): void {
  if (!pipes.active || outcomes.length === 0) return;
  pipes.materialize({ dataVersion: dataVersionOf(outcomes, digest), metadata: metadataOf(outcomes, store) });
  for (const check of checksOf(outcomes)) pipes.check(check);
  for (const partition of undeterministic) {
    pipes.log("WARNING", `${partition}: another attempt at the same key gave another result; the first one counts`);
  }
}

/** Whatever ends this process is told to Dagster first. */
function lastWords(pipes: Pipes, signal: AbortSignal): () => void {
  if (!pipes.active) return () => {};
  const onAbort = () => pipes.closeNow(new ZerothError("interrupted", "stopped on request; what was done is kept"));
  const onError = (error: unknown) => {
    pipes.closeNow(error);
    process.exit(reportError(error, {}));
  };
  signal.addEventListener("abort", onAbort, { once: true });
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  return () => {
    signal.removeEventListener("abort", onAbort);
    process.removeListener("uncaughtException", onError);
    process.removeListener("unhandledRejection", onError);
  };
}

async function runWith(job: Job, flags: AnyFlags, output: Output, signal: AbortSignal, pipes: Pipes): Promise<number> {
  const config: JsonObject = mergedConfig(await settingsOf(flags.settings), typedConfig(job.config, flags));
  const bound = job.bind(config);
  const partitions = await wanted(bound, flags, pipes);
  if (flags.list) {
    for (const partition of partitions) {
      output.row({ partition });
      output.text(`${partition}\n`);
    }
    return exits.done;
  }
  const { store: extra } = pipes.extras;
  const store =
    flags.store ??
    (typeof extra === "string"
      ? extra
      : fail("wrong_use", "--store is needed: where results are kept", {
          hint: "--store FOLDER, or s3://BUCKET/PREFIX",
        }));
  if (flags.dryRun) {
    const { planned, seconds } = await planAll({ job: bound, partitions, signal }, await openStore(store));
    for (const row of planned) {
      output.row(row);
      output.text(`${row.partition}  ${row.key.slice(0, 12)}  ${row.cached ? "there" : "to do"}\n`);
    }
    if (seconds !== undefined) output.say(`about ${duration(seconds)} of work are left, by what the others took`);
    return exits.done;
  }
  const { workers = 1 } = flags;
  if (workers < 1) fail("wrong_use", `--workers ${workers}: expected 1 or more`);
  const outcomes: Outcome[] = [];
  const odd: string[] = [];
  const say = teller(job.name, output, pipes);
  const exit = await runAll({
    ...{ job: bound, config: withThreads(job, config, workers), partitions, store, workers, signal },
    work: workOf(store, flags.work),
    asset: flags.asset ?? pipes.assetKeys[0] ?? job.name,
    keepGoing: flags.keepGoing === true,
    onEvent(partition, event) {
      if (event.event === "check" && event.name === "deterministic" && !event.passed) odd.push(partition);
      say(partition, event);
    },
    onOutcome(outcome) {
      outcomes.push(outcome);
      showOutcome(outcome, output);
    },
    onFailed(partition, failure: Failure) {
      const { code, message, hint } = failure;
      output.row({ partition, error: { code, message, ...(hint !== undefined && { hint }) } });
      if (failure.exit === exits.interrupted) return;
      pipes.log("ERROR", `${job.name} ${partition}: ${message}`);
      reportError(errorOf(failure), { json: output.json });
    },
  });
  if (exit === exits.interrupted) {
    output.say("stopped; what was done is kept, and the same command goes on from there");
    return exit;
  }
  // A materialisation says that all that was asked for is there.
  if (exit === exits.done || exit === exits.skipped) report(outcomes, store, pipes, odd);
  return exit;
}

/** The machine's cores are shared among the processes, unless somebody says how. */
function withThreads(job: Job, config: JsonObject, workers: number): JsonObject {
  if (workers === 1 || config.threads !== undefined || !("threads" in job.config.shape)) return config;
  return { ...config, threads: Math.max(1, Math.floor(defaultThreads() / workers)) };
}

/** Run a job as it was asked for; gives the exit code. */
export async function runJob(
  job: Job | undefined,
  flags: AnyFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  let terminated = false;
  const onTerm = () => {
    terminated = true;
  };
  process.once("SIGTERM", onTerm);
  let lost = false;
  let pipes: Pipes | undefined;
  let release = () => {};
  try {
    if (job === undefined)
      fail("wrong_use", `which job? There are ${jobNames.join(", ")}`, { hint: "zeroth run JOB --help" });
    pipes = await openPipes({
      onLost(error) {
        lost = true;
        output.say(`Dagster cannot be told any more: ${error instanceof Error ? error.message : String(error)}`);
      },
    });
    release = lastWords(pipes, signal);
    const exit = await runWith(job, flags, output, signal, pipes);
    const failed = exit === exits.failed || exit === exits.temporary || exit === exits.input || exit === exits.use;
    await pipes.close(failed ? new ZerothError("bad_input", "some partitions failed; the log says why") : undefined);
    if (exit === exits.interrupted && terminated) return exits.terminated;
    return lost && exit === exits.done ? exits.failed : exit;
  } catch (error) {
    await pipes?.close(error);
    reportError(error, { json: output.json });
    const exit = exitOf(error);
    return exit === exits.interrupted && terminated ? exits.terminated : exit;
  } finally {
    release();
    process.removeListener("SIGTERM", onTerm);
  }
}

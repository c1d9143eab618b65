/** One run of a study: by a function of the declaration, or by a command in a process of its own. */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { makeFolder } from "../../base/files-node.ts";
import { type LockTimes, takeLock } from "../../base/lock-node.ts";
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import { ownColumns } from "../declare/check.ts";
import type { PlannedRun } from "../declare/plan-node.ts";
import type { FactorValue, ResultRow, RunContext, Stage, Study } from "../declare/study.ts";
import { commitRecord, type RunRecord, readRecord, replaceFolder, type StudyFolder } from "../store/records-node.ts";

export interface OneRun {
  readonly study: Study;
  /** The declaration's file. */
  readonly file: string;
  readonly folder: StudyFolder;
  readonly threads: number;
  readonly version: string;
  readonly times: LockTimes;
  readonly signal: AbortSignal;
  onProgress(done: number, total: number): void;
}

/** Rows as they are kept, and whether a metric is no finite number. @throws bad_input for what is no row */
function checkedRows(given: unknown, run: PlannedRun, { metrics }: Study): { rows: ResultRow[]; diverged: boolean } {
  const where = `run ${run.id} of stage "${run.stage}"`;
  const list = Array.isArray(given) ? given : [given];
  let diverged = false;
  const rows = list.map((row: unknown): ResultRow => {
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      return fail(
        "bad_input",
        `gave ${JSON.stringify(row)}: expected a row such as {"accuracy": 0.5}, or a list of them`,
        {
          where,
        },
      );
    }
    return Object.fromEntries(
      Object.entries(row).map(([name, value]: [string, unknown]) => {
        if (name in run.factors || (ownColumns as readonly string[]).includes(name)) {
          fail("bad_input", `gave a column "${name}", which is a factor already`, { where });
        }
        if (typeof value === "number" && !Number.isFinite(value)) {
          if (name in metrics) diverged = true;
          return [name, null];
        }
        if (value !== null && !["string", "number", "boolean"].includes(typeof value)) {
          fail("bad_input", `"${name}" is ${typeof value}: expected a number, a text or a truth value`, { where });
        }
        return [name, value as FactorValue];
      }),
    );
  });
  return { rows, diverged };
}

/** The last line on stdout, as JSON. */
async function byCommand(words: readonly string[], file: string, context: RunContext): Promise<unknown> {
  const { factors, work, out, parent, signal, threads } = context;
  const places: Readonly<Record<string, FactorValue>> = { ...factors, work, out, parent: parent?.out ?? "" };
  const [program, ...args] = words.map((word) =>
    word.replace(/\{([\w.-]+)\}/g, (whole, name: string) => (name in places ? String(places[name] ?? "") : whole)),
  );
  const child = spawn(program!, args, {
    ...{ cwd: dirname(resolve(file)), signal, killSignal: "SIGTERM" },
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, OMP_NUM_THREADS: String(threads), ZEROTH_THREADS: String(threads) },
  });
  const last = { stdout: "", stderr: "" };
  // Only the end of what it says is of use.
  const keep = (name: keyof typeof last) => (piece: Buffer) => {
    last[name] = (last[name] + piece.toString("utf8")).slice(-(1 << 20));
  };
  child.stdout.on("data", keep("stdout"));
  child.stderr.on("data", keep("stderr"));
  const ended = await new Promise<string>((settle, reject) => {
    child.once("error", reject);
    child.once("close", (code, by) => settle(by ?? String(code)));
  }).catch((cause: NodeJS.ErrnoException) => {
    throwIfAborted(signal);
    return fail("bad_input", `"${program}" cannot be started: ${cause.message}`, { where: file, cause });
  });
  if (ended !== "0") {
    const said = last.stderr.trim().split("\n").slice(-3).join("\n");
    fail("bad_input", `"${program}" ended with ${ended}${said === "" ? "" : `: ${said}`}`, { where: file });
  }
  const line = last.stdout.trim().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(line) as unknown;
  } catch (cause) {
    return fail("bad_input", `the last line of "${program}" is no JSON: ${line.slice(0, 200) || "nothing"}`, {
      where: file,
      cause,
    });
  }
}

/** The function's own errors are the person's: they are told with their place in the declaration. */
async function byFunction(run: NonNullable<Stage["run"]>, context: RunContext): Promise<unknown> {
  try {
    return await run(context);
  } catch (cause) {
    throwIfAborted(context.signal);
    if (cause instanceof ZerothError || !(cause instanceof Error)) throw cause;
    const place = cause.stack?.split("\n").find((line) => /^\s+at /.test(line) && !line.includes("node:"));
    return fail("bad_input", cause.message, { ...(place !== undefined && { hint: `thrown ${place.trim()}` }), cause });
  }
}

const doStage = (stage: Stage, file: string, context: RunContext): Promise<unknown> =>
  stage.run ? byFunction(stage.run, context) : byCommand(stage.command!, file, context);

/**
 * Do a run, unless it is done or somebody is at it.
 * @returns "busy" while another process is at it; "waiting" where the run that it needs is not done or diverged; else its record
 * @throws what the run throws
 */
export async function doRun(run: PlannedRun, o: OneRun): Promise<RunRecord | "busy" | "waiting"> {
  const { study, file, folder, signal } = o;
  const known = () => readRecord(folder, run.id);
  const parent = run.parent === undefined ? undefined : readRecord(folder, run.parent);
  if (run.parent !== undefined && parent?.status !== "done") return known() ?? "waiting";
  const lock = await takeLock(folder.claim(run.id), {
    times: o.times,
    signal,
    done: () => known() !== undefined,
    wait: false,
  });
  if (lock === "busy") return "busy";
  if (lock === "done") return known()!;
  try {
    const [work, out] = [folder.at(run.id, "work", "own"), folder.at(run.id, "work", "out")];
    makeFolder(work);
    rmSync(out, { recursive: true, force: true });
    makeFolder(out);
    const stage = study.stages[run.stage]!;
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    const given = await doStage(stage, file, {
      ...{ id: run.id, factors: run.factors, work, out, threads: o.threads, signal },
      parent: parent && { id: parent.id, out: folder.at(parent.id, "out"), rows: parent.rows },
      data: (stage.data ?? []).map((path) => resolve(dirname(file), path)),
      progress: o.onProgress,
    });
    throwIfAborted(signal);
    const { rows, diverged } = checkedRows(given, run, study);
    const used = process.cpuUsage(cpu);
    replaceFolder(out, folder.at(run.id, "out"));
    const record = await commitRecord(folder, {
      ...{ schema: 1, id: run.id, study: study.name, stage: run.stage, factors: run.own, parent: run.parent ?? null },
      ...{ status: diverged ? "diverged" : "done", rows },
      made: {
        seconds: (performance.now() - began) / 1000,
        cpuSeconds: (used.user + used.system) / 1e6,
        peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
        ...{ host: hostname(), zeroth: o.version, node: process.version, at: new Date().toISOString() },
      },
    });
    rmSync(folder.at(run.id, "work"), { recursive: true, force: true });
    return record;
  } finally {
    lock.release();
    // Nobody waits for the file beside the lock: its owner's name was the lock.
    if (known()) rmSync(folder.claim(run.id), { force: true });
  }
}

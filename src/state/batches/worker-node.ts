/** The work on batches: takes one after another, answers their lines several at a time, and hands over when it stops. */
import { createHash } from "node:crypto";
import { ZerothError } from "../../errors.ts";
import { chunksOf, readFile, sweepFiles } from "../files-node.ts";
import { newId } from "../ids-node.ts";
import type { State } from "../schema/tables.ts";
import { keepLease, mostAttempts, startWork, type Work } from "../work-loop.ts";
import {
  answeredLines,
  type Batch,
  beginBatch,
  type Claim,
  claimBatch,
  endBatch,
  finalizeBatch,
  recordLine,
  releaseClaim,
  renewClaim,
  type WrittenFile,
} from "./batches.ts";
import { type BatchLine, type LineProblem, linesOf, parseLine } from "./lines.ts";

/** The answer to a line's request. */
export interface LineAnswer {
  readonly status: number;
  readonly requestId: string;
  readonly body: unknown;
}

/** Answers a request in the name of the batch's owner; ends soon after the signal. */
export type AnswerLine = (line: BatchLine, owner: string, signal: AbortSignal) => Promise<LineAnswer>;

export interface BatchLimits {
  readonly lines: number;
  readonly bytes: number;
}

export interface WorkerOptions {
  readonly answer: AnswerLine;
  /** A process's name: who holds a lease. */
  readonly name?: string;
  /** Lines of a batch that are answered at once. */
  readonly together?: number;
  /** Batches in work at once. */
  readonly batches?: number;
  /** Seconds that a lease lasts; it is renewed three times within. */
  readonly lease?: number;
  /** Seconds between two looks for work that nobody called for. */
  readonly look?: number;
  readonly limits?: BatchLimits;
  /** Told of what went wrong with the database or a batch; the work goes on. */
  readonly problem?: (error: unknown) => void;
}

/** OpenAI's. */
export const batchLimits: BatchLimits = { lines: 50_000, bytes: 200 << 20 };

/** Problems of an input file that are told. */
const mostProblems = 100;
/** Seconds between two sweeps of what is past its time. */
const sweepEvery = 60;

const isProblem = (line: BatchLine | LineProblem): line is LineProblem => "code" in line;

/** Why a batch stops before its end. */
type Stop = "lost" | "cancelled" | "expired" | "released";

/**
 * Read the whole input once: how many requests it has, or what is wrong with it.
 * @throws not_found when it is not there any more
 */
async function validate(state: State, batch: Batch, limits: BatchLimits): Promise<number | readonly LineProblem[]> {
  const { file, content } = await readFile(state, batch.owner, batch.input_file);
  const whole = (code: string, message: string): readonly LineProblem[] => [
    { code, message, param: "input_file_id", line: 0 },
  ];
  if (file.bytes > limits.bytes)
    return whole("file_too_large", `the file has ${file.bytes} bytes, at most ${limits.bytes}`);
  const problems: LineProblem[] = [];
  const ids = new Set<string>();
  let total = 0;
  for await (const { number, text } of linesOf(content, limits.bytes)) {
    if (++total > limits.lines) return whole("too_many_tasks", `more than ${limits.lines} requests`);
    const line = parseLine(text ?? "", number, batch.endpoint);
    if (isProblem(line)) problems.push(line);
    else if (ids.has(line.customId)) {
      const message = `line ${number}: an earlier line has the same custom_id`;
      problems.push({ code: "duplicate_custom_id", message, param: "custom_id", line: number });
    } else ids.add(line.customId);
    if (problems.length >= mostProblems) break;
  }
  if (problems.length > 0) return problems;
  return total > 0 ? total : whole("empty_file", "the file has no requests");
}

/** How much a batch has written to a file. */
async function measure(state: State, id: string): Promise<WrittenFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of chunksOf(state, id)) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { id, bytes, sha256: hash.digest("hex") };
}

const outputLine = (customId: string, answer: LineAnswer | undefined, error: object | null): string =>
  JSON.stringify({
    id: newId("batch_req_"),
    custom_id: customId,
    response: answer ? { status_code: answer.status, request_id: answer.requestId, body: answer.body } : null,
    error,
  });

/** What of a failure is told to the batch's owner: our own words, never a path or a library's. */
const failed = (error: unknown) => ({
  code: "server_error",
  message: error instanceof ZerothError && error.code === "busy" ? "the server was too busy" : "the request failed",
});

/** Work on a batch until it is done or stops being ours. */
async function work(
  state: State,
  claim: Claim,
  { answer, together = 8, lease = 30, limits = batchLimits }: WorkerOptions,
  signal: AbortSignal,
): Promise<void> {
  let { batch } = claim;
  const close = async (status: "completed" | "cancelled" | "expired" | "failed", errors?: readonly LineProblem[]) => {
    const files = [await measure(state, batch.output_file), await measure(state, batch.error_file)];
    await endBatch(state, claim, status, errors ? { files, errors } : { files });
  };
  if (batch.attempts > mostAttempts) {
    const message = `the server ended ${mostAttempts} times while it worked on this batch`;
    return close("failed", [{ code: "server_error", message, param: null, line: 0 }]);
  }

  /** Of the lines that are being answered: a signal of their own each, as one for all would gather their listeners. */
  const controllers = new Set<AbortController>();
  let stop: Stop | undefined;
  /** Whether a line was not answered in time. */
  let late = false;
  const end = (why: Stop) => {
    stop ??= why;
    for (const controller of controllers) controller.abort();
  };
  /** What the database says of the batch now. */
  const see = (now: Batch | undefined) => {
    if (now === undefined) end("lost");
    else if (now.status === "cancelling") end("cancelled");
    if (now) batch = now;
  };
  const released = () => end("released");
  signal.addEventListener("abort", released);
  if (signal.aborted) released();
  const kept = keepLease(lease, () => renewClaim(state, claim, lease), see);
  // By the database's clock, which said at the claim when the lease would end.
  const left = batch.expires_at - (batch.lease_until - lease);
  const clock = setTimeout(() => end("expired"), Math.max(0, left * 1000));
  if (left <= 0) end("expired");
  see(batch);
  try {
    if (stop === undefined && batch.total === 0) {
      const found = await validate(state, batch, limits);
      if (typeof found !== "number") return await close("failed", found);
      see(await beginBatch(state, claim, found));
    }
    const answered = await answeredLines(state, batch);
    const record = async (line: number, good: boolean, text: string) => {
      see(await recordLine(state, claim, { line, good, text }));
    };
    const expire = (line: number, { customId }: BatchLine) => {
      late = true;
      const error = { code: "batch_expired", message: "the request was not answered within the completion window" };
      return record(line, false, outputLine(customId, undefined, error));
    };
    const one = async (line: number, request: BatchLine) => {
      let result: LineAnswer;
      const controller = new AbortController();
      controllers.add(controller);
      if (stop !== undefined) controller.abort();
      try {
        result = await answer(request, batch.owner, controller.signal);
      } catch (error) {
        // What was broken off is not answered: whoever goes on does it again.
        if (stop === "expired") await expire(line, request);
        else if (stop === undefined) {
          await record(line, false, outputLine(request.customId, undefined, failed(error)));
        }
        return;
      } finally {
        controllers.delete(controller);
      }
      // Lost means that another has it; an answer that came after a cancellation counts.
      if (stop !== "lost") await record(line, result.status < 400, outputLine(request.customId, result, null));
    };

    const running = new Set<Promise<void>>();
    let problem: unknown;
    let lines = 0;
    const { content } = await readFile(state, batch.owner, batch.input_file);
    for await (const { number, text } of linesOf(content, limits.bytes)) {
      const line = lines++;
      if (stop === "lost" || stop === "released" || stop === "cancelled" || problem !== undefined) break;
      if (answered.has(line)) continue;
      const request = parseLine(text ?? "", number, batch.endpoint);
      if (isProblem(request)) continue;
      if (stop === "expired") {
        await expire(line, request);
        continue;
      }
      const task = one(line, request)
        .catch((error: unknown) => {
          problem = error;
          end("released");
        })
        .finally(() => running.delete(task));
      running.add(task);
      if (running.size >= together) await Promise.race(running);
    }
    await Promise.all(running);
    if (problem !== undefined) throw problem;
    await finish(stop);
  } catch (error) {
    if (!(error instanceof ZerothError) || error.code !== "not_found") throw error;
    const message = "the input file was deleted or has expired";
    await close("failed", [{ code: "input_file_not_found", message, param: "input_file_id", line: 0 }]);
  } finally {
    kept.end();
    clearTimeout(clock);
    signal.removeEventListener("abort", released);
  }

  async function finish(why: Stop | undefined): Promise<void> {
    if (why === "lost") return;
    if (why === "released") return releaseClaim(state, claim);
    if (why === "cancelled") return close("cancelled");
    if ((await finalizeBatch(state, claim)) === undefined) return;
    await close(late ? "expired" : "completed");
  }
}

/** Work on batches until it is stopped. Any number of processes may do so on one database. */
export function startBatchWorker(state: State, options: WorkerOptions): Work {
  const {
    name = newId(`process-${process.pid}-`),
    batches = 4,
    lease = 30,
    look = 5,
    problem = () => undefined,
  } = options;
  const stopping = new AbortController();
  let swept = Number.NEGATIVE_INFINITY;
  const loop = startWork(state, {
    ...{ most: batches, look, problem },
    async tend() {
      if (performance.now() - swept <= sweepEvery * 1000) return;
      swept = performance.now();
      await sweepFiles(state);
    },
    async take() {
      const claim = await claimBatch(state, name, lease);
      // Its lease ends by itself when the database is away.
      return claim && (() => work(state, claim, options, stopping.signal));
    },
  });
  return {
    stop() {
      stopping.abort();
      return loop.stop();
    },
  };
}

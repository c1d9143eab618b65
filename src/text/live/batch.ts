/** The running batch: who joins, whose prompt is read, one step of all, who leaves; and whatever else needs the model. */
import { fail, ZerothError } from "../../errors.ts";
import type { Kept, LiveRow } from "../../models/kinds/live/places.ts";
import type { LivePiece, LiveRows } from "../../models/kinds/live/rows.ts";
import { argmax } from "../choose.ts";
import { type Answer, endOf } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { fairQueue } from "./fair.ts";
import type { HeldPrefixes } from "./held.ts";
import { pause } from "./pause.ts";
import type { Checked } from "./prepare.ts";
import type { LiveEvent, LiveStatus, TokenShown, TokenTold } from "./request.ts";
import { toldBy } from "./shown.ts";

/** A request with its answers. */
export interface Job extends Checked {
  readonly answers: readonly Answer[];
  readonly channel: Channel<LiveEvent>;
  readonly signal: AbortSignal;
}

/** A prompt that is being read. */
interface Reading {
  readonly job: Job;
  readonly row: LiveRow;
  cached: number;
  readonly told: TokenTold[];
}

/** An answer under way and its row. */
interface Seat {
  readonly job: Job;
  readonly answer: Answer;
  readonly row: LiveRow;
}

/** An answer that had to leave its row for want of memory, and goes on where there is room again. */
interface Waiting {
  readonly job: Job;
  readonly answer: Answer;
  readonly kept: Kept;
  /** Tokens that it holds beside the prompt's. */
  readonly held: number;
}

interface Work {
  run(): Promise<void>;
}

/** New tokens that a row is given room for when it joins; more is made as it needs it. */
const expected = 128;

/** Whose reading of a prompt is shared: that of the same owner with the same adapter. */
const sharing = ({ owner, request }: Job): string => `${request.adapter?.key ?? ""}\n${owner}`;

/** Whether what is read of a job's prompt is the same for every length of it. */
const steadyIn = ({ prompt, request }: Job, { steady }: LiveRows): boolean =>
  prompt.length + (request.adapter?.before ?? 0) <= steady;

/** Pieces of prompts that are read between two steps: others wait for them. */
const readBetween = 2;

interface Parts {
  readonly rows: LiveRows;
  readonly held: HeldPrefixes;
  /** Rows at most. */
  readonly most: number;
  readonly show: (id: number) => TokenShown;
}

export function createBatch({ rows, held, most, show }: Parts) {
  const queue = fairQueue<Job>();
  const reading = fairQueue<Reading>();
  const seats = new Set<Seat>();
  const out: Waiting[] = [];
  const works: Work[] = [];
  /** Answers of every request that have not ended, in the order in which requests came. */
  const open = new Map<Job, number>();
  const counts = { promptTokens: 0, answerTokens: 0, steps: 0 };
  let running: Promise<void> | undefined;
  let closed = false;

  const needOpen = () => {
    if (closed) fail("wrong_use", "the model has been closed");
  };

  /** Nothing of the request goes on. */
  function end(job: Job, error?: unknown, damaged?: LiveRow): void {
    if (!open.delete(job)) return;
    const mine = (item: { readonly job: Job }) => item.job === job;
    queue.remove((waiting) => waiting === job);
    for (const { row } of reading.remove(mine)) rows.leave(row, row === damaged);
    for (const seat of [...seats].filter(mine)) {
      seats.delete(seat);
      rows.leave(seat.row, seat.row === damaged);
    }
    out.splice(0, out.length, ...out.filter((waiting) => !mine(waiting)));
    job.channel.end(error);
  }

  /** What nobody waits for any more leaves before the next step: it does not count. */
  const wanted = ({ job }: { readonly job: Job }) => !job.signal.aborted;
  const waiting = () => queue.items().filter((job) => wanted({ job })).length;

  function sweep(): void {
    for (const job of [...open.keys()]) {
      if (closed) end(job, new ZerothError("interrupted", "the model has been closed"));
      else if (job.signal.aborted) {
        end(job, new ZerothError("interrupted", "stopped on request", { cause: job.signal.reason }));
      }
    }
  }

  const noNumbers = () =>
    new ZerothError("engine_failed", "the model's results are not numbers", {
      hint: "check its weights: they may be damaged",
    });

  /** An answer has its next token. */
  function take(seat: Seat, scores: Float32Array | undefined, best: number): void {
    counts.answerTokens++;
    let goesOn: boolean;
    try {
      goesOn = seat.answer.next(scores, best);
    } catch (error) {
      end(seat.job, error);
      return;
    }
    if (goesOn) return;
    seats.delete(seat);
    rows.leave(seat.row);
    const left = open.get(seat.job)! - 1;
    if (left > 0) open.set(seat.job, left);
    else end(seat.job);
  }

  /** Rows that answers will take whose prompts are being read. */
  const promised = () => {
    let sum = 0;
    for (const { job } of reading.items()) sum += Math.max(0, job.answers.length - 1);
    return sum;
  };
  const taken = () => seats.size + reading.size + promised();

  function admit(): void {
    while (out.length > 0 && taken() < most) {
      const { job, answer, kept, held: tokens } = out[0]!;
      const { adapter } = job.request;
      if (taken() > 0 && !rows.fits(job.prompt.length, tokens + rows.piece, 1 + promised(), adapter)) return;
      out.shift();
      try {
        const row = rows.join(job.prompt.length, tokens + rows.piece, kept, adapter);
        rows.enter(row);
        seats.add({ job, answer, row });
      } catch (error) {
        end(job, error);
      }
    }
    for (let job = queue.peek(); job; job = queue.peek()) {
      const count = Math.max(1, job.answers.length);
      const room = Math.min(job.most, expected);
      const { adapter } = job.request;
      if (taken() + count > most) return;
      if (taken() > 0 && !rows.fits(job.prompt.length, room, count + promised(), adapter)) return;
      queue.take();
      try {
        const row = rows.join(job.prompt.length, room, undefined, adapter);
        reading.push(job.owner, { job, row, cached: 0, told: [] });
      } catch (error) {
        end(job, error);
      }
    }
  }

  /** Take over what another prompt of the same owner has in common with this one. */
  function reuse(item: Reading): void {
    const { job, row } = item;
    const { prompt, request } = job;
    const has = rows.held(row);
    if (request.promptLogprobs || !steadyIn(job, rows)) return;
    const found = held.find(sharing(job), prompt);
    if (!found || found.tokens <= has) return;
    rows.put(row, found.kept, found.tokens);
    item.cached += found.tokens - has;
  }

  /** The log-probabilities of the tokens after those of the piece that begins at `from`. */
  function tell({ job, told }: Reading, all: Float32Array, from: number, read: number): void {
    const { prompt, request } = job;
    if (told.length === 0) told.push(show(prompt[0]!));
    const width = all.length / (read - from);
    for (let at = told.length; at <= Math.min(read, prompt.length - 1); at++) {
      const logits = all.subarray((at - 1 - from) * width, (at - from) * width);
      told.push(toldBy(show, logits, request.logprobs ?? 0)(prompt[at]!));
    }
  }

  /** The prompt has been read: its answers begin, the first in its row and the others in copies. */
  function begin(item: Reading, logits: Float32Array | undefined): void {
    const { job, row, cached, told } = item;
    const { prompt, request, channel } = job;
    counts.promptTokens += prompt.length;
    channel.push({
      kind: "prompt",
      tokens: prompt.length,
      cached,
      ...(request.promptLogprobs && { told }),
    });
    if (job.answers.length === 0) {
      const first = request.firstAnswer ?? 0;
      for (let answer = 0; answer < job.count; answer++) channel.push(endOf(first + answer, "length"));
      rows.leave(row);
      end(job);
      return;
    }
    const begun: Seat[] = [];
    for (const answer of job.answers) {
      const seat = { job, answer, row: begun.length === 0 ? row : rows.fork(row) };
      seats.add(seat);
      begun.push(seat);
      rows.enter(seat.row);
    }
    if (!logits) return;
    if (steadyIn(job, rows)) held.hold(sharing(job), prompt, (tokens) => rows.keep(row, tokens));
    const best = argmax(logits);
    for (const seat of begun) if (seats.has(seat)) take(seat, logits.slice(), best);
  }

  /** Read the next piece of a prompt; the tokens that were read. */
  async function readPiece(item: Reading): Promise<number> {
    const { job, row } = item;
    reuse(item);
    const from = rows.held(row);
    let piece: LivePiece;
    try {
      piece = await rows.read(row, job.prompt, job.request.promptLogprobs);
      if (!piece.sound) throw noNumbers();
      if (piece.all) tell(item, piece.all, from, piece.read);
    } catch (error) {
      rows.leave(row, true);
      end(job, error);
      return job.prompt.length - from;
    }
    try {
      if (piece.read < job.prompt.length) reading.putBack(job.owner, item);
      else begin(item, piece.logits);
    } catch (error) {
      end(job, error);
    }
    return piece.read - from;
  }

  async function read(): Promise<void> {
    for (let tokens = 0; tokens < readBetween * rows.piece; ) {
      const item = reading.take();
      if (!item) return;
      tokens += await readPiece(item);
      sweep();
    }
  }

  /** The row that came last gives its place up until there is room again. */
  function putOut(): void {
    const last = [...open.keys()].findLast((job) => [...seats, ...reading.items()].some((item) => item.job === job))!;
    const [started] = reading.remove(({ job }) => job === last);
    if (started) {
      rows.leave(started.row);
      queue.putBack(last.owner, last);
      return;
    }
    const seat = [...seats].findLast(({ job }) => job === last)!;
    if (seats.size === 1) {
      end(last, new ZerothError("out_of_memory", "an answer needs more memory than rows are given"));
      return;
    }
    const kept = rows.keep(seat.row);
    out.push({ job: last, answer: seat.answer, kept, held: rows.held(seat.row) });
    seats.delete(seat);
    rows.leave(seat.row);
  }

  async function step(): Promise<void> {
    for (const seat of [...seats]) while (seats.has(seat) && !rows.grow(seat.row)) putOut();
    const order = [...seats].sort((a, b) => a.row.at - b.row.at);
    if (order.length === 0) return;
    const needs = order.some(({ answer }) => answer.needsScores);
    const tokens = order.map(({ answer }) => answer.last ?? rows.start!);
    try {
      const { best, sound, logits } = await rows.step(tokens, needs);
      counts.steps++;
      const width = (logits?.length ?? 0) / order.length;
      order.forEach((seat, i) => {
        if (!seats.has(seat)) return;
        if (!sound[i]) end(seat.job, noNumbers(), seat.row);
        else take(seat, logits?.subarray(i * width, (i + 1) * width), best[i]!);
      });
    } catch (error) {
      for (const { job } of order) end(job, error);
    }
  }

  async function run(): Promise<void> {
    while (open.size > 0 || works.length > 0) {
      sweep();
      await works.shift()?.run();
      admit();
      await read();
      await step();
      await pause();
    }
    running = undefined;
  }

  function wake(): void {
    running ??= pause()
      .then(run)
      .catch((error: unknown) => {
        running = undefined;
        for (const job of [...open.keys()]) end(job, error);
      });
  }

  return {
    get waiting() {
      return waiting();
    },
    needOpen,
    add(job: Job): void {
      needOpen();
      open.set(job, Math.max(1, job.answers.length));
      queue.push(job.owner, job);
      wake();
    },
    between<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
      needOpen();
      return new Promise<T>((resolve, reject) => {
        const run = async () => {
          try {
            if (signal?.aborted) fail("interrupted", "stopped on request", { cause: signal.reason });
            resolve(await work());
          } catch (error) {
            reject(error);
          }
        };
        works.push({ run });
        wake();
      });
    },
    status: (): LiveStatus => ({
      rows: [...seats, ...reading.items()].filter(wanted).length,
      waiting: waiting() + out.filter(wanted).length,
      bytes: rows.bytes + held.bytes,
      ...counts,
    }),
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      // Rows leave between steps: a run may be under way.
      while (running) await running;
      await rows[Symbol.asyncDispose]();
    },
  };
}

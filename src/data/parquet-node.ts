/**
 * Rows of Parquet files. What a file says of itself is followed by a library that has no limits of its own: so it is
 * read in a process with little memory and for a limited time, and a file that breaks the process is one more damaged
 * file. A thread would not do: when its memory is full in the middle of an allocation, the engine ends the whole program.
 * Files are read one after the other, a row group at a time.
 */
import { type ChildProcess, fork } from "node:child_process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import type { GroupCache } from "./group-cache.ts";
import type {
  ParquetFailure,
  ParquetGroup,
  ParquetOverview,
  ParquetQuestion,
  ParquetReply,
} from "./parquet-messages.ts";
import { received } from "./parquet-values.ts";
import type { RowData } from "./rows.ts";
import { needReadable } from "./source-node.ts";
import type { Row } from "./values.ts";

/** For a file or one of its row groups. What the file's size adds to both is `each`, a megabyte. */
export interface ParquetLimits {
  readonly milliseconds: number;
  readonly megabytes: number;
}

/** A megabyte of well-packed text becomes some thirty of rows. */
const usual: ParquetLimits = { milliseconds: 30_000, megabytes: 512 };
const each: ParquetLimits = { milliseconds: 1000, megabytes: 32 };
/** Whatever a file's size. */
const mostMegabytes = 8192;

// The sources themselves are only run by tests, which build first: a process cannot be started from TypeScript.
const script = import.meta.url.endsWith(".ts")
  ? new URL("../../dist/data/parquet-process-node.js", import.meta.url)
  : new URL("./parquet-process-node.js", import.meta.url);

/** The process of the last file, if nothing broke it. */
let idle: { child: ChildProcess; megabytes: number } | undefined;
/** Ends when the question before is answered. */
let before: Promise<unknown> = Promise.resolve();

/** Whether the process keeps this one alive. */
function hold(child: ChildProcess, on: boolean): void {
  if (on) child.ref();
  else child.unref();
  if (on) child.channel?.ref();
  else child.channel?.unref();
}

/** A process that has begun: how long that takes is the machine's affair, not the file's. */
async function processOf(megabytes: number): Promise<ChildProcess> {
  const kept = idle;
  idle = undefined;
  if (kept && kept.megabytes >= megabytes) return kept.child;
  kept?.child.kill("SIGKILL");
  const child = fork(fileURLToPath(script), {
    serialization: "advanced",
    execArgv: [`--max-old-space-size=${megabytes}`],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  // Whoever waits for it hears of its end; when nobody does, nothing is lost.
  child.on("error", () => {});
  child.once("exit", () => {
    if (idle?.child === child) idle = undefined;
  });
  await new Promise<void>((resolve) => {
    for (const event of ["message", "error", "exit"]) child.once(event, () => resolve());
  });
  return child;
}

type Heard = ParquetReply | (ParquetFailure & { readonly broken: true });

/** What the process says; it is not to be used again where it broke or did not answer. */
function answerOf(child: ChildProcess, question: ParquetQuestion, patience: number): Promise<Heard> {
  return new Promise((resolve) => {
    const heard = (reply: unknown) => settle(reply as Heard);
    const settle = (reply: Heard) => {
      clearTimeout(timer);
      child.off("message", heard).off("error", broke).off("exit", gone);
      resolve(reply);
    };
    const wrong = (what: string) =>
      settle({ error: `cannot be read as Parquet: ${what}`, code: "corrupt_file", broken: true });
    const broke = ({ message }: Error) => wrong(message);
    // The engine aborts when memory is full.
    const gone = (code: number | null, signal: string | null) =>
      wrong(signal === "SIGABRT" || code === 134 ? "takes too much memory" : `its reader ended (${signal ?? code})`);
    const timer = setTimeout(() => wrong(`not done after ${patience / 1000} s`), patience);
    child.on("message", heard).on("error", broke).on("exit", gone);
    child.send(question, (error) => {
      if (error) broke(error);
    });
  });
}

async function ask(question: ParquetQuestion, limits: ParquetLimits): Promise<ParquetReply> {
  const size = Math.floor((statSync(question.path, { throwIfNoEntry: false })?.size ?? 0) / 1e6);
  const megabytes = Math.min(limits.megabytes + each.megabytes * size, Math.max(limits.megabytes, mostMegabytes));
  const child = await processOf(megabytes);
  hold(child, true);
  const reply = await answerOf(child, question, limits.milliseconds + each.milliseconds * size);
  hold(child, false);
  if ("broken" in reply) child.kill("SIGKILL");
  else idle = { child, megabytes };
  return reply;
}

async function asked<R extends ParquetOverview | ParquetGroup>(
  question: ParquetQuestion,
  limits: ParquetLimits,
): Promise<R> {
  const work = before.then(() => ask(question, limits));
  before = work.catch(() => undefined);
  const reply = await work;
  return "error" in reply ? fail(reply.code, reply.error, { where: question.path }) : (reply as R);
}

/** Row i of a group, which is row `number` of its file. @throws bad_input naming the row */
function rowOf({ names, rows }: ParquetGroup, i: number, where: string, number: number): Row {
  const row = rows[i]!;
  if (typeof row === "string") return fail("bad_input", row, { where: `${where}, row ${number}` });
  return new Map(names.map((name, column) => [name, received(row[column]!)]));
}

/**
 * Rows by number.
 * @throws not_found, bad_input where the system refuses; corrupt_file for what cannot be read or asks for time or
 *   memory out of proportion; unsupported naming a compression
 */
export async function openParquet(path: string, cache: GroupCache, limits: ParquetLimits = usual): Promise<RowData> {
  await needReadable(path);
  const { blocks, digest } = await asked<ParquetOverview>({ path }, limits);
  const starts = [0];
  for (const rows of blocks) starts.push(starts.at(-1)! + rows);
  return {
    size: starts.at(-1)!,
    blocks,
    digest,
    async row(i): Promise<Row> {
      const group = starts.findLastIndex((start, g) => start <= i && blocks[g]! > 0);
      if (group < 0) return fail("corrupt_file", `there is no row ${i + 1}`, { where: path });
      const read = () => asked<ParquetGroup>({ path, group }, limits);
      return rowOf(await cache.get(`${path}\0${digest}\0${group}`, read), i - starts[group]!, path, i + 1);
    },
  };
}

/** Rows in the order of the file; one that cannot be read gives its error in its place. @throws as {@link openParquet} */
export async function* parquetRows(
  path: string,
  limits: ParquetLimits = usual,
  signal?: AbortSignal,
): AsyncGenerator<Row | ZerothError, void, undefined> {
  const { blocks } = await asked<ParquetOverview>({ path }, limits);
  let number = 0;
  for (const [group, count] of blocks.entries()) {
    if (count === 0) continue;
    throwIfAborted(signal);
    const read = await asked<ParquetGroup>({ path, group }, limits);
    for (let i = 0; i < count; i++) {
      number++;
      let row: Row | ZerothError;
      try {
        row = rowOf(read, i, path, number);
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        row = error;
      }
      yield row;
    }
  }
}

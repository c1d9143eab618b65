/** How far a job of many rows is, how fast it goes and when it will be done. */
import { createReadStream, readFileSync, statSync } from "node:fs";
import { duration, type Output } from "../output.ts";

/** A file of more bytes is not counted. */
const mostCounted = 1 << 30;

/** A file of fewer is counted at once: a job of few rows is over before a file is read beside it. */
const fewBytes = 1 << 20;

/** Lines of a text file, about as many as it has rows; undefined where counting is not worth it. */
function countLines(path: string): number | undefined | Promise<number> {
  if (!/\.(jsonl|ndjson|csv|tsv)$/i.test(path)) return undefined;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size > mostCounted) return undefined;
  let lines = 0;
  let last = 10;
  const count = (piece: Buffer) => {
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines++;
    last = piece.at(-1) ?? last;
  };
  const rows = () => {
    const all = last === 10 ? lines : lines + 1;
    // The first line of a table is its head.
    return /sv$/i.test(path) ? Math.max(0, all - 1) : all;
  };
  if (stat.size <= fewBytes) {
    try {
      count(readFileSync(path));
    } catch {
      // Whoever reads its rows says what is wrong with it.
      return undefined;
    }
    return rows();
  }
  const reading = createReadStream(path, { highWaterMark: fewBytes }) as AsyncIterable<Buffer>;
  return (async () => {
    for await (const piece of reading) count(piece);
    return rows();
  })();
}

/** `480 of 4,000 prompts  12.3/s  5 min left` */
export function progressText(
  done: number,
  total: number | undefined,
  rate: number | undefined,
  things: string,
): string {
  const number = (n: number) => n.toLocaleString("en");
  // The count may be too low where a row of a table has lines of its own.
  const of = total === undefined || total < done ? "" : ` of ${number(total)}`;
  const speed = rate === undefined ? "" : `  ${rate >= 100 ? rate.toFixed(0) : rate.toFixed(1)}/s`;
  const left = rate === undefined || of === "" ? "" : `  ${duration((total! - done) / rate)} left`;
  return `${number(done)}${of} ${things}${speed}${left}`;
}

/** Milliseconds that the rate is taken over. */
const span = 30_000;

/**
 * A live line on a terminal.
 * @param input the file that is read, or how many rows were given
 * @param begun rows that were done before
 */
export function followRows(
  things: string,
  { input, begun }: { readonly input: string | number; readonly begun: number },
  output: Output,
): (done: number) => void {
  if (!output.terminal || input === 1) return () => {};
  let total = typeof input === "number" ? input : undefined;
  if (typeof input === "string" && input !== "-") {
    const lines = countLines(input);
    if (lines instanceof Promise) {
      lines.then(
        (all) => {
          total = all;
        },
        () => undefined,
      );
    } else total = lines;
  }
  const seen = [{ at: performance.now(), done: begun }];
  return (done) => {
    const at = performance.now();
    while (seen.length > 2 && at - seen[1]!.at > span) seen.shift();
    const first = seen[0]!;
    const known = at - first.at > 500 && done > first.done;
    const rate = known ? (1000 * (done - first.done)) / (at - first.at) : undefined;
    seen.push({ at, done });
    output.progress(progressText(done, total, rate, things));
  };
}

/** Metrics on disk: `metrics.jsonl`, one object a line, and TensorBoard event files of the same numbers. */
import { createWriteStream, existsSync, type WriteStream } from "node:fs";
import { mkdir, open, readFile, truncate } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { eventFileHeader, scalarEvent } from "./tensorboard.ts";

export interface MetricsLog extends AsyncDisposable {
  write(row: Readonly<Record<string, number>> & { readonly step: number }): void;
  /** Wait until every row written so far is in its file, so that a kill after it loses none. */
  flush(): Promise<void>;
}

/**
 * Rows after the step that is resumed from belong to work that was lost: they are cut off, so each step has one row.
 */
async function cutAfter(path: string, step: number): Promise<void> {
  if (!existsSync(path)) return;
  const bytes = await readFile(path);
  let kept = 0;
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(10, from);
    if (newline < 0) break;
    try {
      const row = JSON.parse(bytes.subarray(from, newline).toString()) as { step: number };
      if (row.step > step) break;
    } catch {
      break;
    }
    kept = newline + 1;
    from = kept;
  }
  if (kept < bytes.length) await truncate(path, kept);
}

/** A stream writes in order: when this empty write is done, all before it are. */
const flushed = (stream: WriteStream) =>
  new Promise<void>((resolve, reject) => {
    stream.write("", (error) => (error ? reject(error) : resolve()));
  });
const ended = (stream: WriteStream) => new Promise<void>((resolve) => stream.end(resolve));

/** Open the log of a run at the step it (re)starts from. */
export async function openMetrics(out: string, step: number, now: () => number): Promise<MetricsLog> {
  await mkdir(out, { recursive: true });
  const path = join(out, "metrics.jsonl");
  await cutAfter(path, step);
  await (await open(path, "a")).close();
  const rows = createWriteStream(path, { flags: "a" });
  const seconds = () => now() / 1000;
  const name = `events.out.tfevents.${String(Math.floor(seconds())).padStart(10, "0")}.${hostname()}.${process.pid}`;
  const events = createWriteStream(join(out, name), { flags: "a" });
  events.write(eventFileHeader(seconds()));
  return {
    write(row) {
      rows.write(`${JSON.stringify(row)}\n`);
      for (const [tag, value] of Object.entries(row)) {
        if (tag !== "step") events.write(scalarEvent(tag, value, row.step, seconds()));
      }
    },
    async flush() {
      await Promise.all([flushed(rows), flushed(events)]);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([ended(rows), ended(events)]);
    },
  };
}

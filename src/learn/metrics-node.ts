/**
 * Metrics on disk: `metrics.jsonl`, one object a line, and TensorBoard event files of the same numbers. A disk that
 * refuses a write leaves whole rows and a typed error; resuming from the last checkpoint goes on from there.
 */
import { closeSync, existsSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { truncate } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { makeFolder, needProgress, writeError } from "../base/files-node.ts";
import { readWholeFile } from "../base/read-node.ts";
import { eventFileHeader, scalarEvent } from "./tensorboard.ts";

export interface MetricsLog extends AsyncDisposable {
  /** Write a row whole, or not at all and throw; it is in the file, though not on a disk without power, at once. */
  write(row: Readonly<Record<string, number>> & { readonly step: number }): void;
  /** Wait until every row written so far is on the disk itself. */
  flush(): Promise<void>;
}

/**
 * Rows after the step that is resumed from belong to work that was lost: they are cut off, so each step has one row.
 */
async function cutAfter(path: string, step: number): Promise<void> {
  if (!existsSync(path)) return;
  const bytes = Buffer.from(readWholeFile(path, Number.MAX_SAFE_INTEGER, path, "empty").buffer);
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

interface Appended {
  append(piece: Uint8Array): void;
  sync(): void;
  close(): void;
}

/** What the disk says, with the file it said it of. */
function onDisk<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw writeError(cause, path);
  }
}

/** A file that grows by whole pieces. */
function openAppended(path: string): Appended {
  const file = onDisk(path, () => openSync(path, "a"));
  let size = onDisk(path, () => fstatSync(file).size);
  const writeAll = (piece: Uint8Array) => {
    for (let done = 0; done < piece.length; ) done += needProgress(writeSync(file, piece, done), path);
  };
  return {
    append(piece) {
      try {
        writeAll(piece);
      } catch (cause) {
        try {
          ftruncateSync(file, size);
        } catch {
          // The write's own error says more; half a row is cut off when the run is resumed.
        }
        throw writeError(cause, path);
      }
      size += piece.length;
    },
    sync: () => onDisk(path, () => fsyncSync(file)),
    close: () => onDisk(path, () => closeSync(file)),
  };
}

/** Open the log of a run at the step it (re)starts from. */
export async function openMetrics(out: string, step: number, now: () => number): Promise<MetricsLog> {
  const path = join(out, "metrics.jsonl");
  try {
    makeFolder(out);
    await cutAfter(path, step);
  } catch (cause) {
    throw writeError(cause, path);
  }
  const seconds = () => now() / 1000;
  const name = `events.out.tfevents.${String(Math.floor(seconds())).padStart(10, "0")}.${hostname()}.${process.pid}`;
  const rows = openAppended(path);
  let events: Appended | undefined;
  try {
    events = openAppended(join(out, name));
    events.append(eventFileHeader(seconds()));
  } catch (error) {
    events?.close();
    rows.close();
    throw error;
  }
  const scalars = events;
  const text = new TextEncoder();
  return {
    write(row) {
      rows.append(text.encode(`${JSON.stringify(row)}\n`));
      for (const [tag, value] of Object.entries(row)) {
        if (tag !== "step") scalars.append(scalarEvent(tag, value, row.step, seconds()));
      }
    },
    async flush() {
      rows.sync();
      scalars.sync();
    },
    async [Symbol.asyncDispose]() {
      rows.close();
      scalars.close();
    },
  };
}

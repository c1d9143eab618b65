/**
 * Results of a long job in a file. While it runs its rows are in FILE.partial, and how far they are, and of which job,
 * is in FILE.partial.json: what was written stays when the job is interrupted or killed, and a job with the same model,
 * settings and input goes on behind it. FILE itself is there when it is whole, and then the other two are gone.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeFolder, namesIn, needProgress, writeError, writeFileSafely } from "../../base/files-node.ts";
import { lockTimes, takeLock } from "../../base/lock-node.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";

/**
 * Milliseconds between two notes of how far the rows are: after a kill the rows since the last one are done again. A
 * second at most, less where a note takes little: at most a twentieth of the time goes into them.
 */
const pauseAfter = (took: number): number => Math.min(1000, 20 * took);

/** What decides the results of a job, by names that a person reads. */
export type Identity = Readonly<Record<string, unknown>>;

/** How far a job is. */
export interface Position {
  /** Input rows that are done. */
  readonly rows: number;
  /** Rows of them that failed. */
  readonly failed: number;
  /** Of the input rows that are done. */
  readonly hash: string;
}

interface Note extends Position {
  readonly bytes: number;
  readonly job: Identity;
}

export interface ResultsFile {
  /** Where it goes on. */
  readonly begin: Position;
  /** Add result rows. */
  write(lines: string, position: Position): Promise<void>;
  /** Note how far it is, and leave it to be gone on with. */
  pause(): Promise<void>;
  /** Give the file its name. */
  finish(): Promise<void>;
}

export interface ResultsOptions {
  readonly path: string;
  readonly resume: boolean;
  readonly overwrite: boolean;
}

const partsOf = (path: string) => ({
  rows: `${path}.partial`,
  note: `${path}.partial.json`,
  lock: `${path}.partial.lock`,
});

/**
 * Whether there is something to do, before a model is opened: false where a file to be gone on with is whole already.
 * @throws bad_input where the file, or an unfinished one, is there and nothing says what to do with it
 */
export function needResults({ path, resume, overwrite }: ResultsOptions): boolean {
  const { rows } = partsOf(path);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat && !stat.isFile()) fail("bad_input", "is not a file", { where: path });
  if (overwrite) return true;
  if (existsSync(rows)) {
    return (
      resume ||
      fail("bad_input", "holds rows of a job that was interrupted", {
        where: rows,
        hint: "--resume goes on with it, --overwrite begins anew",
      })
    );
  }
  if (!stat) return true;
  if (resume) return false;
  return fail("bad_input", "is there already", { where: path, hint: "choose another name, or add --overwrite" });
}

/** @throws corrupt_file */
function readNote(path: string): Note {
  const { rows, failed, hash, bytes, job } = readJsonFile(path) as unknown as Note;
  const counts = [rows, failed, bytes].every((count) => Number.isSafeInteger(count) && count >= 0);
  if (!counts || typeof hash !== "string" || typeof job !== "object" || job === null) {
    fail("corrupt_file", "does not say how far the job is", { where: path, hint: "--overwrite begins anew" });
  }
  return { rows, failed, hash, bytes, job };
}

const shown = (value: unknown): string => (value === undefined ? "not given" : JSON.stringify(value));

/** @throws bad_input with what is another one */
function needSame(before: Identity, now: Identity, where: string): void {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const other = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  if (other.length === 0) return;
  const list = other.map((name) => `${name}: ${shown(before[name])} then, ${shown(now[name])} now`);
  fail("bad_input", `was begun by another job (${list.join("; ")})`, {
    where,
    hint: "give the same options to go on, or --overwrite to begin anew",
  });
}

const nothing: Position = { rows: 0, failed: 0, hash: "" };

/**
 * Open the file's parts to write on, alone.
 * @throws bad_input for another job's, or one that another process writes; corrupt_file for parts that do not fit
 */
export async function openResults({ path, resume, overwrite }: ResultsOptions, job: Identity): Promise<ResultsFile> {
  const parts = partsOf(path);
  makeFolder(dirname(path));
  const lock = await takeLock(parts.lock, { times: lockTimes, done: () => false, wait: false });
  if (typeof lock === "string") fail("bad_input", "another process is writing it", { where: path });
  const unlock = () => {
    lock.release();
    rmSync(parts.lock, { force: true });
  };
  let file: number | undefined;
  try {
    if (overwrite) for (const part of [parts.rows, parts.note]) rmSync(part, { force: true });
    const note = resume && existsSync(parts.rows) && existsSync(parts.note) ? readNote(parts.note) : undefined;
    if (note) needSame(note.job, job, path);
    const opened = openSync(parts.rows, note ? "r+" : "w");
    file = opened;
    let bytes = note?.bytes ?? 0;
    if (bytes > statSync(parts.rows).size) {
      fail("corrupt_file", "is shorter than it was", { where: parts.rows, hint: "--overwrite begins anew" });
    }
    // Rows since the last note are done again: the batches are then those of a job that was never interrupted.
    ftruncateSync(opened, bytes);
    let position: Position = note ?? nothing;
    let next = 0;
    const writeNote = async () => {
      const began = performance.now();
      fdatasyncSync(opened);
      const { rows, failed, hash } = position;
      await writeFileSafely(parts.note, `${JSON.stringify({ rows, failed, hash, bytes, job })}\n`);
      const now = performance.now();
      next = now + pauseAfter(now - began);
    };
    await writeNote();
    return {
      begin: position,
      async write(lines, reached) {
        const piece = Buffer.from(lines);
        try {
          for (let done = 0; done < piece.length; ) {
            done += needProgress(writeSync(opened, piece, done, piece.length - done, bytes + done), path);
          }
        } catch (cause) {
          throw writeError(cause, path);
        }
        bytes += piece.length;
        position = reached;
        if (performance.now() > next) await writeNote();
      },
      async pause() {
        await writeNote().finally(() => {
          closeSync(opened);
          unlock();
        });
      },
      async finish() {
        fdatasyncSync(opened);
        closeSync(opened);
        renameSync(parts.rows, path);
        unlock();
        // What a kill left behind of earlier tries is gone, too.
        const [folder, name] = [dirname(path), basename(path)];
        for (const one of namesIn(folder)) {
          if (one.startsWith(`${name}.partial.`) || one.startsWith(`.${name}.partial.`)) rmSync(join(folder, one));
        }
      },
    };
  } catch (error) {
    if (file !== undefined) closeSync(file);
    unlock();
    throw writeError(error, path);
  }
}

/** A short name of a file's content, for settings that name a file. */
export const contentHash = (content: string): string => createHash("sha256").update(content).digest("hex").slice(0, 16);

/**
 * A run's folder: what it was asked for and the tree (`run.json`), the text (`document.txt`, `document.json`), a line for
 * every change (`journal.jsonl`), and every answer by the hash of what was asked (`objects/`). What is written is there
 * whole or not at all, so that a run that was killed goes on with exactly the calls that are missing.
 */
import { createHash } from "node:crypto";
import { existsSync, truncateSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, needProgress, writeError, writeFileSafely } from "../../base/files-node.ts";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { lockOwner, lockTimes, takeLock } from "../../base/lock-node.ts";
import { readJsonFile, readWholeFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import type { Book } from "../book/book.ts";
import type { Span } from "../book/spans.ts";
import { type Tree, type TreeNode, treeFrom } from "../book/tree.ts";
import type { Made } from "../writers/ask.ts";
import type { Pass } from "./schedule.ts";
import type { Settings } from "./settings.ts";

export const sha256 = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

/** JSON with the keys of every object in their order, so that equal values have equal texts. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? "null";
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  return `{${keys
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join(",")}}`;
}

/** How the model is opened again. */
export interface WriterSource {
  /** A model's name or folder, or "extractive" or "lead"; of an endpoint the name it knows. */
  readonly model: string;
  readonly endpoint?: string | undefined;
  readonly window?: number | undefined;
  readonly style?: string | undefined;
  readonly temperature?: number | undefined;
  readonly tokenizer?: string | undefined;
  readonly adapter?: string | undefined;
  readonly dtype?: string | undefined;
}

/** What `run.json` holds. */
export interface RunFile {
  readonly version: 1;
  readonly source: { readonly name: string; readonly path: string; readonly sha256: string };
  readonly title?: string | undefined;
  readonly settings: Settings;
  readonly writer: WriterSource;
  /** Of the model: another one gives other summaries. */
  readonly identity: JsonObject;
  /** What the tree spans, in tokens and places. */
  readonly tokens: number;
  readonly body: Span;
  readonly trimmed: Book["trimmed"];
  readonly nodes: readonly TreeNode[];
}

export type JournalLine =
  | { readonly tree: string }
  | {
      readonly node: string;
      readonly pass?: Pass;
      readonly state: "done";
      readonly key?: string | undefined;
      readonly input: string;
      readonly context: string;
      readonly contexts: number;
      readonly take: number;
      readonly ms: number;
    }
  | { readonly node: string; readonly state: "edited"; readonly text: string }
  | { readonly node: string; readonly state: "reverted" };

/** A text that may look like anything. */
function readText(path: string): string {
  const bytes = readWholeFile(
    path,
    mostBytes.text,
    path,
    "empty",
    "lfs",
    "html",
    "zip",
    "gzip",
    "zstd",
    "xz",
    "bzip2",
    "7z",
    "rar",
  );
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    return fail("corrupt_file", "not valid UTF-8", { where: path, cause });
  }
}

const names = { run: "run.json", text: "document.txt", places: "document.json", journal: "journal.jsonl" } as const;
const mostBytes = { run: 256 << 20, text: 512 << 20, object: 16 << 20 } as const;

const objectPath = (folder: string, key: string): string =>
  join(folder, "objects", key.slice(0, 2), `${key.slice(2)}.json`);

export interface RunStore extends AsyncDisposable {
  readonly folder: string;
  object(key: string): Made | undefined;
  keep(key: string, made: Made): Promise<void>;
  note(line: JournalLine): Promise<void>;
  /** Before lines are added: a half-written last one is taken away, and they are said to be of this run's tree. */
  begin(run: Pick<RunFile, "nodes">): Promise<void>;
  /** Write `run.json` and the text anew. */
  write(run: RunFile, book: Book): Promise<void>;
}

export const hasRun = (folder: string): boolean => existsSync(join(folder, names.run));

const treeHash = (nodes: readonly TreeNode[]): string => sha256(canonical(nodes));

/** @throws not_found where there is no run; corrupt_file for one that is damaged */
export function readRun(folder: string): { readonly run: RunFile; readonly book: Book; readonly tree: Tree } {
  if (!hasRun(folder)) {
    fail("not_found", "there is no run of zeroth summarize", {
      where: folder,
      hint: "zeroth summarize BOOK --model NAME --out RUN begins one",
    });
  }
  const path = join(folder, names.run);
  const run = readJsonFile(path, mostBytes.run) as unknown as RunFile;
  if (run.version !== 1 || !Array.isArray(run.nodes) || run.nodes.length === 0) {
    fail("corrupt_file", "is no run that this version knows", { where: path });
  }
  const places = readJsonFile(join(folder, names.places), mostBytes.run) as unknown as Omit<
    Book,
    "text" | "body" | "trimmed" | "title"
  >;
  const text = readText(join(folder, names.text));
  const book: Book = { ...places, text, body: run.body, trimmed: run.trimmed, title: run.title };
  return { run, book, tree: treeFrom(run.nodes) };
}

/**
 * The lines of a journal that are of its last tree. A last line without its end was being written when the run was killed:
 * it is left out, and `cut` says where the whole lines end.
 */
export interface Journal {
  readonly lines: readonly JournalLine[];
  readonly cut: number | undefined;
  /** Whether lines that are added now are of this tree. */
  readonly current: boolean;
  readonly warnings: readonly string[];
}

export function readJournal(folder: string, nodes: readonly TreeNode[]): Journal {
  const path = join(folder, names.journal);
  if (!existsSync(path)) return { lines: [], cut: undefined, current: false, warnings: [] };
  const text = readText(path);
  const whole = text.lastIndexOf("\n") + 1;
  const warnings: string[] = [];
  const lines: JournalLine[] = [];
  const wanted = treeHash(nodes);
  let current = false;
  text
    .slice(0, whole)
    .split("\n")
    .forEach((line, i) => {
      if (line === "") return;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        warnings.push(`${names.journal}: line ${i + 1} cannot be read and is left out`);
        return;
      }
      if (!isJsonObject(value)) return;
      if (typeof value.tree === "string") current = value.tree === wanted;
      else if (current && typeof value.node === "string") lines.push(value as unknown as JournalLine);
    });
  if (whole < text.length)
    warnings.push(`${names.journal}: the last line was cut off when the run ended, and is left out`);
  const cut = whole < text.length ? Buffer.byteLength(text.slice(0, whole)) : undefined;
  return { lines, warnings, current, cut };
}

/** An answer by its key; undefined where it is not there, or not what its hash says. */
export function readObject(folder: string, key: string, damaged: (path: string) => void): Made | undefined {
  const path = objectPath(folder, key);
  if (!/^[0-9a-f]{64}$/.test(key) || !existsSync(path)) return undefined;
  try {
    const { hash, value } = readJsonFile(path, mostBytes.object);
    if (isJsonObject(value) && typeof value.text === "string" && hash === sha256(canonical(value)))
      return value as unknown as Made;
  } catch {
    // Told below: it is computed again.
  }
  damaged(path);
  return undefined;
}

/**
 * Open a run's folder for writing.
 * @throws busy where another process has it
 */
export async function openStore(folder: string, warn: (text: string) => void): Promise<RunStore> {
  makeFolder(folder);
  const lockPath = join(folder, "lock");
  const lock = await takeLock(lockPath, { times: lockTimes, done: () => false, wait: false });
  if (lock === "busy" || lock === "done") {
    const owner = lockOwner(lockPath);
    return fail(
      "busy",
      `is in use${owner ? ` by process ${owner.pid}${owner.here ? "" : ` on ${owner.machine}`}` : ""}`,
      {
        where: folder,
        hint: "wait for it, or stop it: what it has done is kept",
      },
    );
  }
  const path = join(folder, names.journal);
  let journal: FileHandle | undefined;
  let last: Promise<void> = Promise.resolve();
  const append = async (line: JournalLine): Promise<void> => {
    try {
      journal ??= await open(path, "a");
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await journal.write(bytes, done, bytes.length - done);
        done += needProgress(bytesWritten, path);
      }
      await journal.datasync();
    } catch (cause) {
      throw writeError(cause, path);
    }
  };
  return {
    folder,
    object: (key) => readObject(folder, key, (at) => warn(`${at} is damaged: its answer is asked for again`)),
    keep: (key, made) =>
      writeFileSafely(objectPath(folder, key), `${canonical({ hash: sha256(canonical(made)), value: made })}\n`),
    note(line) {
      // One after another: lines of calls that end together do not mix.
      const written = last.then(() => append(line));
      last = written.catch(() => undefined);
      return written;
    },
    async begin({ nodes }) {
      const { cut, current } = readJournal(folder, nodes);
      if (cut !== undefined) truncateSync(path, cut);
      if (!current) await append({ tree: treeHash(nodes) });
    },
    async write(run, book) {
      const { text, headings, pages, stretches, lines } = book;
      await writeFileSafely(join(folder, names.text), text);
      await writeFileSafely(join(folder, names.places), `${JSON.stringify({ headings, pages, stretches, lines })}\n`);
      await writeFileSafely(join(folder, names.run), `${JSON.stringify(run)}\n`);
    },
    async [Symbol.asyncDispose]() {
      await last;
      await journal?.close();
      lock.release();
    },
  };
}

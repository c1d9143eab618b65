/**
 * What was typed earlier, kept in a file of one entry a line. Each entry is appended when it is typed, so that nothing
 * is lost when the program is killed, and two prompts at once do not overwrite each other's entries.
 */
import {
  appendFileSync,
  chmodSync,
  closeSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { makeFolder } from "../../base/files-node.ts";

/** Entries that are kept. */
const most = 1000;
/** Of the file, in bytes; longer ones are cut to their last {@link most} entries when a prompt opens. */
const mostBytes = 1 << 20;
/** A longer entry, in characters, is remembered until the program ends, but not written. */
const longest = 16 << 10;

/** Stands for a line break where a text must fit one line: in the editor and in the file. */
export const lineBreak = "⏎";

export const toLine = (text: string): string => text.replaceAll("\n", lineBreak);
export const fromLine = (line: string): string => line.replaceAll(lineBreak, "\n");

export interface History {
  /** Newest first, line breaks as {@link lineBreak}. */
  readonly entries: readonly string[];
  add(text: string): void;
}

function historyFile(name: string): string {
  const state = process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state");
  return join(process.env.ZEROTH_HOME ?? join(state, "zeroth"), name);
}

/** The end of a file: all of it, where it is not too long. */
function readEnd(path: string, size: number): { readonly lines: string[]; readonly whole: boolean } {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(Math.min(size, mostBytes));
    const read = readSync(file, bytes, 0, bytes.length, size - bytes.length);
    const text = bytes.toString("utf8", 0, read);
    const lines = text.split("\n");
    // The first line may be cut, and what is behind the last line break was being written when its writer was killed.
    if (size > bytes.length) lines.shift();
    const whole = lines.pop() === "";
    // biome-ignore lint/suspicious/noControlCharactersInRegex: somebody else may have written to the file
    return { lines: lines.map((line) => line.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, "")), whole };
  } finally {
    closeSync(file);
  }
}

/** Write the file anew, shorter; readable by its owner alone. */
function rewrite(path: string, lines: readonly string[]): void {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, lines.map((line) => `${line}\n`).join(""), { mode: 0o600, flag: "wx" });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Earlier lines, oldest first; none where they cannot be read. */
function readLines(path: string): { readonly lines: readonly string[]; readonly usable: boolean } {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return { lines: [], usable: true };
    // Opening a pipe would wait for a writer.
    if (!stat.isFile()) return { lines: [], usable: false };
    const { lines: all, whole } = readEnd(path, stat.size);
    const lines = all.filter(Boolean);
    if ((stat.mode & 0o077) !== 0) chmodSync(path, 0o600);
    if (lines.length > 2 * most || stat.size > mostBytes || !whole) rewrite(path, lines.slice(-most));
    return { lines: lines.slice(-most), usable: true };
  } catch {
    return { lines: [], usable: true };
  }
}

/**
 * Open the history of this name in the program's folder of states.
 * @param say told once where nothing can be written, which is no failure: what was asked is answered
 */
export function openHistory(name: string, say: (text: string) => void): History {
  const path = historyFile(name);
  const { lines, usable } = readLines(path);
  const entries = [...lines].reverse();
  let kept = usable;
  return {
    entries,
    add(text) {
      const line = toLine(text);
      if (line === entries[0] || line.trim() === "") return;
      entries.unshift(line);
      if (entries.length > most) entries.pop();
      if (!kept || line.length > longest) return;
      try {
        makeFolder(dirname(path));
        appendFileSync(path, `${line}\n`, { mode: 0o600 });
      } catch (error) {
        kept = false;
        const why = error instanceof Error ? error.message : String(error);
        say(`the history is not kept: ${why}; ZEROTH_HOME names another place`);
      }
    },
  };
}

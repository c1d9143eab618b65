/** A conversation on a terminal: a line is typed, something is done with it, and so on; earlier lines come back. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { makeFolder } from "../base/files-node.ts";
import type { Output } from "./output.ts";
import { asKnown } from "./report.ts";

/** Where lines come from and are shown as they are typed: the program's own streams, or those of a test. */
export interface Streams {
  readonly input: NodeJS.ReadableStream;
  readonly screen: NodeJS.WritableStream;
}

export const ownStreams: Streams = { input: process.stdin, screen: process.stdout };

/** What is done with what is typed. */
export interface Talk {
  /** Name of the file, in the program's folder of states, that keeps what was typed. */
  readonly history: string;
  /**
   * Do what a line asks for. Ctrl-C aborts the signal, and what that ends in is no error.
   * @returns what is to be remembered of the line, and "leave" to end the conversation
   */
  line(text: string, signal: AbortSignal): Promise<{ readonly remember?: string; readonly leave?: boolean }>;
}

const most = 500;

function historyFile(name: string): string {
  const state = process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state");
  return join(process.env.ZEROTH_HOME ?? join(state, "zeroth"), name);
}

/** Earlier lines, newest first, as readline wants them; none where they cannot be read. */
function readHistory(path: string): string[] {
  try {
    // Opening a pipe would wait for a writer.
    if (!statSync(path).isFile()) return [];
    return readFileSync(path, "utf8").split("\n").filter(Boolean).reverse().slice(0, most);
  } catch {
    return [];
  }
}

/** Keep the lines. A place where nothing can be written is no failure: what was asked has been answered. */
function writeHistory(path: string, asked: readonly string[], output: Output): void {
  try {
    makeFolder(dirname(path));
    writeFileSync(path, `${asked.slice(-most).join("\n")}\n`, { mode: 0o600 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    output.say(`the history is not kept: ${why}; ZEROTH_HOME names another place`);
  }
}

/** Tell an error that a person can do something about; others go on. An interruption is what was asked for. */
export function tell(error: unknown, output: Output): void {
  const known = asKnown(error);
  if (!known) throw error;
  if (known.code !== "interrupted") output.say(`${known.message}${known.hint ? `\n  → ${known.hint}` : ""}`);
}

/** Close a model. What could not be opened fails again when it is closed: that was told when it was first needed. */
export async function closeQuietly(model: AsyncDisposable): Promise<void> {
  try {
    await model[Symbol.asyncDispose]();
  } catch (error) {
    if (asKnown(error) === undefined) throw error;
  }
}

/** Take line after line until Ctrl-D, or until one leaves. Ctrl-C stops what is under way and nothing else. */
export async function converse(output: Output, { input, screen }: Streams, talk: Talk): Promise<void> {
  const path = historyFile(talk.history);
  const lines = readHistory(path);
  const asked: string[] = [...lines].reverse();
  const reader = createInterface({
    input,
    output: screen,
    terminal: true,
    prompt: "> ",
    history: lines,
    historySize: most,
  });
  let stop: AbortController | undefined;
  reader.on("SIGINT", () => {
    if (stop) stop.abort();
    else {
      output.text(`\n${output.dim("Ctrl-D leaves.")}\n`);
      reader.prompt();
    }
  });
  reader.prompt();
  try {
    for await (const line of reader) {
      const text = line.trim();
      if (text !== "") {
        stop = new AbortController();
        const { remember, leave } = await talk.line(text, stop.signal).catch((error: unknown) => {
          tell(error, output);
          return { remember: undefined, leave: false };
        });
        stop = undefined;
        if (remember !== undefined) asked.push(remember);
        if (leave) break;
      }
      reader.prompt();
    }
  } finally {
    reader.close();
    writeHistory(path, asked, output);
  }
}

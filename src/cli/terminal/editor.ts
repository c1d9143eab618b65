/**
 * Lines typed on a terminal, by Node's own line editor (`node:readline`): it knows wide characters, narrow windows and
 * the usual keys, and needs no dependency. What it lacks is put before it: pastes and typed texts of several lines, a
 * search, a history that is saved line by line, and Ctrl-C and Ctrl-D that also work during an answer.
 */
import { writeSync } from "node:fs";
import { constants } from "node:os";
import { type CompleterResult, createInterface } from "node:readline";
import { fromLine, type History, lineBreak, toLine } from "./history.ts";
import { filterKeys, pasteMarks } from "./keys.ts";
import { searchHistory } from "./search.ts";

/** Where lines come from and are shown as they are typed: the program's own streams, or those of a test. */
export interface Streams {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean; setRawMode?(on: boolean): unknown };
  readonly screen: NodeJS.WritableStream;
  /** A terminal that obeys no escape sequences: whole lines are taken as it gives them. */
  readonly plain?: boolean;
}

export const ownStreams = (): Streams => ({
  input: process.stdin,
  screen: process.stdout,
  plain: process.env.TERM === "dumb",
});

export interface EditorOptions {
  readonly history: History;
  /** What the beginning of a line may be completed to, and the part of it that this replaces. */
  readonly complete: (line: string) => Promise<CompleterResult>;
  /** What a first Ctrl-C on an empty line says. */
  readonly hint: string;
}

export interface Editor {
  /** The next text, of one line or several; undefined when it is time to leave. */
  read(): Promise<string | undefined>;
  /** One line that answers a question and is not remembered; undefined where none is given. */
  ask(question: string): Promise<string | undefined>;
  /** Do what takes long. Ctrl-C and all that ends the program abort the signal; the second Ctrl-C leaves besides. */
  during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** The exit code, once it is time to leave: 0, or that of the signal that ended it. */
  readonly left: number | undefined;
  /** Give the terminal back as it was. */
  close(): void;
}

const prompts = { first: "> ", next: "… " } as const;
const fence = '"""';

/** The text of typed lines; undefined where more are to come: after a backslash at the end, and within `"""`. */
export function textOf(lines: readonly string[]): string | undefined {
  const first = lines[0]!.trimStart();
  if (first.startsWith(fence)) {
    const text = [first.slice(fence.length), ...lines.slice(1)].join("\n").trimEnd();
    return text.endsWith(fence) ? text.slice(0, -fence.length).replace(/^\n|\n$/g, "") : undefined;
  }
  // An even number of backslashes is a text that ends with them.
  if (/(?<!\\)(\\\\)*\\$/.test(lines.at(-1)!)) return undefined;
  return lines.map((line, i) => (i < lines.length - 1 ? line.slice(0, -1) : line)).join("\n");
}

const dropped = Symbol("a line that was given up");
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function openEditor({ input, screen, plain = false }: Streams, options: EditorOptions): Editor {
  const { history } = options;
  let left: number | undefined;
  let stop: AbortController | undefined;
  let waiting: ((line: string | undefined | typeof dropped) => void) | undefined;
  let prompt: string = prompts.first;
  let search: ReturnType<typeof searchHistory> | undefined;
  /** Ctrl-C was the last key. */
  let warned = false;
  /** Lines of a terminal that hands them over whole, not asked for yet. */
  const early: string[] = [];

  const answer = (line: string | undefined | typeof dropped) => {
    const resolve = waiting;
    waiting = undefined;
    resolve?.(line);
  };
  const leave = (code: number) => {
    left ??= code;
    stop?.abort();
    answer(undefined);
  };
  const setLine = (text: string) => {
    reader.write(null, { ctrl: true, name: "e" });
    reader.write(null, { ctrl: true, name: "u" });
    if (text !== "") reader.write(text);
  };
  const draw = (before: string, text: string) => {
    reader.setPrompt(before);
    setLine(text);
    reader.prompt(true);
  };
  const endSearch = (line: string) => {
    search = undefined;
    draw(prompt, line);
  };
  const interrupt = () => {
    if (waiting === undefined) {
      if (stop?.signal.aborted) leave(0);
      stop?.abort();
    } else if (search !== undefined) endSearch("");
    else if (!plain && (reader.line !== "" || prompt !== prompts.first)) {
      setLine("");
      if (prompt !== prompts.first) {
        screen.write("\n");
        answer(dropped);
      }
    } else if (warned) leave(0);
    else {
      warned = true;
      screen.write(`\n${options.hint}\n`);
      if (prompt === prompts.first) reader.prompt();
      else answer(dropped);
    }
  };

  const keys = plain
    ? undefined
    : filterKeys(input, {
        text(typed) {
          warned = false;
          if (search === undefined) return false;
          const { ended, rest } = search.type(typed);
          if (ended === undefined) draw(search.prompt, search.line);
          else {
            endSearch(ended === "taken" ? search.line : search.before);
            if (rest !== "") keys!.stream.push(rest);
          }
          return true;
        },
        paste(text) {
          warned = false;
          if (search) endSearch(search.line);
          reader.write(toLine(text));
        },
        line() {
          warned = false;
          if (search) endSearch(search.line);
          return true;
        },
        lineBreak() {
          if (search) endSearch(search.line);
          reader.write(lineBreak);
        },
        interrupt,
        end() {
          // In a text Ctrl-D deletes a character; what was typed ahead of the next line waits for it.
          if (waiting === undefined ? stop === undefined : search !== undefined || reader.line !== "") return false;
          leave(0);
          return true;
        },
        search() {
          if (search) search.older();
          else search = searchHistory(history.entries, reader.line);
          draw(search.prompt, search.line);
        },
        gone: () => leave(left ?? 0),
      });

  let shown: string[] = [...history.entries];
  const reader = createInterface({
    input: keys?.stream ?? input,
    output: screen,
    terminal: !plain,
    prompt,
    history: shown,
    historySize: 1000,
    tabSize: 4,
    completer: (line: string, done: (error: null, result: CompleterResult) => void) => {
      options.complete(line).then(
        (result) => done(null, result),
        () => done(null, [[], line]),
      );
    },
  });
  // The history is ours: what is to be remembered is decided when a text is whole.
  reader.on("history", (lines: string[]) => {
    shown = lines;
  });
  const showHistory = () => shown.splice(0, shown.length, ...history.entries);

  let marks = false;
  const setMarks = (on: boolean) => {
    if (plain || marks === on) return;
    marks = on;
    screen.write(on ? pasteMarks.on : pasteMarks.off);
  };
  reader.on("line", (line) => {
    setMarks(false);
    if (waiting) answer(line);
    else if (plain) early.push(line);
  });
  reader.on("close", () => leave(0));

  // Whoever listened is not to act on these while a person types.
  const before = signals.map((name) => [name, process.listeners(name)] as const);
  const onSignal = (name: NodeJS.Signals) => {
    if (name === "SIGINT") interrupt();
    else leave(128 + constants.signals[name]);
  };
  for (const name of signals) {
    process.removeAllListeners(name);
    process.on(name, onSignal);
  }
  const onExit = () => {
    try {
      if (marks && screen === process.stdout) writeSync(1, pasteMarks.off);
    } catch {
      // The terminal is gone.
    }
  };
  process.on("exit", onExit);

  const line = (before: string): Promise<string | undefined | typeof dropped> => {
    if (left !== undefined) return Promise.resolve(undefined);
    if (early.length > 0) return Promise.resolve(early.shift());
    prompt = before;
    return new Promise((resolve) => {
      waiting = resolve;
      reader.setPrompt(before);
      showHistory();
      setMarks(true);
      reader.prompt();
      keys?.release();
    });
  };

  return {
    async read() {
      for (let lines: string[] = []; ; ) {
        const next = await line(lines.length === 0 ? prompts.first : prompts.next);
        if (next === undefined) return undefined;
        if (typeof next === "symbol") {
          lines = [];
          continue;
        }
        lines.push(fromLine(next));
        const text = textOf(lines);
        if (text !== undefined) return text;
      }
    },
    async ask(question) {
      const given = await line(question);
      return typeof given === "string" ? given : undefined;
    },
    async during(work) {
      const mine = new AbortController();
      stop = mine;
      if (left !== undefined) mine.abort();
      try {
        return await work(mine.signal);
      } finally {
        stop = undefined;
      }
    },
    get left() {
      return left;
    },
    close() {
      setMarks(false);
      left ??= 0;
      keys?.close();
      reader.close();
      process.removeListener("exit", onExit);
      for (const [name, listeners] of before) {
        process.removeListener(name, onSignal);
        for (const listener of listeners) process.on(name, listener);
      }
    },
  };
}

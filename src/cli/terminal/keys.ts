/**
 * What is typed, before the line editor sees it: pastes as one piece, the keys that stop and leave at any time, and
 * nothing at all while an answer is written: what is typed meanwhile waits for the next line.
 */
import { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** Marks that a terminal puts around what is pasted, once asked to (xterm's mode 2004, "bracketed paste"). */
const [pasteStart, pasteEnd] = ["\u001b[200~", "\u001b[201~"];
/** Asks a terminal for these marks, and to leave them out again. */
export const pasteMarks = { on: "\u001b[?2004h", off: "\u001b[?2004l" } as const;

type Key =
  | { readonly kind: "text" | "paste"; readonly text: string }
  | { readonly kind: "line" | "interrupt" | "end" | "search" | "break" };

const named: Readonly<Record<string, Key>> = {
  "\u0003": { kind: "interrupt" },
  "\u0004": { kind: "end" },
  "\u0012": { kind: "search" },
  "\r": { kind: "line" },
  "\n": { kind: "line" },
  "\r\n": { kind: "line" },
  // Alt and Enter.
  "\u001b\r": { kind: "break" },
};

/** A paste as text: line breaks as such, without other control characters and empty lines around it. */
const pasted = (text: string): string =>
  text
    .replace(/\r\n?/g, "\n")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what is pasted must not be obeyed
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "")
    .replace(/^\n+|\n+$/g, "");

/** Cuts what comes from a terminal into keys; what may be the beginning of a mark waits for the rest. */
export function keyReader(): (text: string) => Key[] {
  let rest = "";
  return (text) => {
    rest += text;
    const keys: Key[] = [];
    const take = (length: number) => {
      const taken = rest.slice(0, length);
      rest = rest.slice(length);
      return taken;
    };
    const plain = (chunk: string) => {
      // A tab among other characters would not be taken as a key.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are keys
      for (const part of chunk.split(/(\u001b\r|\r\n|[\u0003\u0004\t\u0012\r\n])/)) {
        if (part !== "") keys.push(named[part] ?? { kind: "text", text: part });
      }
    };
    for (;;) {
      if (rest.startsWith(pasteStart)) {
        const end = rest.indexOf(pasteEnd);
        if (end < 0) return keys;
        const text = pasted(take(end + pasteEnd.length).slice(pasteStart.length, -pasteEnd.length));
        if (text !== "") keys.push({ kind: "paste", text });
        continue;
      }
      const next = rest.indexOf(pasteStart);
      if (next >= 0) {
        plain(take(next));
        continue;
      }
      // Escape alone is a key; a longer beginning of the mark is none.
      let open = pasteStart.length - 1;
      while (open > 1 && !rest.endsWith(pasteStart.slice(0, open))) open--;
      plain(take(rest.length - (open > 1 ? open : 0)));
      return keys;
    }
  };
}

export interface KeyHandlers {
  /** Keys as a terminal sends them. True where nothing else is to be done with them. */
  text(keys: string): boolean;
  paste(text: string): void;
  /** Enter: true where the line is to end. */
  line(): boolean;
  lineBreak(): void;
  interrupt(): void;
  /** Ctrl-D: true where nothing else is to be done. */
  end(): boolean;
  search(): void;
  /** The terminal is gone. */
  gone(): void;
}

export interface Keys {
  /** For the line editor. */
  readonly stream: Readable;
  /** Whether typing waits, after a line until {@link release}. */
  readonly held: boolean;
  release(): void;
  close(): void;
}

type Terminal = NodeJS.ReadableStream & { readonly isTTY?: boolean; setRawMode?(on: boolean): unknown };

/** A filter between a terminal and the line editor. */
export function filterKeys(input: Terminal, handlers: KeyHandlers): Keys {
  const stream = Object.assign(new Readable({ read() {} }), {
    isTTY: true,
    setRawMode: (on: boolean) => input.setRawMode?.(on),
  });
  const decoder = new StringDecoder("utf8");
  const read = keyReader();
  let waiting: Key[] = [];
  let held = true;
  let working = false;

  const pass = (text: string) => stream.push(text);
  const one = (key: Key) => {
    if (key.kind === "text") handlers.text(key.text) || pass(key.text);
    else if (key.kind === "paste") handlers.paste(key.text);
    else if (key.kind === "interrupt") handlers.interrupt();
    else if (key.kind === "end") handlers.end() || pass("\u0004");
    else if (key.kind === "search") handlers.search();
    else if (key.kind === "break") handlers.lineBreak();
    else if (handlers.line()) {
      held = true;
      pass("\r");
    }
  };
  /** One key after the other, each when the editor has seen the last one. */
  const work = () => {
    working = false;
    const key = held ? undefined : waiting.shift();
    if (key === undefined) return;
    one(key);
    working = true;
    setImmediate(work);
  };

  const onData = (chunk: Buffer | string) => {
    for (const key of read(typeof chunk === "string" ? chunk : decoder.write(chunk))) {
      // These two act at once, also during an answer; stopping it drops what was typed ahead.
      if (held && key.kind === "interrupt") {
        waiting = [];
        handlers.interrupt();
      } else if (!(held && key.kind === "end" && handlers.end())) waiting.push(key);
    }
    if (!working) work();
  };
  input.on("data", onData);
  for (const event of ["end", "close", "error"]) input.on(event, handlers.gone);
  return {
    stream,
    get held() {
      return held;
    },
    release() {
      held = false;
      if (!working) work();
    },
    close() {
      input.removeListener("data", onData);
      input.removeListener("end", handlers.gone);
      input.removeListener("close", handlers.gone);
      // An error after the end, of a terminal that was closed, is nobody's concern.
      input.pause();
    },
  };
}

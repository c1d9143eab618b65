/** Where things are said: results on stdout, talk on stderr, colours only where a person sees them. */
import { rowText } from "../data/raw-json.ts";
import { shortened, wrapped } from "./fit.ts";

export interface Output {
  readonly json: boolean;
  /** A result for a person; nothing with --json. */
  text(text: string): void;
  /** What a model wrote: on a terminal its control characters are shown, not obeyed. */
  answer(text: string): void;
  /** A result row; with --json only. */
  row(row: object): void;
  /** Talk: status, warnings. Nothing with --quiet. */
  say(text: string): void;
  /** A line that is written over by the next one, and taken away by an empty one; nothing where no terminal is. */
  progress(text: string): void;
  readonly terminal: boolean;
  bold(text: string): string;
  dim(text: string): string;
}

interface OutputOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
}

function coloured(stream: NodeJS.WriteStream, wanted: boolean): boolean {
  if (!wanted || process.env.NO_COLOR) return false;
  if (process.env.FORCE_COLOR) return true;
  return Boolean(stream.isTTY) && process.env.TERM !== "dumb";
}

/** Control characters as visible signs (U+2400 and up); line breaks and tabs stay. */
function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (c) =>
    c < " " ? String.fromCharCode(0x2400 + c.charCodeAt(0)) : "\u2421",
  );
}

/** On a terminal, the text within its columns; elsewhere every line stays one. */
export const fitted = (text: string, { isTTY, columns }: NodeJS.WriteStream): string =>
  isTTY && columns > 0 ? wrapped(text, columns) : text;

export function createOutput({ json = false, quiet = false, color = true }: OutputOptions): Output {
  const terminal = Boolean(process.stderr.isTTY);
  let open = false;
  const clear = () => {
    if (open) process.stderr.write("\r\u001b[K");
    open = false;
  };
  const style = (code: number) => (text: string) =>
    coloured(process.stdout, color) ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    json,
    terminal,
    text(text) {
      if (json) return;
      clear();
      process.stdout.write(fitted(text, process.stdout));
    },
    answer(text) {
      if (json) return;
      clear();
      process.stdout.write(process.stdout.isTTY ? harmless(text) : text);
    },
    row(row) {
      if (json) process.stdout.write(`${rowText(row)}\n`);
    },
    say(text) {
      if (quiet) return;
      clear();
      process.stderr.write(`${fitted(text, process.stderr)}\n`);
    },
    progress(text) {
      if (quiet || !terminal) return;
      if (text === "") return clear();
      process.stderr.write(`\r${shortened(text, (process.stderr.columns || 80) - 1)}\u001b[K`);
      open = true;
    },
    bold: style(1),
    dim: style(2),
  };
}

/** What is said where a model would give none of the choices by itself. */
export const unlikely = (choices: number): string =>
  choices === 1
    ? "the model would hardly give this answer by itself"
    : "the model would hardly give any of these answers by itself: the best of them means little";

/** Bytes for people. */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** "47 s", "12 min", "3.4 h". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  return s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
}

/** Lines of columns, each as wide as its widest cell. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => rows.reduce((widest, row) => Math.max(widest, row[i]!.length), 0)) ?? [];
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

/** Wait until stdout has taken everything: exiting before would cut a pipe short. */
export function flushed(): Promise<void> {
  return new Promise((resolve) => process.stdout.write("", () => resolve()));
}

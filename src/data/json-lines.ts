/** JSON Lines: one object a line, lines end at LF and nowhere else. The one splitter and the one parser of them. */
import { fail, ZerothError } from "../errors.ts";
import { decodeUtf8, withoutMark } from "./utf8.ts";
import { type Row, rowFromJson } from "./values.ts";

/** Longest line that is read: a row has to fit into memory. */
export const longestLine = 64 << 20;

export interface Line {
  readonly bytes: Uint8Array;
  /** Of its first byte in the file. */
  readonly at: number;
  /** From 1, blank lines counted. */
  readonly number: number;
}

const isBlank = (bytes: Uint8Array): boolean => {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 32) return false;
  return true;
};

/**
 * The lines of a file that hold anything, as they become whole; those of one piece together.
 * @throws bad_input for UTF-16; too_long
 */
export async function* linesOf(
  pieces: AsyncIterable<Uint8Array>,
  where: string,
): AsyncGenerator<readonly Line[], void, undefined> {
  let open: Uint8Array[] = [];
  let length = 0;
  let at = 0;
  let number = 1;
  const add = (bytes: Uint8Array, last: boolean) => {
    length += bytes.length;
    if (length > longestLine) fail("too_long", `line ${number} is longer than ${longestLine} bytes`, { where });
    // A piece's memory may be used again by whoever gave it.
    if (bytes.length > 0) open.push(last ? bytes : new Uint8Array(bytes));
  };
  const ended = (): Line => {
    const line = { bytes: open.length === 1 ? open[0]! : Buffer.concat(open), at, number };
    open = [];
    length = 0;
    return line;
  };
  for await (const { bytes, at: start } of withoutMark(pieces, where)) {
    const lines: Line[] = [];
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      if (length === 0) at = start + from;
      add(bytes.subarray(from, end), true);
      const line = ended();
      if (!isBlank(line.bytes)) lines.push(line);
      number++;
      from = end + 1;
    }
    if (length === 0) at = start + from;
    add(bytes.subarray(from), false);
    if (lines.length > 0) yield lines;
  }
  const line = ended();
  if (!isBlank(line.bytes)) yield [line];
}

/** The lines that hold anything among bytes that begin at byte `start` of a file, which are whole lines. */
export function linesIn(bytes: Uint8Array, start: number): Line[] {
  const lines: Line[] = [];
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(10, from);
    const end = found < 0 ? bytes.length : found;
    const line = { bytes: bytes.subarray(from, end), at: start + from, number: lines.length + 1 };
    if (!isBlank(line.bytes)) lines.push(line);
    from = end + 1;
  }
  return lines;
}

/** The row on a line. @throws bad_input with what is wrong; `where` names file and line */
export const rowOfLine = ({ bytes, at }: Line, where: string): Row => rowFromJson(decodeUtf8(bytes, where, at), where);

/** Rows as they are read; a line that is no row gives its error in its place. */
export async function* jsonLineRows(
  pieces: AsyncIterable<Uint8Array>,
  where: string,
): AsyncGenerator<Row | ZerothError, void, undefined> {
  for await (const lines of linesOf(pieces, where)) {
    for (const line of lines) {
      let row: Row | ZerothError;
      try {
        row = rowOfLine(line, `${where}, line ${line.number}`);
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        row = error;
      }
      yield row;
    }
  }
}

/** A place in a text that is read from left to right. */
export interface TextCursor {
  /** UTF-16 units read so far. */
  at: number;
  /** Whether the rest begins with a text. */
  peek(text: string): boolean;
  /** Go past a text that the rest begins with; false where it does not. */
  take(text: string): boolean;
  /** Go past what a pattern, which begins with ^, finds in the next 80 units. */
  match(pattern: RegExp): RegExpExecArray | undefined;
  /** The next character's code point; `ended` says that there is none. */
  character(): number;
}

export function textCursor(source: string, ended: () => never): TextCursor {
  const cursor: TextCursor = {
    at: 0,
    peek: (text) => source.startsWith(text, cursor.at),
    take(text) {
      if (!cursor.peek(text)) return false;
      cursor.at += text.length;
      return true;
    },
    match(pattern) {
      const found = pattern.exec(source.slice(cursor.at, cursor.at + 80));
      if (found) cursor.at += found[0].length;
      return found ?? undefined;
    },
    character() {
      const point = source.codePointAt(cursor.at) ?? ended();
      cursor.at += point > 0xffff ? 2 : 1;
      return point;
    },
  };
  return cursor;
}

/** A document's text as it is put together from pieces of its source. */
import type { Stretch } from "./document.ts";

/** Texts with the places of their characters, white space as a browser shows it. */
export function createWriter() {
  const parts: string[] = [];
  const stretches: Stretch[] = [];
  let length = 0;
  let gap: "" | " " | "\n" | "\n\n" = "";
  const mark = (source: number, count: number) => {
    const last = stretches.at(-1);
    const goesOn = last && !last.written && last.at + last.length === length && last.source + last.length === source;
    if (goesOn) stretches[stretches.length - 1] = { ...last, length: last.length + count };
    else stretches.push({ at: length, source, length: count });
  };
  const put = (text: string) => {
    parts.push(text);
    length += text.length;
  };
  return {
    get length() {
      return length;
    },
    /** Where the next character will stand. */
    get next() {
      return length === 0 ? 0 : length + gap.length;
    },
    separate(by: " " | "\n" | "\n\n") {
      if (length > 0 && by.length >= gap.length && gap !== "\n\n" && !(gap === "\n" && by === " ")) gap = by;
    },
    /** `text` as it stands at `source`, or written there in so many characters in another way. */
    write(text: string, source: number, written?: number) {
      if (gap !== "") {
        put(gap);
        gap = "";
      }
      if (written === undefined) mark(source, text.length);
      else stretches.push({ at: length, source, length: text.length, written });
      put(text);
    },
    /** Take back the last character that was written: the hyphen at the end of a line. */
    dropLast() {
      const text = parts.at(-1)!.slice(0, -1);
      const { at, source, length: own } = stretches.at(-1)!;
      gap = "";
      length--;
      if (text === "") parts.pop();
      else parts[parts.length - 1] = text;
      if (own === 1) stretches.pop();
      else stretches[stretches.length - 1] = { at, source, length: own - 1 };
    },
    finish: () => ({ text: parts.join(""), stretches }),
  };
}

/** Text while its tokens still come: nothing is shown that a later token could change. */

export interface StreamDecoder {
  /** The text that became certain with this token; often the whole piece, sometimes nothing. */
  push(id: number): string;
  /** What is left at the end; an unfinished character shows as U+FFFD. */
  flush(): string;
}

/** Up to three bytes of an unfinished character decode to replacement characters at the end. */
function certainLength(text: string): number {
  let end = text.length;
  while (end > 0 && text.length - end < 3 && text.charCodeAt(end - 1) === 0xfffd) end--;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

/** Tokens without any certain text after which what there is, is taken: no character has as many. */
const patience = 64;

/**
 * A decoder over a window: the tokens of the last emission stay as context, because a piece's text depends on whether
 * something stands before it (leading spaces), so the cost of a token does not grow with the text.
 * @param decode ids to text; told whether the text begins with them
 */
export function streamDecoder(decode: (ids: readonly number[], start: boolean) => string): StreamDecoder {
  let start = true;
  let window: number[] = [];
  let fresh = 0;
  let emitted = 0;
  const take = (certain: boolean): string => {
    const text = decode(window, start);
    const end = certain ? text.length : certainLength(text);
    const out = end > emitted ? text.slice(emitted, end) : "";
    emitted = Math.max(emitted, end);
    if (end === text.length && out !== "") {
      window = window.slice(fresh);
      fresh = window.length;
      start = false;
      emitted = decode(window, start).length;
    }
    return out;
  };
  return {
    push(id) {
      window.push(id);
      const out = take(false);
      if (window.length - fresh < patience) return out;
      const rest = take(true);
      // Tokens that are no text, as special ones that are skipped, are forgotten.
      if (window.length - fresh >= patience) window = window.slice(0, fresh);
      return out + rest;
    },
    flush() {
      const out = window.length > 0 ? take(true) : "";
      window = [];
      fresh = 0;
      emitted = 0;
      start = true;
      return out;
    },
  };
}

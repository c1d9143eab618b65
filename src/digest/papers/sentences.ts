/** Sentences of a text. */

/** Sentences with their places in the text: at a full stop before a capital, not after an initial or a short form. */
export function sentencesOf(text: string): { readonly start: number; readonly end: number; readonly text: string }[] {
  const sentences: { start: number; end: number; text: string }[] = [];
  let from = 0;
  const end = (at: number): void => {
    const raw = text.slice(from, at);
    const start = from + raw.length - raw.trimStart().length;
    const own = raw.trim();
    if (own !== "") sentences.push({ start, end: start + own.length, text: own });
    from = at;
  };
  for (const found of text.matchAll(/[.!?]["”')\]]{0,3}(?=\s+["“'([]{0,2}[\p{Lu}\p{N}$])/gu)) {
    const at = found.index;
    const word = /[^\s(]{1,12}$/.exec(text.slice(Math.max(from, at - 12), at))?.[0] ?? "";
    if (found[0][0] === "." && (shortForm.test(word) || /^\p{Lu}$/u.test(word))) continue;
    end(at + found[0].length);
  }
  end(text.length);
  return sentences;
}

const shortForm = /^(?:e\.?g|i\.?e|cf|vs|etc|al|resp|approx|fig|figs|eq|eqs|sec|no|dr|prof|st|mr|ms|viz|w\.r\.t|ca)$/i;

/**
 * How much of a summary is copied (Grusky, Naaman and Artzi 2018, "Newsroom"): greedy fragments that it shares with its
 * text, as the paper's own program finds them.
 */

/** Words and single signs in lower case. */
export const fragmentTokens = (text: string): string[] =>
  text.toLowerCase().match(/[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu) ?? [];

export interface Fragment {
  readonly summary: number;
  readonly text: number;
  readonly length: number;
}

/**
 * For each place of the summary the longest run that the text has too, the first of equals. As in the paper's program the
 * search goes on behind a match, so a longer run that begins inside of one is not found.
 */
export function fragmentsOf(summary: readonly string[], text: readonly string[]): Fragment[] {
  const places = new Map<string, number[]>();
  text.forEach((word, at) => {
    const known = places.get(word);
    if (known) known.push(at);
    else places.set(word, [at]);
  });
  const fragments: Fragment[] = [];
  for (let at = 0; at < summary.length; ) {
    let best: Fragment | undefined;
    let behind = 0;
    for (const start of places.get(summary[at]!) ?? []) {
      if (start < behind) continue;
      let length = 1;
      while (
        at + length < summary.length &&
        start + length < text.length &&
        summary[at + length] === text[start + length]
      )
        length++;
      if (!best || length > best.length) best = { summary: at, text: start, length };
      behind = start + length;
    }
    if (best) fragments.push(best);
    at += best?.length ?? 1;
  }
  return fragments;
}

export interface Copied {
  /** Share of the summary's words that stand in fragments. */
  readonly coverage: number;
  /** Mean length of the fragment that a word of the summary stands in. */
  readonly density: number;
  /** Words of the text for each of the summary. */
  readonly compression: number;
}

export function copiedShares(summary: readonly string[], text: readonly string[]): Copied {
  if (summary.length === 0) return { coverage: 0, density: 0, compression: 0 };
  const fragments = fragmentsOf(summary, text);
  const sum = (of: (length: number) => number) => fragments.reduce((all, { length }) => all + of(length), 0);
  return {
    coverage: sum((length) => length) / summary.length,
    density: sum((length) => length * length) / summary.length,
    compression: text.length / summary.length,
  };
}

/** Prompts in runs of bounded size: a run cannot be interrupted, and what one keeps grows with its tokens. */

/** Rows `from` to `to`, each from its token `begin` to `end` at most. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * Tokens of a run, filling included. Products are at their speed from about half as many on; longer pieces compute
 * scores that causality hides (512 tokens of SmolLM2-135M's shape: in pieces of 256 a tenth faster than at once).
 */
export const mostTokens = 256;

/**
 * The runs that read texts of these lengths, of which the first `known` tokens are read already: neighbours that are
 * short go together from their begin; a longer one goes alone, in pieces of equal size.
 */
export function piecesOf(lengths: readonly number[], known = 0, most = mostTokens): Piece[] {
  const pieces: Piece[] = [];
  for (let from = 0; from < lengths.length; ) {
    let [to, longest] = [from, 0];
    while (to < lengths.length && (to + 1 - from) * Math.max(longest, lengths[to]!) <= most) {
      longest = Math.max(longest, lengths[to++]!);
    }
    if (to - from > 1) {
      pieces.push({ from, to, begin: 0, end: longest });
      from = to;
      continue;
    }
    const rest = lengths[from]! - known;
    const count = Math.ceil(rest / most);
    for (let i = 0; i < count; i++) {
      const [begin, end] = [i, i + 1].map((n) => known + Math.ceil((rest * n) / count)) as [number, number];
      pieces.push({ from, to: from + 1, begin, end });
    }
    from++;
  }
  return pieces;
}

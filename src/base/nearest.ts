/** Names that were probably meant. */

/** Edits (insert, delete, replace a character, swap two neighbours) between two short texts. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(
        Math.min(
          next[j - 1]! + 1,
          row[j]! + 1,
          row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
          swapped ? before[j - 2]! + 1 : Infinity,
        ),
      );
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}

/** The name that was probably meant, if one is near enough: at most a third of its characters differ. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  // What is longer than any name is near none; the cost grows with the product of the lengths.
  const text = typed.slice(0, 200);
  const ranked = known.map((name) => ({ name, edits: editDistance(text, name) })).sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best && best.edits <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined;
}

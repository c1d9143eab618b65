/** Where two texts differ, word by word. */

export interface Part {
  readonly text: string;
  readonly differs: boolean;
}

const wordsOf = (text: string): readonly string[] => text.match(/\s*\S+|\s+$/g) ?? [];

/** Longest that is compared word by word: the table grows with the product of both. */
const most = 1500;

/** Each text as parts; those that are not in the other, in the same order, differ. */
export function difference(left: string, right: string): readonly [readonly Part[], readonly Part[]] {
  const [a, b] = [wordsOf(left).slice(0, most), wordsOf(right).slice(0, most)];
  const same = (i: number, j: number) => a[i]!.trim() === b[j]!.trim();
  // common[i][j]: words that a from i and b from j have in common.
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i]![j] = same(i, j) ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const [first, second]: [Part[], Part[]] = [[], []];
  const add = (parts: Part[], text: string, differs: boolean) => {
    const last = parts.at(-1);
    if (last?.differs === differs) parts[parts.length - 1] = { text: last.text + text, differs };
    else parts.push({ text, differs });
  };
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && same(i, j)) {
      add(first, a[i++]!, false);
      add(second, b[j++]!, false);
    } else if (j === b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!)) add(first, a[i++]!, true);
    else add(second, b[j++]!, true);
  }
  return [first, second];
}

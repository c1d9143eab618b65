/** Rows that are learnt from and rows that are held out: whole books on one side or the other. */
import { randomAt, shuffle } from "../../base/rng.ts";
import { fail } from "../../errors.ts";

export interface Split<T> {
  readonly train: readonly T[];
  readonly held: readonly T[];
  /** Books that are held out. */
  readonly books: readonly string[];
}

/**
 * Never by row: rows of one book share names, plot and, as context, each other's texts. Books are drawn by the seed until
 * they have about this share of the rows, one at least and all but one at most.
 * @throws bad_input where a share is to be held out and there is one book
 */
export function splitByBook<T extends { readonly book: string }>(
  rows: readonly T[],
  share: number,
  seed: number,
): Split<T> {
  if (share === 0) return { train: rows, held: [], books: [] };
  const sizes = new Map<string, number>();
  for (const { book } of rows) sizes.set(book, (sizes.get(book) ?? 0) + 1);
  if (sizes.size < 2) {
    fail("bad_input", "all rows are of one book, and books are held out whole", {
      hint: "give rows of other books with --eval, or hold out none: --split 0",
    });
  }
  const names = [...sizes.keys()].sort();
  const order = shuffle(
    Uint32Array.from(names, (_, i) => i),
    randomAt(seed, 0, 13),
  );
  const books: string[] = [];
  let count = 0;
  for (const place of order) {
    const name = names[place]!;
    const size = sizes.get(name)!;
    const nearer = Math.abs(count + size - share * rows.length) < Math.abs(count - share * rows.length);
    if (books.length > 0 && (!nearer || books.length === names.length - 1)) continue;
    books.push(name);
    count += size;
  }
  const held = new Set(books);
  return {
    train: rows.filter(({ book }) => !held.has(book)),
    held: rows.filter(({ book }) => held.has(book)),
    books,
  };
}

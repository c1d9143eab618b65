/** Comparisons from files. */
import { createHash } from "node:crypto";
import { readTextFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import { type Comparison, type Pair, pairsOf } from "./comparison.ts";
import { jsonLines, parseComparisons, type ReadComparisons } from "./formats.ts";
import { splitByBook } from "./split.ts";

const mostBytes = 2 ** 30;

/** @throws not_found; bad_input naming the line; as {@link parseComparisons} */
export const readComparisons = (file: string): ReadComparisons => parseComparisons(readTextFile(file, mostBytes), file);

export interface PairFiles {
  readonly data: string;
  /** Rows that are judged by; whole books of `data` without. */
  readonly eval?: string | undefined;
}

export interface ReadPairs {
  readonly train: readonly Pair[];
  readonly held: readonly Pair[];
  /** Rows that say nothing: ties, and those that were skipped. */
  readonly silent: number;
  readonly books: { readonly train: readonly string[]; readonly held: readonly string[] };
  readonly digest: string;
}

const booksOf = (rows: readonly { readonly book: string }[]): string[] => [...new Set(rows.map(({ book }) => book))];

/** Pairs to learn from and pairs to judge by, which are of other books. @throws bad_input where nothing is left to learn */
export function readPairs({ data, eval: judging }: PairFiles, share: number, seed: number): ReadPairs {
  const rows = readComparisons(data).rows;
  const told = (list: readonly Comparison[]) => list.flatMap(pairsOf);
  const pairs = told(rows);
  if (pairs.length === 0) {
    fail("bad_input", "no row prefers one text to another", {
      where: data,
      hint: "ties and skipped rows teach nothing",
    });
  }
  const heldRows = judging === undefined ? undefined : readComparisons(judging).rows;
  const split = heldRows ? { train: pairs, held: told(heldRows) } : splitByBook(pairs, share, seed);
  const [train, held] = [booksOf(split.train), booksOf(split.held)];
  const both = train.find((book) => held.includes(book));
  if (both !== undefined) {
    fail("bad_input", `the book ${JSON.stringify(both.slice(0, 80))} is among the rows of ${data} too`, {
      where: judging ?? data,
      hint: "what is judged by must be of other books: their texts tell each other's",
    });
  }
  const hash = createHash("sha256");
  for (const pair of [split.train, split.held]) hash.update(JSON.stringify(pair)).update("\n");
  const silent = [...rows, ...(heldRows ?? [])].filter(({ choice }) => typeof choice !== "number").length;
  return { ...split, silent, books: { train, held }, digest: hash.digest("hex") };
}

/** A text that a person wrote for an input. */
export interface Demonstration {
  readonly text: string;
  readonly answer: string;
}

/** Rows of {prompt, completion}. @throws bad_input naming the line */
export function readDemonstrations(file: string): Demonstration[] {
  return jsonLines(readTextFile(file, mostBytes), file).map(({ row: { prompt, completion }, where }) => {
    if (typeof prompt === "string" && typeof completion === "string") return { text: prompt, answer: completion };
    return fail("bad_input", "no row of a demonstration", { where, hint: '{"prompt": text, "completion": text}' });
  });
}

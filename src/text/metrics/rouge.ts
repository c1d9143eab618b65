/**
 * ROUGE (Lin 2004) as rouge-score 0.1.2 computes it: precision, recall and F of shared n-grams, of the longest common
 * subsequence, and of the union of those of sentences. test/fixtures/rouge.json holds its numbers.
 */
import { fail } from "../../errors.ts";
import { porterStem } from "./porter.ts";

export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly f: number;
}

const stems = new Map<string, string>();
/** Most stems that are kept: words of a large book. */
const mostStems = 200_000;

/** The stem of a word, remembered. */
export function stemOf(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  const stem = porterStem(word);
  if (stems.size < mostStems) stems.set(word, stem);
  return stem;
}

/** Runs of ASCII letters and digits in lower case; with `stem`, words of more than three letters by their stems. */
export function rougeTokens(text: string, stem = false): string[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return stem ? words.map((word) => (word.length > 3 ? stemOf(word) : word)).filter(Boolean) : words;
}

export function countsOf(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** How many items two lists share, repeated ones as often as both have them. */
export function overlap(a: readonly string[], b: readonly string[]): number {
  const counts = countsOf(b);
  let shared = 0;
  for (const [item, count] of countsOf(a)) shared += Math.min(count, counts.get(item) ?? 0);
  return shared;
}

export const ngrams = (tokens: readonly string[], n: number): string[] =>
  Array.from({ length: Math.max(0, tokens.length - n + 1) }, (_, i) => tokens.slice(i, i + n).join("\u0000"));

const none: RougeScore = { precision: 0, recall: 0, f: 0 };

/** Scores of `shared` items in a text of `text` and a reference of `reference`. */
function scored(shared: number, text: number, reference: number): RougeScore {
  const [precision, recall] = [shared / Math.max(text, 1), shared / Math.max(reference, 1)];
  return { precision, recall, f: precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0 };
}

const ngramScore = (text: readonly string[], reference: readonly string[], n: number): RougeScore => {
  const [a, b] = [ngrams(text, n), ngrams(reference, n)];
  return scored(overlap(a, b), a.length, b.length);
};

/** Lengths of longest common subsequences of all beginnings, a row for each beginning of `a`. */
function lengths(a: readonly string[], b: readonly string[]): Uint32Array[] {
  const rows = [new Uint32Array(b.length + 1)];
  for (const word of a) {
    const [row, next] = [rows.at(-1)!, new Uint32Array(b.length + 1)];
    for (let j = 1; j <= b.length; j++) next[j] = word === b[j - 1] ? row[j - 1]! + 1 : Math.max(row[j]!, next[j - 1]!);
    rows.push(next);
  }
  return rows;
}

/** Length of the longest common subsequence, in memory for two rows. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  let [row, next] = [new Uint32Array(b.length + 1), new Uint32Array(b.length + 1)];
  for (const word of a) {
    for (let j = 1; j <= b.length; j++) next[j] = word === b[j - 1] ? row[j - 1]! + 1 : Math.max(row[j]!, next[j - 1]!);
    [row, next] = [next, row];
  }
  return row[b.length]!;
}

function longestScore(text: readonly string[], reference: readonly string[]): RougeScore {
  if (text.length === 0 || reference.length === 0) return none;
  return scored(commonLength(text, reference), text.length, reference.length);
}

/** Places in the reference of one longest common subsequence: read back from the end, on equal lengths up. */
function matched(reference: readonly string[], text: readonly string[]): number[] {
  const rows = lengths(reference, text);
  const places: number[] = [];
  for (let [i, j] = [reference.length, text.length]; i > 0 && j > 0; ) {
    if (reference[i - 1] === text[j - 1]) {
      places.unshift(i - 1);
      i--;
      j--;
    } else if (rows[i]![j - 1]! > rows[i - 1]![j]!) j--;
    else i--;
  }
  return places;
}

function sentencesScore(text: readonly string[][], reference: readonly string[][]): RougeScore {
  const [words, wanted] = [text.flat(), reference.flat()];
  if (words.length === 0 || wanted.length === 0) return none;
  const [left, due] = [countsOf(words), countsOf(wanted)];
  let hits = 0;
  for (const sentence of reference) {
    const union = new Set(text.flatMap((other) => matched(sentence, other)));
    for (const place of [...union].sort((a, b) => a - b)) {
      const word = sentence[place]!;
      if (!((left.get(word) ?? 0) > 0 && (due.get(word) ?? 0) > 0)) continue;
      hits++;
      left.set(word, left.get(word)! - 1);
      due.set(word, due.get(word)! - 1);
    }
  }
  return scored(hits, words.length, wanted.length);
}

export const rougeKinds = ["rouge1", "rouge2", "rougeL", "rougeLsum"] as const;
export type RougeKind = (typeof rougeKinds)[number] | `rouge${number}`;

export interface RougeOptions {
  readonly stem?: boolean;
}

const linesOf = (text: string, stem: boolean): string[][] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => rougeTokens(line, stem));

/**
 * One score of a text against a reference. `rougeLsum` takes lines as sentences.
 * @throws bad_input for a kind that is not rouge1 … rouge9, rougeL or rougeLsum
 */
export function rouge(
  text: string,
  reference: string,
  kind: RougeKind,
  { stem = false }: RougeOptions = {},
): RougeScore {
  if (kind === "rougeLsum") return sentencesScore(linesOf(text, stem), linesOf(reference, stem));
  const [a, b] = [rougeTokens(text, stem), rougeTokens(reference, stem)];
  if (kind === "rougeL") return longestScore(a, b);
  const n = /^rouge([1-9])$/.exec(kind)?.[1];
  if (n === undefined) fail("bad_input", `"${kind}" is not known; expected rouge1 to rouge9, rougeL or rougeLsum`);
  return ngramScore(a, b, Number(n));
}

/** The score against the reference with the best F, of each kind on its own. @throws bad_input without references */
export function rougeBest(
  text: string,
  references: readonly string[],
  kinds: readonly RougeKind[] = rougeKinds,
  options: RougeOptions = {},
): Record<string, RougeScore> {
  if (references.length === 0) fail("bad_input", "there is no reference to compare with");
  const best = (kind: RougeKind) =>
    references.map((one) => rouge(text, one, kind, options)).reduce((a, b) => (b.f > a.f ? b : a));
  return Object.fromEntries(kinds.map((kind) => [kind, best(kind)]));
}

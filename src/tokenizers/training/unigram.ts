/**
 * Unigram language-model tokenizer (Kudo 2018): start from frequent substrings, fit their probabilities by EM, drop the
 * pieces whose loss hurts least, until the vocabulary is full.
 */
import { fail } from "../../errors.ts";
import { alphabet, bytePieces, countWords, sentinelPieces, specials, tokenizerFile } from "./pieces.ts";

export interface UnigramOptions {
  /** All pieces: specials, bytes, characters, substrings and sentinels. */
  readonly vocabularySize: number;
  readonly sentinels?: number;
  /** Share of all characters that get a piece of their own; rarer ones are spelt in bytes. */
  readonly coverage?: number;
  /** Longest piece in characters. */
  readonly maxPiece?: number;
  readonly onProgress?: (pieces: number, target: number) => void;
  readonly signal?: AbortSignal;
}

/** A stretch of known characters and how often it occurs. */
interface Word {
  readonly chars: readonly string[];
  readonly count: number;
}

type Scores = Map<string, number>;

/** Every place where a piece of the vocabulary fits into a word: [end, log-probability, piece] by start. */
function lattice({ chars }: Word, scores: Scores, maxPiece: number): [number, number, string][][] {
  return chars.map((_, start) => {
    const edges: [number, number, string][] = [];
    let piece = "";
    for (let end = start; end < chars.length && end < start + maxPiece; end++) {
      piece += chars[end]!;
      const score = scores.get(piece);
      if (score !== undefined) edges.push([end + 1, score, piece]);
    }
    return edges;
  });
}

const addLogs = (a: number, b: number) => {
  if (a === -Infinity) return b;
  if (b === -Infinity) return a;
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
};

/** Expected number of uses of every piece over all segmentations (forward-backward), summed over the words. */
function expectedCounts(words: readonly Word[], scores: Scores, maxPiece: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) {
    const edges = lattice(word, scores, maxPiece);
    const n = word.chars.length;
    const forward = new Float64Array(n + 1).fill(-Infinity);
    const backward = new Float64Array(n + 1).fill(-Infinity);
    forward[0] = 0;
    backward[n] = 0;
    for (let i = 0; i < n; i++)
      for (const [end, p] of edges[i]!) forward[end] = addLogs(forward[end]!, forward[i]! + p);
    for (let i = n - 1; i >= 0; i--)
      for (const [end, p] of edges[i]!) backward[i] = addLogs(backward[i]!, backward[end]! + p);
    const total = forward[n]!;
    for (let i = 0; i < n; i++) {
      for (const [end, p, piece] of edges[i]!) {
        const share = Math.exp(forward[i]! + p + backward[end]! - total) * word.count;
        counts.set(piece, (counts.get(piece) ?? 0) + share);
      }
    }
  }
  return counts;
}

/** The likeliest segmentation; `without` may not be used. */
function segment(word: Word, scores: Scores, maxPiece: number, without?: string): { pieces: string[]; score: number } {
  const edges = lattice(word, scores, maxPiece);
  const n = word.chars.length;
  const best = new Float64Array(n + 1).fill(-Infinity);
  const from: [number, string][] = [];
  best[0] = 0;
  for (let i = 0; i < n; i++) {
    for (const [end, p, piece] of edges[i]!) {
      if (piece !== without && best[i]! + p > best[end]!) {
        best[end] = best[i]! + p;
        from[end] = [i, piece];
      }
    }
  }
  const pieces: string[] = [];
  for (let at = n; at > 0 && from[at]; at = from[at]![0]) pieces.unshift(from[at]![1]);
  return { pieces, score: best[n]! };
}

/** ψ(x): with it, EM discounts rare pieces as a sparse prior would (SentencePiece's M-step). */
function digamma(x: number): number {
  let value = x;
  let result = 0;
  for (; value < 7; value++) result -= 1 / value;
  value -= 0.5;
  const inverse = 1 / (value * value);
  return result + Math.log(value) + inverse * (1 / 24 - inverse * (7 / 960 - inverse * (31 / 8064)));
}

/** Substrings that occur at least twice, worth most first: length times count. */
function seeds(words: readonly Word[], maxPiece: number, limit: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { chars, count } of words) {
    for (let start = 0; start < chars.length; start++) {
      let piece = "";
      for (let end = start; end < chars.length && end < start + maxPiece; end++) {
        piece += chars[end]!;
        if (end > start) counts.set(piece, (counts.get(piece) ?? 0) + count);
      }
    }
  }
  const worth = ([piece, count]: [string, number]) => count * piece.length;
  const kept = [...counts]
    .filter(([, count]) => count >= 2)
    .sort((a, b) => worth(b) - worth(a) || (a[0] < b[0] ? -1 : 1));
  return new Map(kept.slice(0, limit));
}

/** Train a byte-fallback unigram tokenizer and give its tokenizer.json. Same texts and options, same file. */
export function trainUnigram(texts: Iterable<string>, options: UnigramOptions): object {
  const { vocabularySize, sentinels = 100, coverage = 0.9998, maxPiece = 16, onProgress, signal } = options;
  const counted = countWords(texts, signal);
  const letters = alphabet(counted, coverage);
  const extra = sentinelPieces(sentinels);
  const fixed = [specials.pad, specials.eos, specials.unk, ...bytePieces];
  const target = vocabularySize - fixed.length - extra.length;
  if (target < letters.length) {
    fail(
      "bad_input",
      `a vocabulary of ${vocabularySize} cannot hold ${vocabularySize - target + letters.length} basic pieces`,
      {
        hint: "give a larger vocabulary, fewer sentinels or a lower coverage",
      },
    );
  }
  const known = new Set(letters);
  const words: Word[] = [];
  for (const [word, count] of counted) {
    let chars: string[] = [];
    for (const char of [...word, ""]) {
      if (known.has(char)) chars.push(char);
      else if (chars.length > 0) {
        words.push({ chars, count });
        chars = [];
      }
    }
  }
  const counts = seeds(words, maxPiece, Math.max(10 * vocabularySize, 20_000));
  for (const { chars, count } of words) for (const char of chars) counts.set(char, (counts.get(char) ?? 0) + count);
  const total = [...counts.values()].reduce((a, b) => a + b, 0);
  let scores: Scores = new Map([...counts].map(([piece, count]) => [piece, Math.log(count / total)]));

  /** One round of EM; pieces expected less than half a time go, characters stay. */
  const refine = () => {
    const expected = expectedCounts(words, scores, maxPiece);
    const kept = [...scores.keys()].flatMap((piece): [string, number][] => {
      const count = expected.get(piece) ?? 0;
      return count >= 0.5 || known.has(piece) ? [[piece, Math.max(count, 0.5)]] : [];
    });
    const sum = digamma(kept.reduce((a, [, count]) => a + count, 0));
    scores = new Map(kept.map(([piece, count]) => [piece, digamma(count) - sum]));
  };

  /** Drop the pieces without which the text loses least likelihood. */
  const prune = (size: number) => {
    const used = new Map<string, number>();
    for (const word of words) {
      for (const piece of segment(word, scores, maxPiece).pieces) used.set(piece, (used.get(piece) ?? 0) + word.count);
    }
    const losses = [...scores].flatMap(([piece, score]): [string, number][] => {
      if (known.has(piece)) return [];
      const uses = used.get(piece) ?? 0;
      const other = segment({ chars: [...piece], count: 1 }, scores, maxPiece, piece);
      return [[piece, uses * (score - other.score)]];
    });
    losses.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const kept = new Set(losses.slice(0, Math.max(0, size - known.size)).map(([piece]) => piece));
    scores = new Map([...scores].filter(([piece]) => known.has(piece) || kept.has(piece)));
  };

  for (;;) {
    signal?.throwIfAborted();
    refine();
    refine();
    onProgress?.(scores.size, target);
    if (scores.size <= target) break;
    prune(Math.max(target, Math.floor(scores.size * 0.75)));
  }
  const lowest = Math.min(...scores.values());
  const learnt = [...scores].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const vocabulary: [string, number][] = [
    [specials.pad, 0],
    [specials.eos, 0],
    [specials.unk, 0],
    // Bytes are never chosen by their score: the lattice falls back to them where no piece fits.
    ...bytePieces.map((piece): [string, number] => [piece, lowest - 10]),
    ...learnt,
    ...extra.map((piece): [string, number] => [piece, 0]),
  ];
  const ids = new Map(vocabulary.map(([piece], id) => [piece, id]));
  return tokenizerFile({ type: "Unigram", unk_id: 2, vocab: vocabulary, byte_fallback: true }, ids, extra);
}

/** Byte-pair encoding (Sennrich et al. 2016): merge the most frequent neighbours until the vocabulary is full. */
import { fail } from "../../errors.ts";
import { alphabet, bytePieces, countWords, sentinelPieces, specials, tokenizerFile } from "./pieces.ts";

export interface BpeOptions {
  /** All pieces: specials, bytes, characters, merges and sentinels. */
  readonly vocabularySize: number;
  readonly sentinels?: number;
  /** Share of all characters that get a piece of their own; rarer ones are spelt in bytes. */
  readonly coverage?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

interface Entry {
  readonly count: number;
  readonly pair: string;
}

/** A binary heap of pairs, most frequent first; ties go to the pair that sorts first, so the result is one. */
function pairHeap() {
  const items: Entry[] = [];
  const before = (a: Entry, b: Entry) => a.count > b.count || (a.count === b.count && a.pair < b.pair);
  const swap = (i: number, j: number) => {
    [items[i], items[j]] = [items[j]!, items[i]!];
  };
  return {
    push(entry: Entry) {
      let i = items.push(entry) - 1;
      while (i > 0 && before(items[i]!, items[(i - 1) >> 1]!)) {
        swap(i, (i - 1) >> 1);
        i = (i - 1) >> 1;
      }
    },
    pop(): Entry | undefined {
      const top = items[0];
      const last = items.pop();
      if (!top || !last || items.length === 0) return top;
      items[0] = last;
      for (let i = 0; ; ) {
        const [left, right] = [2 * i + 1, 2 * i + 2];
        let next = i;
        if (left < items.length && before(items[left]!, items[next]!)) next = left;
        if (right < items.length && before(items[right]!, items[next]!)) next = right;
        if (next === i) return top;
        swap(i, next);
        i = next;
      }
    },
  };
}

/** Train a byte-fallback BPE tokenizer and give its tokenizer.json. Same texts and options, same file. */
export function trainBpe(texts: Iterable<string>, options: BpeOptions): object {
  const { vocabularySize, sentinels = 100, coverage = 0.9998, onProgress, signal } = options;
  const counted = countWords(texts, signal);
  const letters = alphabet(counted, coverage);
  const extra = sentinelPieces(sentinels);
  const base = [specials.pad, specials.eos, specials.unk, ...bytePieces, ...letters];
  const room = vocabularySize - base.length - extra.length;
  if (room < 0) {
    fail("bad_input", `a vocabulary of ${vocabularySize} cannot hold ${base.length + extra.length} basic pieces`, {
      hint: "give a larger vocabulary, fewer sentinels or a lower coverage",
    });
  }
  // Words as lists of pieces; a character outside the alphabet ends a mergeable stretch.
  const known = new Set(letters);
  const words: string[][] = [];
  const weight: number[] = [];
  for (const [word, count] of counted) {
    words.push(Array.from(word, (char) => (known.has(char) ? char : "")));
    weight.push(count);
  }
  const counts = new Map<string, number>();
  const places = new Map<string, Set<number>>();
  const separator = "\u0000";
  const change = (a: string, b: string, word: number, by: number) => {
    if (!a || !b) return;
    const pair = a + separator + b;
    counts.set(pair, (counts.get(pair) ?? 0) + by);
    if (by > 0) {
      const where = places.get(pair) ?? new Set();
      where.add(word);
      places.set(pair, where);
    }
  };
  words.forEach((pieces, w) => {
    for (let i = 1; i < pieces.length; i++) change(pieces[i - 1]!, pieces[i]!, w, weight[w]!);
  });
  const heap = pairHeap();
  for (const [pair, count] of counts) heap.push({ pair, count });
  const merges: [string, string][] = [];
  const made = new Set(base);
  while (merges.length < room) {
    signal?.throwIfAborted();
    const best = heap.pop();
    if (!best || best.count < 2) break;
    const count = counts.get(best.pair) ?? 0;
    if (count !== best.count) {
      // The count has changed since this entry was made: put it back where it belongs now.
      if (count > 0) heap.push({ pair: best.pair, count });
      continue;
    }
    const [a, b] = best.pair.split(separator) as [string, string];
    const joined = a + b;
    if (made.has(joined) && !merges.some(([x, y]) => x + y === joined)) {
      counts.delete(best.pair);
      continue;
    }
    merges.push([a, b]);
    made.add(joined);
    const touched = new Set<string>();
    for (const w of places.get(best.pair) ?? []) {
      const pieces = words[w]!;
      for (let i = 0; i < pieces.length - 1; i++) {
        if (pieces[i] !== a || pieces[i + 1] !== b) continue;
        const [left, right] = [pieces[i - 1] ?? "", pieces[i + 2] ?? ""];
        const n = weight[w]!;
        change(left, a, w, -n);
        change(b, right, w, -n);
        pieces.splice(i, 2, joined);
        change(left, joined, w, n);
        change(joined, right, w, n);
        if (left) touched.add(left + separator + joined);
        if (right) touched.add(joined + separator + right);
      }
    }
    counts.delete(best.pair);
    places.delete(best.pair);
    for (const pair of touched) {
      const now = counts.get(pair) ?? 0;
      if (now > 0) heap.push({ pair, count: now });
    }
    if (merges.length % 500 === 0) onProgress?.(merges.length, room);
  }
  const pieces = [...new Set([...base, ...merges.map(([a, b]) => a + b)]), ...extra];
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const model = {
    type: "BPE",
    dropout: null,
    unk_token: specials.unk,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: true,
    ignore_merges: false,
    vocab: Object.fromEntries(ids),
    merges,
  };
  return tokenizerFile(model, ids, extra);
}

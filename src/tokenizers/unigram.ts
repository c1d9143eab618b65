/**
 * Unigram segmentation (Kudo 2018, https://arxiv.org/abs/1804.10959): the split of a word with the greatest sum of
 * piece scores, by Viterbi over a trie.
 */
import { buildTrie, slotOf } from "./trie.ts";

/** What an unknown character costs below the worst piece, in the reference. */
const unknownPenalty = 10;

export interface Segments {
  /** Index of each piece, -1 for a single unknown character. */
  readonly ids: number[];
  /** Where each piece ends in the word, in UTF-16 units; it begins where the one before ends. */
  readonly ends: number[];
}

/** A word up to this length uses room kept from word to word. */
const keptRoom = 1 << 14;

/** Whether position `at` lies inside a character of two units. */
function splitsCharacter(word: string, at: number): boolean {
  const low = word.charCodeAt(at);
  if (!(low >= 0xdc00 && low <= 0xdfff)) return false;
  const high = word.charCodeAt(at - 1);
  return high >= 0xd800 && high <= 0xdbff;
}

/** For every position of a word: the best score so far, where its last piece begins, and which piece that is. */
function roomFor(length: number, single: boolean) {
  const score = single ? new Float32Array(length) : new Float64Array(length);
  return { score, from: new Int32Array(length), piece: new Int32Array(length) };
}

export interface UnigramOptions {
  /** What an unknown character scores. Default: the worst piece less 10. */
  readonly unknownScore?: number;
  /** Keep sums in single precision, rounded after every addition, as the SentencePiece library does. Default false. */
  readonly singlePrecision?: boolean;
}

/**
 * A segmenter over pieces with their log probabilities. Work grows with the word's length times the longest match.
 * Of equally good splits the one whose last piece begins first wins, as in the reference. Empty pieces never match.
 * @throws unsupported for a vocabulary beyond any in use
 */
export function createUnigram(
  vocabulary: readonly (readonly [string, number])[],
  options: UnigramOptions = {},
): (word: string) => Segments {
  const trie = buildTrie(vocabulary.length, (id) => vocabulary[id]![0]);
  const single = options.singlePrecision === true;
  const scores = new Float64Array(vocabulary.length);
  let lowest = Number.POSITIVE_INFINITY;
  for (let id = 0; id < scores.length; id++) {
    const score = vocabulary[id]![1];
    scores[id] = score;
    if (score < lowest) lowest = score;
  }
  const unknownScore = options.unknownScore ?? lowest - unknownPenalty;
  const kept = roomFor(keptRoom, single);

  return (word) => {
    const length = word.length;
    const { score, from, piece } = length < keptRoom ? kept : roomFor(length + 1, single);
    from.fill(-1, 0, length + 1);
    score[0] = 0;
    for (let start = 0; start < length; ) {
      const next = splitsCharacter(word, start + 1) ? start + 2 : start + 1;
      const base = score[start]!;
      let whole = false;
      for (let at = start, node = 0; at < length; ) {
        node = trie.table[slotOf(trie, node, word.charCodeAt(at))]!;
        if (node === 0) break;
        at++;
        const id = trie.pieces[node]!;
        if (id < 0 || splitsCharacter(word, at)) continue;
        if (at === next) whole = true;
        const total = base + scores[id]!;
        if (from[at]! < 0 || total > score[at]!) {
          score[at] = total;
          from[at] = start;
          piece[at] = id;
        }
      }
      if (!whole && (from[next]! < 0 || base + unknownScore > score[next]!)) {
        score[next] = base + unknownScore;
        from[next] = start;
        piece[next] = -1;
      }
      start = next;
    }
    const ids: number[] = [];
    const ends: number[] = [];
    for (let at = length; at > 0; at = from[at]!) {
      ids.push(piece[at]!);
      ends.push(at);
    }
    return { ids: ids.reverse(), ends: ends.reverse() };
  };
}

/**
 * Unigram segmentation (Kudo 2018, https://arxiv.org/abs/1804.10959): the split of a word with the greatest sum of
 * piece scores, by Viterbi over a trie. The trie lies in flat arrays, so that 32,000 pieces are ready in milliseconds.
 */
import { fail } from "../errors.ts";

/** What an unknown character costs below the worst piece, in the reference. */
const unknownPenalty = 10;

export interface Segments {
  /** Index of each piece, -1 for a single unknown character. */
  readonly ids: number[];
  /** Where each piece ends in the word, in UTF-16 units; it begins where the one before ends. */
  readonly ends: number[];
}

/** Units in all pieces together; the largest vocabularies in use have half of it. Bounds what a file can make us take. */
const maxUnits = 4_000_000;
/** A word up to this length uses room kept from word to word. */
const keptRoom = 1 << 14;

/**
 * Nodes are numbered from 1, the root is 0. `table` finds the node that follows a node by a unit: open addressing, 0 is
 * free, never more than four fifths full. Small integers only: larger ones would be boxed until the code is compiled.
 */
interface Trie {
  readonly table: Int32Array;
  readonly parents: Int32Array;
  readonly units: Uint16Array;
  /** Piece that ends at a node, or -1. */
  readonly pieces: Int32Array;
}

/** The slot that holds the node after `node` by `unit`, or the free slot where it would be. */
function slotOf({ table, parents, units }: Trie, node: number, unit: number): number {
  const mask = table.length - 1;
  let hash = Math.imul(node ^ (unit << 13), 0x9e3779b1);
  hash ^= hash >>> 15;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const found = table[slot]!;
    if (found === 0 || (parents[found] === node && units[found] === unit)) return slot;
  }
}

function buildTrie(vocabulary: readonly (readonly [string, number])[]): Trie {
  let most = 1;
  for (let id = 0; id < vocabulary.length; id++) most += vocabulary[id]![0].length;
  if (most > maxUnits) {
    fail("unsupported", `the pieces have ${most - 1} characters, at most ${maxUnits} are taken`, {
      where: "tokenizer.json, model.vocab",
    });
  }
  const trie: Trie = {
    table: new Int32Array(2 ** Math.ceil(Math.log2(most * 1.25) + 1e-9)),
    parents: new Int32Array(most),
    units: new Uint16Array(most),
    pieces: new Int32Array(most).fill(-1),
  };
  let made = 0;
  for (let id = 0; id < vocabulary.length; id++) {
    const piece = vocabulary[id]![0];
    let node = 0;
    for (let i = 0; i < piece.length; i++) {
      const unit = piece.charCodeAt(i);
      const slot = slotOf(trie, node, unit);
      let next = trie.table[slot]!;
      if (next === 0) {
        next = ++made;
        trie.table[slot] = next;
        trie.parents[next] = node;
        trie.units[next] = unit;
      }
      node = next;
    }
    if (node !== 0) trie.pieces[node] = id;
  }
  return trie;
}

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
  const trie = buildTrie(vocabulary);
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

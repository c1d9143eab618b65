/** Tries over UTF-16 units in flat arrays: 32,000 pieces are ready in milliseconds. */
import { fail } from "../errors.ts";

/** Units in all pieces together; the largest vocabularies in use have half of it. Bounds what a file can make us take. */
const maxUnits = 4_000_000;
/** Units in one piece: what is looked up at every place of a text takes a time that this bounds. */
const maxPiece = 1024;

/**
 * Nodes are numbered from 1, the root is 0. `table` finds the node that follows a node by a unit: open addressing, 0 is
 * free, never more than four fifths full. Small integers only: larger ones would be boxed until the code is compiled.
 */
export interface Trie {
  readonly table: Int32Array;
  readonly parents: Int32Array;
  readonly units: Uint16Array;
  /** Piece that ends at a node, or -1. */
  readonly pieces: Int32Array;
}

/** The slot that holds the node after `node` by `unit`, or the free slot where it would be. */
export function slotOf({ table, parents, units }: Trie, node: number, unit: number): number {
  const mask = table.length - 1;
  let hash = Math.imul(node ^ (unit << 13), 0x9e3779b1);
  hash ^= hash >>> 15;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const found = table[slot]!;
    if (found === 0 || (parents[found] === node && units[found] === unit)) return slot;
  }
}

/**
 * A trie of `count` strings. Of equal ones the last is found, empty ones are not.
 * @throws unsupported for more, or longer ones, than any vocabulary in use has
 */
export function buildTrie(count: number, pieceOf: (id: number) => string): Trie {
  let most = 1;
  for (let id = 0; id < count; id++) {
    const { length } = pieceOf(id);
    most += length;
    if (length > maxPiece) {
      fail("unsupported", `a piece has ${length} characters, at most ${maxPiece} are taken`, {
        where: "tokenizer.json, model.vocab",
      });
    }
  }
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
  for (let id = 0; id < count; id++) {
    const piece = pieceOf(id);
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

/** Strings looked for in texts, the longest at each place. */
export interface Finder {
  /** Which string begins at `text[at]`, the longest; -1 for none. */
  at(text: string, at: number): number;
  /** The first place from `from` on where one begins; -1 for none. */
  next(text: string, from: number): number;
}

/** @throws unsupported as {@link buildTrie} */
export function createFinder(contents: readonly string[]): Finder | undefined {
  if (contents.length === 0) return undefined;
  const trie = buildTrie(contents.length, (id) => contents[id]!);
  const firsts = new Uint8Array(0x10000);
  for (const content of contents) if (content !== "") firsts[content.charCodeAt(0)] = 1;
  const find = (text: string, at: number): number => {
    let found = -1;
    if (firsts[text.charCodeAt(at)] !== 1) return found;
    for (let i = at, node = 0; i < text.length; i++) {
      node = trie.table[slotOf(trie, node, text.charCodeAt(i))]!;
      if (node === 0) break;
      if (trie.pieces[node]! >= 0) found = trie.pieces[node]!;
    }
    return found;
  };
  return {
    at: find,
    next(text, from) {
      for (let i = from; i < text.length; i++) if (firsts[text.charCodeAt(i)] === 1 && find(text, i) >= 0) return i;
      return -1;
    },
  };
}

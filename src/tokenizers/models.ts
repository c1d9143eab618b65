/** The models of tokenizer.json: one word to ids. Byte pairs, word pieces and unigram, as the reference library has them. */

import type { JsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import { unitsOf } from "./aligned.ts";
import { type Merge, mergePairs } from "./merges.ts";
import { bad, booleanOf, stringOf } from "./settings.ts";
import { buildTrie, slotOf } from "./trie.ts";
import { createUnigram } from "./unigram.ts";

/** A word's ids, and where each lies in it, in UTF-16 units. Bytes of one character lie in the same place. */
export interface Word {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

export interface Model {
  /** @throws bad_input for what is not in a vocabulary without an unknown token */
  encode(word: string): Word;
  /** Piece by id; holes where no piece has the id. */
  readonly pieces: (string | undefined)[];
  readonly ids: ReadonlyMap<string, number>;
  readonly unknownId: number | undefined;
  /** Places where a word can be cut without changing its ids: cut there, words are short and known ones come again. */
  readonly boundary?: RegExp;
}

const encoder = new TextEncoder();

function byteIds(ids: ReadonlyMap<string, number>): number[] | undefined {
  const found = Array.from({ length: 256 }, (_, byte) =>
    ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  );
  return found.every((id) => id !== undefined) ? found : undefined;
}

function vocabularyOf(model: JsonObject): { pieces: (string | undefined)[]; ids: Map<string, number> } {
  const ids = new Map(Object.entries(model.vocab as Record<string, number>));
  const pieces: (string | undefined)[] = [];
  for (const [piece, id] of ids) pieces[id] = piece;
  return { pieces, ids };
}

function unigram(model: JsonObject): Model {
  const vocabulary = model.vocab as readonly (readonly [string, number])[];
  const ids = new Map<string, number>();
  const pieces: string[] = new Array(vocabulary.length);
  for (let id = 0; id < vocabulary.length; id++) {
    pieces[id] = vocabulary[id]![0];
    ids.set(pieces[id]!, id);
  }
  const unknownId = typeof model.unk_id === "number" ? model.unk_id : undefined;
  const bytes = booleanOf(model.byte_fallback, false, "model.byte_fallback") ? byteIds(ids) : undefined;
  const segment = createUnigram(vocabulary);

  const encode = (word: string): Word => {
    const { ids: found, ends } = segment(word);
    const out: Word = { ids: [], starts: [], ends: [] };
    const put = (id: number, start: number, end: number): void => {
      out.ids.push(id);
      out.starts.push(start);
      out.ends.push(end);
    };
    for (let i = 0, start = 0; i < found.length; i++) {
      const id = found[i]!;
      let end = ends[i]!;
      if (id >= 0 && id !== unknownId) {
        put(id, start, end);
      } else {
        // Unknown characters side by side are one unknown piece.
        while (i + 1 < found.length && (found[i + 1]! < 0 || found[i + 1] === unknownId)) end = ends[++i]!;
        if (bytes) for (const byte of encoder.encode(word.slice(start, end))) put(bytes[byte]!, start, end);
        else put(unknownId ?? notInVocabulary(word.slice(start, end)), start, end);
      }
      start = end;
    }
    return out;
  };
  return { encode, pieces, ids, unknownId };
}

function notInVocabulary(text: string): never {
  return fail(
    "bad_input",
    `${JSON.stringify(text.slice(0, 20))} is not in the vocabulary, which has no unknown token`,
    {
      where: "tokenizer.json",
    },
  );
}

function wordPiece(model: JsonObject): Model {
  const { pieces, ids } = vocabularyOf(model);
  const unknownId = ids.get(model.unk_token as string);
  const prefix = stringOf(model.continuing_subword_prefix, "##", "model.continuing_subword_prefix");
  const { max_input_chars_per_word: given = 100 } = model;
  if (!Number.isSafeInteger(given)) bad("model.max_input_chars_per_word", "must be an integer");
  const most = given as number;
  // Two tries: pieces that begin a word, and those that go on with it.
  const starting = [...ids];
  const going = prefix === "" ? starting : starting.filter(([piece]) => piece.startsWith(prefix));
  const tries = [
    buildTrie(starting.length, (i) => starting[i]![0]),
    buildTrie(going.length, (i) => going[i]![0].slice(prefix.length)),
  ] as const;

  const encode = (word: string): Word => {
    const out: Word = { ids: [], starts: [], ends: [] };
    let tooLong = word.length > most;
    if (tooLong && word.length <= 2 * most) tooLong = [...word].length > most;
    for (let start = 0; start < word.length && !tooLong; ) {
      const trie = tries[start > 0 ? 1 : 0];
      let id: number | undefined;
      let end = start;
      for (let at = start, node = 0; at < word.length; ) {
        node = trie.table[slotOf(trie, node, word.charCodeAt(at++))]!;
        if (node === 0) break;
        const low = word.charCodeAt(at);
        const found = trie.pieces[node]!;
        if (found < 0 || (low >= 0xdc00 && low < 0xe000)) continue;
        id = (start > 0 ? going : starting)[found]![1];
        end = at;
      }
      if (id === undefined) break;
      out.ids.push(id);
      out.starts.push(start);
      out.ends.push(end);
      start = end;
    }
    if (out.ends.at(-1) === word.length) return out;
    return { ids: [unknownId ?? notInVocabulary(word)], starts: [0], ends: [word.length] };
  };
  return { encode, pieces, ids, unknownId };
}

/** Whole words, or the unknown token. */
function wordLevel(model: JsonObject): Model {
  const { pieces, ids } = vocabularyOf(model);
  const unknownId = ids.get(model.unk_token as string);
  const encode = (word: string): Word => ({
    ids: [ids.get(word) ?? unknownId ?? notInVocabulary(word)],
    starts: [0],
    ends: [word.length],
  });
  return { encode, pieces, ids, unknownId };
}

const pairBase = 2 ** 26;

/** Merges by the ids of their sides: one number for both, left in the upper bits. */
function mergesOf(model: JsonObject, ids: ReadonlyMap<string, number>): Map<number, Merge<number>> {
  const prefix = (model.continuing_subword_prefix as string | null | undefined)?.length ?? 0;
  const merges = new Map<number, Merge<number>>();
  for (const [rank, merge] of (model.merges as (string | [string, string])[]).entries()) {
    const [left, right] = typeof merge === "string" ? (merge.split(" ") as [string, string]) : merge;
    const merged = ids.get(left + right.slice(prefix));
    if (merged === undefined) bad(`model.merges[${rank}]`, "makes a piece that is not in the vocabulary");
    merges.set(ids.get(left)! * pairBase + ids.get(right)!, { rank, merged });
  }
  return merges;
}

function bytePairs(model: JsonObject): Model {
  const { pieces, ids } = vocabularyOf(model);
  const merges = mergesOf(model, ids);
  const unknownToken = model.unk_token as string | null | undefined;
  const unknownId = typeof unknownToken === "string" ? ids.get(unknownToken) : undefined;
  const prefix = stringOf(model.continuing_subword_prefix, "", "model.continuing_subword_prefix");
  const suffix = stringOf(model.end_of_word_suffix, "", "model.end_of_word_suffix");
  const bytes = booleanOf(model.byte_fallback, false, "model.byte_fallback") ? byteIds(ids) : undefined;
  const fuse = booleanOf(model.fuse_unk, false, "model.fuse_unk");
  const ignoreMerges = booleanOf(model.ignore_merges, false, "model.ignore_merges");
  const merge = (left: number, right: number): Merge<number> | undefined => merges.get(left * pairBase + right);

  const encode = (word: string): Word => {
    const whole = ignoreMerges ? ids.get(word) : undefined;
    if (whole !== undefined) return { ids: [whole], starts: [0], ends: [word.length] };
    const symbols: Word = { ids: [], starts: [], ends: [] };
    const put = (id: number, start: number, end: number): void => {
      symbols.ids.push(id);
      symbols.starts.push(start);
      symbols.ends.push(end);
    };
    // Unknown characters that are not in the list yet: they may become one.
    let unknownStart = -1;
    let unknownEnd = -1;
    const close = (): void => {
      if (unknownStart >= 0) put(unknownId!, unknownStart, unknownEnd);
      unknownStart = -1;
    };
    for (let at = 0; at < word.length; ) {
      const end = at + unitsOf(word, at);
      let text = word.slice(at, end);
      if (at > 0) text = prefix + text;
      if (end === word.length) text += suffix;
      const id = ids.get(text);
      if (id !== undefined) {
        close();
        put(id, at, end);
      } else if (bytes) {
        for (const byte of encoder.encode(text)) put(bytes[byte]!, at, end);
      } else if (typeof unknownToken === "string") {
        if (unknownId === undefined) notInVocabulary(text);
        if (!fuse) close();
        if (unknownStart < 0) unknownStart = at;
        unknownEnd = end;
      }
      at = end;
    }
    close();
    const { left, firsts } = mergePairs(symbols.ids, merge);
    return {
      ids: left,
      starts: firsts.map((first) => symbols.starts[first]!),
      ends: firsts.map((_, i) => symbols.ends[(firsts[i + 1] ?? symbols.ids.length) - 1]!),
    };
  };
  const spaced = ids.has("▁") && !ignoreMerges && prefix === "" && suffix === "";
  const inside = /[^▁]▁/;
  if (!spaced || pieces.some((piece) => piece !== undefined && inside.test(piece))) {
    return { encode, pieces, ids, unknownId };
  }
  return { encode, pieces, ids, unknownId, boundary: /(?<=[^▁])(?=▁)/u };
}

/** The model of a checked tokenizer.json. */
export function createModel(model: JsonObject): Model {
  switch (model.type) {
    case "Unigram":
      return unigram(model);
    case "BPE":
      return bytePairs(model);
    case "WordPiece":
      return wordPiece(model);
    default:
      return wordLevel(model);
  }
}

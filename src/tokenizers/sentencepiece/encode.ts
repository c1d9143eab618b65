/**
 * SentencePiece (Kudo and Richardson 2018, https://arxiv.org/abs/1808.06226) as its library runs it: text is normalised
 * by the model's own table, spaces become pieces of the text, and unigram or byte-pair pieces cover it. Every unit of
 * the normalised text knows where in the original it came from.
 */

import { type Merge, mergePairs } from "../merges.ts";
import { createFinder } from "../trie.ts";
import { createUnigram } from "../unigram.ts";
import { pieceTypes, type SentencePieceModel } from "./model.ts";
import { createNormalizer } from "./normalizer.ts";

export interface SentencePieces {
  readonly ids: number[];
  readonly pieces: string[];
  /** Where each piece lies in the text, [start, end) in UTF-16 units; all but the last byte of a character are empty. */
  readonly offsets: (readonly [start: number, end: number])[];
}

export interface SentencePiece {
  encode(text: string): SentencePieces;
  /**
   * @param start whether the text begins here: then its first space is the one that encoding put there
   * @param added texts of ids beyond the model's
   */
  decode(ids: readonly number[], start?: boolean, added?: ReadonlyMap<number, string>): string;
  /** What a piece adds to a text; undefined for pieces that are no text. */
  bytes(id: number, added: ReadonlyMap<number, string>): Uint8Array | undefined;
  /** Whether a space at the start of a text is left out. */
  readonly dropsFirstSpace: boolean;
}

export interface SentencePieceOptions {
  /** Instead of what the model says. */
  readonly addDummyPrefix?: boolean;
}

/** What the library takes for the best score before it has seen a piece: the smallest positive single. */
const leastMaximum = 2 ** -126;
const cacheWords = 30_000;
const cacheLength = 64;

/** A list of pieces' ids and ends in a normalised text. */
interface Cut {
  readonly ids: number[];
  readonly ends: number[];
}

function unigramOf({ pieces, scores, types }: SentencePieceModel): (text: string) => Cut {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = leastMaximum;
  for (let id = 0; id < scores.length; id++) {
    if (types[id] !== pieceTypes.normal) continue;
    lowest = Math.min(lowest, scores[id]!);
    highest = Math.max(highest, scores[id]!);
  }
  const encoder = new TextEncoder();
  // Control, unknown, unused and byte pieces are never found in text.
  const vocabulary = pieces.map((piece, id): [string, number] => {
    if (types[id] === pieceTypes.normal) return [piece, scores[id]!];
    if (types[id] !== pieceTypes.userDefined) return ["", 0];
    return [piece, Math.fround(encoder.encode(piece).length * highest) - 0.1];
  });
  const unknownScore = Math.fround(Number.isFinite(lowest) ? lowest - 10 : -10);
  return createUnigram(vocabulary, { unknownScore, singlePrecision: true });
}

function bytePairsOf(model: SentencePieceModel): (text: string) => Cut {
  const { pieces, scores, types } = model;
  const known = new Map<string, Merge<string> & { readonly id: number }>();
  for (const [id, piece] of pieces.entries()) {
    const type = types[id]!;
    if (type === pieceTypes.normal || type === pieceTypes.userDefined || type === pieceTypes.unused) {
      known.set(piece, { id, rank: -scores[id]!, merged: piece });
    }
  }
  const defined = pieces.filter((_, id) => types[id] === pieceTypes.userDefined);
  const symbols = createFinder(defined);
  const frozen = new Set(defined);
  const unused = new Map<string, readonly [string, string]>();
  const merge = (left: string, right: string): Merge<string> | undefined => {
    if (frozen.has(left) || frozen.has(right)) return undefined;
    const found = known.get(left + right);
    if (found && types[found.id] === pieceTypes.unused) unused.set(found.merged, [left, right]);
    return found;
  };
  const split = (text: string): string[] => {
    if (!symbols) return [...text];
    const out: string[] = [];
    for (let at = 0; at < text.length; at += out.at(-1)!.length) {
      out.push(defined[symbols.at(text, at)] ?? String.fromCodePoint(text.codePointAt(at)!));
    }
    return out;
  };
  const whole = (text: string): Cut => {
    const cut: Cut = { ids: [], ends: [] };
    let at = 0;
    const give = (piece: string, depth: number): void => {
      const id = known.get(piece)?.id ?? -1;
      const parts = depth < 64 && id >= 0 && types[id] === pieceTypes.unused ? unused.get(piece) : undefined;
      if (parts) {
        give(parts[0], depth + 1);
        give(parts[1], depth + 1);
      } else {
        cut.ids.push(id);
        at += piece.length;
        cut.ends.push(at);
      }
    };
    for (const piece of mergePairs(split(text), merge).left) give(piece, 0);
    return cut;
  };
  // Where no piece goes on after a letter with a space, words are merged alone, and only once.
  if (pieces.some((piece) => /[^▁]▁/.test(piece)) || unusedPieces(types)) return whole;
  const cache = new Map<string, Cut>();
  return (text) => {
    const cut: Cut = { ids: [], ends: [] };
    let base = 0;
    for (const word of text.split(/(?<=[^▁])(?=▁)/)) {
      let made = cache.get(word);
      if (!made) {
        made = whole(word);
        if (word.length <= cacheLength) {
          if (cache.size >= cacheWords) cache.clear();
          cache.set(word, made);
        }
      }
      for (const id of made.ids) cut.ids.push(id);
      for (const end of made.ends) cut.ends.push(base + end);
      base += word.length;
    }
    return cut;
  };
}

function unusedPieces(types: Uint8Array): boolean {
  return types.includes(pieceTypes.unused);
}

/** The ids of the 256 byte pieces, by byte. */
function byteIdsOf({ pieces, types }: SentencePieceModel): Int32Array {
  const ids = new Int32Array(256).fill(-1);
  for (let id = 0; id < pieces.length; id++) {
    if (types[id] === pieceTypes.byte) ids[Number.parseInt(pieces[id]!.slice(3, 5), 16)] = id;
  }
  return ids;
}

/** @throws corrupt_file when the model's normaliser is damaged */
export function createSentencePiece(
  model: SentencePieceModel,
  options: SentencePieceOptions = {},
  where = "spiece.model",
): SentencePiece {
  const { pieces: names, types, unknownId } = model;
  const addDummyPrefix = options.addDummyPrefix ?? model.addDummyPrefix;
  const normalize = createNormalizer(model, addDummyPrefix, where);
  const cutUp = model.kind === "unigram" ? unigramOf(model) : bytePairsOf(model);
  const byteIds = model.byteFallback ? byteIdsOf(model) : undefined;
  const encoder = new TextEncoder();
  const fatal = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

  /** Bytes as text, as the library does it: every byte that begins no character is one U+FFFD. */
  const fromBytes = (bytes: readonly number[]): string => {
    let text = "";
    for (let at = 0; at < bytes.length; ) {
      const lead = bytes[at]!;
      const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
      try {
        text += length === 0 ? "\ufffd" : fatal.decode(Uint8Array.from(bytes.slice(at, at + length)));
        at += Math.max(1, length);
      } catch {
        text += "\ufffd";
        at++;
      }
    }
    return text;
  };

  return {
    encode(text) {
      const normalized = normalize(text);
      const { origins } = normalized;
      const cut = cutUp(normalized.text);
      const ids: number[] = [];
      const pieces: string[] = [];
      const offsets: [number, number][] = [];
      let start = 0;
      let afterUnknown = false;
      for (let i = 0; i < cut.ids.length; start = cut.ends[i]!, i++) {
        const end = cut.ends[i]!;
        const id = cut.ids[i]!;
        const [from, to] = [origins[start]!, origins[end]!];
        if (id >= 0) {
          ids.push(id);
          pieces.push(names[id]!);
          offsets.push([from, to]);
        } else if (byteIds) {
          const bytes = encoder.encode(normalized.text.slice(start, end));
          for (const [k, byte] of bytes.entries()) {
            ids.push(byteIds[byte]!);
            pieces.push(names[byteIds[byte]!]!);
            offsets.push(k === bytes.length - 1 ? [from, to] : [from, from]);
          }
        } else if (afterUnknown) {
          pieces[pieces.length - 1] += normalized.text.slice(start, end);
          offsets[offsets.length - 1]![1] = to;
        } else {
          ids.push(unknownId);
          pieces.push(normalized.text.slice(start, end));
          offsets.push([from, to]);
        }
        afterUnknown = id < 0;
      }
      return { ids, pieces, offsets };
    },

    decode(ids, start = true, added = undefined) {
      const strip = start && (model.addDummyPrefix || model.removeExtraWhitespaces);
      let text = "";
      let bytes: number[] = [];
      let stripped = false;
      const flush = (): void => {
        if (bytes.length > 0) text += fromBytes(bytes);
        bytes = [];
      };
      for (const id of ids) {
        const beyond = added?.get(id);
        let piece = beyond ?? names[id] ?? "";
        if (beyond === undefined && types[id] === pieceTypes.byte) {
          bytes.push(Number.parseInt(piece.slice(3, 5), 16));
          continue;
        }
        flush();
        if (beyond !== undefined || types[id] === pieceTypes.control || types[id] === pieceTypes.unknown) {
          text += piece;
          continue;
        }
        if (strip && text === "" && !stripped && piece.startsWith("▁")) {
          piece = piece.slice(1);
          stripped = !model.removeExtraWhitespaces;
        }
        text += piece.replaceAll("▁", " ");
      }
      flush();
      return text;
    },

    bytes(id, added) {
      const beyond = added.get(id);
      if (beyond !== undefined) return encoder.encode(beyond);
      const [piece, type] = [names[id], types[id]];
      if (piece === undefined || type === pieceTypes.control || type === pieceTypes.unknown) return undefined;
      if (type === pieceTypes.byte) return Uint8Array.of(Number.parseInt(piece.slice(3, 5), 16));
      return encoder.encode(piece.replaceAll("▁", " "));
    },
    dropsFirstSpace: model.addDummyPrefix || model.removeExtraWhitespaces,
  };
}

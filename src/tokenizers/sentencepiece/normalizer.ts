/** Text as a SentencePiece model wants it: normalised by its own table, with spaces turned into pieces of text. */

import { type CharsMap, createCharsMap } from "../charsmap.ts";
import { createFinder } from "../trie.ts";
import { pieceTypes, type SentencePieceModel } from "./model.ts";

const space = 0x20;
const escaped = 0x2581;
const replacement = 0xfffd;

/** The normalised text as it grows: units and where each came from. */
function createOutput(length: number) {
  let units = new Uint16Array(length + 16);
  let origins = new Int32Array(length + 16);
  let size = 0;
  return {
    push(unit: number, origin: number): void {
      if (size + 1 >= units.length) {
        const more = new Uint16Array(units.length * 2);
        more.set(units);
        units = more;
        const further = new Int32Array(origins.length * 2);
        further.set(origins);
        origins = further;
      }
      units[size] = unit;
      origins[size++] = origin;
    },
    endsWith: (unit: number): boolean => size > 0 && units[size - 1] === unit,
    /** Take the last unit away and say where it came from. */
    drop: (): number => origins[--size]!,
    finish(end: number): { text: string; origins: Int32Array } {
      origins[size] = end;
      let text = "";
      for (let at = 0; at < size; at += 8192) {
        text += String.fromCharCode(...units.subarray(at, Math.min(size, at + 8192)));
      }
      return { text, origins };
    },
  };
}

/**
 * The library's normaliser: the longest key of the model's table at every place, spaces tidied up and made visible.
 * @returns for every unit of the normalised text where it came from, and one more for where the text ends
 * @throws corrupt_file for a damaged table
 */
export function createNormalizer(model: SentencePieceModel, addDummyPrefix: boolean, where: string) {
  const map: CharsMap | undefined = model.charsMap.length > 0 ? createCharsMap(model.charsMap, where) : undefined;
  const defined = model.pieces.filter((_, id) => model.types[id] === pieceTypes.userDefined);
  const symbols = createFinder(defined);
  const firsts = new Set(defined.map((piece) => piece.charCodeAt(0)));
  const { removeExtraWhitespaces: tidy, escapeWhitespaces, whitespaceAsSuffix } = model;
  const blank = escapeWhitespaces ? escaped : space;
  /** Where the last {@link prefix} ended. */
  let end = 0;
  /** What the text at `at` becomes, one key or character of it; the empty string is for the character itself. */
  const prefix = (text: string, at: number): string | undefined => {
    if (symbols && firsts.has(text.charCodeAt(at))) {
      const found = defined[symbols.at(text, at)];
      if (found) {
        end = at + found.length;
        return found;
      }
    }
    const mapped = map?.find(text, at);
    if (mapped !== undefined) {
      end = map!.end;
      return mapped;
    }
    end = at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
    return undefined;
  };
  const tidied = (unit: number): number => (unit === space ? blank : unit);

  return (text: string): { text: string; origins: Int32Array } => {
    const out = createOutput(text.length);
    let at = 0;
    if (tidy) {
      while (at < text.length) {
        const made = prefix(text, at) ?? (end - at === 1 ? text[at]! : "");
        if (made !== " ") break;
        at = end;
      }
      if (at === text.length) return out.finish(at);
    }
    if (text.length === 0) return out.finish(0);
    if (addDummyPrefix && !whitespaceAsSuffix) out.push(blank, at);
    let afterSpace = tidy;
    while (at < text.length) {
      const code = text.charCodeAt(at);
      const next = text.charCodeAt(at + 1);
      const plain = code < 128 && next < 128 && code !== space && (!map || map.plain(code));
      if (plain && !(symbols && firsts.has(code))) {
        out.push(code, at++);
        afterSpace = false;
        continue;
      }
      const made = prefix(text, at);
      if (made === undefined && end - at === 2) {
        out.push(code, at);
        out.push(next, at);
        afterSpace = false;
      } else if (made === undefined) {
        const lone = code >= 0xd800 && code < 0xe000;
        if (!(afterSpace && code === space)) {
          out.push(lone ? replacement : tidied(code), at);
          afterSpace = tidy && code === space;
        }
      } else {
        let from = 0;
        while (afterSpace && made.charCodeAt(from) === space) from++;
        for (let i = from; i < made.length; i++) out.push(tidied(made.charCodeAt(i)), at);
        if (from < made.length) afterSpace = tidy && made.endsWith(" ");
      }
      at = end;
    }
    if (tidy) while (out.endsWith(blank)) at = out.drop();
    if (addDummyPrefix && whitespaceAsSuffix) out.push(blank, at);
    return out.finish(at);
  };
}

/** Where pieces lie in the original text. The library keeps no alignment, so it is found again, when asked for. */

export interface EncodedSection {
  /** Range in the original text, UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** The normalised text; undefined for an added token, which is its whole range. */
  readonly text: string | undefined;
  readonly words: readonly {
    readonly word: string;
    readonly ids: readonly number[];
    readonly pieces: readonly string[];
  }[];
}

type Span = readonly [start: number, end: number];

const clusterPattern = /\P{M}\p{M}*|\p{M}+/gu;
const bytePiece = /^<0x[0-9A-F]{2}>$/;

/**
 * For every UTF-16 unit of the normalised text the range of the original it came from. Characters with their marks are
 * normalised one by one and found again in order; what vanishes (collapsed spaces) belongs to nothing, what appears
 * (a prefix) is an empty range. Where a character is not found again nearby, it keeps the place reached so far.
 */
function align(original: string, base: number, text: string, normalize: (text: string) => string): Span[] {
  const spans: Span[] = new Array(text.length);
  if (original === text) {
    for (let i = 0; i < text.length; ) {
      const length = text.codePointAt(i)! > 0xffff ? 2 : 1;
      for (let k = 0; k < length; k++) spans[i + k] = [base + i, base + i + length];
      i += length;
    }
    return spans;
  }
  // What a normaliser puts in front of any text belongs to the text's first character.
  const prefix = normalize("aa").replace(/a.*$/s, "");
  const prefixed = prefix !== "" && text.startsWith(prefix) ? prefix.length : 0;
  for (let i = 0; i < prefixed; i++) spans[i] = [base, base + Math.min(1, original.length)];
  const memo = new Map<string, string>();
  let at = prefixed;
  let reached = base;
  for (const match of original.matchAll(clusterPattern)) {
    const cluster = match[0];
    let made = memo.get(cluster);
    if (made === undefined) {
      made = normalize(`a${cluster}a`)
        .replace(/^[^a]*a/, "")
        .replace(/a[^a]*$/, "");
      if (made === "" && cluster.trim() !== "") made = normalize(cluster);
      memo.set(cluster, made);
    }
    const start = base + match.index;
    const end = start + cluster.length;
    if (made === "") continue;
    const found = text.indexOf(made, at);
    if (found !== at && made.trim() === "") {
      // One of several spaces that became one: the reference gives the last of them.
      if (text[at - 1] === made) spans[at - 1] = [start, end];
      continue;
    }
    if (found < 0 || found - at > 8) continue;
    for (let i = at; i < found; i++) spans[i] = [start, end];
    const kept = made === cluster;
    for (let i = 0; i < made.length; ) {
      const length = made.codePointAt(i)! > 0xffff ? 2 : 1;
      for (let k = 0; k < length; k++) spans[found + i + k] = kept ? [start + i, start + i + length] : [start, end];
      i += length;
    }
    at = found + made.length;
    reached = end;
  }
  for (let i = at; i < text.length; i++) spans[i] = [reached, base + original.length];
  return spans;
}

function utf8Length(text: string): number {
  const code = text.codePointAt(0)!;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/** Pieces of one word over the word's units; pieces that are not its text (bytes, unknown) are resolved by what follows. */
function placeInWord(word: string, pieces: readonly string[]): Span[] {
  const places: Span[] = [];
  let at = 0;
  let bytes = 0;
  for (const [i, piece] of pieces.entries()) {
    const bare = piece.startsWith("##") && !word.startsWith(piece, at) ? piece.slice(2) : piece;
    if (bytes === 0 && word.startsWith(bare, at)) {
      places.push([at, at + bare.length]);
      at += bare.length;
    } else if (bytePiece.test(piece) && at < word.length) {
      const char = String.fromCodePoint(word.codePointAt(at)!);
      places.push([at, at + char.length]);
      if (++bytes === utf8Length(char)) {
        at += char.length;
        bytes = 0;
      }
    } else {
      const next = pieces[i + 1];
      const resumed = next === undefined ? word.length : word.indexOf(next.replace(/^##/, ""), at + 1);
      const end = resumed < 0 ? word.length : resumed;
      places.push([at, end]);
      at = end;
    }
  }
  return places;
}

/** Characters of ByteLevel's alphabet stand for bytes: how many of them a normalised text takes. */
const byteAlphabet = /^[!-~¡-¬®-ÿĀ-Ń]*$/;

/** For every unit of the words the index of the normalised text's unit, or -1 for what was put in before it. */
function placeWords(text: string, words: readonly string[]): number[][] {
  const joined = words.join("");
  const byteLevel = !text.includes("Ġ") && byteAlphabet.test(joined) && (joined.includes("Ġ") || joined !== text);
  const bytesOf: number[] = [];
  if (byteLevel) {
    for (let i = 0; i < text.length; ) {
      const char = String.fromCodePoint(text.codePointAt(i)!);
      for (let k = 0; k < utf8Length(char); k++) bytesOf.push(i);
      i += char.length;
    }
    if (joined.length !== bytesOf.length)
      bytesOf.unshift(...new Array(Math.max(0, joined.length - bytesOf.length)).fill(-1));
  }
  let at = 0;
  return words.map((word) => {
    const places: number[] = [];
    for (const unit of word) {
      for (let k = 0; k < unit.length; k++) {
        if (byteLevel) {
          places.push(bytesOf[at++] ?? text.length - 1);
          continue;
        }
        const here = text[at];
        const same = here === unit[k] || (unit[k] === "▁" && here !== undefined && /\s/u.test(here));
        if (same) places.push(at++);
        else if (unit[k] === "▁") places.push(Math.min(at, text.length - 1));
        else {
          // Pre-tokenizers may drop text (spaces between words): go on where the unit stands next.
          const next = text.indexOf(unit[k]!, at);
          if (next >= 0) at = next + 1;
          places.push(next);
        }
      }
    }
    return places;
  });
}

function spanOf(places: readonly number[], from: number, to: number, aligned: readonly Span[], fallback: number): Span {
  let start = -1;
  let end = -1;
  for (let i = from; i < to; i++) {
    const span = aligned[places[i] ?? -1];
    if (!span) continue;
    if (start < 0 || span[0] < start) start = span[0];
    if (span[1] > end) end = span[1];
  }
  return start < 0 ? [fallback, fallback] : [start, end];
}

/** Offsets of all pieces, in order. */
export function offsetsOf(
  text: string,
  sections: readonly EncodedSection[],
  normalize: (text: string) => string,
): Span[] {
  const out: Span[] = [];
  for (const section of sections) {
    if (section.text === undefined) {
      out.push([section.start, section.end]);
      continue;
    }
    const aligned = align(text.slice(section.start, section.end), section.start, section.text, normalize);
    const places = placeWords(
      section.text,
      section.words.map(({ word }) => word),
    );
    let reached = section.start;
    for (const [i, { word, pieces }] of section.words.entries()) {
      for (const [from, to] of placeInWord(word, pieces)) {
        const span = spanOf(places[i]!, from, to, aligned, reached);
        out.push(span);
        reached = span[1];
      }
    }
  }
  return out;
}

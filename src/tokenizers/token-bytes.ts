/** The bytes that tokens write, for what decides byte by byte which of them may come. */
import { isJsonObject, type JsonObject, shown } from "../base/json.ts";
import { fail } from "../errors.ts";
import { byteCharacters } from "./pretokenizers.ts";

export interface TokenBytes {
  /**
   * Bytes of UTF-8 that a token adds to a text, which may be a part of a character; undefined for what is no text: special
   * tokens, the unknown one, ids without a piece.
   */
  bytes(id: number): Uint8Array | undefined;
  /** Whether one space at the very start of a text is not shown. */
  readonly dropsFirstSpace: boolean;
  /** Whether a token at the start of a text is another text than elsewhere, beyond that space. */
  differsFirst(id: number): boolean;
}

/** What one kind of decoder makes of a piece. */
interface Spelling {
  readonly bytes: (piece: string) => Uint8Array;
  readonly dropsFirstSpace: boolean;
  readonly differsFirst: (piece: string) => boolean;
}

const encoder = new TextEncoder();
/** The byte of each character that stands for one, and one more than it: 0 is none. */
const standIns = new Uint16Array(Math.max(...byteCharacters.map((char) => char.charCodeAt(0))) + 1);
byteCharacters.forEach((char, byte) => {
  standIns[char.charCodeAt(0)] = byte + 1;
});

/** Stand-ins of bytes; a piece with any other character is its own text. */
function standInBytes(piece: string): Uint8Array {
  const bytes = new Uint8Array(piece.length);
  for (let i = 0; i < piece.length; i++) {
    const byte = standIns[piece.charCodeAt(i)] ?? 0;
    if (byte === 0) return encoder.encode(piece);
    bytes[i] = byte - 1;
  }
  return bytes;
}

/** `<0x0A>` is a byte, everything else a text. */
function fallbackBytes(piece: string): Uint8Array {
  const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece)?.[1];
  return hex === undefined ? encoder.encode(piece) : Uint8Array.of(Number.parseInt(hex, 16));
}

const stepsOf = (step: JsonObject): JsonObject[] =>
  step.type === "Sequence" && Array.isArray(step.decoders)
    ? step.decoders.filter(isJsonObject).flatMap(stepsOf)
    : [step];

/**
 * How a decoder of tokenizer.json spells a piece that stands alone.
 * @throws unsupported for decoders in which that depends on the pieces beside it
 */
function spellingOf(decoder: JsonObject | null): Spelling {
  const refuse = (what: string): never =>
    fail("unsupported", `answers after a schema or grammar with ${what}`, {
      where: "tokenizer.json, decoder",
      hint: "a token's text depends on its neighbours there",
    });
  if (decoder === null) return refuse("no decoder, which joins pieces by spaces");
  let bytes: ((piece: string) => Uint8Array) | undefined;
  let dropsFirstSpace = false;
  let fused = false;
  let replacement: string | undefined;
  const changes: ((piece: string) => string)[] = [];
  for (const step of stepsOf(decoder)) {
    switch (step.type) {
      case "ByteLevel":
        bytes = standInBytes;
        break;
      case "ByteFallback":
        bytes = fallbackBytes;
        break;
      case "Fuse":
        fused = true;
        break;
      case "Replace": {
        const pattern = isJsonObject(step.pattern) ? step.pattern.String : undefined;
        if (typeof pattern !== "string" || pattern === "" || (fused && pattern.length > 1)) {
          return refuse("a decoder that replaces by a pattern");
        }
        changes.push((piece) => piece.replaceAll(pattern, String(step.content ?? "")));
        break;
      }
      case "Metaspace": {
        const char = String(step.replacement ?? "▁");
        changes.push((piece) => piece.replaceAll(char, " "));
        if ((step.prepend_scheme ?? (step.add_prefix_space === false ? "never" : "always")) !== "never") {
          dropsFirstSpace = true;
          replacement = char;
        }
        break;
      }
      case "Strip":
        if (!fused || (step.content ?? " ") !== " " || step.start !== 1 || step.stop)
          return refuse("a decoder that strips");
        dropsFirstSpace = true;
        break;
      default:
        return refuse(`the decoder ${shown(String(step.type))}`);
    }
  }
  const written = bytes ?? ((piece: string) => encoder.encode(piece));
  return {
    bytes: (piece) => written(changes.reduce((made, change) => change(made), piece)),
    dropsFirstSpace,
    // A first piece loses all of them, not only the one at its start.
    differsFirst: (piece) => replacement !== undefined && piece.includes(replacement, 1),
  };
}

/**
 * The bytes of a tokenizer.json's tokens.
 * @param pieceOf the piece of an id that is text
 * @throws unsupported for a decoder in which a token's text depends on those beside it
 */
export function tokenBytes(decoder: JsonObject | null, pieceOf: (id: number) => string | undefined): TokenBytes {
  const spelling = spellingOf(decoder);
  return {
    bytes(id) {
      const piece = pieceOf(id);
      return piece === undefined ? undefined : spelling.bytes(piece);
    },
    dropsFirstSpace: spelling.dropsFirstSpace,
    differsFirst: (id) => spelling.differsFirst(pieceOf(id) ?? ""),
  };
}

/**
 * A SentencePiece model file (`spiece.model`, `tokenizer.model`): the protobuf message ModelProto of
 * https://github.com/google/sentencepiece. Only the fields that decide how text is cut are read; every length is
 * checked against what is there, and nothing is allocated from a number in the file.
 */
import { fail } from "../../errors.ts";

/** What a piece is: the numbers of the format. */
export const pieceTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface SentencePieceModel {
  readonly kind: "unigram" | "bpe";
  /** By id. */
  readonly pieces: readonly string[];
  readonly scores: Float32Array;
  readonly types: Uint8Array;
  readonly unknownId: number;
  readonly byteFallback: boolean;
  readonly whitespaceAsSuffix: boolean;
  /** The precompiled normaliser, see {@link createCharsMap}; empty for none. */
  readonly charsMap: Uint8Array;
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  readonly escapeWhitespaces: boolean;
}

/** The largest vocabularies in use have 262,144 pieces. */
const maxPieces = 2_000_000;
const maxPieceBytes = 4096;

function bad(where: string, what: string): never {
  return fail("corrupt_file", what, { where, hint: "is the download complete?" });
}

/** One field of a message: its number, and its value as a number or as the bytes it holds. */
interface Field {
  number: number;
  wire: number;
  value: number;
  /** Range of a length-delimited or fixed field in the file. */
  start: number;
  end: number;
}

/** Fields of bytes[from, to), one after the other, in one object that is used again. */
function* fields(bytes: Uint8Array, from: number, to: number, where: string): Generator<Field> {
  const field: Field = { number: 0, wire: 0, value: 0, start: 0, end: 0 };
  let at = from;
  const varint = (): number => {
    let value = 0;
    for (let i = 0, scale = 1; i < 10; i++, scale *= 128) {
      if (at >= to) bad(where, `ends inside a number, at byte ${at}`);
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return bad(where, `number of more than 10 bytes at ${at}`);
  };
  while (at < to) {
    const tag = varint();
    field.number = Math.floor(tag / 8);
    field.wire = tag % 8;
    const length = field.wire === 2 ? varint() : field.wire === 1 ? 8 : field.wire === 5 ? 4 : 0;
    if (field.wire === 0) field.value = varint();
    else if (field.wire > 2 && field.wire !== 5) bad(where, `field of kind ${field.wire} at byte ${at}`);
    if (length > to - at) bad(where, `a field of ${length} bytes at byte ${at}, ${to - at} are left`);
    field.start = at;
    at += length;
    field.end = at;
    yield field;
  }
}

interface Parts {
  readonly pieces: string[];
  readonly scores: number[];
  readonly types: number[];
}

function readPiece(bytes: Uint8Array, view: DataView, message: Field, parts: Parts, where: string): void {
  const at = `${where}, piece ${parts.pieces.length}`;
  let piece = "";
  let score = 0;
  let type: number = pieceTypes.normal;
  for (const { number, wire, value, start, end } of fields(bytes, message.start, message.end, at)) {
    if (number === 1 && wire === 2) {
      if (end - start > maxPieceBytes) bad(at, `is ${end - start} bytes long, at most ${maxPieceBytes} are taken`);
      try {
        piece = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(start, end));
      } catch {
        bad(at, "is not UTF-8");
      }
    } else if (number === 2 && wire === 5) {
      score = view.getFloat32(start, true);
    } else if (number === 3 && wire === 0) {
      type = value;
    }
  }
  if (piece === "") bad(at, "is empty");
  if (!Number.isFinite(score)) bad(at, `has the score ${score}`);
  if (!(type >= pieceTypes.normal && type <= pieceTypes.byte)) bad(at, `has the unknown type ${type}`);
  parts.pieces.push(piece);
  parts.scores.push(score);
  parts.types.push(type);
}

/** What must hold between pieces, as the SentencePiece library demands it. @returns the id of the unknown piece */
export function checkPieces(
  { pieces, types }: Pick<Parts, "pieces" | "types">,
  byteFallback: boolean,
  where: string,
): number {
  if (pieces.length === 0) bad(where, "holds no pieces");
  const seen = new Set<string>();
  let unknown = -1;
  let bytes = 0;
  for (const [id, piece] of pieces.entries()) {
    if (seen.has(piece)) bad(`${where}, piece ${id}`, `${JSON.stringify(piece.slice(0, 60))} is there twice`);
    seen.add(piece);
    if (types[id] === pieceTypes.unknown) {
      if (unknown >= 0) bad(`${where}, piece ${id}`, `is a second unknown piece, after ${unknown}`);
      unknown = id;
    } else if (types[id] === pieceTypes.byte) {
      if (!/^<0x[0-9A-F]{2}>$/.test(piece)) bad(`${where}, piece ${id}`, "is of type byte and does not name one");
      bytes++;
    }
  }
  if (unknown < 0) bad(where, "has no unknown piece");
  if (byteFallback && bytes !== 256) bad(where, `spells unknown characters in bytes and has ${bytes} of 256 bytes`);
  return unknown;
}

/**
 * Read a SentencePiece model.
 * @throws corrupt_file with the piece or byte; unsupported for word and character models
 */
export function readSentencePieceModel(bytes: Uint8Array, where = "spiece.model"): SentencePieceModel {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Parts = { pieces: [], scores: [], types: [] };
  // Defaults of the format for fields that are not written.
  const trainer = { kind: 1, suffix: 0, byteFallback: 0 };
  const normalizer = { charsMap: bytes.subarray(0, 0), prefix: 1, extra: 1, escape: 1 };
  for (const message of fields(bytes, 0, bytes.length, where)) {
    if (message.wire !== 2) continue;
    if (message.number === 1) {
      if (parts.pieces.length >= maxPieces) bad(where, `holds more than ${maxPieces} pieces`);
      readPiece(bytes, view, message, parts, where);
    } else if (message.number === 2) {
      for (const { number, wire, value } of fields(bytes, message.start, message.end, `${where}, trainer_spec`)) {
        if (wire !== 0) continue;
        if (number === 3) trainer.kind = value;
        else if (number === 24) trainer.suffix = value;
        else if (number === 35) trainer.byteFallback = value;
      }
    } else if (message.number === 3) {
      for (const { number, wire, value, start, end } of fields(
        bytes,
        message.start,
        message.end,
        `${where}, normalizer_spec`,
      )) {
        if (number === 2 && wire === 2) normalizer.charsMap = bytes.subarray(start, end);
        if (wire !== 0) continue;
        if (number === 3) normalizer.prefix = value;
        else if (number === 4) normalizer.extra = value;
        else if (number === 5) normalizer.escape = value;
      }
    }
  }
  if (trainer.kind !== 1 && trainer.kind !== 2) {
    const name = trainer.kind === 3 ? "word" : trainer.kind === 4 ? "character" : `unknown (${trainer.kind})`;
    fail("unsupported", `a SentencePiece model of the kind ${name}; unigram and BPE are run`, { where });
  }
  const unknownId = checkPieces(parts, trainer.byteFallback !== 0, where);
  return {
    kind: trainer.kind === 1 ? "unigram" : "bpe",
    pieces: parts.pieces,
    scores: Float32Array.from(parts.scores),
    types: Uint8Array.from(parts.types),
    unknownId,
    byteFallback: trainer.byteFallback !== 0,
    whitespaceAsSuffix: trainer.suffix !== 0,
    charsMap: normalizer.charsMap,
    addDummyPrefix: normalizer.prefix !== 0,
    removeExtraWhitespaces: normalizer.extra !== 0,
    escapeWhitespaces: normalizer.escape !== 0,
  };
}

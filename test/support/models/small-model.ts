/** Folders of a small model, made for a test out of one that is sound. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openModelFolder } from "../../../src/folders/open-node.ts";
import { type Writable, writeSafetensors } from "../../../src/weights/safetensors-node.ts";
import type { Weights } from "../../../src/weights/weights.ts";
import { fixtures, readJson } from "../fixtures.ts";

export type Tensors = [name: string, tensor: Writable][];

export interface Changes {
  /** Entries over those of config.json. */
  readonly config?: object;
  /** The tensors that are written instead of the model's own. */
  readonly tensors?: (own: Tensors) => Tensors;
  /** Further files by their names; undefined leaves one out. */
  readonly files?: Readonly<Record<string, string | Uint8Array | object | undefined>>;
}

const own = join(fixtures, "rank");

/** The tensors of the sound model: a T5 of two and two layers, 259 words of bytes, tokenizer.json. */
export const ownTensors = (): Tensors => [...(openModelFolder(own).weights as Weights)] as Tensors;

/** Write a copy with changes; gives its path. */
export async function smallModel(path: string, { config = {}, tensors, files = {} }: Changes = {}): Promise<string> {
  mkdirSync(path, { recursive: true });
  const beside: Changes["files"] = {
    "config.json": { ...readJson<object>("rank", "config.json"), ...config },
    ...files,
  };
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    if (!(name in beside)) cpSync(join(own, name), join(path, name));
  }
  for (const [name, content] of Object.entries(beside)) {
    if (content === undefined) continue;
    mkdirSync(dirname(join(path, name)), { recursive: true });
    const plain = typeof content === "string" || content instanceof Uint8Array;
    writeFileSync(join(path, name), plain ? content : JSON.stringify(content));
  }
  if (tensors === undefined) cpSync(join(own, "model.safetensors"), join(path, "model.safetensors"));
  else {
    const made = tensors(ownTensors());
    if (made.length > 0) await writeSafetensors(join(path, "model.safetensors"), made);
  }
  return path;
}

/** A pointer as Git LFS leaves it in the place of a file. */
export const lfsPointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"ab".repeat(32)}\nsize 84000\n`;

const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)]);
const field = (number: number, bytes: readonly number[]): number[] => [
  ...varint((number << 3) | 2),
  ...varint(bytes.length),
  ...bytes,
];

/** What a piece of a SentencePiece model is: `trainer_spec` calls ordinary ones 1. */
export type Piece = readonly [text: string, kind?: "unknown" | "control" | "byte"];

/** A SentencePiece model of the unigram kind; the earlier pieces are the likelier ones. */
export function spieceModel(pieces: readonly Piece[]): Uint8Array {
  const kinds = { unknown: 2, control: 3, byte: 6 } as const;
  const encoder = new TextEncoder();
  return Uint8Array.from(
    pieces.flatMap(([text, kind], i) => {
      const score = new Uint8Array(Float32Array.of(-i / 10).buffer);
      const type = kind === undefined ? [] : [0x18, kinds[kind]];
      return field(1, [...field(1, [...encoder.encode(text)]), 0x15, ...score, ...type]);
    }),
  );
}

/** Pieces for the small model's 259 words: letters, some syllables, and names that no text has. */
export const smallPieces = (): Piece[] => {
  const start: Piece[] = [["<pad>", "control"], ["</s>", "control"], ["<unk>", "unknown"], ["▁"], ["▁the"], ["er"]];
  const letters: Piece[] = [..."abcdefghijklmnopqrstuvwxyz"].flatMap((letter): Piece[] => [[letter], [`▁${letter}`]]);
  const all = [...start, ...letters];
  return [...all, ...Array.from({ length: 259 - all.length }, (_, i): Piece => [`§${i}§`])];
};

/**
 * Blocks of ggml's quantised types as numbers (ggml-quants.c, `dequantize_row_*`). In all of them a weight is
 * w = s · (q − z) + m, with whole numbers q from 0, a constant z of the type, and a scale s and an offset m that some 16
 * or 32 weights share. Products of the 16-bit scales with 6-bit ones are exact in float32, so w is rounded once.
 */
import { fail } from "../../errors.ts";
import { float16ToFloat32 } from "../../graph/half.ts";
import { type BlockType, layoutOfType } from "./types.ts";

/** One block taken apart; arrays are written from index 0. */
export interface Unpacked {
  readonly q: Uint8Array;
  readonly s: Float32Array;
  /** Not written for types without an offset. */
  readonly m: Float32Array;
}

export interface BlockForm {
  /** Bits that hold q. */
  readonly bits: 4 | 8;
  /** Weights that share a scale. */
  readonly group: 16 | 32;
  readonly zero: number;
  /** Whether there is an offset m. */
  readonly hasOffset: boolean;
  unpack(bytes: Uint8Array, at: number, to: Unpacked): void;
}

const widened = float16ToFloat32(Uint16Array.from({ length: 1 << 16 }, (_, i) => i));
const half = (b: Uint8Array, at: number): number => widened[b[at]! | (b[at + 1]! << 8)]!;
const signed = (byte: number): number => (byte << 24) >> 24;

/** Nibbles of 16 bytes: the low ones are elements 0 to 15, the high ones 16 to 31. */
function nibbles(b: Uint8Array, at: number, q: Uint8Array): void {
  for (let j = 0; j < 16; j++) {
    q[j] = b[at + j]! & 15;
    q[j + 16] = b[at + j]! >> 4;
  }
}

/** Bit 4 of 32 elements, from 4 bytes. */
function fifth(b: Uint8Array, at: number, q: Uint8Array): void {
  for (let j = 0; j < 32; j++) q[j]! |= ((b[at + (j >> 3)]! >> (j & 7)) & 1) << 4;
}

/** The eight scales and offsets of Q4_K and Q5_K, 6 bits each in 12 bytes after the two 16-bit factors. */
function sixBits(b: Uint8Array, at: number, { s, m }: Unpacked): void {
  const [d, min] = [half(b, at), half(b, at + 2)];
  const sc = at + 4;
  for (let j = 0; j < 4; j++) {
    s[j] = d * (b[sc + j]! & 63);
    m[j] = -(min * (b[sc + j + 4]! & 63));
    s[j + 4] = d * ((b[sc + j + 8]! & 15) | ((b[sc + j]! >> 6) << 4));
    m[j + 4] = -(min * ((b[sc + j + 8]! >> 4) | ((b[sc + j + 4]! >> 6) << 4)));
  }
}

/** Four bits of 256 elements: byte l of each quarter holds elements l and l + 32 of it. */
function halves(b: Uint8Array, at: number, q: Uint8Array): void {
  for (let i = 0; i < 256; i++) q[i] = (b[at + 32 * (i >> 6) + (i & 31)]! >> (4 * ((i >> 5) & 1))) & 15;
}

/** Two bits of 256 elements: byte l of each half holds elements l, l + 32, l + 64, l + 96 of it. */
function pairsOfBits(b: Uint8Array, at: number, q: Uint8Array): void {
  for (let i = 0; i < 256; i++) q[i] = (b[at + 32 * (i >> 7) + (i & 31)]! >> (2 * ((i >> 5) & 3))) & 3;
}

const forms: Readonly<Record<BlockType, BlockForm>> = {
  Q8_0: {
    bits: 8,
    group: 32,
    zero: 128,
    hasOffset: false,
    unpack(b, at, { q, s }) {
      s[0] = half(b, at);
      for (let j = 0; j < 32; j++) q[j] = signed(b[at + 2 + j]!) + 128;
    },
  },
  Q4_0: {
    bits: 4,
    group: 32,
    zero: 8,
    hasOffset: false,
    unpack(b, at, { q, s }) {
      s[0] = half(b, at);
      nibbles(b, at + 2, q);
    },
  },
  Q4_1: {
    bits: 4,
    group: 32,
    zero: 0,
    hasOffset: true,
    unpack(b, at, { q, s, m }) {
      [s[0], m[0]] = [half(b, at), half(b, at + 2)];
      nibbles(b, at + 4, q);
    },
  },
  Q5_0: {
    bits: 8,
    group: 32,
    zero: 16,
    hasOffset: false,
    unpack(b, at, { q, s }) {
      s[0] = half(b, at);
      nibbles(b, at + 6, q);
      fifth(b, at + 2, q);
    },
  },
  Q5_1: {
    bits: 8,
    group: 32,
    zero: 0,
    hasOffset: true,
    unpack(b, at, { q, s, m }) {
      [s[0], m[0]] = [half(b, at), half(b, at + 2)];
      nibbles(b, at + 8, q);
      fifth(b, at + 4, q);
    },
  },
  Q2_K: {
    bits: 4,
    group: 16,
    zero: 0,
    hasOffset: true,
    unpack(b, at, { q, s, m }) {
      const [d, min] = [half(b, at + 80), half(b, at + 82)];
      for (let j = 0; j < 16; j++) {
        s[j] = d * (b[at + j]! & 15);
        m[j] = -(min * (b[at + j]! >> 4));
      }
      pairsOfBits(b, at + 16, q);
    },
  },
  Q3_K: {
    bits: 4,
    group: 16,
    zero: 4,
    hasOffset: false,
    unpack(b, at, { q, s }) {
      const d = half(b, at + 108);
      const sc = at + 96;
      for (let j = 0; j < 16; j++) {
        const low = j < 8 ? b[sc + j]! & 15 : b[sc + j - 8]! >> 4;
        const high = (b[sc + 8 + (j & 3)]! >> (2 * (j >> 2))) & 3;
        s[j] = d * ((low | (high << 4)) - 32);
      }
      pairsOfBits(b, at + 32, q);
      for (let i = 0; i < 256; i++) q[i]! |= ((b[at + (i & 31)]! >> (i >> 5)) & 1) << 2;
    },
  },
  Q4_K: {
    bits: 4,
    group: 32,
    zero: 0,
    hasOffset: true,
    unpack(b, at, to) {
      sixBits(b, at, to);
      halves(b, at + 16, to.q);
    },
  },
  Q5_K: {
    bits: 8,
    group: 32,
    zero: 0,
    hasOffset: true,
    unpack(b, at, to) {
      sixBits(b, at, to);
      const { q } = to;
      halves(b, at + 48, q);
      for (let i = 0; i < 256; i++) q[i]! |= ((b[at + 16 + (i & 31)]! >> (i >> 5)) & 1) << 4;
    },
  },
  Q6_K: {
    bits: 8,
    group: 16,
    zero: 32,
    hasOffset: false,
    unpack(b, at, { q, s }) {
      const d = half(b, at + 208);
      for (let j = 0; j < 16; j++) s[j] = d * signed(b[at + 192 + j]!);
      for (let h = 0; h < 2; h++) {
        for (let l = 0; l < 32; l++) {
          const [low, next, high] = [b[at + 64 * h + l]!, b[at + 64 * h + 32 + l]!, b[at + 128 + 32 * h + l]!];
          const to = 128 * h + l;
          q[to] = (low & 15) | ((high & 3) << 4);
          q[to + 32] = (next & 15) | (((high >> 2) & 3) << 4);
          q[to + 64] = (low >> 4) | (((high >> 4) & 3) << 4);
          q[to + 96] = (next >> 4) | ((high >> 6) << 4);
        }
      }
    },
  },
};

export const formOf = (type: BlockType): BlockForm => forms[type];

/** Room for one block of any type. Without an offset m is −0, which changes no number that it is added to. */
const room = (): Unpacked => ({ q: new Uint8Array(256), s: new Float32Array(16), m: new Float32Array(16).fill(-0) });

function needFinite(s: Float32Array, m: Float32Array, count: number, where: string): void {
  for (let i = 0; i < count; i++) {
    if (Number.isFinite(s[i]) && Number.isFinite(m[i])) continue;
    fail("corrupt_file", `has a scale that is ${Number.isFinite(s[i]) ? m[i] : s[i]}`, {
      where,
      hint: "the conversion of this model failed; choose another file of it",
    });
  }
}

/**
 * Go through blocks one after another.
 * @throws corrupt_file for a scale that is no number
 */
function eachBlock(
  type: BlockType,
  bytes: Uint8Array,
  where: string,
  take: (block: Unpacked, n: number) => void,
): void {
  const { unpack, group } = forms[type];
  const { elements, bytes: size } = layoutOfType(type);
  const to = room();
  for (let at = 0, n = 0; at + size <= bytes.length; at += size, n++) {
    unpack(bytes, at, to);
    needFinite(to.s, to.m, elements / group, where);
    take(to, n);
  }
}

/** Weights as float32, the numbers that ggml makes of them bit for bit. */
export function dequantizedBlocks(type: BlockType, bytes: Uint8Array, where: string): Float32Array {
  const { group, zero } = forms[type];
  const { elements, bytes: size } = layoutOfType(type);
  const out = new Float32Array((bytes.length / size) * elements);
  eachBlock(type, bytes, where, ({ q, s, m }, n) => {
    const base = n * elements;
    for (let i = 0; i < elements; i++) {
      const g = (i / group) | 0;
      out[base + i] = s[g]! * (q[i]! - zero) + m[g]!;
    }
  });
  return out;
}

/** Weights for a kernel that has w = scale · (B − 2^(bits − 1)), with what is to be added to every weight of a group. */
export interface Repacked {
  /** B; in 4 bits two a byte, the first of each pair in the low half. */
  readonly values: Uint8Array;
  readonly scales: Float32Array;
  readonly offsets: Float32Array | undefined;
}

/**
 * Blocks as the kernel has them, without loss: B = q − z + 2^(bits − 1) where that fits the bits, else B = q and the
 * difference goes into the offsets.
 */
export function repackedBlocks(type: BlockType, bytes: Uint8Array, where: string): Repacked {
  const { bits, group, zero, hasOffset } = forms[type];
  const { elements, bytes: size } = layoutOfType(type);
  const count = (bytes.length / size) * elements;
  const values = new Uint8Array((count * bits) / 8);
  const scales = new Float32Array(count / group);
  const offsets = hasOffset ? new Float32Array(count / group) : undefined;
  const middle = bits === 8 ? 128 : 8;
  const moved = bits === 4 && hasOffset ? 0 : middle - zero;
  const rest = middle - zero - moved;
  const groups = elements / group;
  eachBlock(type, bytes, where, ({ q, s, m }, n) => {
    for (let g = 0; g < groups; g++) {
      scales[n * groups + g] = s[g]!;
      if (offsets) offsets[n * groups + g] = m[g]! + rest * s[g]!;
    }
    const base = (n * elements * bits) / 8;
    if (bits === 8) for (let i = 0; i < elements; i++) values[base + i] = q[i]! + moved;
    else for (let i = 0; i < elements; i += 2) values[base + i / 2] = (q[i]! + moved) | ((q[i + 1]! + moved) << 4);
  });
  return { values, scales, offsets };
}

/** The 16-bit floats as bits, to and from float32. Narrowing rounds to the nearest, ties to even (IEEE 754). */

export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}

export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    // A NaN whose payload lies in the lower half would round to infinity: keep it a NaN.
    const notANumber = (word & 0x7fffffff) > 0x7f800000;
    bits[i] = notANumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}

/** float32 bits of every float16: 65,536 entries, made once. */
let halves: Uint32Array | undefined;

function halfTable(): Uint32Array {
  if (halves) return halves;
  const table = new Uint32Array(65536);
  const scratch = new Float32Array(1);
  const word = new Uint32Array(scratch.buffer);
  for (let half = 0; half < 0x8000; half++) {
    const exponent = half >>> 10;
    const fraction = half & 0x3ff;
    if (exponent === 0) {
      scratch[0] = fraction * 2 ** -24;
      table[half] = word[0]!;
    } else {
      table[half] = ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
    }
    table[half | 0x8000] = (table[half]! | 0x80000000) >>> 0;
  }
  halves = table;
  return table;
}

export function float16ToFloat32(bits: Uint16Array): Float32Array {
  const table = halfTable();
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = table[bits[i]!]!;
  return new Float32Array(words.buffer);
}

function halfOf(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and more round to infinity
  if (magnitude >= 0x38800000) {
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  // Subnormal: the mantissa, with its leading one, counts steps of 2^-24.
  const shift = 126 - (magnitude >>> 23);
  if (shift > 24) return sign;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const floor = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor);
}

export function float32ToFloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) bits[i] = halfOf(words[i]!);
  return bits;
}

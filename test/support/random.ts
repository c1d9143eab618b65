/** The random bits of src/graph/random.ts in plain numbers, to compare against. */
type Mix = readonly [number, number, number, number, number];
const rowMix: Mix = [16, 0x7feb352d, 15, 0x846ca68b, 16];
const columnMix: Mix = [15, 0x2c1b3c6d, 12, 0x297a2d39, 15];

function mix(value: number, [a, b, c, d, e]: Mix): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> a), b);
  x = Math.imul(x ^ (x >>> c), d);
  return (x ^ (x >>> e)) >>> 0;
}

const hash = (seed: number, at: number, how: Mix) => mix(mix(at, how) ^ seed, how);

/** One 32-bit hash per position. */
export function hashReference(seed: number, size: number): Uint32Array {
  return Uint32Array.from({ length: size }, (_, i) => hash(seed, i, rowMix));
}

/** 1 for kept, 0 for dropped, row by row. */
export function maskReference(seed: number, rows: number, columns: number, rate: number): Uint8Array {
  const bound = Math.round(rate * 2 ** 32);
  return Uint8Array.from({ length: rows * columns }, (_, i) => {
    const r = (hash(seed, Math.floor(i / columns), rowMix) << 1) | 1;
    const c = (hash(seed, i % columns, columnMix) << 1) | 1;
    return Math.imul(r, c) >>> 0 >= bound ? 1 : 0;
  });
}

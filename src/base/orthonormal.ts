/** Orthonormal columns. */
import { fail } from "../errors.ts";

/**
 * Make columns orthonormal in place, one after the other: modified Gram-Schmidt, which gives the Q of the QR
 * decomposition whose R has a positive diagonal. One pass is exact to 1e-16 times the condition of the columns (random
 * ones: about their number); columns that are nearly dependent need two. A column of zeros stays so.
 */
export function orthonormalise(columns: readonly Float64Array[], passes: 1 | 2 = 1): void {
  const rows = columns[0]?.length ?? 0;
  if (columns.length > rows) fail("wrong_use", `${columns.length} columns of ${rows} numbers cannot be orthonormal`);
  columns.forEach((column, c) => {
    for (let pass = 0; pass < passes; pass++) {
      for (let before = 0; before < c; before++) {
        const other = columns[before]!;
        const share = dot(column, other);
        for (let i = 0; i < rows; i++) column[i]! -= share * other[i]!;
      }
    }
    const norm = Math.sqrt(dot(column, column)) || 1;
    for (let i = 0; i < rows; i++) column[i]! /= norm;
  });
}

/** Four sums at once: one alone waits for each of its additions. */
function dot(a: Float64Array, b: Float64Array): number {
  let [p, q, r, s] = [0, 0, 0, 0];
  const whole = a.length - (a.length % 4);
  for (let i = 0; i < whole; i += 4) {
    p += a[i]! * b[i]!;
    q += a[i + 1]! * b[i + 1]!;
    r += a[i + 2]! * b[i + 2]!;
    s += a[i + 3]! * b[i + 3]!;
  }
  for (let i = whole; i < a.length; i++) p += a[i]! * b[i]!;
  return p + q + (r + s);
}

/** Absolute positions: learned tables and sinusoids. */
import { type NdArray, ndarray } from "../graph/array.ts";

/**
 * Sinusoids of positions 0 … length − 1 (Vaswani et al. 2017, section 3.5), float32 [length, width]: the first half of
 * a row holds the sines and the second the cosines, as BART's relatives lay them out; `interleaved` alternates them.
 */
export function sinusoids(length: number, width: number, { interleaved = false } = {}): NdArray<"float32"> {
  const half = Math.ceil(width / 2);
  const data = new Float32Array(length * width);
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < width; i++) {
      const pair = interleaved ? i >> 1 : i % half;
      const angle = position / 10000 ** ((2 * pair) / width);
      const odd = interleaved ? i % 2 === 1 : i >= half;
      data[position * width + i] = odd ? Math.cos(angle) : Math.sin(angle);
    }
  }
  return ndarray("float32", [length, width], data) as NdArray<"float32">;
}

import { describe, expect, it } from "vitest";
import { randomAt } from "../base/rng.ts";
import { cooccurrenceEmbeddings, countNeighbours, positivePmi, symmetricEigen } from "./cooccurrence.ts";

const size = 40;

async function multiply(matrix: Float32Array, n: number, columns: Float32Array, k: number): Promise<Float32Array> {
  const out = new Float32Array(n * k);
  for (let i = 0; i < n; i++) {
    for (let l = 0; l < n; l++) {
      for (let j = 0; j < k; j++) out[i * k + j]! += matrix[i * n + l]! * columns[l * k + j]!;
    }
  }
  return out;
}

function toySequences(): Int32Array[] {
  const random = randomAt(3, 3);
  // A product of two uniform numbers: frequent and rare tokens, as in text.
  return Array.from({ length: 200 }, () =>
    Int32Array.from({ length: 30 }, () => Math.floor(random.next() * random.next() * size)),
  );
}

/** |M| = V |Λ| Vᵀ from the decomposition of the whole matrix. */
function absolute(matrix: Float32Array): Float64Array {
  const { values, vectors } = symmetricEigen(Float64Array.from(matrix), size);
  const out = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      for (let e = 0; e < size; e++) {
        out[i * size + j]! += Math.abs(values[e]!) * vectors[i * size + e]! * vectors[j * size + e]!;
      }
    }
  }
  return out;
}

describe("co-occurrence", () => {
  it("counts neighbours on both sides, by one over the distance", () => {
    const counts = countNeighbours([[0, 1, 2]], 3, 2);
    expect(Array.from(counts)).toEqual([0, 1, 0.5, 1, 0, 1, 0.5, 1, 0]);
    expect(countNeighbours([[0, 1, 2]], 3, 1)[2]).toBe(0);
  });

  it("weighs counts as the formula says, and stays symmetric", () => {
    const counts = countNeighbours(toySequences(), size, 5);
    const pmi = counts.slice();
    positivePmi(pmi, size, 1);
    const total = counts.reduce((a, b) => a + b, 0);
    const sum = (row: number) => counts.subarray(row * size, (row + 1) * size).reduce((a, b) => a + b, 0);
    for (const [a, b] of [
      [0, 1],
      [2, 9],
      [5, 5],
    ] as const) {
      const count = counts[a * size + b]!;
      const expected = count > 0 ? Math.max(0, Math.log((count * total) / (sum(a) * sum(b)))) : 0;
      expect(pmi[a * size + b]).toBeCloseTo(expected, 4);
      expect(pmi[b * size + a]).toBeCloseTo(pmi[a * size + b]!, 5);
    }
  });

  it("decomposes a symmetric matrix", () => {
    const matrix = Float64Array.from([2, -1, 0.5, -1, 3, 1, 0.5, 1, -1]);
    const { values, vectors } = symmetricEigen(matrix, 3);
    for (let e = 0; e < 3; e++) {
      for (let i = 0; i < 3; i++) {
        let image = 0;
        for (let j = 0; j < 3; j++) image += matrix[i * 3 + j]! * vectors[j * 3 + e]!;
        expect(image).toBeCloseTo(values[e]! * vectors[i * 3 + e]!, 10);
      }
    }
  });

  it("finds the same factors by subspace iteration as a dense decomposition, to the asked length", async () => {
    const sequences = toySequences();
    const options = { vocabulary: size, width: size, scale: 0.5, multiply };
    const found = await cooccurrenceEmbeddings(sequences, { ...options, random: randomAt(1, 1).next });
    const matrix = countNeighbours(sequences, size, 5);
    positivePmi(matrix, size, 0.75);
    const gram = absolute(matrix);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        if (!(gram[i * size + i]! > 1e-9 && gram[j * size + j]! > 1e-9)) continue;
        let dot = 0;
        for (let c = 0; c < size; c++) dot += found[i * size + c]! * found[j * size + c]!;
        const cosine = gram[i * size + j]! / Math.sqrt(gram[i * size + i]! * gram[j * size + j]!);
        expect(dot / (size * 0.25)).toBeCloseTo(cosine, 4);
      }
    }
    const again = await cooccurrenceEmbeddings(sequences, { ...options, random: randomAt(1, 1).next });
    expect(again).toEqual(found);
  });

  it("brings tokens of the same company together, and gives unseen ones a small finite row", async () => {
    const random = randomAt(5, 5);
    // Tokens 0-4 keep to themselves, so do 5-9; 10 and 11 never occur.
    const sequences = Array.from({ length: 300 }, (_, i) =>
      Int32Array.from({ length: 12 }, () => (i % 2) * 5 + Math.floor(random.next() * 5)),
    );
    const width = 4;
    const out = await cooccurrenceEmbeddings(sequences, {
      vocabulary: 12,
      width,
      random: randomAt(1, 1).next,
      multiply,
    });
    const dot = (a: number, b: number) => {
      let sum = 0;
      for (let c = 0; c < width; c++) sum += out[a * width + c]! * out[b * width + c]!;
      return sum / width;
    };
    expect(dot(0, 1)).toBeGreaterThan(dot(0, 6) + 0.3);
    expect(out.every(Number.isFinite)).toBe(true);
    expect(Math.abs(out[11 * width]!)).toBeLessThanOrEqual(0.5);
  });

  it("refuses a vocabulary whose dense counts would not fit", async () => {
    const options = { vocabulary: 30_000, width: 4, random: Math.random, multiply };
    await expect(cooccurrenceEmbeddings([], options)).rejects.toMatchObject({ code: "unsupported" });
  });
});

import { describe, expect, it } from "vitest";
import { failureOf } from "../../test/support/failure.ts";
import { randomAt } from "../base/rng.ts";
import { compile } from "../runtime/compile-node.ts";
import { type CompileOver, exactSearch, laidOut, type Metric } from "./dense/exact.ts";
import { reciprocalRanks, weightedScores } from "./fuse.ts";
import { termsOf } from "./lexical/analyse.ts";
import { bm25, lexiconOf } from "./lexical/bm25.ts";

describe("terms", () => {
  it("are lower case without accents, and pairs of what has no spaces", () => {
    expect(termsOf("Café-au-lait, 3.5 ÉTÉ straße")).toEqual(["cafe", "au", "lait", "3", "5", "ete", "straße"]);
    expect(termsOf("東京都 x日")).toEqual(["東京", "京都", "x", "日"]);
    expect(termsOf("  …!")).toEqual([]);
  });

  it("lose the frequent endings of English where that is asked for", () => {
    const stem = (text: string) => termsOf(text, "english").join(" ");
    expect(stem("cities city")).toBe("city city");
    expect(stem("stopped stops stopping")).toBe("stop stop stop");
    expect(stem("called boxes glass king was")).toBe("call box glass king was");
    expect(stem("house houses housing")).toBe("hous hous hous");
  });
});

describe("BM25", () => {
  const texts = ["the bee and the flower", "a bee", "wax", "the queen bee bee"];
  const lexicon = lexiconOf(texts);

  it("scores as the formula says", () => {
    const idf = (df: number) => Math.log(1 + (4 - df + 0.5) / (df + 0.5));
    const part = (tf: number, length: number, k1 = 1.2, b = 0.75) =>
      (tf * (k1 + 1)) / (tf + k1 * (1 - b + (b * length) / 3));
    const hits = bm25(lexicon, ["bee", "queen"], 10);
    expect(hits.map(({ row }) => row)).toEqual([3, 1, 0]);
    expect(hits[0]!.score).toBeCloseTo(idf(3) * part(2, 4) + idf(1) * part(1, 4), 12);
    expect(hits[1]!.score).toBeCloseTo(idf(3) * part(1, 2), 12);
    const [other] = bm25(lexicon, ["bee", "bee"], 1, { k1: 0.9, b: 0.4 });
    expect(other!.score).toBeCloseTo(2 * idf(3) * part(2, 4, 0.9, 0.4), 12);
  });

  it("finds only what it may, and nothing for words that nobody has", () => {
    expect(bm25(lexicon, ["bee"], 10, {}, (row) => row !== 3).map(({ row }) => row)).toEqual([1, 0]);
    expect(bm25(lexicon, ["hornet"], 10)).toEqual([]);
    expect(bm25(lexiconOf([]), ["bee"], 10)).toEqual([]);
  });
});

describe("fusion", () => {
  it("adds inverse ranks, or stretched scores", () => {
    const first = [
      { row: 5, score: 9 },
      { row: 1, score: 3 },
    ];
    const second = [{ row: 1, score: 0.2 }];
    expect(reciprocalRanks([first, second])).toEqual([
      { row: 1, score: 1 / 62 + 1 / 61 },
      { row: 5, score: 1 / 61 },
    ]);
    expect(weightedScores(first, second, 0.25)).toEqual([
      { row: 1, score: 0.75 },
      { row: 5, score: 0.25 },
    ]);
  });
});

const over: CompileOver = (graph, weights) => compile(graph, { weights, threads: 1 });

function vectors(count: number, width: number, seed: number): Float32Array[] {
  return Array.from({ length: count }, (_, i) => {
    const random = randomAt(seed, i);
    return Float32Array.from({ length: width }, () => random.next() - 0.5);
  });
}

function joined(rows: readonly Float32Array[], width: number, metric: Metric) {
  const values = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) values.set(laidOut(row, metric), i * width);
  return { width, values };
}

/** In double precision, all of them. */
function plainly(question: Float32Array, rows: readonly Float32Array[], metric: Metric) {
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const score = (row: Float32Array) => {
    if (metric === "dot") return dot(question, row);
    if (metric === "cosine") return dot(question, row) / Math.sqrt(dot(question, question) * dot(row, row));
    return -Math.hypot(...question.map((value, i) => value - row[i]!));
  };
  return rows.map((row, i) => ({ row: i, score: score(row) })).sort((a, b) => b.score - a.score);
}

describe("exact search", () => {
  const width = 12;
  const rows = vectors(300, width, 1);
  const questions = vectors(9, width, 2);

  for (const metric of ["cosine", "dot", "euclidean"] as const) {
    for (const bits of [32, 8] as const) {
      it(`finds the nearest by ${metric} in ${bits} bits`, async () => {
        const search = exactSearch(joined(rows, width, metric), { metric, bits, compile: over });
        const found = await search.search(questions, 10);
        questions.forEach((question, i) => {
          const truth = plainly(question, rows, metric).slice(0, 10);
          expect(found[i]!.map(({ row }) => row)).toEqual(truth.map(({ row }) => row));
          found[i]!.forEach(({ score }, j) => {
            expect(score).toBeCloseTo(truth[j]!.score, 5);
          });
        });
        await search.close();
      });
    }
  }

  it("finds only what it may, all of it where that is little, and orders equal ones by their numbers", async () => {
    const twice = [...rows.slice(0, 40), ...rows.slice(0, 40)];
    const search = exactSearch(joined(twice, width, "dot"), { metric: "dot", compile: over });
    const [hits] = await search.search([questions[0]!], 6, (row) => row % 40 < 3);
    expect(hits!.map(({ row }) => row % 40)).toEqual([0, 0, 1, 1, 2, 2].map((_, i) => hits![i - (i % 2)]!.row % 40));
    expect(hits!.map(({ row }) => row >= 40)).toEqual([false, true, false, true, false, true]);
    expect((await search.search([questions[0]!], 5, () => false))[0]).toEqual([]);
    expect((await search.search([questions[0]!], 500))[0]).toHaveLength(80);
    await search.close();
  });

  it("refuses vectors that cannot be compared", async () => {
    const search = exactSearch(joined(rows, width, "cosine"), { metric: "cosine", compile: over });
    const refused = async (vector: Float32Array) => (await failureOf(search.search([vector], 1))).message;
    expect(await refused(new Float32Array(3))).toMatch(/has 3 numbers, those of the index 12/);
    expect(await refused(new Float32Array(width).fill(Number.NaN))).toMatch(/no numbers/);
    expect(await refused(new Float32Array(width))).toMatch(/all zeros/);
    await search.close();
  });

  it("of nothing is nothing", async () => {
    const search = exactSearch({ width, values: new Float32Array() }, { metric: "dot", compile: over });
    expect(await search.search([questions[0]!], 3)).toEqual([[]]);
  });
});

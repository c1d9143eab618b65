/** How near texts are to each other, for a person. */
import { type Similarity, similarities } from "../../text/embedding/embed.ts";
import type { Output } from "../output.ts";

/** More texts than these get their nearest neighbour instead of a table of all pairs. */
const mostColumns = 10;

const shortened = (text: string, length: number): string => {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
};

const numbers = (values: Iterable<number>): string => Array.from(values, (value) => value.toFixed(4)).join(" ");

/** One text alone: what its vector is like. */
function single(vector: Float32Array): string {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  const more = vector.length > 8 ? " …" : "";
  return `${numbers(vector.subarray(0, 8))}${more}\n${vector.length} numbers, length ${length.toFixed(4)}; give two texts to compare them, or --json for all numbers\n`;
}

function matrix(names: readonly string[], near: (i: number, j: number) => number, output: Output): string {
  const cells = names.map((_, i) => names.map((_, j) => near(i, j).toFixed(3)));
  const width = Math.max(...cells.flat().map(({ length }) => length), String(names.length).length);
  const room = Math.max(20, (process.stdout.columns || 100) - (width + 2) * names.length - 6);
  const head = names.map((_, i) => String(i + 1).padStart(width)).join("  ");
  const lines = cells.map((row, i) => {
    const best = row.reduce((top, _, j) => (j !== i && (top === i || near(i, j) > near(i, top)) ? j : top), i);
    const shown = row.map((cell, j) => {
      const padded = cell.padStart(width);
      if (i === j) return output.dim(padded);
      return j === best && names.length > 2 ? output.bold(padded) : padded;
    });
    return `${String(i + 1).padStart(3)}  ${shown.join("  ")}  ${shortened(names[i]!, room)}\n`;
  });
  return `     ${head}\n${lines.join("")}`;
}

/** Similarities of all pairs, the nearest of each text in bold; of many texts the nearest alone. */
export function similarityTable(
  names: readonly string[],
  vectors: readonly Float32Array[],
  similarity: Similarity,
  output: Output,
): string {
  if (vectors.length === 1) return single(vectors[0]!);
  const near = (i: number, j: number) => similarities[similarity](vectors[i]!, vectors[j]!);
  const heading = output.dim(`${similarity} similarity, more is nearer\n`);
  if (names.length <= mostColumns) return heading + matrix(names, near, output);
  const lines = names.map((name, i) => {
    const others = names.flatMap((_, j) => (j === i ? [] : [j]));
    const best = others.reduce((a, b) => (near(i, b) > near(i, a) ? b : a));
    return `${near(i, best).toFixed(3)}  ${shortened(name, 40)}  ${output.dim("is nearest to")}  ${shortened(names[best]!, 40)}\n`;
  });
  return heading + lines.join("");
}

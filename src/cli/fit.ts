/** Lines on a narrow terminal: wrapped between words under their own column, or with fields left out. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences that colour a text begin with it
const styles = /\u001b\[[0-9;]*m/g;
const widthOf = (text: string): number => text.replace(styles, "").length;

/** What a column needs for text to be put into it. */
const least = 20;

/** Where the lines after the first begin: under the last column that leaves room, else a little further in. */
function indentOf(line: string, columns: number): number {
  const plain = line.replace(styles, "");
  const lead = /^ */.exec(plain)![0].length;
  const starts = [...plain.matchAll(/ {2,}(?=\S)/g)].map((gap) => gap.index + gap[0].length);
  return starts.filter((at) => at > lead && columns - at >= least).at(-1) ?? Math.min(lead + 2, columns >> 1);
}

/** A table's line with its cells moved together; a line of a word and a sentence is none. */
function closer(line: string): string | undefined {
  const cells = line.trim().split(/ {2,}/);
  const table = cells.length > 2 || (cells.length === 2 && widthOf(cells[1]!) < least);
  return table ? `${/^ */.exec(line)![0].slice(0, 2)}${cells.join("  ")}` : undefined;
}

function wrapLine(full: string, columns: number): string {
  if (widthOf(full) <= columns) return full;
  const line = closer(full) ?? full;
  if (widthOf(line) <= columns) return line;
  const indent = " ".repeat(indentOf(line, columns));
  const lines: string[] = [];
  let current = "";
  for (const piece of line.match(/ *[^ ]+/g) ?? []) {
    const fits = widthOf(current) + widthOf(piece) <= columns;
    if (fits || current.trim() === "") current += piece;
    else {
      lines.push(current);
      current = indent + piece.trimStart();
    }
  }
  return [...lines, current].join("\n");
}

/** Every line at most `columns` wide, as far as its words are. */
export const wrapped = (text: string, columns: number): string =>
  text
    .split("\n")
    .map((line) => wrapLine(line, columns))
    .join("\n");

/**
 * One line of fields, which stand two spaces apart, within `columns`: a bar is left out first, then fields before the
 * last from the right.
 */
export function shortened(line: string, columns: number): string {
  const fields = line.split(/ {2,}(?=\S)/);
  while (fields.join("  ").length > columns && fields.length > 2) {
    const bar = fields.findIndex((field) => /[█░]/.test(field));
    fields.splice(bar < 0 ? fields.length - 2 : bar, 1);
  }
  return fields.join("  ").slice(0, columns);
}

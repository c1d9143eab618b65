/** Names and what they mean, side by side where the window is wide enough, else one below the other. */

/** Words in lines of at most so many characters. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A text in lines that fit. @param columns of the window */
export const paragraph = (text: string, columns: number): string => wrapped(text, Math.max(10, columns - 1)).join("\n");

/** @param columns of the window */
export function meanings(rows: readonly (readonly [name: string, meaning: string])[], columns: number): string {
  const width = Math.min(24, Math.max(0, ...rows.map(([name]) => name.length)));
  const beside = columns >= width + 40;
  const indent = beside ? width + 4 : 4;
  const lines = rows.flatMap(([name, meaning]) => {
    const words = wrapped(meaning, Math.max(10, columns - indent - 1)).map((line) => " ".repeat(indent) + line);
    // A name that is too long for its column has a line of its own.
    if (!beside || name.length > width) return [`  ${name}`, ...words];
    return [`  ${name.padEnd(width)}  ${words[0]?.trimStart() ?? ""}`, ...words.slice(1)];
  });
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

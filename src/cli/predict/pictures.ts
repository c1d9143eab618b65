/** Predictions as a person reads them. */
import type { FoundAnswer } from "../../text/heads/answer.ts";
import type { FilledWord } from "../../text/heads/fill.ts";
import type { Tagged } from "../../text/heads/tag.ts";
import type { Output } from "../output.ts";

type Style = Pick<Output, "bold" | "dim">;

const percent = (share: number): string => `${(100 * share).toFixed(1).padStart(5)} %`;

/** More classes than these are not shown. */
const mostBars = 10;
const barLength = 20;

/** Classes, likeliest first, with a bar each; those that hold are bold. */
export function bars(
  names: readonly string[],
  shares: readonly number[],
  holds: (share: number, rank: number) => boolean,
  style: Style,
): string {
  const width = Math.max(...names.map(({ length }) => length));
  const order = names.map((_, i) => i).sort((a, b) => shares[b]! - shares[a]! || a - b);
  const lines = order.slice(0, mostBars).map((i, rank) => {
    const filled = Math.round(shares[i]! * barLength);
    const line = `${names[i]!.padEnd(width)}  ${"█".repeat(filled)}${"░".repeat(barLength - filled)}  ${percent(shares[i]!)}`;
    return `${holds(shares[i]!, rank) ? style.bold(line) : line}\n`;
  });
  const left = names.length - lines.length;
  return lines.join("") + (left > 0 ? style.dim(`and ${left} more\n`) : "");
}

/** Words with their tags below, in lines that fit, then what belongs together. */
export function taggedText(text: string | undefined, { words, spans }: Tagged, columns: number, style: Style): string {
  const rows: { above: string; below: string }[] = [{ above: "", below: "" }];
  for (const { text: word, label } of words) {
    const tag = label === null || label === "O" ? "" : label;
    const width = Math.max(word.length, tag.length) + 1;
    if (rows.at(-1)!.above.length + width > columns && rows.at(-1)!.above !== "") rows.push({ above: "", below: "" });
    const row = rows.at(-1)!;
    row.above += word.padEnd(width);
    row.below += tag.padEnd(width);
  }
  const lines = rows.map(({ above, below }) => {
    const tags = below.trimEnd();
    return `${above.trimEnd()}\n${tags === "" ? "" : `${style.dim(tags)}\n`}`;
  });
  if (spans.length === 0) return lines.join("");
  const found = spans.map(({ label, from, to }) => {
    const own = words.slice(from, to);
    const name = text?.slice(own[0]!.start, own.at(-1)!.end) ?? own.map((word) => word.text).join(" ");
    return { name, label, share: own.reduce((least, { score }) => Math.min(least, score), 1) };
  });
  const width = Math.max(...found.map(({ name }) => name.length));
  const labels = Math.max(...found.map(({ label }) => label.length));
  const list = found.map(
    ({ name, label, share }) => `${style.bold(name.padEnd(width))}  ${label.padEnd(labels)}  ${percent(share)}\n`,
  );
  return `${lines.join("")}\n${list.join("")}`;
}

/** The answer in its sentence. */
export function answerInPlace(
  context: string,
  { text, start, end, score, noAnswer }: FoundAnswer,
  style: Style,
): string {
  const scores = style.dim(`score ${score.toFixed(2)}, of no answer ${noAnswer.toFixed(2)}\n`);
  if (text === "") return `the passage has no answer\n${scores}`;
  const before = context.slice(0, start);
  const begin = Math.max(0, ...[...before.matchAll(/[.!?…]\s+|\n+/g)].map(({ index, 0: sign }) => index + sign.length));
  const behind = /[.!?…](?=\s)|\n|$/.exec(context.slice(end))!;
  const stop = end + behind.index + (behind[0] === "\n" ? 0 : behind[0].length);
  return `${context.slice(begin, start)}${style.bold(text)}${context.slice(end, stop)}\n${scores}`;
}

/** The filled text, and the likeliest words of every mask. */
export function filledWords(text: string, masks: readonly (readonly FilledWord[])[], style: Style): string {
  const width = Math.max(...masks.flat().map(({ piece }) => piece.length));
  const tables = masks.map((words, i) => {
    const lines = words.map(({ piece, probability }, rank) => {
      const line = `${piece.padEnd(width)}  ${percent(probability)}`;
      return `${rank === 0 ? style.bold(line) : line}\n`;
    });
    return (masks.length > 1 ? style.dim(`mask ${i + 1}\n`) : "") + lines.join("");
  });
  return `${text}\n\n${tables.join("\n")}`;
}

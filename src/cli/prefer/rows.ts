/** `zeroth prefer check` and `convert`: what is in a file of comparisons, and the same in another format. */
import { writeFileSafely } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import { agreementOf, type Share } from "../../prefer/data/agreement.ts";
import { type FormatName, formats, writeComparisons } from "../../prefer/data/formats.ts";
import { readComparisons } from "../../prefer/data/read-node.ts";
import type { Output } from "../output.ts";

/** "62.5 % of 16 (39–82)" */
export function shareText({ share, n, interval: [low, high] }: Share): string {
  if (n === 0) return "none to tell";
  return `${(100 * share).toFixed(1)} % of ${n.toLocaleString("en")} (95 %: ${(100 * low).toFixed(0)}–${(100 * high).toFixed(0)})`;
}

export function check(file: string, output: Output): number {
  const { format, rows } = readComparisons(file);
  const found = agreementOf(rows);
  const number = (value: number) => (Number.isFinite(value) ? value : null);
  const told = (one: Share) => ({ ...one, share: number(one.share) });
  const { between, within, longer, first, kappa } = found;
  output.row({
    format,
    ...found,
    ...{ between: told(between), within: told(within), longer: told(longer), first: told(first), kappa: number(kappa) },
  });
  const { pairs, ties, skipped, books, workers, duplicates, contradictions } = found;
  output.text(
    `${[
      `${rows.length.toLocaleString("en")} rows (${format}) of ${books} books by ${workers || "unnamed"} people: ${pairs} pairs, ${ties} ties, ${skipped} skipped`,
      `${duplicates} judgements of a pair that was judged before, ${contradictions} pairs judged both ways`,
      `two people agree: ${shareText(between)}${Number.isFinite(kappa) ? `, kappa ${kappa.toFixed(2)}` : ""}`,
      `one person agrees with themselves: ${shareText(within)}`,
      `the longer one was preferred: ${shareText(longer)}; the first one: ${shareText(first)}`,
    ].join("\n")}\n`,
  );
  return 0;
}

export async function convert(
  file: string,
  {
    format,
    output: to,
    out,
  }: {
    readonly format?: FormatName | undefined;
    readonly output?: string | undefined;
    readonly out?: string | undefined;
  },
  output: Output,
): Promise<number> {
  if (format === undefined)
    fail("wrong_use", "--format is missing", { hint: "one of zeroth, feedback, axis, preference, completion" });
  const { rows } = readComparisons(file);
  const path = to ?? out;
  const text = writeComparisons(rows, format);
  if (path === undefined) {
    for (const row of formats[format].write(rows)) output.row(row);
    output.text(text);
    return 0;
  }
  await writeFileSafely(path, text);
  const count = text.split("\n").length - 1;
  output.row({ file: path, rows: count });
  output.text(`${path}: ${count} rows\n`);
  return 0;
}

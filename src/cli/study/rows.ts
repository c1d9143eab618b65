/** Results that a command of `zeroth study` reads: a file of rows, by group. */
import { readInput } from "../../data/cli-rows-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { fromPercent, type GroupedReader } from "../../study/columns.ts";
import type { Output } from "../output.ts";

export interface RowFlags {
  readonly input?: string | undefined;
  readonly group?: string | undefined;
  readonly percent?: boolean | undefined;
  readonly seed?: number | undefined;
  readonly resamples?: number | undefined;
}

/** @param shares columns that `--percent` divides by a hundred */
export async function readGroups<T>(
  input: string,
  reader: GroupedReader<T>,
  shares: readonly string[],
  { percent }: RowFlags,
  output: Output,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly T[]>> {
  let row = 0;
  for (const given of await readInput(input, { signal, say: output.say })) {
    row++;
    if (given instanceof ZerothError) throw given;
    reader.add(percent ? fromPercent(given, shares) : given, `${input}, row ${row}`);
  }
  if (row === 0) fail("bad_input", "there are no rows", { where: input });
  return reader.groups;
}

export function needResamples(resamples: number): void {
  if (resamples < 20) fail("wrong_use", `--resamples ${resamples}: expected 20 or more`);
}

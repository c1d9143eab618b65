/** Data files of any kind as rows by number. */
import { fail } from "../errors.ts";
import { openLines } from "./lines-node.ts";
import { type GroupCache, openParquet } from "./parquet-node.ts";
import { joined, type RowData } from "./rows.ts";

const lines = /\.(jsonl|ndjson|json|csv|tsv)(\.gz)?$/i;

/**
 * Open files as one data set; what has to be closed is added to `opened`.
 * @throws not_found, bad_input, corrupt_file naming the file
 */
export async function openData(
  files: readonly string[],
  { opened, cache, signal }: { opened: AsyncDisposable[]; cache: GroupCache; signal?: AbortSignal | undefined },
): Promise<RowData> {
  const parts: RowData[] = [];
  for (const file of files) {
    if (/\.parquet$/i.test(file)) parts.push(await openParquet(file, cache));
    else if (lines.test(file)) {
      const part = await openLines(file, signal);
      opened.push(part);
      parts.push(part);
    } else {
      fail("bad_input", "not a kind of data file", {
        where: file,
        hint: "rows are read from .jsonl, .csv and .tsv (each also .gz) and .parquet",
      });
    }
  }
  return joined(parts);
}

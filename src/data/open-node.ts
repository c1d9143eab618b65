/** Data files of any kind as rows by number. */
import type { GroupCache } from "./group-cache.ts";
import { type OpenLinesOptions, openLines } from "./lines-node.ts";
import { openParquet } from "./parquet-node.ts";
import { joined, type RowData } from "./rows.ts";
import { formatOf } from "./source-node.ts";

export interface Opening extends OpenLinesOptions {
  /** What has to be closed. */
  readonly opened: AsyncDisposable[];
  readonly cache: GroupCache;
}

/**
 * Open files as one data set; what has to be closed is added to `opened`.
 * @throws not_found, bad_input, corrupt_file naming the file
 */
export async function openData(files: readonly string[], { opened, cache, signal, say }: Opening): Promise<RowData> {
  const parts: RowData[] = [];
  for (const file of files) {
    if (formatOf(file).format === "parquet") parts.push(await openParquet(file, cache));
    else {
      const part = await openLines(file, { signal, say });
      opened.push(part);
      parts.push(part);
    }
  }
  return joined(parts);
}

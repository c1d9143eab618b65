/** Rows of a file of any kind, or of stdin, handed on as they are read. */

import type { ReaderLimits } from "../base/reader-process-node.ts";
import type { ZerothError } from "../errors.ts";
import { csvRows } from "./csv.ts";
import { jsonLineRows } from "./json-lines.ts";
import { parquetRows } from "./parquet-node.ts";
import { bytesOf, formatOf, needReadable } from "./source-node.ts";
import { utf8Texts } from "./utf8.ts";
import type { Row } from "./values.ts";

export interface StreamOptions {
  /** Told in one line what is unusual about a file. */
  readonly say?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly parquet?: ReaderLimits | undefined;
}

/**
 * Open `.jsonl`, `.csv` or `.tsv` (each also `.gz`), `.parquet`, or `-` for JSON Lines on stdin. What is no row gives its
 * error in its place.
 * @throws not_found, bad_input at once; going through the rows throws what ends the reading: corrupt_file, too_long,
 *   bad_input for CSV that is not UTF-8
 */
export async function openRows(path: string, options: StreamOptions = {}): Promise<AsyncIterable<Row | ZerothError>> {
  if (path === "-") return jsonLineRows(bytesOf(path, options.signal), "stdin");
  const { format } = formatOf(path);
  await needReadable(path);
  if (format === "parquet") return parquetRows(path, options.parquet, options.signal);
  if (format === "jsonl") return jsonLineRows(bytesOf(path), path);
  return csvRows(utf8Texts(bytesOf(path), path), { kind: format, where: path, say: options.say });
}

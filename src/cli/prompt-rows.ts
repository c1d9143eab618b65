/** Rows for templates: as `--input` reads them, but with Python's numbers, and never more of a file than is asked for. */
import { openRows, type StreamOptions } from "../data/stream-node.ts";
import type { Row } from "../data/values.ts";
import type { ZerothError } from "../errors.ts";

/** The rows of a file of any kind or of stdin, as they are read; what is no row gives its error. */
export async function* promptRows(path: string, options?: StreamOptions): AsyncGenerator<Row | ZerothError> {
  yield* await openRows(path, options);
}

/** What a run over a file would be. */
import { readDocument } from "../../media/documents/read-node.ts";
import type { Writer } from "../writers/writer.ts";
import { type Planned, planDocument } from "./plan.ts";
import { type SummarizeOptions, settingsFor } from "./settings.ts";

/**
 * What a book's summary will take; nothing is asked.
 * @throws not_found, corrupt_file, unsupported for the file; what {@link planDocument} throws
 */
export async function planBook(path: string, writer: Writer, options: SummarizeOptions = {}): Promise<Planned> {
  // Before a file is read for minutes.
  settingsFor(options, writer);
  return planDocument(await readDocument(path), writer, { ...options, where: path });
}

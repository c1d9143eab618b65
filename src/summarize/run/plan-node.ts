/** What a run would be: the tree of a book, and what it will take. */
import { fail } from "../../errors.ts";
import { readDocument } from "../../media/documents/read-node.ts";
import { type Book, bookOf } from "../book/book.ts";
import { type Decomposed, decompose } from "../book/decompose.ts";
import type { Writer } from "../writers/writer.ts";
import { type Estimate, estimateOf } from "./estimate.ts";
import { fitsFor, roomAt, type Settings, type SummarizeOptions, settingsFor } from "./settings.ts";

export interface Planned extends Decomposed {
  readonly book: Book;
  readonly settings: Settings;
  readonly estimate: Estimate;
}

const mostUnknown = 0.2;
/** Characters that are looked at for what the model does not know. */
const sample = 20_000;

/**
 * What a book's summary will take; nothing is asked.
 * @throws not_found, corrupt_file, unsupported for the file; bad_input for one without text, or in a script that the
 *   model does not know; wrong_use and too_long for options that do not fit
 */
export async function planBook(path: string, writer: Writer, options: SummarizeOptions = {}): Promise<Planned> {
  const settings = settingsFor(options, writer);
  const book = bookOf(await readDocument(path), { keepAll: settings.keepAll });
  const { body, text } = book;
  if (text.slice(body.start, body.end).trim() === "")
    fail("bad_input", "there is no text to summarise", { where: path });
  const unknown = writer.unknownShare?.(text.slice(body.start, Math.min(body.end, body.start + sample))) ?? 0;
  if (unknown > mostUnknown) {
    fail("bad_input", `${Math.round(100 * unknown)} % of the tokens are unknown to ${writer.name}`, {
      where: path,
      hint: "take a model of the text's language",
    });
  }
  const most = roomAt(writer, settings, 0);
  const { leafTokens, by, until, seed, jitter } = settings;
  const decomposed = decompose(book, writer.starts, {
    leafTokens,
    most,
    fits: fitsFor(writer, settings),
    by,
    until,
    seed,
    jitter,
  });
  return { ...decomposed, book, settings, estimate: estimateOf(text, decomposed.tree, settings, writer) };
}

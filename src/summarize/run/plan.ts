/** What a run would be: the tree of a book, and what it will take. */
import { fail } from "../../errors.ts";
import type { DocumentText } from "../../media/documents/document.ts";
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
 * What a document's summary will take; nothing is asked.
 * @throws bad_input for one without text, or in a script that the
 *   model does not know; wrong_use and too_long for options that do not fit
 */
export function planDocument(
  document: DocumentText,
  writer: Writer,
  { where, ...options }: SummarizeOptions & { readonly where: string },
): Planned {
  const settings = settingsFor(options, writer);
  const book = bookOf(document, { keepAll: settings.keepAll });
  const { body, text } = book;
  if (text.slice(body.start, body.end).trim() === "") fail("bad_input", "there is no text to summarise", { where });
  const unknown = writer.unknownShare?.(text.slice(body.start, Math.min(body.end, body.start + sample))) ?? 0;
  if (unknown > mostUnknown) {
    fail("bad_input", `${Math.round(100 * unknown)} % of the tokens are unknown to ${writer.name}`, {
      where,
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

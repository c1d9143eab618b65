/** Documents by the names of their files, from their bytes: in Node and in a browser. */
import { headBytes, type Mistaken, refuseMistaken } from "../../base/sniff.ts";
import { fail } from "../../errors.ts";
import { decodeText } from "./decode.ts";
import type { DocumentText } from "./document.ts";
import { epubDocument } from "./epub.ts";
import { htmlDocument } from "./html.ts";
import { markdownDocument } from "./markdown.ts";
import type { PdfOptions } from "./pdf/items.ts";
import { plainDocument } from "./plain.ts";

export interface Reader {
  /** Most bytes of a file. */
  readonly most: number;
  read(bytes: Uint8Array, where: string, options: PdfOptions): DocumentText | Promise<DocumentText>;
}

/** What stands in the place of a text, and is none. */
const accepted: readonly Mistaken[] = ["empty", "html"];

const written = (make: (source: string) => DocumentText, page = false): Reader => ({
  most: 64 << 20,
  read(bytes, where) {
    refuseMistaken(bytes.subarray(0, headBytes), bytes.length, where, ...accepted);
    return make(decodeText(bytes, where, page));
  },
});

const html = written((source) => htmlDocument(source), true);

const readers: Readonly<Record<string, Reader>> = {
  txt: written(plainDocument),
  text: written(plainDocument),
  md: written(markdownDocument),
  markdown: written(markdownDocument),
  html,
  htm: html,
  xhtml: html,
  epub: { most: 256 << 20, read: epubDocument },
  // The library is large, and most documents are none of these.
  pdf: { most: 256 << 20, read: async (...given) => (await import("./pdf/pdf.ts")).pdfDocument(...given) },
};

const extensionOf = (name: string): string => /\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";

/** Whether a file's name is that of a document. */
export const isDocument = (name: string): boolean => Object.hasOwn(readers, extensionOf(name));

/** Whether a name is a PDF's, which takes more time and memory than others. */
export const isPdf = (name: string): boolean => extensionOf(name) === "pdf";

/** @throws unsupported for a kind that is not read */
export function readerOf(name: string, where: string = name): Reader {
  const extension = extensionOf(name);
  if (isDocument(name)) return readers[extension]!;
  const hint = "documents are .txt, .md, .html, .epub and .pdf";
  return fail("unsupported", extension ? `a .${extension} file is not read` : "has no extension", { where, hint });
}

/**
 * A document's text, with places. A PDF is read here and now: in Node `readDocument` bounds its time and memory.
 * @param name of the file, whose end says what it is
 * @throws corrupt_file for what is no text or larger than is read; unsupported for a kind that is not read
 */
export async function documentOf(
  name: string,
  bytes: Uint8Array,
  where: string = name,
  options: PdfOptions = {},
): Promise<DocumentText> {
  const { most, read } = readerOf(name, where);
  if (bytes.length > most) fail("corrupt_file", `${bytes.length} bytes, at most ${most} are read`, { where });
  return read(bytes, where, options);
}

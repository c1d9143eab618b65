/** Documents by the names of their files. */
import { readWholeFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import { decodeText } from "./decode.ts";
import type { DocumentText } from "./document.ts";
import { epubDocument } from "./epub-node.ts";
import { htmlDocument } from "./html.ts";
import { markdownDocument } from "./markdown.ts";
import { plainDocument } from "./plain.ts";

/** Most bytes of one document's file. */
export const mostBytes = 64 << 20;

type Read = (path: string, where: string) => DocumentText;

const written =
  (make: (source: string) => DocumentText, page = false): Read =>
  (path, where) =>
    make(decodeText(readWholeFile(path, mostBytes, where, ...(["empty", "html"] as const)), where, page));

const readers: Readonly<Record<string, Read>> = {
  txt: written(plainDocument),
  text: written(plainDocument),
  md: written(markdownDocument),
  markdown: written(markdownDocument),
  html: written(htmlDocument, true),
  htm: written(htmlDocument, true),
  xhtml: written(htmlDocument, true),
  epub: epubDocument,
};

const extensionOf = (path: string): string => /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";

/** Whether a file's name is that of a document. */
export const isDocument = (path: string): boolean => Object.hasOwn(readers, extensionOf(path));

/**
 * A document's text, with places.
 * @param where how messages name it
 * @throws not_found; corrupt_file for what is no text; unsupported for a kind that is not read
 */
export function readDocument(path: string, where: string = path): DocumentText {
  const extension = extensionOf(path);
  if (!isDocument(path)) {
    const hint = "documents are .txt, .md, .html and .epub";
    return fail("unsupported", extension ? `a .${extension} file is not read` : "has no extension", { where, hint });
  }
  return readers[extension]!(path, where);
}

/** The process in which PDF files are read. */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { answerQuestions } from "../../base/reader-process-node.ts";
import type { DocumentText } from "./document.ts";
import { pdfDocument } from "./pdf/pdf.ts";

/** Tables of characters: beside the bundled program, else where the package keeps them. */
const tables = [
  () => new URL("./cmaps/", import.meta.url),
  () => new URL("./cmaps/", import.meta.resolve("pdfjs-dist/package.json")),
];

async function cmap(name: string): Promise<Uint8Array> {
  const folder = tables.map((place) => place()).find((place) => existsSync(place))!;
  // A table of its own memory: the library hands it on.
  return new Uint8Array(await readFile(new URL(`${name}.bcmap`, folder)));
}

answerQuestions<{ readonly path: string }, DocumentText>(({ path }) => pdfDocument(readFileSync(path), path, { cmap }));

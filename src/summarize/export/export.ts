/** A run in a form of others. */
import { strToU8, zipSync } from "fflate";
import type { RunState } from "../run/state.ts";
import { viewOf } from "../run/state.ts";
import { bodyOf, escaped, htmlOf } from "./html.ts";
import { markdownOf } from "./markdown.ts";
import { shownOf } from "./notes.ts";
import { placeOf } from "./places.ts";

/** EPUB 3: a page and the list that readers need. */
function epubOf(state: RunState): Uint8Array {
  const shown = shownOf(state);
  const title = escaped(`${shown.title}: a summary`);
  const page = (head: string, body: string) =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>${head}</title></head><body>\n${body}\n</body></html>\n`;
  // Readers of books know no element that opens and closes.
  const body = bodyOf(shown)
    .replace(/<details><summary>/g, "<section><h3>")
    .replace(/<\/summary>/g, "</h3>")
    .replace(/<\/details>/g, "</section>");
  const id = `urn:sha256:${state.run.source.sha256}`;
  const files: Readonly<Record<string, string>> = {
    "META-INF/container.xml":
      '<?xml version="1.0"?>\n<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="summary.opf" media-type="application/oebps-package+xml"/></rootfiles></container>\n',
    "summary.opf": `<?xml version="1.0" encoding="UTF-8"?>\n<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">${id}</dc:identifier><dc:title>${title}</dc:title><dc:language>und</dc:language><meta property="dcterms:modified">2000-01-01T00:00:00Z</meta></metadata><manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/><item id="summary" href="summary.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="summary"/></spine></package>\n`,
    "nav.xhtml": page(title, `<nav epub:type="toc"><ol><li><a href="summary.xhtml">${title}</a></li></ol></nav>`),
    "summary.xhtml": page(title, body),
  };
  // The first file says what it is, unpacked; a fixed day, so that the same summary gives the same bytes.
  const mtime = new Date(2000, 0, 1);
  return zipSync({
    mimetype: [strToU8("application/epub+zip"), { level: 0, mtime }],
    ...Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name, [strToU8(text), { mtime }] as [Uint8Array, { mtime: Date }]]),
    ),
  });
}

/** The whole tree, with every link. */
function jsonOf(state: RunState): string {
  const { run, book } = state;
  const { nodes, provenance } = viewOf(state);
  const told = nodes.map(({ node, text, state: now, flags, summary }) => ({
    ...node,
    text: text ?? null,
    state: now,
    flags,
    by: summary?.by ?? null,
    candidates: summary?.made?.candidates ?? [],
    sentences: provenance.sentences(node.id).map((sentence, i) => ({
      ...sentence,
      sources: provenance.sources(node.id, i).map((source) => ({ ...source, ...placeOf(book, source.span.start) })),
    })),
  }));
  const { source, title, settings, identity, tokens, body, trimmed } = run;
  const about = { name: source.name, sha256: source.sha256, title: title ?? null };
  return `${JSON.stringify({ version: 1, source: about, settings, model: identity, tokens, body, trimmed, nodes: told }, null, 1)}\n`;
}

const formats = { md: markdownOf, html: htmlOf, epub: epubOf, json: jsonOf } as const;
export type ExportFormat = keyof typeof formats;

export const exported = (state: RunState, format: ExportFormat): string | Uint8Array => formats[format](state);

/** Documents for fuzzing, as an index reads them: pages, Markdown, and books whose lists and chapters go wrong. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mutateBytes } from "./mutate.js";
import { textMutation } from "./rows.js";
import { zip } from "./scan.js";

const pageParts = ["<", "</p>", "<script>", "</script>", "<!--", "-->", "<pre>", "<nav>", "&amp;", "&#x41;", "&#0;", "&#99999999;", "<h1>", "</h2>", "<main>", "</main>", '<a title="', "'", ">", "<![CDATA[", "<meta charset=utf-16>", "<meta charset=nope>", "<title>", "\ufeff", "\n", "\u0000"]; // biome-ignore format: a table
const page =
  "<html><head><title>A &amp; b</title></head><body><nav>x</nav><h1>One</h1><p>Two <b>three</b>&nbsp;&mdash; &#233;<h2>Four</h2><pre>a\n b</pre></body></html>";
const textParts = ["# ", "\n", "```", "~~~\n", "---\n", "===\n", "- ", "> ", "](", "\u0000", "\ufeff", "\u2028", "\t"];

const container = '<container><rootfiles><rootfile full-path="in/book.opf"/></rootfiles></container>';
const book =
  '<package><dc:title>T</dc:title><manifest><item id="a" href="a.xhtml"/><item id="b" href="b.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>';
const bookParts = ["<item ", "<itemref ", 'href="../../x"', 'id="a"', 'href="%zz"', 'idref="', "<!--", "-->", "&lt;", 'linear="no"', 'full-path="', "\u0000", ...pageParts.slice(0, 6)]; // biome-ignore format: a table

export function documentReaders({ readDocument, sourceRange }, folder) {
  const read = (name) => (input) => {
    const path = join(folder, name);
    writeFileSync(path, input);
    const document = readDocument(path);
    const { text, headings, stretches } = document;
    for (const { start } of headings)
      if (!(start >= 0 && start <= text.length)) throw new Error(`a heading at ${start}`);
    let end = 0;
    for (const { at, length } of stretches) {
      if (at < end || length < 1) throw new Error(`a stretch at ${at} behind ${end}`);
      end = at + length;
    }
    if (end > text.length) throw new Error(`stretches to ${end} of ${text.length}`);
    sourceRange(document, 0, text.length);
  };
  return [
    { name: "document .html", seeds: [page], mutate: textMutation(pageParts, 20_000), read: read("fuzz.html") },
    {
      name: "document .md",
      seeds: ["---\ntitle: x\n---\n# One\ntext\n\nTwo\n---\n```\n# no\n```\n"],
      mutate: textMutation(textParts, 20_000),
      read: read("fuzz.md"),
    },
    {
      name: "document .epub",
      seeds: [book],
      mutate(seed, random) {
        const maybe = (text, parts) =>
          random.next() < 0.3 ? textMutation(parts, 2000)(text, random) : new TextEncoder().encode(text);
        const members = [
          ["META-INF/container.xml", maybe(container, bookParts)],
          ["in/book.opf", maybe(seed, bookParts)],
          ["in/a.xhtml", maybe(page, pageParts)],
          ["in/b.xhtml", maybe(page, pageParts)],
        ];
        const bytes = new Uint8Array(zip(members, random));
        return random.next() < 0.2 ? mutateBytes(bytes, random) : bytes;
      },
      read: read("fuzz.epub"),
    },
  ];
}

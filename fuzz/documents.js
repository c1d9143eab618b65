/** Documents for fuzzing, as an index reads them: pages, Markdown, and books whose lists and chapters go wrong. */
import { deflateSync } from "node:zlib";
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

const pdfParts = ["/Type /Page", "/Kids [3 0 R 3 0 R]", "/Parent 3 0 R", "/Count 99999999", "<<", ">>", "[", "]", "endobj\n", "1 0 obj", "stream\n", "endstream", "xref", "trailer", "/Root 1 0 R", "/Prev 9", "/Filter /FlateDecode", "/Filter /LZWDecode", "/Filter [/ASCIIHexDecode /ASCII85Decode]", "/Length 99999999", "/Encrypt 4 0 R", "/Rotate 45", "/MediaBox [0 0 1e30 -1]", "(\\(\\377)", "<FEFF00>", "Tj", "TJ", "' ", "BT", "ET", "Tm", "Td", "Do", "q ", "Q ", "1e309", "-2147483649", "%", "\r"]; // biome-ignore format: a table

/** A PDF of two pages, whose content is deflated where `packed`. */
function pdf(packed) {
  const content =
    "BT /F1 12 Tf 72 700 Td (Bees make honey-) Tj 0 -14 Td [(w) 20 (ax)] TJ 1 0 0 1 300 700 Tm (two) Tj ET";
  const bytes = packed ? deflateSync(content).toString("latin1") : content;
  const page =
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>";
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R 6 0 R] /Count 2 >>",
    page,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    `<< /Length ${bytes.length} ${packed ? "/Filter /FlateDecode" : ""} >>\nstream\n${bytes}\nendstream`,
    page,
  ];
  let text = "%PDF-1.4\n";
  const at = objects.map((object, i) => {
    const place = text.length;
    text += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return place;
  });
  const rows = at.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
  return `${text}xref\n0 7\n0000000000 65535 f \n${rows}trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`;
}

/** One byte a character: parts put in, taken out, and bytes changed. */
function mutatePdf(seed, random) {
  let text = pdf(seed === "packed");
  for (let left = 1 + Math.floor(random.next() * 8); left > 0; left--) {
    const [a, b] = [random.next(), random.next()].map((x) => Math.floor(x * text.length));
    const part = pdfParts[Math.floor(random.next() * pdfParts.length)];
    const how = random.next();
    if (how < 0.4) text = text.slice(0, a) + part + text.slice(a);
    else if (how < 0.6) text = text.slice(0, a) + text.slice(a + Math.floor(random.next() * 40));
    else if (how < 0.7) text = text.slice(0, a) + text.slice(Math.min(a, b), Math.min(a, b) + 200) + text.slice(a);
    else if (how < 0.9)
      text = text.slice(0, a) + String.fromCharCode(Math.floor(random.next() * 256)) + text.slice(a + 1);
    else
      text =
        text
          .slice(0, a)
          .replace(/\d+/g, (number) => (random.next() < 0.05 ? String(Math.floor(random.next() * 9)) : number)) +
        text.slice(a);
  }
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** pdf.js reads parts side by side and waits for the first that fails: the others fail unheard, as in its process. */
function ignoreUnheard(error) {
  if (!String(error?.stack).includes("pdf")) throw error;
}

export function documentReaders({ documentOf, sourceRange }) {
  process.off("unhandledRejection", ignoreUnheard).on("unhandledRejection", ignoreUnheard);
  const read = (name) => async (input) => {
    // The reader of PDF itself: in a process of its own it would be bounded, and its faults unseen.
    const document = await documentOf(name, new Uint8Array(Buffer.from(input)));
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
      name: "document .txt",
      seeds: ["One two.\n\nThree \u00e9 four\r\nfive."],
      mutate: (seed, random) => {
        const bytes = textMutation(textParts, 20_000)(seed, random);
        return random.next() < 0.5 ? mutateBytes(new Uint8Array(Buffer.from(bytes)), random) : bytes;
      },
      read: read("fuzz.txt"),
    },
    { name: "document .pdf", seeds: ["plain", "packed"], mutate: mutatePdf, read: read("fuzz.pdf") },
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

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { failure, failureOf } from "../../../test/support/failure.ts";
import { type Entry, zip } from "../../../test/support/torch/zips.ts";
import { decodeText } from "./decode.ts";
import { type DocumentText, sourceRange } from "./document.ts";
import { htmlDocument } from "./html.ts";
import { markdownDocument } from "./markdown.ts";
import { plainDocument } from "./plain.ts";
import { isDocument } from "./read.ts";
import { readDocument } from "./read-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-documents-"));
afterAll(() => rmSync(folder, { recursive: true }));

const utf8 = (text: string) => new TextEncoder().encode(text);

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const codeOf = (run: () => unknown): string => {
  const { code, message } = failure(run);
  return `${code}: ${message}`;
};

/** Seconds of work, whatever else the machine does. */
function ownSeconds(work: () => unknown): number {
  const { user, system } = process.cpuUsage();
  work();
  const used = process.cpuUsage({ user, system });
  return (used.user + used.system) / 1e6;
}

const codeLater = async (work: Promise<unknown>): Promise<string> => {
  const { code, message } = await failureOf(work);
  return `${code}: ${message}`;
};

/** What stands in the source where a part of the text is said to stand. */
const inSource = (document: DocumentText, source: string, part: string): string => {
  const at = document.text.indexOf(part);
  expect(at).toBeGreaterThanOrEqual(0);
  return source.slice(...sourceRange(document, at, at + part.length));
};

describe("Markdown", () => {
  const source = [
    "---",
    'title: "Of bees"',
    "---",
    "Before any heading.",
    "",
    "# The *hive* #",
    "Text.",
    "```sh",
    "# a comment, no heading",
    "```",
    "## [Queens](q.html)",
    "More.",
    "",
    "Workers",
    "-------",
    "Even more.",
    "- a list",
    "---",
    "Part two",
    "===",
    "",
  ].join("\n");

  it("keeps the text and finds its headings", () => {
    const { text, headings, title } = markdownDocument(source);
    expect(text).toBe(source);
    expect(title).toBe("Of bees");
    expect(headings.map(({ path }) => path.join(" > "))).toEqual([
      "The hive",
      "The hive > Queens",
      "The hive > Workers",
      "Part two",
    ]);
    expect(headings.map(({ start }) => source.slice(start).split("\n")[0])).toEqual([
      "# The *hive* #",
      "## [Queens](q.html)",
      "Workers",
      "Part two",
    ]);
  });

  it("reads any text in time that grows with it alone", () => {
    for (const unit of ["#", "`", "\n#", "---\n", "[](", "> ", "*", "~~~\n"]) {
      const seconds = ownSeconds(() => markdownDocument(unit.repeat(100_000)));
      expect(seconds, JSON.stringify(unit)).toBeLessThan(2);
    }
  });
});

describe("pages", () => {
  const page = `<!doctype html><html><head><title>Bees &amp; wasps</title><style>p{color:red}</style></head><body>
<nav><ul><li>Home</li></ul></nav>
<script>if (1 < 2) document.write("<p>never</p>")</script>
<h1>The   hive</h1>
<p>Ten&nbsp;thousand <b>work</b>ers &mdash; and <a title="a > b" href=x>one queen</a>.<br>Caf&#233;, &#x41;&unknown; a &lt; b</p>
<!-- <p>hidden</p> -->
<div hidden><p>not seen</p></div><div class="hidden">seen</div>
<h2>Wax</h2><pre>two
  lines</pre><table><tr><td>1</td><td>2</td></tr></table>
<footer>Imprint</footer></body></html>`;

  it("give their text, title and headings", () => {
    const { text, title, headings } = htmlDocument(page);
    expect(title).toBe("Bees & wasps");
    expect(text).toBe(
      "The hive\n\nTen thousand workers — and one queen.\nCafé, A&unknown; a < b\n\nseen\n\nWax\n\ntwo\n  lines\n\n1 2",
    );
    expect(headings).toEqual([
      { start: 0, path: ["The hive"] },
      { start: text.indexOf("Wax"), path: ["The hive", "Wax"] },
    ]);
  });

  it("tell where in the source their characters stand", () => {
    const document = htmlDocument(page);
    expect(inSource(document, page, "workers")).toBe("<b>work</b>ers".slice(3));
    expect(inSource(document, page, "Café, A")).toBe("Caf&#233;, &#x41;");
    expect(inSource(document, page, "one queen")).toBe("one queen");
    expect(inSource(document, page, "two\n  lines")).toBe("two\n  lines");
  });

  it("are read in the part that they mark as theirs", () => {
    expect(htmlDocument("<p>a<main><p>b</p></main><p>c").text).toBe("b");
    expect(htmlDocument("<article>a</article><article>b</article>").text).toBe("a\n\nb");
  });

  it("are bounded by their own length whatever stands in them", () => {
    for (const unit of ["<", "<p", "&", "&#", "<!--", "<script>", "<a b='", "<nav>", "</", "<h1>", "<main>"]) {
      expect(
        ownSeconds(() => htmlDocument(unit.repeat(50_000))),
        unit,
      ).toBeLessThan(2);
    }
  });

  it("keep every character where the map says, for any page", () => {
    const piece = fc.constantFrom(
      ...[
        "<p>",
        "</p>",
        "<b",
        ">",
        "&amp;",
        "&#65;",
        "a",
        " b\n",
        "<pre>",
        "</pre>",
        "<!--",
        "-->",
        "é",
        "<h2>",
        "</h2>",
        '"',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const source = pieces.join("");
        const document = htmlDocument(source);
        let end = 0;
        for (const { at, source: place, length, written } of document.stretches) {
          expect(at).toBeGreaterThanOrEqual(end);
          end = at + length;
          const there = source.slice(place, place + (written ?? length));
          expect(document.text.slice(at, end)).toBe(written ? { "&amp;": "&", "&#65;": "A" }[there] : there);
        }
        expect(document.text.length).toBe(end);
        for (const { start } of document.headings) expect(start).toBeLessThanOrEqual(document.text.length);
      }),
    );
  });
});

describe("bytes", () => {
  it("are UTF-8 or what their mark says", () => {
    const utf16 = (order: "le" | "be") => {
      const units = Array.from("\ufeffÄb", (c) => c.charCodeAt(0));
      return Uint8Array.from(units.flatMap((u) => (order === "le" ? [u & 255, u >> 8] : [u >> 8, u & 255])));
    };
    expect(decodeText(new TextEncoder().encode("\ufeffÄb"), "x")).toBe("Äb");
    expect(decodeText(utf16("le"), "x")).toBe("Äb");
    expect(decodeText(utf16("be"), "x")).toBe("Äb");
    const latin = Uint8Array.from([..."<meta charset=iso-8859-1>"].map((c) => c.charCodeAt(0)).concat(0xe9));
    expect(decodeText(latin, "x", true)).toBe("<meta charset=iso-8859-1>é");
    expect(codeOf(() => decodeText(latin, "notes.txt"))).toBe("corrupt_file: notes.txt: is not UTF-8");
    expect(codeOf(() => decodeText(Uint8Array.of(65, 0, 66), "a.txt"))).toBe(
      "corrupt_file: a.txt: is no text: byte 1 is zero",
    );
    expect(codeOf(() => decodeText(new TextEncoder().encode("<meta charset='nope'>"), "x", true))).toMatch(
      /^unsupported: .*"nope"/,
    );
  });
});

describe("files", () => {
  it("are read by their names", async () => {
    expect((await readDocument(file("a.txt", "one\r\ntwo"))).text).toBe("one\r\ntwo");
    expect((await readDocument(file("a.MD", "# One"))).headings).toHaveLength(1);
    expect((await readDocument(file("a.htm", "<p>x"))).kind).toBe("html");
    expect((await readDocument(file("empty.txt", ""))).text).toBe("");
    expect(isDocument("a.doc")).toBe(false);
    expect(await codeLater(readDocument(file("a.doc", "x")))).toMatch(/^unsupported: .*a \.doc file is not read/);
    expect(await codeLater(readDocument(file("b.txt", "PK\u0003\u0004zip")))).toMatch(/^corrupt_file: .*is a zip file/);
    expect(await codeLater(readDocument(join(folder, "none.txt")))).toMatch(/^not_found/);
    expect(plainDocument("x").stretches).toEqual([{ at: 0, source: 0, length: 1 }]);
  });

  const container = '<container><rootfiles><rootfile full-path="in/book.opf"/></rootfiles></container>';
  const book = (items: string, spine: string) =>
    `<package><metadata><dc:title>Two &amp; two</dc:title></metadata><manifest>${items}</manifest><spine>${spine}</spine></package>`;
  const items =
    '<item id="b" href="two.xhtml"/><item href="on%65.xhtml" id="a"/><item id="c" href="../../../etc/passwd"/>';
  const spine = '<itemref idref="a"/><itemref idref="b"/><itemref idref="c"/>';
  const chapters = { "in/one.xhtml": "<h1>One</h1><p>First.</p>", "in/two.xhtml": "<h1>Two</h1><p>Second.</p>" };

  it("of books are their chapters in the book's order", async () => {
    const epub = (entries: Record<string, string>) =>
      file("a.epub", zip(Object.entries(entries).map(([name, text]): Entry => ({ name, data: utf8(text) }))));
    const whole = { "META-INF/container.xml": container, "in/book.opf": book(items, spine), ...chapters };
    const read = await readDocument(epub(whole));
    expect(read.text).toBe("One\n\nFirst.\n\nTwo\n\nSecond.");
    expect(read.title).toBe("Two & two");
    expect(read.headings).toEqual([
      { start: 0, path: ["One"] },
      { start: 13, path: ["Two"] },
    ]);
    // As calibre writes them.
    const flags = 0x816;
    const flagged = Object.entries(whole).map(
      ([name, text]): Entry => ({ name, data: utf8(text), flags, localFlags: flags }),
    );
    expect((await readDocument(file("flags.epub", zip(flagged)))).text).toBe(read.text);
    expect(await codeLater(readDocument(epub({ ...whole, "META-INF/container.xml": "<x/>" })))).toMatch(
      /^corrupt_file/,
    );
    expect(await codeLater(readDocument(epub({ "META-INF/container.xml": container })))).toMatch(
      /has no "?in\/book.opf/,
    );
  });

  it("of books that unpack to more than a book are refused", async () => {
    const bomb = deflateRawSync(new Uint8Array(40 << 20));
    const path = file(
      "bomb.epub",
      zip([
        { name: "META-INF/container.xml", data: utf8(container) },
        { name: "in/book.opf", data: utf8(book(items, spine)) },
        { name: "in/one.xhtml", data: bomb, method: 8, plain: 40 << 20, localPlain: 40 << 20 },
      ]),
    );
    expect(await codeLater(readDocument(path))).toMatch(/^corrupt_file: .*unpacks to 41943040 bytes/);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf } from "../../../../test/support/failure.ts";
import { type PdfParts, pdfFile, type Written } from "../../../../test/support/pdf.ts";
import { sourceRange } from "../document.ts";
import { documentOf } from "../read.ts";
import { readDocument } from "../read-node.ts";
import { readPdf } from "./items.ts";
import { pdfDocument } from "./pdf.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-pdf-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Lines below each other, from a height. */
const lines = (x: number, y: number, texts: readonly string[], size = 10): Written[] =>
  texts.map((text, i) => [x, y - 12 * i, size, text]);

const read = (pages: readonly (readonly Written[])[], parts?: PdfParts) => pdfDocument(pdfFile(pages, parts), "a.pdf");

const left = ["Bees live in a hive and", "make honey there, and the", "hive has one queen who"];
const right = ["Wolves hunt at night in", "packs of six to ten, and", "they follow the moon far"];

describe("a PDF", () => {
  it("is read in paragraphs, with its pages, headings and title", async () => {
    const first: Written[] = [
      [72, 700, 20, "Of bees"],
      ...lines(72, 660, ["Bees make honey and wax in a hive, which they", "leave when it is warm."]),
      ...lines(72, 612, ["A second paragraph stands below a wider gap", "than its lines have."]),
    ];
    const second: Written[] = [[72, 700, 14, "Queens"], ...lines(72, 660, ["A hive has one queen."])];
    const { text, pages, headings, title, kind } = await read([first, second], { title: "Bees (all)" });
    expect(text).toBe(
      "Of bees\n\nBees make honey and wax in a hive, which they leave when it is warm.\n\nA second paragraph stands below a wider gap than its lines have.\n\nQueens\n\nA hive has one queen.",
    );
    expect(kind).toBe("pdf");
    expect(title).toBe("Bees (all)");
    expect(pages).toEqual([0, text.indexOf("Queens")]);
    expect(headings).toEqual([
      { start: 0, path: ["Of bees"] },
      { start: text.indexOf("Queens"), path: ["Of bees", "Queens"] },
    ]);
    expect((await read([first], { title: "Microsoft Word - x.doc" })).title).toBe("Of bees");
  });

  it("is read column by column, and its tables row by row", async () => {
    const title: Written = [72, 740, 10, "A line that stands above both columns and is as wide as the page is"];
    const end: Written = [72, 500, 10, "A line that stands below both columns and is as wide as the page is"];
    // As some programs write: from the left to the right, whatever the column.
    const rows = left.flatMap((text, i): Written[] => [
      [72, 700 - 12 * i, 10, text],
      [320, 700 - 12 * i, 10, right[i]!],
    ]);
    const { text } = await read([[title, ...rows, end]]);
    expect(text.split(/\n\n/)).toEqual([title[3], left.join(" "), right.join(" "), end[3]]);
    const cells = ["1999", "2004", "2011"].flatMap((year, i): Written[] => [
      [72, 700 - 12 * i, 10, year],
      [200, 700 - 12 * i, 10, "bees"],
      [300, 700 - 12 * i, 10, `${i}${i}`],
    ]);
    expect((await read([cells])).text.split("\n")).toEqual(["1999 bees 00", "2004 bees 11", "2011 bees 22"]);
  });

  it("has words that a line's end cuts whole again", async () => {
    const { text } = await read([
      lines(72, 700, [
        "The honey-comb is built by work-",
        "ers, who know what a honey-",
        "comb is, and also the sixty-",
        "Four of them fly in the after-",
      ]),
      lines(72, 700, ["noon when it is warm."]),
    ]);
    expect(text).toBe(
      "The honey-comb is built by workers, who know what a honey-comb is, and also the sixty- Four of them fly in the afternoon when it is warm.",
    );
  });

  it("leaves out what stands above and below the text of its pages", async () => {
    const page = (number: number, text: string): Written[] => [
      [72, 760, 9, number % 2 ? "Of bees and wolves" : "A study"],
      ...lines(72, 700, [text, "and a line that stands on every page, which is text."]),
      [300, 30, 9, `Page ${number} of 6`],
    ];
    const texts = ["One.", "Two.", "Three.", "Four.", "Five.", "Six."];
    const { text } = await read(texts.map((one, i) => page(i + 1, one)));
    expect(text).not.toMatch(/study|bees|Page/);
    for (const one of texts) expect(text).toContain(one);
    expect(text.match(/on every page/g)).toHaveLength(6);
    // Of two pages nobody knows.
    expect((await read([page(1, "x"), page(3, "y")])).text).toMatch(/Of bees/);
  });

  it("that lies on its side is read upright, and what is turned on a page comes last", async () => {
    const turned: Written = { content: "BT /F1 10 Tf 0 1 -1 0 50 100 Tm (a stamp) Tj ET" };
    expect((await read([[turned, ...lines(72, 700, ["Bees make honey."])]])).text).toBe("Bees make honey.\n\na stamp");
    const side = (y: number, text: string): Written => ({
      content: `BT /F1 10 Tf 0 1 -1 0 ${y} 100 Tm (${text}) Tj ET`,
    });
    expect((await read([[side(100, "Bees make wax and"), side(112, "honey in a hive.")]], { rotate: 90 })).text).toBe(
      "Bees make wax and honey in a hive.",
    );
  });

  it("tells where in the text layer its characters stand", async () => {
    const bytes = pdfFile([lines(72, 700, left), lines(72, 700, ["Wolves hunt."])]);
    const document = await pdfDocument(bytes, "a.pdf");
    const layer = (await readPdf(bytes, "a.pdf")).pages.flatMap(({ items }) => items.map(({ text }) => text)).join("");
    for (const { at, source, length } of document.stretches) {
      expect(layer.slice(source, source + length)).toBe(document.text.slice(at, at + length));
    }
    const at = document.text.indexOf("Wolves hunt.");
    expect(layer.slice(...sourceRange(document, at, at + 12))).toBe("Wolves hunt.");
  });

  it("without text, with a password or cut off says so", async () => {
    const picture: Written = { content: "q 100 0 0 100 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q" };
    const images = await failureOf(read([[picture], [picture]]));
    expect(images).toMatchObject({ code: "unsupported", message: "a.pdf: has no text, only pictures of it (2 pages)" });
    expect(images.hint).toMatch(/OCR/);
    expect((await read([[picture], lines(72, 700, left)])).notes).toEqual(["1 of 2 pages are pictures without text"]);
    expect(await failureOf(read([lines(72, 700, left)], { locked: true }))).toMatchObject({
      code: "unsupported",
      message: "a.pdf: is protected by a password",
    });
    const whole = pdfFile([lines(72, 700, left)]);
    for (const bytes of [new Uint8Array(), whole.subarray(0, 100), Uint8Array.from("no pdf", (c) => c.charCodeAt(0))]) {
      expect(await failureOf(pdfDocument(bytes, "a.pdf"))).toMatchObject({ code: "corrupt_file", where: "a.pdf" });
    }
    // What lost its list of places is read all the same.
    const cut = Buffer.from(
      Buffer.from(whole)
        .toString("latin1")
        .replace(/startxref\n\d+/, "startxref\n9"),
      "latin1",
    );
    expect((await pdfDocument(cut, "a.pdf")).text).toBe(left.join(" "));
    expect((await documentOf("A.PDF", whole)).text).toBe(left.join(" "));
  });
});

describe("a PDF file", () => {
  const file = (name: string, bytes: Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };

  it("is read in a process, whose time and memory are bounded", async () => {
    const path = file("a.pdf", pdfFile([lines(72, 700, left)]));
    expect((await readDocument(path)).text).toBe(left.join(" "));
    const slow = await failureOf(readDocument(path, "notes/a.pdf", { within: { milliseconds: 0, megabytes: 768 } }));
    expect(slow).toMatchObject({ code: "corrupt_file", where: "notes/a.pdf" });
    expect(slow.message).toMatch(/^notes\/a.pdf: cannot be read as PDF: not done after/);
    const stopped = readDocument(path, path, { signal: AbortSignal.abort() });
    expect((await failureOf(stopped)).code).toBe("interrupted");
    const locked = file("locked.pdf", pdfFile([lines(72, 700, left)], { locked: true }));
    expect(await failureOf(readDocument(locked))).toMatchObject({
      code: "unsupported",
      hint: expect.stringMatching(/copy/),
    });
  });

  it("that unpacks to two hundred times its size is refused, and the next one is read", async () => {
    // Two megabytes that are four hundred, where a process may take 328 in all; the one before it might take more.
    const packed = deflateSync(Buffer.alloc(400 << 20, " "), { level: 1 });
    const stream = `<< /Length ${packed.length} /Filter /FlateDecode >>\nstream\n${packed.toString("latin1")}\nendstream`;
    const whole = Buffer.from(pdfFile([lines(72, 700, left)])).toString("latin1");
    const bomb = whole.replace(/<< \/Length \d+ >>\nstream\n[\s\S]*?\nendstream/, () => stream);
    const path = file("bomb.pdf", Buffer.from(bomb, "latin1"));
    const error = await failureOf(readDocument(path, path, { within: { milliseconds: 60_000, megabytes: 48 } }));
    expect(error).toMatchObject({ code: "corrupt_file" });
    expect(error.message).toMatch(/takes too much memory/);
    expect((await readDocument(file("next.pdf", pdfFile([lines(72, 700, left)])))).text).toBe(left.join(" "));
  });
});

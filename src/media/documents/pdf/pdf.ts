/** The text of a PDF: its text layer in paragraphs, with pages, headings by the size of their letters, and places. */
import { fail } from "../../../errors.ts";
import type { DocumentText, Heading } from "../document.ts";
import { createWriter } from "../writer.ts";
import { type PdfOptions, readPdf } from "./items.ts";
import { furnitureOf, type Line, linesOf } from "./lines.ts";

/** How much larger letters of a heading are than those of the text, and how long one may be. */
const larger = 1.15;
const longestHeading = 200;
const mostLevels = 6;

const rounded = (size: number) => Math.round(size * 2) / 2;

/** Sizes of letters by how many have them: the text's own is the most frequent; larger ones are levels of headings. */
function sizesOf(lines: Iterable<Line>): { readonly body: number; readonly levels: ReadonlyMap<number, number> } {
  const counts = new Map<number, number>();
  for (const { size, text } of lines) counts.set(rounded(size), (counts.get(rounded(size)) ?? 0) + text.length);
  const body = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0])[0];
  const sizes = [...counts.keys()].filter((size) => size >= larger * body).sort((a, b) => b - a);
  return { body, levels: new Map(sizes.map((size, i) => [size, Math.min(i + 1, mostLevels)])) };
}

/** A hyphen behind a letter at the end of a line. */
const hyphen = /(\p{L}[\p{L}\p{M}]*)[-\u2010\u00ad]$/u;

/** Words of a document, as they stand inside of its lines: with or without a hyphen. */
function wordsOf(lines: Iterable<Line>): ReadonlySet<string> {
  const words = new Set<string>();
  for (const { text } of lines) {
    for (const [word] of text.toLowerCase().matchAll(/\p{L}[\p{L}\p{M}]*(?:[-\u2010]\p{L}[\p{L}\p{M}]*)*/gu)) {
      if (words.size < 1_000_000) words.add(word.replace(/\u2010/g, "-"));
    }
  }
  return words;
}

const bullet = /^(?:[•‣◦▪●○∙·–—*-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s/i;
const ends = /[.!?:;…][)\]"'”’»]*$/;

/** How a line follows the one before it. */
type Joint = "\n\n" | "\n" | " " | "word" | "hyphen";

interface Around {
  readonly last: Line;
  readonly line: Line;
  readonly samePage: boolean;
  /** Right end of the column, and usual distance of base lines. */
  readonly right: number;
  readonly leading: number;
  readonly words: ReadonlySet<string>;
}

/** Whether two parts of a word are one without its hyphen: as it stands elsewhere, else as most are. */
function jointOfParts(before: string, after: string, words: ReadonlySet<string>): "word" | "hyphen" {
  const [plain, joined] = [`${before}${after}`, `${before}-${after}`].map((one) => one.toLowerCase());
  return words.has(joined!) && !words.has(plain!) ? "hyphen" : "word";
}

function jointOf({ last, line, samePage, right, leading, words }: Around): Joint {
  const before = last.text.trimEnd();
  const after = line.text.trimStart();
  const goesOn = /^\p{Ll}/u.test(after);
  const part = hyphen.exec(before);
  const alike = Math.abs(last.size - line.size) <= 0.1 * last.size;
  if (part && goesOn && alike) return jointOfParts(part[1]!, /^[\p{L}\p{M}]+/u.exec(after)![0], words);
  const down = line.y - last.y;
  if (!samePage || line.column !== last.column || down <= 0)
    return alike && goesOn && !ends.test(before) ? " " : "\n\n";
  if (!alike || down > 1.35 * leading) return "\n\n";
  if (bullet.test(after) || (last.parts > 1 && line.parts > 1)) return "\n";
  const { size } = line;
  const indented = line.x - last.x > 0.8 * size && line.x - last.x < 5 * size;
  const short = last.end < right - 4 * size;
  if (indented && (short || ends.test(before))) return "\n\n";
  // Verse, an address, an entry of a list: a line that ends before it must.
  return last.end < right - 0.25 * (right - last.x) ? "\n" : " ";
}

/** Names that programs give a document that has none. */
const noTitle = /^(untitled|microsoft (word|powerpoint)|.*\.(docx?|dvi|tex|indd|pptx?|pdf|qxd|rtf)$|\W*$)/i;

/**
 * @param bytes of the file; they are not kept
 * @returns `stretches` with places in the text layer, see `Item.at`
 * @throws corrupt_file for what is no PDF; unsupported for one with a password, or without a text layer
 */
export async function pdfDocument(bytes: Uint8Array, where: string, options: PdfOptions = {}): Promise<DocumentText> {
  const { title: given, pages: read } = await readPdf(bytes, where, options);
  const laid = read.map((page) => ({ height: page.height, lines: linesOf(page) }));
  const images = laid.filter(({ lines }) => lines.length === 0).length;
  if (images === laid.length) {
    fail("unsupported", `has no text, only pictures of it (${laid.length} ${laid.length === 1 ? "page" : "pages"})`, {
      where,
      hint: "have its text recognised first (OCR), for example by ocrmypdf",
    });
  }
  const furniture = furnitureOf(laid);
  const kept = laid.map(({ lines }) => lines.filter((line) => !furniture.has(line)));
  const all = kept.flat();
  const { body, levels } = sizesOf(all);
  const words = wordsOf(all);
  const writer = createWriter();
  const headings: Heading[] = [];
  const above: (string | undefined)[] = [];
  const starts: number[] = [];
  let last: Line | undefined;
  let heading: { readonly size: number; readonly start: number; text: string } | undefined;

  function endHeading(): void {
    if (!heading) return;
    const level = levels.get(heading.size)!;
    const name = heading.text.replace(/\s+/g, " ").trim();
    if (name.length <= longestHeading && /\p{L}/u.test(name)) {
      above.length = level - 1;
      above[level - 1] = name;
      headings.push({ start: heading.start, path: above.filter((one) => one !== undefined) as string[] });
    }
    heading = undefined;
  }

  for (const lines of kept) {
    let first = true;
    const gaps = lines.flatMap((line, i) => {
      const down = i > 0 && line.column === lines[i - 1]!.column ? line.y - lines[i - 1]!.y : 0;
      return down > 0 && down < 3 * line.size ? [down] : [];
    });
    const leading = gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? 1.2 * body;
    const rights = new Map<number, number>();
    for (const { column, end } of lines) rights.set(column, Math.max(rights.get(column) ?? 0, end));
    let place: number | undefined;
    for (const line of lines) {
      const right = last ? (rights.get(last.column) ?? last.end) : 0;
      const joint = last ? jointOf({ last, line, samePage: !first, right, leading, words }) : "\n\n";
      const size = rounded(line.size);
      if (!levels.has(size) || heading?.size !== size) endHeading();
      if (joint !== "word" && joint !== "hyphen") writer.separate(joint);
      else if (joint === "word") writer.dropLast();
      if (levels.has(size)) {
        heading ??= { size, start: writer.next, text: "" };
        heading.text += ` ${line.text}`;
      }
      if (first) place = writer.next;
      for (const { text, at } of line.items) {
        for (const { 0: own, index } of text.matchAll(/\s+|\S+/g)) {
          if (/^\s/.test(own)) writer.separate(" ");
          else writer.write(own, at + index);
        }
      }
      first = false;
      last = line;
    }
    starts.push(place ?? writer.length);
  }
  endHeading();
  const { text, stretches } = writer.finish();
  const title = given && !noTitle.test(given) ? given : headings[0]?.path.at(-1);
  return {
    ...{ kind: "pdf", title, text, headings, pages: starts, stretches },
    ...(images > 0 && { notes: [`${images} of ${laid.length} pages are pictures without text`] }),
  };
}

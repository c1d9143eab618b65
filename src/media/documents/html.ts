/**
 * The text of a page, and where each of its characters stands in the source. Scripts, forms, menus and what a page is
 * framed with are left out; of a page that marks its main part (`<main>`, or one `<article>`) that part alone is read.
 * Which elements are open decides, so that no tree is needed. Nothing is run or fetched.
 */
import type { DocumentKind, DocumentText, Heading } from "./document.ts";
import { readTags, type TagOptions } from "./tags.ts";
import { createWriter } from "./writer.ts";

const set = (names: string): ReadonlySet<string> => new Set(names.split(" "));

/** Left out with all that is in them. */
const left = set(
  "script style title textarea xmp iframe noembed noframes noscript template svg math canvas object audio video select button form nav footer aside menu dialog",
);
/** What an element is for, where it says so (WAI-ARIA), and is no part of the text. */
const leftRoles = set("navigation banner contentinfo complementary search menu menubar toolbar dialog alertdialog");
const empty = set("area base br col embed hr img input link meta param source track wbr");
/** Another one of these ends the one before it, which needs no end tag. */
const implied = set("p li dt dd tr td th option");
/** A line of its own. */
const lines = set("br li dt dd tr div section header address figcaption caption option summary");
/** With space around it. */
const blocks = set("p h1 h2 h3 h4 h5 h6 ul ol dl table pre blockquote article main hr figure details");

const collapsed = (text: string) => text.replace(/\s+/g, " ").trim();

/** Characters of a title that are kept. */
const longestTitle = 2000;

interface Overview {
  readonly title: string;
  /** The part that a page marks as what it is about: its place in the source. */
  readonly from: number;
  readonly to: number;
}

/** What a page says of itself, before it is read. */
function overviewOf(source: string, options: TagOptions): Overview {
  const parts = new Map(["main", "article"].map((name) => [name, { count: 0, begin: 0, end: 0 }]));
  let title: string | undefined;
  let inTitle = false;
  const add = (text: string) => {
    if (inTitle && title!.length < longestTitle) title += text;
  };
  readTags(
    source,
    {
      open(name, _, isEmpty, start) {
        const part = parts.get(name);
        if (part && ++part.count === 1) part.begin = start;
        inTitle = name === "title" && title === undefined && !isEmpty;
        if (inTitle) title = "";
      },
      close(name, start) {
        const part = parts.get(name);
        if (part) part.end = start;
        inTitle = false;
      },
      text(start, end) {
        add(source.slice(start, Math.min(end, start + longestTitle)));
      },
      character: add,
    },
    options,
  );
  const part = [...parts.values()].find(({ count, begin, end }) => count === 1 && end > begin);
  return {
    title: collapsed((title ?? "").slice(0, longestTitle)),
    from: part?.begin ?? 0,
    to: part?.end ?? source.length,
  };
}

const isHidden = (attributes: ReadonlyMap<string, string>): boolean =>
  (attributes.has("hidden") && !/^until/i.test(attributes.get("hidden")!)) ||
  attributes.get("aria-hidden")?.toLowerCase() === "true" ||
  leftRoles.has(attributes.get("role")?.toLowerCase() ?? "");

/** @param kind "epub" for a chapter of a book, which is a page of its own, in XML's way of writing */
export function htmlDocument(source: string, kind: DocumentKind = "html"): DocumentText {
  const options: TagOptions = { selfClosing: kind === "epub" || /^\s*<\?xml\s/.test(source.slice(0, 200)) };
  const writer = createWriter();
  const headings: Heading[] = [];
  const above: (string | undefined)[] = [];
  const { title, from, to } = overviewOf(source, options);
  const part = source.slice(from, to);

  /** The outermost open element that is left out, and how many of its name are open. */
  let skipped: { readonly name: string; depth: number } | undefined;
  let kept = 0;
  let heading: { readonly level: number; readonly start: number; text: string } | undefined;
  const write = (text: string, at: number, written?: number) => {
    writer.write(text, from + at, written);
    if (heading) heading.text += text;
  };
  const space = () => {
    writer.separate(" ");
    if (heading) heading.text += " ";
  };

  function words(begin: number, end: number): void {
    if (kept > 0) {
      write(part.slice(begin, end), begin);
      return;
    }
    for (const { 0: own, index } of part.slice(begin, end).matchAll(/\s+|\S+/g)) {
      if (/^\s/.test(own)) space();
      else write(own, begin + index);
    }
  }

  function endHeading(): void {
    if (!heading) return;
    const name = collapsed(heading.text);
    if (name !== "") {
      above.length = heading.level - 1;
      above[heading.level - 1] = name;
      headings.push({ start: heading.start, path: above.filter((one) => one !== undefined) as string[] });
    }
    heading = undefined;
  }

  /** What a tag does to the text, whether it opens or closes. */
  function layOut(name: string, closes: boolean): void {
    if (blocks.has(name)) writer.separate("\n\n");
    else if (lines.has(name)) writer.separate("\n");
    else if (name === "td" || name === "th") writer.separate(" ");
    if (name === "pre") kept = Math.max(0, kept + (closes ? -1 : 1));
    if (/^h[1-6]$/.test(name)) {
      endHeading();
      if (!closes) heading = { level: Number(name[1]), start: writer.next, text: "" };
    }
  }

  readTags(
    part,
    {
      open(name, attributes, isEmpty) {
        if (skipped) {
          if (name !== skipped.name || isEmpty) return;
          if (!implied.has(name)) {
            skipped.depth++;
            return;
          }
          skipped = undefined;
        }
        if (left.has(name) || isHidden(attributes)) {
          if (!isEmpty && !empty.has(name)) skipped = { name, depth: 1 };
          return;
        }
        layOut(name, false);
        if (isEmpty && !empty.has(name)) layOut(name, true);
      },
      close(name) {
        if (!skipped) layOut(name, true);
        else if (name === skipped.name && --skipped.depth === 0) skipped = undefined;
      },
      text(start, end) {
        if (!skipped) words(start, end);
      },
      character(text, start, end) {
        if (skipped) return;
        // A space that may not break is one in a sentence; a soft hyphen is none.
        if (text === "\u00a0") writer.separate(" ");
        else if (kept === 0 && /^\s$/.test(text)) space();
        else if (text !== "\u00ad") write(text, start, end - start);
      },
    },
    options,
  );
  endHeading();
  const { text, stretches } = writer.finish();
  return { kind, title: title || headings[0]?.path.at(-1), text, headings, stretches };
}

/**
 * The text of a page, and where each of its characters stands in the source. Tags are read one after another, as a
 * browser's tokenizer does; no tree is made: what decides is which elements are open, so that the work is in proportion
 * to the page. Scripts, forms, menus and what a page is framed with are left out; of a page that marks its main part
 * (`<main>`, or one `<article>`) that part alone is read. Nothing is run or fetched.
 */
import type { DocumentKind, DocumentText, Heading, Stretch } from "./document.ts";
import { entityAt } from "./entities.ts";

const set = (names: string): ReadonlySet<string> => new Set(names.split(" "));

/** Whose content is no text, up to their end tag. */
const raw = set("script style textarea title xmp iframe noembed noframes");
/** Left out with all that is in them. */
const left = set(
  "script style textarea xmp iframe noembed noframes noscript template svg math canvas object audio video select button form nav footer aside menu dialog head",
);
const empty = set("area base br col embed hr img input link meta param source track wbr");
/** A line of its own. */
const lines = set("br li dt dd tr div section header address figcaption caption option summary");
/** With space around it. */
const blocks = set("p h1 h2 h3 h4 h5 h6 ul ol dl table pre blockquote article main hr figure details");

interface Tag {
  readonly name: string;
  readonly closes: boolean;
  readonly attributes: string;
  /** Behind its `>`. */
  readonly end: number;
}

/** The tag at a `<`; undefined where it is a character. Quoted values may hold `>`. */
function tagAt(source: string, at: number): Tag | undefined {
  const head = /^<(\/?)([a-z][^\s/>]{0,60})/i.exec(source.slice(at, at + 70));
  if (!head) return undefined;
  let end = at + head[0].length;
  let quote = "";
  for (; end < source.length; end++) {
    const c = source[end]!;
    if (quote !== "") {
      if (c === quote) quote = "";
    } else if (c === ">") break;
    else if ((c === '"' || c === "'") && /[=\s]$/.test(source.slice(end - 1, end))) quote = c;
  }
  const name = head[2]!.toLowerCase().replace(/^[\w.-]+:/, "");
  return {
    name,
    closes: head[1] === "/",
    attributes: source.slice(at + head[0].length, end),
    end: Math.min(end + 1, source.length),
  };
}

/** What is read behind a comment, a declaration or an instruction; undefined where there is none at `at`. */
function behindComment(source: string, at: number): number | undefined {
  if (source.startsWith("<!--", at)) {
    const end = source.indexOf("-->", at + 4);
    return end < 0 ? source.length : end + 3;
  }
  if (source.startsWith("<![CDATA[", at)) {
    const end = source.indexOf("]]>", at);
    return end < 0 ? source.length : end + 3;
  }
  if (!/[!?]/.test(source[at + 1] ?? "")) return undefined;
  const end = source.indexOf(">", at);
  return end < 0 ? source.length : end + 1;
}

/** Texts with the places of their characters, white space as a browser shows it. */
function createWriter() {
  const parts: string[] = [];
  const stretches: Stretch[] = [];
  let length = 0;
  let gap: "" | " " | "\n" | "\n\n" = "";
  const mark = (source: number, count: number) => {
    const last = stretches.at(-1);
    const goesOn = last && !last.written && last.at + last.length === length && last.source + last.length === source;
    if (goesOn) stretches[stretches.length - 1] = { ...last, length: last.length + count };
    else stretches.push({ at: length, source, length: count });
  };
  const put = (text: string) => {
    parts.push(text);
    length += text.length;
  };
  return {
    get length() {
      return length;
    },
    /** Where the next character will stand. */
    get next() {
      return length === 0 ? 0 : length + gap.length;
    },
    separate(by: " " | "\n" | "\n\n") {
      if (length > 0 && by.length >= gap.length && gap !== "\n\n" && !(gap === "\n" && by === " ")) gap = by;
    },
    /** `text` as it stands at `source`, or written there in so many characters in another way. */
    write(text: string, source: number, written?: number) {
      if (gap !== "") {
        put(gap);
        gap = "";
      }
      if (written === undefined) mark(source, text.length);
      else stretches.push({ at: length, source, length: text.length, written });
      put(text);
    },
    finish: () => ({ text: parts.join(""), stretches }),
  };
}

/** The part that a page marks as what it is about: its place in the source. */
function mainPart(source: string): readonly [number, number] {
  const part = (name: string): readonly [number, number] | undefined => {
    const opens = [...source.matchAll(new RegExp(`<${name}(?=[\\s>])`, "gi"))];
    if (opens.length !== 1) return undefined;
    const begin = opens[0]!.index;
    const end = source.toLowerCase().lastIndexOf(`</${name}`);
    return end > begin ? [begin, end] : undefined;
  };
  return part("main") ?? part("article") ?? [0, source.length];
}

const collapsed = (text: string) => text.replace(/\s+/g, " ").trim();

function decoded(source: string): string {
  let text = "";
  for (let at = 0; at < source.length; ) {
    const entity = source[at] === "&" ? entityAt(source, at) : undefined;
    text += entity?.text ?? source[at];
    at += entity?.length ?? 1;
  }
  return text;
}

/** @param kind "epub" for a chapter of a book, which is a page of its own */
export function htmlDocument(source: string, kind: DocumentKind = "html"): DocumentText {
  const writer = createWriter();
  const headings: Heading[] = [];
  const above: (string | undefined)[] = [];
  const lower = source.toLowerCase();
  const [from, to] = mainPart(source);
  const titleAt = lower.indexOf("<title");
  const titleEnd = titleAt < 0 ? -1 : lower.indexOf("</title", titleAt);
  const titleBegin = titleEnd < 0 ? -1 : source.indexOf(">", titleAt) + 1;
  const title =
    titleBegin > 0 && titleBegin <= titleEnd
      ? collapsed(decoded(source.slice(titleBegin, titleEnd)).slice(0, 2000))
      : "";

  /** Open elements that are left out, as a count, by the outermost's name and depth of that name. */
  let skipped: { readonly name: string; depth: number } | undefined;
  let kept = 0;
  let heading: { readonly level: number; readonly start: number; text: string } | undefined;
  const write = (text: string, at: number, written?: number) => {
    writer.write(text, at, written);
    if (heading) heading.text += text;
  };

  function words(begin: number, end: number): void {
    for (let at = begin; at < end; ) {
      const c = source[at]!;
      if (c === "&") {
        const entity = entityAt(source, at);
        if (entity && at + entity.length <= end) {
          // A space that may not break is one in a sentence; a soft hyphen is none.
          if (entity.text === "\u00a0") writer.separate(" ");
          else if (entity.text !== "\u00ad") write(entity.text, at, entity.length);
          at += entity.length;
          continue;
        }
      }
      if (kept === 0 && /\s/.test(c)) {
        writer.separate(" ");
        if (heading) heading.text += " ";
        at++;
        continue;
      }
      let stop = at + 1;
      if (kept > 0) while (stop < end && source[stop] !== "&") stop++;
      else while (stop < end && source[stop] !== "&" && !/\s/.test(source[stop]!)) stop++;
      write(source.slice(at, stop), at);
      at = stop;
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

  for (let at = from; at < to; ) {
    if (source[at] !== "<") {
      const stop = source.indexOf("<", at);
      const end = stop < 0 || stop > to ? to : stop;
      if (!skipped) words(at, end);
      at = end;
      continue;
    }
    const comment = behindComment(source, at);
    if (comment !== undefined) {
      at = comment;
      continue;
    }
    const tag = tagAt(source, at);
    if (!tag) {
      if (!skipped) words(at, at + 1);
      at++;
      continue;
    }
    at = tag.end;
    const { name, closes } = tag;
    if (!closes && raw.has(name) && !/\/\s*$/.test(tag.attributes)) {
      const stop = lower.indexOf(`</${name}`, at);
      at = stop < 0 ? source.length : stop;
      continue;
    }
    if (skipped) {
      if (name === skipped.name) skipped.depth += closes ? -1 : 1;
      if (skipped.depth === 0) skipped = undefined;
      continue;
    }
    if (
      left.has(name) ||
      (!closes && /\bhidden\b(?!\s*=\s*["']?until)|aria-hidden\s*=\s*["']?true/i.test(unquoted(tag.attributes)))
    ) {
      if (!closes && !empty.has(name) && !/\/\s*$/.test(tag.attributes)) skipped = { name, depth: 1 };
      continue;
    }
    if (blocks.has(name)) writer.separate("\n\n");
    else if (lines.has(name)) writer.separate("\n");
    else if (name === "td" || name === "th") writer.separate(" ");
    if (name === "pre") kept = Math.max(0, kept + (closes ? -1 : 1));
    if (/^h[1-6]$/.test(name)) {
      endHeading();
      if (!closes) heading = { level: Number(name[1]), start: writer.next, text: "" };
    }
  }
  endHeading();
  const { text, stretches } = writer.finish();
  return { kind, title: title || headings[0]?.path.at(-1), text, headings, stretches };
}

/** Attributes without the values of others, so that a class called "hidden" is none. */
const unquoted = (attributes: string): string =>
  attributes.replace(/(\baria-hidden\s*=\s*)?("[^"]*"|'[^']*')/gi, (whole, aria?: string) => (aria ? whole : ""));

/** A digest as Markdown and as plain text. */
import type { Digest, Item, Sentence } from "../document.ts";
import { safeLink } from "./escape.ts";
import { allExtracted, authorsLine, footLine, mark, placeLine, reasonsLine } from "./words.ts";

/** A text of a stranger's in Markdown: none of its characters is markup, and none of its addresses a link. */
export const asMarkdown = (text: string): string =>
  text
    .replace(/[^\P{Cc}\t]|[\p{Cs}\ufffe\uffff]/gu, " ")
    .replace(/[\\`*_{}[\]()#+!|<>~$]/g, "\\$&")
    .replace(/&/g, "&amp;")
    .replace(/(https?):\/\//gi, "$1&#58;//")
    .replace(/\b(www)\./gi, "$1&#46;")
    .replace(/@/g, "&#64;")
    .replace(/^(\s*)([-=]|\d+\.)/, "$1\\$2");

const linkTo = (words: string, address: string): string => {
  const link = safeLink(address);
  return link === undefined ? asMarkdown(words) : `[${asMarkdown(words)}](<${link}>)`;
};

const marked = (sentence: Sentence, quiet: boolean): string => {
  const said = quiet && !sentence.unsupported?.length ? "" : mark(sentence);
  return `${asMarkdown(sentence.text)}${said === "" ? "" : ` *(${asMarkdown(said)})*`}`;
};

function itemMarkdown(item: Item): string {
  const quiet = allExtracted(item);
  const code = (item.code ?? []).map((address) => ` · ${linkTo("code", address)}`).join("");
  return [
    `## ${item.rank}. ${linkTo(item.title, item.link)}`,
    `${asMarkdown(authorsLine(item.authors))}  `,
    `*${asMarkdown(placeLine(item))}*${code}`,
    "",
    `**Why:** ${marked(item.why, quiet)}`,
    "",
    ...(item.insights.length > 0
      ? ["**Key insights**", "", ...item.insights.map((one) => `- ${marked(one, quiet)}`), ""]
      : []),
    ...(quiet ? ["*All sentences are from the abstract.*", ""] : []),
    ...(item.reasons.length > 0 ? [`Chosen for: ${asMarkdown(reasonsLine(item))}`, ""] : []),
  ].join("\n");
}

export function markdown(digest: Digest): string {
  return [
    `# ${asMarkdown(digest.title)}`,
    "",
    asMarkdown(digest.growth),
    "",
    ...digest.intro.map((line) => `${asMarkdown(line)}\n`),
    ...digest.notes.map((note) => `> ${asMarkdown(note)}\n>`),
    "",
    ...digest.items.map(itemMarkdown),
    ...(digest.nearMisses.length > 0
      ? [
          "## What came close",
          "",
          ...digest.nearMisses.map(
            (miss) => `- ${linkTo(miss.title, miss.link)} (${asMarkdown(authorsLine(miss.authors))})`,
          ),
          "",
        ]
      : []),
    "---",
    "",
    asMarkdown(`${footLine}${digest.writer ? ` Model: ${digest.writer}.` : ""}`),
    "",
  ].join("\n");
}

/** Characters of a line of plain text: what mails are read at. */
export const columns = 72;

/** Lines of at most so many characters; words that are longer stay whole, and so do numbers with their sign of percent. */
export function wrapped(text: string, indent = "", first: string = indent): string {
  const lines: string[] = [];
  let line = first;
  for (const word of text
    .replace(/[^\P{Cc}]/gu, " ")
    .replace(/(\d) %/g, "$1\u00a0%")
    .split(/[^\S\u00a0]+/)
    .filter(Boolean)) {
    const empty = line === first || line === indent;
    if (!empty && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = `${indent}${word}`;
    } else line += empty ? word : ` ${word}`;
  }
  lines.push(line);
  return lines.join("\n").replaceAll("\u00a0", " ");
}

export function plainText(digest: Digest): string {
  const rule = "-".repeat(columns);
  const said = (sentence: Sentence, quiet: boolean): string => {
    const words = quiet && !sentence.unsupported?.length ? "" : mark(sentence);
    return `${sentence.text}${words === "" ? "" : ` (${words})`}`;
  };
  const items = digest.items.map((item) => {
    const quiet = allExtracted(item);
    return [
      rule,
      wrapped(item.title, "   ", `${item.rank}. `.padEnd(3)),
      wrapped(authorsLine(item.authors), "   "),
      wrapped(placeLine(item), "   "),
      `   ${item.link}`,
      "",
      wrapped(`Why: ${said(item.why, quiet)}`, "   "),
      "",
      ...item.insights.map((one) => `${wrapped(said(one, quiet), "     ", "   - ")}\n`),
      ...(item.reasons.length > 0 ? [wrapped(`Chosen for: ${reasonsLine(item)}`, "   ")] : []),
      ...(quiet ? ["   (All sentences are from the abstract.)"] : []),
      "",
    ].join("\n");
  });
  const misses = digest.nearMisses.map(
    (miss) => `${wrapped(`${miss.title} (${authorsLine(miss.authors)})`, "  ", "- ")}\n  ${miss.link}`,
  );
  return `${[
    wrapped(digest.title.toUpperCase()),
    "=".repeat(Math.min(columns, digest.title.length)),
    "",
    wrapped(digest.growth),
    "",
    ...digest.intro.map((line) => `${wrapped(line)}\n`),
    ...digest.notes.map((note) => `${wrapped(note, "  ", "* ")}`),
    "",
    ...items,
    ...(misses.length > 0 ? [rule, "What came close", "", ...misses, ""] : []),
    rule,
    wrapped(`${footLine}${digest.writer ? ` Model: ${digest.writer}.` : ""}`),
  ].join("\n")}\n`;
}

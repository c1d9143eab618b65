/**
 * Markdown, kept as it was written: what is cited is what stands in the file. Only headings are read, by CommonMark's
 * rules: a line of # and one underlined with = or -, neither inside of fenced code.
 */
import { type DocumentText, type Heading, wholeStretch } from "./document.ts";

/** Deeper than Markdown has headings. */
const levels = 6;

const plainTitle = (title: string): string =>
  title
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*_`]+/g, "")
    .trim();

/** Front matter between two lines of ---, which is not text; how many characters it has. */
const frontMatter = (source: string): number =>
  /^---\r?\n[\s\S]{0,20000}?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/.exec(source)?.[0].length ?? 0;

export function markdownDocument(source: string): DocumentText {
  const begin = frontMatter(source);
  const headings: Heading[] = [];
  const above: (string | undefined)[] = [];
  let title = /^title:[ \t]*["']?(.{1,300}?)["']?[ \t]*$/m.exec(source.slice(0, begin))?.[1];
  const add = (level: number, text: string, start: number) => {
    const name = plainTitle(text);
    above.length = level - 1;
    above[level - 1] = name;
    if (level === 1) title ??= name;
    headings.push({ start, path: above.filter((one) => one !== undefined && one !== "") as string[] });
  };
  let fence: string | undefined;
  let before: { readonly line: string; readonly start: number } | undefined;
  for (let start = begin; start < source.length; ) {
    const stop = source.indexOf("\n", start);
    const end = stop < 0 ? source.length : stop + 1;
    const line = source.slice(start, end).trimEnd();
    const mark = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (fence !== undefined) {
      if (mark && mark[1]!.startsWith(fence) && mark[2]!.trim() === "") fence = undefined;
      before = undefined;
    } else if (mark && !(mark[1]![0] === "`" && mark[2]!.includes("`"))) {
      fence = mark[1]!;
      before = undefined;
    } else {
      const hashes = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?$/.exec(line.slice(0, 1000));
      const underline = /^ {0,3}(=+|-+)$/.exec(line);
      if (hashes && hashes[1]!.length <= levels) {
        add(hashes[1]!.length, hashes[2] ?? "", start);
        before = undefined;
      } else if (underline && before) {
        add(underline[1]![0] === "=" ? 1 : 2, before.line, before.start);
        before = undefined;
      } else {
        // A list, a quotation or indented code is no heading, whatever stands below it.
        const isText = /^ {0,3}[^\s>#-]/.test(line) && !/^ {0,3}([*+-]|\d{1,9}[.)])[ \t]/.test(line);
        before = isText && before === undefined ? { line: line.slice(0, 1000), start } : undefined;
      }
    }
    start = end;
  }
  return { kind: "markdown", title, text: source, headings, stretches: wholeStretch(source) };
}

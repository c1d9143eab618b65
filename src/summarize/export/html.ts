/** A summary as one page without scripts: sentences lead to the places they come from, nodes open and close. */
import type { RunState } from "../run/state.ts";
import { type Shown, type ShownNode, shownOf, supportLine } from "./notes.ts";

const signs: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text as text of XML: signs that XML has none for are left out. */
export const escaped = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/[&<>"]/g, (sign) => signs[sign]!);

const sentencesOf = ({ sentences }: ShownNode): string => {
  const inner = sentences
    .map(({ text, before, notes }) => {
      const links = notes.map((n) => `<a href="#note-${n}">${n}</a>`).join(" ");
      const mark =
        notes.length === 0 ? '<span class="open" title="nothing in the book was found for it">?</span>' : links;
      return `${before === "\n" ? "</p><p>" : before}${escaped(text)}<sup>${mark}</sup>`;
    })
    .join("");
  return `<p>${inner}</p>`;
};

function nodeHtml(node: ShownNode): string {
  const { id, heading } = node.view.node;
  const inner = node.children.map(nodeHtml).join("\n");
  return `<details><summary>${escaped(heading ?? id)}</summary>${sentencesOf(node)}${inner}</details>`;
}

/** What stands in the body, of a page and of a book. */
export function bodyOf(shown: Shown): string {
  const { root, notes, title } = shown;
  const places = notes.map(({ number, quote, place, start, end }) => {
    const where = [place, `characters ${start}–${end}`].filter(Boolean).join(", ");
    return `<li id="note-${number}"><q>${escaped(quote)}</q> <span class="place">${escaped(where)}</span></li>`;
  });
  const parts = root.children.length > 0 ? `<h2>Parts</h2>\n${root.children.map(nodeHtml).join("\n")}` : "";
  return `<h1>${escaped(title)}</h1>\n${sentencesOf(root)}\n<p class="support">${escaped(supportLine(shown))}</p>\n${parts}\n<h2>Sources</h2>\n<ol>\n${places.join("\n")}\n</ol>`;
}

const style =
  "body{font:1rem/1.5 Georgia,serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}details{margin:.5rem 0 .5rem 1rem}summary{cursor:pointer;font-weight:600}sup{font-size:.7em;line-height:0}.open{color:#a00;font-weight:700}.place,.support{color:#555;font-size:.9em}li:target{background:#fff3bf}@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}a{color:#8ab4f8}.place,.support{color:#aaa}.open{color:#ff8a80}li:target{background:#4a3b00}}";

export function htmlOf(state: RunState): string {
  const shown = shownOf(state);
  return `<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(shown.title)}</title>
<style>${style}</style>
</head>
<body>
${bodyOf(shown)}
</body>
</html>
`;
}

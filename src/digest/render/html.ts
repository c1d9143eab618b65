/** A digest as a page of its own: one file, no script, nothing that is loaded. */
import type { Digest, Item, Sentence } from "../document.ts";
import { escaped, safeLink } from "./escape.ts";
import { allExtracted, authorsLine, footLine, mark, placeLine, reasonLine } from "./words.ts";

export const pageStyle = `:root{color-scheme:light dark;--ink:#1b1b1b;--soft:#595959;--paper:#fff;--line:#d9d9d9;--accent:#1f5fa8}
@media (prefers-color-scheme:dark){:root{--ink:#eaeaea;--soft:#a8a8a8;--paper:#16181c;--line:#3a3d42;--accent:#8fbdec}}
body{margin:0 auto;padding:2rem 1.2rem 4rem;max-width:44rem;font:17px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .6rem}h2{font-size:1.25rem;line-height:1.3;margin:0 0 .2rem}a{color:var(--accent)}
article{border-top:1px solid var(--line);padding:1.4rem 0 .6rem}p{margin:.5rem 0}.soft,.notes{color:var(--soft);font-size:.88rem}
.notes{border-left:3px solid var(--line);padding-left:.9rem;margin:1rem 0}ul{padding-left:1.2rem;margin:.4rem 0}li{margin:.25rem 0}
figure{margin:1.4rem 0}svg{max-width:100%;height:auto}details{font-size:.88rem;color:var(--soft);margin:.4rem 0}summary{cursor:pointer}
mark{background:#f7e08a;color:#1b1b1b;padding:0 .15em}.by{font-size:.78rem;color:var(--soft)}
@media print{body{max-width:none;font-size:11pt;padding:0}details{display:none}article{break-inside:avoid}a{color:inherit}}`;

export const linked = (words: string, address: string): string => {
  const link = safeLink(address);
  return link === undefined ? escaped(words) : `<a href="${escaped(link)}">${escaped(words)}</a>`;
};

/** The source with the places of a sentence marked. */
export function sourceHtml(source: string, spans: Sentence["spans"]): string {
  const sorted = [...spans].sort((a, b) => a.start - b.start);
  let [out, at] = ["", 0];
  for (const { start, end } of sorted) {
    if (start < at || end > source.length) continue;
    out += `${escaped(source.slice(at, start))}<mark>${escaped(source.slice(start, end))}</mark>`;
    at = end;
  }
  return out + escaped(source.slice(at));
}

const sentenceHtml = (sentence: Sentence, quiet: boolean): string => {
  const said = quiet && !sentence.unsupported?.length ? "" : mark(sentence);
  return `${escaped(sentence.text)}${said === "" ? "" : ` <span class="by">(${escaped(said)})</span>`}`;
};

function itemHtml(item: Item): string {
  const quiet = allExtracted(item);
  const all =
    item.authors.length > 4
      ? `<details><summary>all ${item.authors.length} authors</summary>${escaped(item.authors.join(", "))}</details>`
      : "";
  const code = (item.code ?? []).map((address) => ` · ${linked("code", address)}`).join("");
  const insights = item.insights.map((one) => `<li>${sentenceHtml(one, quiet)}</li>`).join("");
  const reasons = item.reasons.map((reason) => `<li>${escaped(reasonLine(reason))}</li>`).join("");
  const spans = [item.why, ...item.insights].flatMap((one) => one.spans);
  return `<article id="p${item.rank}"><h2>${item.rank}. ${linked(item.title, item.link)}</h2><p class="soft">${escaped(authorsLine(item.authors))}<br>${escaped(placeLine(item))}${code}</p>${all}<p><strong>Why:</strong> ${sentenceHtml(item.why, quiet)}</p>${insights === "" ? "" : `<ul>${insights}</ul>`}${quiet ? '<p class="by">All sentences are from the abstract.</p>' : ""}${reasons === "" ? "" : `<details><summary>why this one</summary><ul>${reasons}</ul></details>`}<details><summary>abstract, with what the sentences come from</summary><p>${sourceHtml(item.source, spans)}</p></details></article>`;
}

/** A whole page around what is in its body. */
export const page = (title: string, body: string, style: string = pageStyle): string =>
  `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"><title>${escaped(title)}</title><style>${style}</style></head><body>${body}</body></html>\n`;

export function html(digest: Digest): string {
  const notes = digest.notes.map((note) => `<p>${escaped(note)}</p>`).join("");
  const misses = digest.nearMisses
    .map(
      (miss) =>
        `<li>${linked(miss.title, miss.link)} <span class="by">${escaped(authorsLine(miss.authors))}</span></li>`,
    )
    .join("");
  const body = `<main><header><h1>${escaped(digest.title)}</h1><p>${escaped(digest.growth)}</p>${digest.intro.map((line) => `<p>${escaped(line)}</p>`).join("")}<figure>${digest.chart}</figure><div class="notes">${notes}</div></header>${digest.items.map(itemHtml).join("")}${misses === "" ? "" : `<article><h2>What came close</h2><ul>${misses}</ul></article>`}</main><footer class="soft"><p>${escaped(`${footLine}${digest.writer ? ` Model: ${digest.writer}.` : ""}`)}</p></footer>`;
  return page(digest.title, body);
}

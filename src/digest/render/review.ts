/** The page on which a person looks a digest through: order, words, what is out, what came close. One file, no network. */
import type { Digest, Item } from "../document.ts";
import { escaped } from "./escape.ts";
import { linked, pageStyle, sourceHtml } from "./html.ts";
import { authorsLine, mark, placeLine, reasonsLine } from "./words.ts";

const style = `${pageStyle}
button{font:inherit;font-size:.85rem;padding:.25rem .6rem;border:1px solid var(--line);border-radius:4px;background:transparent;color:inherit;cursor:pointer}
textarea{width:100%;box-sizing:border-box;font:inherit;color:inherit;background:transparent;border:1px solid var(--line);border-radius:4px;padding:.4rem;resize:vertical}
article.out{opacity:.45}.bar{position:sticky;top:0;background:var(--paper);padding:.6rem 0;border-bottom:1px solid var(--line);display:flex;gap:.6rem;align-items:center;flex-wrap:wrap}label{display:block;font-size:.85rem;color:var(--soft);margin-top:.5rem}`;

/** Runs on the page alone: it reads what stands there and offers it as a file. */
const script = `const list=document.querySelector("#items");
const edits=()=>{const all=[...list.querySelectorAll("article")];const shown=all.filter(a=>!a.classList.contains("out"));
const o={format:"zeroth-digest-edits-1",month:document.body.dataset.month,group:document.body.dataset.group,order:shown.map(a=>a.dataset.id),drop:all.filter(a=>a.classList.contains("out")).map(a=>a.dataset.id),why:{},insights:{}};
for(const a of shown){const w=a.querySelector(".why");if(!w)continue;if(w.value!==w.defaultValue)o.why[a.dataset.id]=w.value.trim();const i=a.querySelector(".insights");if(i.value!==i.defaultValue)o.insights[a.dataset.id]=i.value.split("\\n").map(s=>s.trim()).filter(Boolean)}
return o};
document.addEventListener("click",e=>{const b=e.target.closest("button");if(!b)return;const a=b.closest("article");
if(b.dataset.do==="up"&&a.previousElementSibling)a.previousElementSibling.before(a);
if(b.dataset.do==="down"&&a.nextElementSibling)a.nextElementSibling.after(a);
if(b.dataset.do==="out"){a.classList.toggle("out");b.textContent=a.classList.contains("out")?"Take back":"Leave out"}
if(b.dataset.do==="in"){list.append(a);b.dataset.do="out";b.textContent="Leave out"}
if(b.dataset.do==="save"){const u=URL.createObjectURL(new Blob([JSON.stringify(edits(),null,2)],{type:"application/json"}));const l=document.createElement("a");l.href=u;l.download="edits-"+document.body.dataset.month+".json";l.click();URL.revokeObjectURL(u)}
if(a&&b.dataset.do!=="save")b.focus()});`;

const area = (name: string, value: string, label: string, rows: number): string =>
  `<label>${label}<textarea class="${name}" rows="${rows}">${escaped(value)}</textarea></label>`;

function itemReview(item: Item): string {
  const marks = [item.why, ...item.insights].map((one, i) => {
    const said = mark(one);
    return said === "" ? "" : `<li>${i === 0 ? "why" : `insight ${i}`}: ${escaped(said)}</li>`;
  });
  const spans = [item.why, ...item.insights].flatMap((one) => one.spans);
  return `<article data-id="${escaped(item.id)}"><h2>${linked(item.title, item.link)}</h2><p class="soft">${escaped(authorsLine(item.authors))}<br>${escaped(placeLine(item))}<br>${escaped(reasonsLine(item))}</p>${area("why", item.why.text, "Why", 3)}${area("insights", item.insights.map(({ text }) => text).join("\n"), "Key insights, one a line", 6)}<ul class="by">${marks.join("")}</ul><details><summary>abstract, with what the sentences come from</summary><p>${sourceHtml(item.source, spans)}</p></details><p><button type="button" data-do="up">Up</button> <button type="button" data-do="down">Down</button> <button type="button" data-do="out">Leave out</button></p></article>`;
}

/** The review page; what is saved there is given to `zeroth digest make --edits FILE`. */
export function review(digest: Digest): string {
  const misses = digest.nearMisses.map(
    (miss) =>
      `<article data-id="${escaped(miss.id)}"><h2>${linked(miss.title, miss.link)}</h2><p class="soft">${escaped(authorsLine(miss.authors))}<br>${escaped(reasonsLine(miss))}</p><p><button type="button" data-do="in">Take in</button></p></article>`,
  );
  const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" content="${policy}"><title>Review: ${escaped(digest.title)}</title><style>${style}</style></head><body data-month="${escaped(digest.month)}" data-group="${escaped(digest.group)}"><main><h1>Review: ${escaped(digest.title)}</h1><div class="bar"><button type="button" data-do="save">Save edits</button><span class="soft">then: zeroth digest make … --edits FILE</span></div><section id="items" aria-label="Papers of the digest">${digest.items.map(itemReview).join("")}</section><h2>What came close</h2><section aria-label="What came close">${misses.join("")}</section></main><script>${script}</script></body></html>\n`;
}

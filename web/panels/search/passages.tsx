/** The passages that were found: where they stand, how well they fit, and the sentence that fits best. */
import type { Passage } from "../../client/search.ts";
import { plural, secondsText } from "../../parts/numbers.ts";
import { marked } from "./marks.ts";
import { type Results, read, reading, type Span } from "./state.ts";

/** The document, and the place in it; a heading that is the document's title is not said twice. */
export function whereIn({ title, name, page, heading = "" }: Passage): string {
  const below = heading === title ? "" : heading.startsWith(`${title} > `) ? heading.slice(title.length + 3) : heading;
  return [title === name ? name : `${title} (${name})`, page === undefined ? "" : `page ${page}`, below]
    .filter(Boolean)
    .join(" · ");
}

const number = (value: number) => (Math.abs(value) < 1 ? value.toFixed(3) : value.toFixed(2));

function scoresOf({ score, scores: { bm25, dense } }: Passage): string {
  const parts = [
    bm25 === undefined ? "" : `words ${number(bm25)}`,
    dense === undefined ? "" : `meaning ${number(dense)}`,
  ].filter(Boolean);
  return parts.length === 0 ? `score ${number(score)}` : parts.join(", ");
}

export function Words(props: { text: string; question: string; mark: Span; id?: string }) {
  const { text, question, mark, id } = props;
  let first = true;
  return (
    <>
      {marked(text, question, mark).map(({ text: piece, word, inside }, i) => {
        if (!word && !inside) return piece;
        const own = inside && first ? id : undefined;
        if (inside) first = false;
        return (
          <mark key={i} id={own} class={`${inside ? "best" : ""}${word ? " word" : ""}`}>
            {piece}
          </mark>
        );
      })}
    </>
  );
}

/** Arrow keys walk from passage to passage. */
function walk(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const all = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("li > button")];
  const next = all[all.indexOf(document.activeElement as HTMLElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

export function Passages({ now }: { readonly now: Results }) {
  const { passages, best, query, seconds } = now;
  if (passages.length === 0) return null;
  return (
    <section aria-labelledby="passages-title">
      <h2 id="passages-title">
        {plural(passages.length, "passage")} <small class="number">{secondsText(seconds)}</small>
      </h2>
      <ol class="passages" onKeyDown={walk}>
        {passages.map((passage, i) => {
          const { document, start, end, text } = passage;
          const sentence = best[i] ?? { start: 0, end: 0 };
          const open = reading.value?.passage === passage;
          return (
            <li key={`${document} ${start}`} class={open ? "open" : ""}>
              <button
                type="button"
                aria-current={open ? "true" : undefined}
                title="Show it in its document"
                onClick={() => void read(passage, best[i] ?? { start, end })}
              >
                <span class="place">
                  <span class="count">{i + 1}</span> {whereIn(passage)}
                </span>
                <span class="quiet number">{scoresOf(passage)}</span>
              </button>
              <p>
                <Words
                  text={text}
                  question={query}
                  mark={{ start: sentence.start - start, end: sentence.end - start }}
                />
              </p>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** A document beside what was found in it, scrolled to the sentence, which is marked. Text is text, whatever it says. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { blocksOf } from "../../parts/blocks.ts";
import { Icon } from "../../parts/icon.tsx";
import { Words, whereIn } from "./passages.tsx";
import "../../style/documents.css";
import { type Reading, reading, results } from "./state.ts";

export function Reader({ now, question }: { readonly now: Reading; readonly question: string }) {
  const { passage, mark, source } = now;
  const box = useRef<HTMLDivElement>(null);
  const blocks = useMemo(() => (source ? blocksOf(source) : []), [source]);
  useEffect(() => {
    if (!source) return;
    const now = box.current!;
    const show = () => {
      const found = now.querySelector("#found")?.getBoundingClientRect();
      // The box alone is scrolled: the page stays where it is.
      if (found) now.scrollTop += found.top - now.getBoundingClientRect().top - now.clientHeight / 3;
    };
    show();
    // Blocks that were never seen have a guessed height: what comes into view may move the place.
    const again = requestAnimationFrame(show);
    now.focus({ preventScroll: true });
    now.parentElement?.scrollIntoView({ block: "nearest" });
    return () => cancelAnimationFrame(again);
  }, [source, mark]);
  const close = () => {
    const at = results.value?.passages.indexOf(passage) ?? -1;
    reading.value = undefined;
    // On a phone the passages are shown again only now.
    setTimeout(() => document.querySelectorAll<HTMLElement>(".passages li > button")[at]?.focus());
  };
  return (
    <section class="reader" aria-labelledby="reader-title">
      <div class="reader-head">
        <h2 id="reader-title">{whereIn(passage)}</h2>
        <button type="button" class="quiet" onClick={close} title="Esc">
          <Icon name="close" />
          <span>Close</span>
        </button>
      </div>
      <div
        ref={box}
        class="source"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by the keyboard
        tabIndex={0}
        role="region"
        aria-label={`Text of ${passage.title}`}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          event.stopPropagation();
          close();
        }}
      >
        {blocks.map(({ start, end, page }) => {
          const text = source!.text.slice(start, end);
          const touches = start < mark.end && end > mark.start;
          return (
            <div key={start} class="block">
              {page !== undefined && <span class="page">page {page}</span>}
              {touches ? (
                <Words
                  text={text}
                  question={question}
                  mark={{ start: mark.start - start, end: mark.end - start }}
                  {...(mark.start >= start && { id: "found" })}
                />
              ) : (
                text
              )}
            </div>
          );
        })}
        {!source && <p class="quiet">Reading…</p>}
      </div>
    </section>
  );
}

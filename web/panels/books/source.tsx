/** The book beside its summary: the part that the node is of, and the place of a sentence, marked and in view. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { blocksOf } from "../../parts/blocks.ts";
import "../../style/documents.css";
import { marked, marking, node, sentences, text } from "./state.ts";

export function Source() {
  const box = useRef<HTMLDivElement>(null);
  const source = text.value;
  const place = marked.value;
  const shown = node.value;
  const blocks = useMemo(() => (source ? blocksOf(source) : []), [source]);
  // Without a sentence the beginning of the node's own part.
  const from = place?.start ?? shown?.start ?? 0;
  useEffect(() => {
    const now = box.current;
    if (!now || !source) return;
    const show = () => {
      const found = now.querySelector(".here")?.getBoundingClientRect();
      // The box alone is scrolled: the page stays where it is.
      if (found) now.scrollTop += found.top - now.getBoundingClientRect().top - now.clientHeight / 3;
    };
    show();
    // Below the summary on a phone: whoever asked where a sentence comes from is led there.
    if (place) now.scrollIntoView({ block: "nearest" });
    // Blocks that were never seen have a guessed height: what comes into view may move the place.
    const again = requestAnimationFrame(show);
    return () => cancelAnimationFrame(again);
  }, [source, from]);
  const count = marking.value && sentences.value[marking.value.sentence]?.sources.length;
  const where = place && [place.heading, place.page && `page ${place.page}`].filter(Boolean).join(", ");
  return (
    <section class="book-source" aria-labelledby="source-title">
      <h3 id="source-title">
        The book{" "}
        <small>
          {place
            ? [where, count && count > 1 ? `place ${marking.value!.source + 1} of ${count}` : ""]
                .filter(Boolean)
                .join(" · ")
            : "a click on a sentence leads to its place"}
        </small>
      </h3>
      <div
        ref={box}
        class="source"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by the keyboard
        tabIndex={0}
        role="region"
        aria-label="Text of the book"
      >
        {blocks.map(({ start, end, page }) => {
          const whole = source!.text.slice(start, end);
          const [a, b] = place
            ? [Math.max(place.start - start, 0), Math.min(place.end, end) - start]
            : [from - start, from - start];
          const touches = place ? place.start < end && place.end > start : from >= start && from < end;
          return (
            <div key={start} class="block">
              {page !== undefined && <span class="page">page {page}</span>}
              {touches ? (
                <>
                  {whole.slice(0, a)}
                  {place ? (
                    <mark class={place.start >= start ? "here" : ""}>{whole.slice(a, b)}</mark>
                  ) : (
                    <span class="here" />
                  )}
                  {whole.slice(b)}
                </>
              ) : (
                whole
              )}
            </div>
          );
        })}
        {!source && <p class="quiet">Shown when the book has been read.</p>}
      </div>
    </section>
  );
}

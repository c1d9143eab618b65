/** A model's Markdown as it is to be read. What reads it is loaded with the first text; until then that is shown as it came. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

const fragmentOf = signal<((text: string) => DocumentFragment) | undefined>(undefined);

export function Markdown({ text }: { readonly text: string }) {
  const box = useRef<HTMLDivElement>(null);
  const read = fragmentOf.value;
  useLayoutEffect(() => {
    box.current?.replaceChildren(read ? read(text) : text);
    if (!read) {
      void import("./markdown-fragment.ts").then(({ markdownFragment }) => {
        fragmentOf.value = markdownFragment;
      });
    }
  }, [text, read]);
  return <div ref={box} class="markdown" />;
}

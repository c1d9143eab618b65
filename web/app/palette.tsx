/** Ctrl-K: a line to type in and what it finds. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { allCommands, found } from "./commands.ts";
import { paletteOpen } from "./keys.ts";

export function Palette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const open = paletteOpen.value;
  // Before the next key comes: what is typed right behind Ctrl-K belongs here.
  useLayoutEffect(() => {
    if (!open) dialog.current?.close();
    else if (!dialog.current?.open) {
      setQuery("");
      setAt(0);
      dialog.current?.showModal();
    }
  }, [open]);
  const hits = open ? found(allCommands(), query).slice(0, 12) : [];
  const run = (index: number) => {
    paletteOpen.value = false;
    hits[index]?.run();
  };
  const keys = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) setAt((at + step + hits.length) % Math.max(1, hits.length));
    else if (event.key === "Enter") run(at);
    else return;
    event.preventDefault();
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the click on the backdrop only repeats what Esc does
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Everything by name"
      onClose={() => (paletteOpen.value = false)}
      onClick={({ target }) => target === dialog.current && dialog.current?.close()}
    >
      {open && (
        <div>
          <input
            type="text"
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-list"
            aria-activedescendant={hits.length > 0 ? `command-${at}` : undefined}
            aria-label="What do you look for?"
            placeholder="A panel, a model, something to do"
            value={query}
            onInput={({ currentTarget }) => {
              setQuery(currentTarget.value);
              setAt(0);
            }}
            onKeyDown={keys}
          />
          <div id="palette-list" role="listbox" aria-label="Found" tabIndex={-1}>
            {hits.map(({ title, says }, i) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: keys are heard by the input, which keeps the focus
              // biome-ignore lint/a11y/useFocusableInteractive: the input keeps the focus and says which one is meant
              <div key={title} id={`command-${i}`} role="option" aria-selected={i === at} onClick={() => run(i)}>
                <span>{title}</span> <small>{says}</small>
              </div>
            ))}
          </div>
          {hits.length === 0 && <p class="quiet">Nothing is called that.</p>}
        </div>
      )}
    </dialog>
  );
}

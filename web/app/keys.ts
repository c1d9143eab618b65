/** Keys that work everywhere: Esc stops, Ctrl-K opens everything by name. */
import { signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { stopAll } from "../parts/run.ts";

export const paletteOpen = signal(false);

export function useKeys(): void {
  useLayoutEffect(() => {
    const heard = (event: KeyboardEvent) => {
      if (event.key === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
        event.preventDefault();
        paletteOpen.value = !paletteOpen.value;
      } else if (event.key === "Escape" && !paletteOpen.value && stopAll()) event.preventDefault();
    };
    addEventListener("keydown", heard);
    return () => removeEventListener("keydown", heard);
  }, []);
}

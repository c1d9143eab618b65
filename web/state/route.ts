/** The panel that is shown, and taking what a shared link held: both live in the address's fragment. */
import { signal } from "@preact/signals";
import { type Route, readFragment, type Shared } from "./fragment.ts";

export const route = signal<Route>(readFragment(location.hash));

addEventListener("hashchange", () => {
  route.value = readFragment(location.hash);
});

export function go(panel: string): void {
  location.hash = `#${panel}`;
}

/** Takes what a link held out of the address once it is in the page: a reload keeps what was typed since. */
export function takeShared(): Shared {
  const { panel, shared } = route.value;
  if (Object.keys(shared).length > 0) {
    history.replaceState(null, "", `#${panel}`);
    route.value = { panel, shared: {} };
  }
  return shared;
}

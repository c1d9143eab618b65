/** Light, dark, or as the system has it. */
import { effect } from "@preact/signals";
import { theme } from "../state/settings.ts";

export function followTheme(): void {
  effect(() => {
    if (theme.value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
}

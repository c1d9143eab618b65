/** What can be done by its name: the panels, what the open panel offers, models, themes. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { panels } from "../panels/panels.ts";
import { go } from "../state/route.ts";
import { chooseModel, models } from "../state/session.ts";
import { theme } from "../state/settings.ts";

export interface Command {
  readonly title: string;
  readonly says?: string;
  run(): void;
}

const offered = signal<readonly Command[]>([]);

/** Commands of a panel, for as long as it is shown. */
export function useCommands(commands: readonly Command[]): void {
  useEffect(() => {
    offered.value = commands;
  });
  useEffect(
    () => () => {
      offered.value = [];
    },
    [],
  );
}

export const allCommands = (): readonly Command[] => [
  ...offered.value,
  ...panels.map(({ name, title, says }) => ({ title, says, run: () => go(name) })),
  ...models.value
    .filter(({ can }) => can.includes("generate"))
    .map(({ id }) => ({ title: `Take the model ${id}`, run: () => chooseModel(id) })),
  ...(["light", "dark", "system"] as const).map((name) => ({
    title: `Theme: ${name}`,
    run: () => {
      theme.value = name;
    },
  })),
];

/** Those that have every word of the query, the ones that begin with it first. */
export function found(commands: readonly Command[], query: string): readonly Command[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = commands.filter(({ title, says = "" }) => {
    const text = `${title} ${says}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const starts = ({ title }: Command) => Number(!title.toLowerCase().startsWith(words[0] ?? ""));
  return [...fits].sort((a, b) => starts(a) - starts(b));
}

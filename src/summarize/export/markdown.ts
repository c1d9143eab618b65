/** A summary as Markdown with footnotes, and the nodes below it as an outline. */

import type { RunState } from "../run/state.ts";
import { type ShownNode, shownOf, supportLine } from "./notes.ts";

/** Text of a model as text, whatever signs it has. */
const plain = (text: string): string => text.replace(/[\\`*_[\]<>#|~]/g, "\\$&");

const body = ({ sentences }: ShownNode): string =>
  sentences
    .map(({ text, before, notes }) => {
      const gap = before === "\n" ? "\n\n" : before;
      const marks = notes.length === 0 ? " [no source found]" : notes.map((n) => `[^${n}]`).join("");
      return `${gap}${plain(text)}${marks}`;
    })
    .join("");

/** The root and the level below it. */
export function markdownOf(state: RunState): string {
  const shown = shownOf(state, 1);
  const { root, notes, title } = shown;
  const parts = root.children.map(
    (child, i) => `### ${plain(child.view.node.heading ?? `Part ${i + 1}`)}\n\n${body(child)}\n`,
  );
  const footnotes = notes.map(
    ({ number, quote, place, start, end }) =>
      `[^${number}]: ${plain([place, `characters ${start}–${end}`].filter(Boolean).join(", "))}: “${plain(quote)}”`,
  );
  return [
    `# ${plain(title)}\n`,
    `${body(root)}\n`,
    `*${supportLine(shown)}*\n`,
    ...(parts.length > 0 ? ["## Parts\n", ...parts] : []),
    `${footnotes.join("\n")}\n`,
  ].join("\n");
}

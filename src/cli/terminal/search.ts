/** Looking for an earlier entry while a pattern is typed, as Ctrl-R does in shells. */

export interface Search {
  /** What stands before the line. */
  readonly prompt: string;
  /** The entry that is shown. */
  readonly line: string;
  /** The line that was there. */
  readonly before: string;
  /** The next older entry with the pattern. */
  older(): void;
  /** Take typed characters; what is left over ends the search and belongs to the editor. */
  type(keys: string): { readonly ended?: "taken" | "dropped"; readonly rest: string };
}

/**
 * @param entries newest first
 * @param before the line that is there
 */
export function searchHistory(entries: readonly string[], before: string): Search {
  let pattern = "";
  let at = -1;
  let missed = false;
  const look = (from: number) => {
    if (pattern === "") {
      at = -1;
      missed = false;
      return;
    }
    const found = entries.findIndex((entry, i) => i >= from && entry.includes(pattern));
    missed = found < 0;
    if (!missed) at = found;
  };
  return {
    before,
    get prompt() {
      return `(${missed ? "no earlier" : "search"}) ${pattern}: `;
    },
    get line() {
      return at < 0 ? before : entries[at]!;
    },
    older: () => look(at + 1),
    type(keys) {
      for (let i = 0; i < keys.length; ) {
        const character = String.fromCodePoint(keys.codePointAt(i)!);
        if (character === "\u007f" || character === "\b") {
          pattern = [...pattern].slice(0, -1).join("");
          look(0);
        } else if (character === "\u0007") return { ended: "dropped", rest: keys.slice(i + 1) };
        else if (character < " ") return { ended: "taken", rest: keys === "\u001b" ? "" : keys.slice(i) };
        else {
          pattern += character;
          look(Math.max(at, 0));
        }
        i += character.length;
      }
      return { rest: "" };
    },
  };
}

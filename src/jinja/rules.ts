/**
 * What holds for all of a rendering besides its budget. Characters may be marked, to be known again in what is printed:
 * a marked one is another character, an unpaired surrogate, which no text has, and means what it stands for wherever
 * texts are compared, searched or changed.
 */

export interface Rules {
  /** Nothing changes a list or a dictionary, as in Jinja's immutable sandbox. */
  readonly immutable: boolean;
  /** The text with what its marked characters stand for: as many UTF-16 units. */
  plain(text: string): string;
  /** The text with its characters marked, those that can be. */
  mark(text: string): string;
}

const same = (text: string): string => text;

export const plainRules: Rules = { immutable: false, plain: same, mark: same };

/** Where a part that is not empty stands in a text, by what the characters stand for: places that do not overlap. */
export function places(text: string, part: string, { plain }: Rules): number[] {
  const [whole, sought] = [plain(text), plain(part)];
  const found: number[] = [];
  for (let at = whole.indexOf(sought); at >= 0; at = whole.indexOf(sought, at + sought.length)) found.push(at);
  return found;
}

/** The text in other letters, by a change that looks at what the characters stand for: what was marked stays so. */
export function changed(text: string, change: (text: string) => string, { plain, mark }: Rules): string {
  const whole = plain(text);
  const made = change(whole);
  if (whole === text) return made;
  // Which of more or fewer letters came from which is not told: all of them count as marked.
  if (made.length !== text.length) return mark(made);
  return made
    .split("")
    .map((unit, i) => (text[i] === whole[i] ? unit : mark(unit)))
    .join("");
}

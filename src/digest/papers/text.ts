/** Titles and abstracts as sources write them, made whole and made readable. */
import { decodeHTML } from "entities";

/** UTF-8 that was read as Latin-1 and written as UTF-8 again: "JosÃ©" for "José". */
function undoubled(text: string): string {
  if (!/[\u00c2-\u00f4][\u0080-\u00bf]/.test(text)) return text;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return text;
    bytes[i] = code;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return text;
  }
}

/** Control characters, and those that turn the direction of what follows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const invisible = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** A text in the record: entities decoded, doubled encoding undone, white space collapsed; LaTeX stays. */
export const tidy = (text: string): string =>
  undoubled(decodeHTML(text.replace(/[\t\n\r\f]+/g, " ")))
    .replace(invisible, "")
    .replace(/\s+/g, " ")
    .trim()
    .normalize("NFC");

/** LaTeX's accents as combining characters. */
const accents: Readonly<Record<string, string>> = {
  ...{ "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307" },
  ...{ u: "\u0306", v: "\u030c", H: "\u030b", c: "\u0327", k: "\u0328", r: "\u030a", d: "\u0323", b: "\u0331" },
};

const letters: Readonly<Record<string, string>> = {
  ...{ o: "ø", O: "Ø", l: "ł", L: "Ł", ss: "ß", ae: "æ", AE: "Æ", oe: "œ", OE: "Œ", aa: "å", AA: "Å", i: "i", j: "j" },
};

const accented = (mark: string, letter: string): string => `${letter}${accents[mark]}`.normalize("NFC");

/** Text outside of formulas. */
function prose(text: string): string {
  return text
    .replace(/\\([`'^"~=.])\s*(?:\{\s*\\?([A-Za-z])\s*\}|\\?([A-Za-z]))/g, (_, mark, a, b) => accented(mark, a ?? b))
    .replace(/\\([uvHckrdb])(?:\s*\{\s*\\?([A-Za-z])\s*\}|\s+([A-Za-z])(?![A-Za-z]))/g, (_, mark, a, b) =>
      accented(mark, a ?? b),
    )
    .replace(/\\(ss|ae|AE|oe|OE|aa|AA|[oOlLij])(?![A-Za-z])(?:\{\}|\s)?/g, (_, name: string) => letters[name]!)
    .replace(/\\(?:emph|text(?:it|bf|tt|sc|rm|sf|up)?|url|mbox|underline|href|footnote)\s*(?=\{)/g, "")
    .replace(/\{\s*\\(?:it|bf|em|tt|sc|rm|sf)(?![A-Za-z])\s*/g, "{")
    .replace(/\\([%&_#$])/g, "$1")
    .replace(/``|''/g, (quotes) => (quotes === "``" ? "“" : "”"))
    .replace(/---/g, "—")
    .replace(/(?<=\w)--(?=\w)/g, "–")
    .replace(/(?<=\S)~(?=\S)/g, (tilde, at: number, whole: string) => (whole[at - 1] === "/" ? tilde : " "))
    .replace(/\\\\/g, " ")
    .replace(/[{}]/g, "");
}

/** A text as people read it: accents and emphasis of LaTeX resolved, formulas as they are written. */
export const toText = (latex: string): string =>
  latex
    .split(/(\$[^$]{1,2000}\$)/)
    .map((part, i) => (i % 2 === 1 ? part : prose(part)))
    .join("")
    .replace(/\s+/g, " ")
    .trim();

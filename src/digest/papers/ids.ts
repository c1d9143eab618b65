/** Names of papers on arXiv, in the one form that papers are known by. */

export interface ArxivId {
  /** `1810.04805`, `0704.0001`, `cmp-lg/9404001`: without a version and a subject class. */
  readonly id: string;
  readonly version?: number;
  /** Digits that a table of numbers had lost were put back. */
  readonly repaired?: boolean;
}

/** Until December 2014 a number had four digits, since then it has five. */
const digitsOf = (year: number, month: number): number => (year > 14 || (year === 14 && month > 12) ? 5 : 4);

const before = /^(?:oai:arxiv\.org:|arxiv:|https?:\/\/(?:[a-z]+\.)?arxiv\.org\/(?:abs|pdf|html)\/)/i;

/** The id that a text writes; undefined for what is none. */
export function parseId(text: string): ArxivId | undefined {
  if (text.length > 200) return undefined;
  const bare = text
    .trim()
    .replace(before, "")
    .replace(/\.pdf$/i, "");
  const [, name = bare, digits] = /^(.+?)v(\d{1,4})$/.exec(bare) ?? [];
  const version = digits === undefined ? {} : { version: Number(digits) };
  const [, archive, yymm, number] = /^([a-z-]{2,10})(?:\.[A-Za-z-]{2,12})?\/(\d{4})(\d{3})$/.exec(name) ?? [];
  if (archive !== undefined) {
    const month = Number(yymm!.slice(2));
    return month >= 1 && month <= 12 ? { id: `${archive}/${yymm}${number}`, ...version } : undefined;
  }
  const [, front, back] = /^(\d{3,4})\.(\d{1,5})$/.exec(name) ?? [];
  if (front === undefined || back === undefined) return undefined;
  const whole = front.padStart(4, "0");
  const [year, month] = [Number(whole.slice(0, 2)), Number(whole.slice(2))];
  if (month < 1 || month > 12) return undefined;
  const digitsWanted = digitsOf(year, month);
  if (back.length > digitsWanted) return undefined;
  const repaired = front.length < 4 || back.length < digitsWanted;
  return { id: `${whole}.${back.padEnd(digitsWanted, "0")}`, ...version, ...(repaired && { repaired }) };
}

/** The month that an id was given in, as `2018-10`. */
export function monthOfId(id: string): string {
  const digits = id.slice(id.indexOf("/") + 1);
  const year = Number(digits.slice(0, 2));
  return `${year > 90 ? 1900 + year : 2000 + year}-${digits.slice(2, 4)}`;
}

/** Where a paper's page is. The id is one of {@link parseId}, so that nothing else comes into the address. */
export const pageOf = (id: string): string => `https://arxiv.org/abs/${id}`;

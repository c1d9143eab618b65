/** Numbers, dates and names in a server's headers: read by their grammar, or taken as not there. Pure. */

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const dayName = "(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?";
const clockTime = "(\\d\\d):(\\d\\d):(\\d\\d)";
/** RFC 9110, 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`. */
const fixed = new RegExp(`^${dayName}, (\\d{1,2}) ([a-z]{3}) (\\d{4}) ${clockTime} (?:gmt|utc)$`, "i");
/** `Sunday, 06-Nov-94 08:49:37 GMT`. */
const obsolete = new RegExp(`^${dayName}, (\\d{1,2})-([a-z]{3})-(\\d\\d|\\d{4}) ${clockTime} (?:gmt|utc)$`, "i");
/** `Sun Nov  6 08:49:37 1994`. */
const asctime = new RegExp(`^${dayName} ([a-z]{3}) +(\\d{1,2}) ${clockTime} (\\d{4})$`, "i");

/** The full year of two digits: one that would lie more than 50 years ahead is of the century before. */
function fullYear(text: string, now: number): number {
  if (text.length === 4) return Number(text);
  const thisYear = new Date(now).getUTCFullYear();
  const year = Math.floor(thisYear / 100) * 100 + Number(text);
  return year > thisYear + 50 ? year - 100 : year;
}

/**
 * A date of HTTP in one of its three forms, in milliseconds since 1970; undefined for anything else. `Date.parse` is
 * not used because it makes dates of `-5` and of sentences.
 * @param now milliseconds since 1970, for years of two digits
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  const [, d1, m1, y1, ...t1] = fixed.exec(text) ?? obsolete.exec(text) ?? [];
  const [, m2, d2, h2, n2, s2, y2] = asctime.exec(text) ?? [];
  const [day, month, year] = [Number(d1 ?? d2), months.indexOf((m1 ?? m2 ?? "").toLowerCase()), y1 ?? y2];
  const [hour, minute, second] = (y1 === undefined ? [h2, n2, s2] : t1).map(Number) as [number, number, number];
  if (year === undefined || month < 0 || hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(fullYear(year, now), month, day);
  // The 31st of February would be a day in March.
  if (date.getUTCDate() !== day || date.getUTCMonth() !== month) return undefined;
  return date.setUTCHours(hour, minute, second);
}

/**
 * Milliseconds that `Retry-After` asks to wait, 0 for a time that is past, `Infinity` for one beyond all numbers;
 * undefined when there is none that can be read. A date is compared with the server's own `Date` where it sends one,
 * else with this machine's clock, so that a wrong clock on one side does no harm.
 * @param clock milliseconds since 1970
 */
export function retryAfter(headers: Headers, clock: number): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return Math.max(0, Number(text) * 1000);
  const here = parseHttpDate(headers.get("date")?.trim() ?? "", clock) ?? clock;
  const then = parseHttpDate(text, here);
  return then === undefined ? undefined : Math.max(0, then - here);
}

/** A count of bytes; undefined for what is none, or is beyond what can be counted exactly. */
export function byteCount(text: string | null): number | undefined {
  const count = text !== null && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
  return Number.isSafeInteger(count) ? count : undefined;
}

export interface ContentRange {
  readonly from: number;
  /** One behind the last byte. */
  readonly end: number;
  /** Bytes of the whole; undefined where the server does not know. */
  readonly total: number | undefined;
}

/** `bytes 5-9/10`; undefined for anything else, and for a range that ends before it begins or behind the whole. */
export function contentRange(text: string | null): ContentRange | undefined {
  const [, first = "", last = "", whole = ""] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(text ?? "") ?? [];
  const [from, to, total] = [byteCount(first), byteCount(last), byteCount(whole)];
  if (from === undefined || to === undefined || to < from) return undefined;
  if (whole !== "*" && (total === undefined || to >= total)) return undefined;
  return { from, end: to + 1, total };
}

/** `W/"abc"` and `"abc"` to `abc`. */
export const plainEtag = (text: string | null): string | undefined => text?.replace(/^W\//, "").replace(/^"|"$/g, "");

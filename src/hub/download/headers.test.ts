import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byteCount, contentRange, parseHttpDate, retryAfter } from "./headers.ts";

const noon = Date.UTC(2031, 4, 6, 12, 0, 0);
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number) => String(n).padStart(2, "0");

/** The three forms of RFC 9110, written by other means than they are read with. */
const forms: Record<string, (at: Date) => string> = {
  fixed: (at) => at.toUTCString(),
  obsolete: (at) =>
    `${days[at.getUTCDay()]}, ${two(at.getUTCDate())}-${months[at.getUTCMonth()]}-${two(at.getUTCFullYear() % 100)} ${at.toUTCString().slice(17)}`,
  asctime: (at) =>
    `${days[at.getUTCDay()]!.slice(0, 3)} ${months[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)} ${at.toUTCString().slice(17, 25)} ${at.getUTCFullYear()}`,
};

describe("dates", () => {
  // Two digits name a year from 49 years back to 50 ahead.
  const seconds = fc.integer({ min: Date.UTC(1982, 0, 1) / 1000, max: Date.UTC(2080, 11, 31) / 1000 });
  test.each(Object.entries(forms))("%s", (_, write) => {
    fc.assert(
      fc.property(seconds, (second) => {
        expect(parseHttpDate(write(new Date(second * 1000)), noon)).toBe(second * 1000);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(["", "-5", "7", "soon", "2031-05-06", "2031-05-06T12:00:00Z", "Tue, 31 Feb 2031 12:00:00 GMT"])(
    "%j is none",
    (text) => expect(parseHttpDate(text, noon)).toBeUndefined(),
  );
  test.each(["Tue, 06 May 2031 24:00:00 GMT", "Tue, 06 Mai 2031 12:00:00 GMT", "Tue, 06 May 2031 12:00:00 +0200"])(
    "%j is none",
    (text) => expect(parseHttpDate(text, noon)).toBeUndefined(),
  );
});

describe("Retry-After", () => {
  const wait = (value: string, date?: string) =>
    retryAfter(new Headers({ "retry-after": value, ...(date === undefined ? {} : { date }) }), noon);

  test.each<[string, number | undefined]>([
    ["120", 120_000],
    ["0", 0],
    [" 1.5 ", 1_500],
    ["+3", 3_000],
    ["-5", 0],
    ["-1795971895", 0],
    ["9".repeat(400), Number.POSITIVE_INFINITY],
    ["1e3", undefined],
    ["0x10", undefined],
    ["", undefined],
    ["soon", undefined],
    ["5, 10", undefined],
    ["NaN", undefined],
    ["Tue, 06 May 2031 12:00:30 GMT", 30_000],
    ["Tue, 06 May 2031 11:00:00 GMT", 0],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["Fri, 31 Dec 9999 23:59:59 GMT", Date.UTC(9999, 11, 31, 23, 59, 59) - noon],
  ])("%j", (value, expected) => expect(wait(value)).toBe(expected));

  test("a date is measured by the server's own clock where it names it", () => {
    // Two years behind ours, and asks for half a minute.
    expect(wait("Sun, 06 May 2029 12:00:30 GMT", "Sun, 06 May 2029 12:00:00 GMT")).toBe(30_000);
    expect(wait("Tue, 06 May 2031 12:00:30 GMT", "yesterday")).toBe(30_000);
  });

  test("whatever it says, it is a time to wait or nothing", () => {
    const value = fc.oneof(
      fc.stringMatching(/^[+-]?\d{0,20}(\.\d{0,3})?$/),
      fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }).map((at) => at.toUTCString()),
      fc
        .tuple(
          fc.constantFrom(...Object.values(forms)),
          fc.date({ noInvalidDate: true }),
          fc.nat(30),
          fc.string({ maxLength: 3 }),
        )
        .map(([write, at, cut, more]) => write(at).slice(0, cut) + more + write(at).slice(cut)),
      fc.string({ unit: fc.constantFrom(..." ,:-+.0159abGMTSun".split("")), maxLength: 40 }),
    );
    fc.assert(
      fc.property(value, value, fc.double({ noNaN: true, min: 0, max: 1e14 }), (text, date, clock) => {
        const after = retryAfter(new Headers({ "retry-after": text, date }), clock);
        expect(after === undefined || after >= 0).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });
});

test.each<[string | null, number | undefined]>([
  ["0", 0],
  ["400000", 400_000],
  ["9007199254740991", 9_007_199_254_740_991],
  ["9007199254740993", undefined],
  ["1".repeat(40), undefined],
  ["-1", undefined],
  ["+1", undefined],
  ["1.0", undefined],
  ["1e3", undefined],
  ["0x10", undefined],
  ["5, 5", undefined],
  ["", undefined],
  [null, undefined],
])("the count of bytes %j", (text, count) => expect(byteCount(text)).toBe(count));

test.each<[string | null, object | undefined]>([
  ["bytes 5-9/10", { from: 5, end: 10, total: 10 }],
  ["bytes 0-0/*", { from: 0, end: 1, total: undefined }],
  ["bytes 9-5/10", undefined],
  ["bytes 5-10/10", undefined],
  ["bytes */10", undefined],
  ["bytes 0-9007199254740991/9007199254740993", undefined],
  ["items 0-1/2", undefined],
  ["bytes -1-2/3", undefined],
  [null, undefined],
])("the range %j", (text, range) => expect(contentRange(text)).toEqual(range));

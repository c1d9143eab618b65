import fc from "fast-check";
import { expect, test } from "vitest";
import { failureOf } from "../../../test/support/failure.ts";
import { type Retry, retrying, retryTimes, Temporary, waitWords } from "./retry.ts";

const noon = Date.UTC(2031, 4, 6, 12, 0, 0);
const options = {
  times: { ...retryTimes, wait: 0, longestWait: 0 },
  random: () => 0,
  clock: () => noon,
};
test("calls are bounded by the new bytes they bring, whatever each brings", async () => {
  const plan = fc.array(fc.nat(3_000), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(
      plan,
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 2_000 }),
      async (gains, tries, worthwhile) => {
        let [calls, gained] = [0, 0];
        const work = async () => {
          gained += gains[calls++] ?? 0;
          throw new Temporary("no", { where: "x", hint: "later" });
        };
        const times = { ...options.times, tries, worthwhile };
        const error = await failureOf(retrying({ ...options, times, gained: () => gained }, work));
        expect(error).toMatchObject({ code: "not_found", where: "x", hint: "later" });
        const total = gains.slice(0, calls).reduce((sum, n) => sum + n, 0);
        expect(calls).toBeLessThanOrEqual(tries * (1 + total / worthwhile));
        expect(calls).toBeGreaterThanOrEqual(tries);
      },
    ),
    { numRuns: 500 },
  );
});

test("the last word says how often, and what came", async () => {
  const work = () => Promise.reject(new Temporary("it broke", { where: "acme/x" }));
  const said = async (tries: number, brought?: () => string) =>
    (await failureOf(retrying({ ...options, times: { ...options.times, tries }, ...(brought && { brought }) }, work)))
      .message;
  expect(await said(6, () => "5 of 9 bytes came")).toBe("acme/x: it broke; given up after 6 tries, 5 of 9 bytes came");
  expect(await said(1, () => "5 of 9 bytes came")).toBe("acme/x: it broke; 5 of 9 bytes came");
  expect(await said(3)).toBe("acme/x: it broke; given up after 3 tries");
});

test.each([301_000, 86_400_000 * 400, 1e15, 1e300, Number.POSITIVE_INFINITY])(
  "a server that asks to wait %d ms is not waited for",
  async (after) => {
    const retries: Retry[] = [];
    const work = () => Promise.reject(new Temporary("asks for fewer requests", {}, after));
    const error = await failureOf(retrying({ ...options, onRetry: (retry) => retries.push(retry) }, work));
    expect(error.message).toMatch(
      /asks to wait (more than 100 years|\d+ (min|days), until \d{4}-\d\d-\d\d \d\d:\d\d UTC)$/,
    );
    expect(error.hint).toMatch(/start again after that time/);
    expect(retries).toEqual([]);
  },
);

test("short waits asked for are kept, and none is longer than patience", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 5 }), async (asked) => {
      const retries: Retry[] = [];
      let calls = 0;
      const times = { ...options.times, patience: 5 };
      const work = async () => {
        const after = asked[calls++];
        if (after !== undefined) throw new Temporary("busy", {}, after);
      };
      const run = retrying({ ...options, times, onRetry: (retry) => retries.push(retry) }, work);
      if (asked.some((after) => after > 5)) expect((await failureOf(run)).message).toMatch(/asks to wait 1 s/);
      else await run;
      const waited = asked.slice(
        0,
        asked.findIndex((after) => after > 5) === -1 ? undefined : asked.findIndex((after) => after > 5),
      );
      expect(retries.map(({ wait }) => wait)).toEqual(waited);
    }),
    { numRuns: 30 },
  );
});

test.each([
  [45_000, "45 s, until 2031-05-06 12:00 UTC"],
  [1_200_000, "20 min, until 2031-05-06 12:20 UTC"],
  [7_200_000, "2 h, until 2031-05-06 14:00 UTC"],
  [864_000_000, "10 days, until 2031-05-16 12:00 UTC"],
  [8.7e15, "more than 100 years"],
])("%d ms is %s", (wait, words) => expect(waitWords(wait, noon)).toBe(words));

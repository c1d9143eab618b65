/** No body holds us up: silence, drips, empty pieces and endless ones end. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type BodyLimits, readBody } from "./body.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A body that gives a piece of so many bytes every so many milliseconds; `deaf`: it does not notice that it is closed. */
function answer(bytes: number, pause: number, deaf: boolean) {
  let closed = false;
  let stop = () => {};
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) =>
        new Promise((resolve) => {
          stop = () => {
            if (!deaf) controller.error(new Error("aborted"));
            resolve();
          };
          setTimeout(() => {
            if (!closed) controller.enqueue(new Uint8Array(bytes));
            resolve();
          }, pause);
        }),
    },
    { highWaterMark: 0 },
  );
  return {
    response: new Response(body),
    first: new Headers(),
    fromHub: true,
    close() {
      closed = true;
      stop();
    },
    wasClosed: () => closed,
  };
}

async function read(bytes: number, pause: number, limits: Partial<BodyLimits>, deaf = false) {
  const from = answer(bytes, pause, deaf);
  const began = performance.now();
  let got = 0;
  const all = { timeout: 1_000, slowest: 512, now: () => performance.now(), ...limits };
  const reading = readBody(from, all, (piece) => {
    got += piece.length;
  });
  let reason: Awaited<typeof reading> | "none" = "none";
  void reading.then((one) => {
    reason = one;
  });
  for (let i = 0; i < 1_000 && reason === "none"; i++) await vi.advanceTimersByTimeAsync(100);
  return {
    reason: reason as { words: string } | "none" | undefined,
    got,
    took: performance.now() - began,
    closed: from.wasClosed(),
  };
}

test.each([false, true])("silence (a body that does not notice its end: %s)", async (deaf) => {
  const { reason, took, closed } = await read(1, 1e9, {}, deaf);
  expect([reason, closed]).toEqual([expect.objectContaining({ words: "no byte came for 1 s" }), true]);
  expect(took).toBeLessThan(1_500);
});

test.each([false, true])("drips (a body that does not notice its end: %s)", async (deaf) => {
  const { reason, took } = await read(1, 400, {}, deaf);
  expect(reason).toMatchObject({ words: expect.stringMatching(/^only \d+ bytes came in 6 s$/) });
  expect(took).toBeLessThan(8_000);
});

test("faster drips than the rate, without end, when the whole has a time limit", async () => {
  const { reason, took } = await read(1_000, 100, { longest: 20_000 });
  expect(reason).toMatchObject({ words: "it took longer than 20 s" });
  expect(took).toBeLessThan(21_000);
});

test("empty pieces without end", async () => {
  const { reason } = await read(0, 0, { timeout: 1e6 });
  expect(reason).toMatchObject({ words: "nothing but empty pieces came" });
});

test("slow, but faster than the slowest", async () => {
  const { reason, got } = await read(100, 100, {});
  expect(reason).toBe("none");
  expect(got).toBeGreaterThan(50_000);
});

test("what the taker throws is thrown, and the end is the end", async () => {
  const body = () => ({ response: new Response("abc"), first: new Headers(), fromHub: true, close() {} });
  const limits = { timeout: 1_000, slowest: 512, now: () => 0 };
  await expect(
    readBody(body(), limits, () => {
      throw new RangeError("full");
    }),
  ).rejects.toThrow("full");
  expect(await readBody(body(), limits, () => {})).toBeUndefined();
  expect(await readBody({ ...body(), response: new Response(null) }, limits, () => {})).toBeUndefined();
  expect(vi.getTimerCount()).toBe(0);
});

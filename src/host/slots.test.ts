/** Which models are open: over models that only count. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { failureOf } from "../../test/support/failure.ts";
import { fail } from "../errors.ts";
import { createSlots, type SlotOptions } from "./slots.ts";

interface Counted extends AsyncDisposable {
  readonly id: string;
}

/** Slots over models of 10 bytes each; `log` is what happened to them. */
function counted(options: Partial<SlotOptions<Counted>> = {}) {
  const log: string[] = [];
  const slots = createSlots<Counted>({
    prepare: async (id) => ({
      bytes: 10,
      async open() {
        log.push(`open ${id}`);
        return {
          id,
          async [Symbol.asyncDispose]() {
            log.push(`close ${id}`);
          },
        };
      },
    }),
    ...{ memory: 25, closesAfter: Infinity, pinned: new Set<string>() },
    ...options,
  });
  const use = async (id: string) => (await slots.claim(id)).release();
  return { slots, log, use };
}

afterEach(() => {
  vi.useRealTimers();
});

const tick = (time = 0) => new Promise((resolve) => setTimeout(resolve, time));

test("asked for by many at once, a model is opened once", async () => {
  const { slots, log } = counted();
  const claims = await Promise.all(Array.from({ length: 9 }, () => slots.claim("a")));
  expect(new Set(claims.map(({ model }) => model)).size).toBe(1);
  expect(log).toEqual(["open a"]);
});

test("memory for two: the one that was used longest ago is closed for a third", async () => {
  const { slots, log, use } = counted();
  for (const id of ["a", "b"]) {
    await use(id);
    await tick(5);
  }
  await use("a");
  await use("c");
  expect(log).toEqual(["open a", "open b", "close b", "open c"]);
  expect(slots.states().map(({ id }) => id)).toEqual(["a", "c"]);
});

test("one that is in use is not closed before one that is not, and never while it is", async () => {
  const { slots, log, use } = counted();
  const a = await slots.claim("a");
  await tick(5);
  await use("b");
  await use("c");
  expect(log).toEqual(["open a", "open b", "close b", "open c"]);
  const c = await slots.claim("c");
  const d = slots.claim("d");
  await tick(5);
  // Both are used: the older one is to go as soon as it is not, and those who ask for it meanwhile wait.
  expect(slots.states().map(({ state }) => state)).toEqual(["closing", "ready", "opening"]);
  const again = slots.claim("a");
  await tick(5);
  expect(log.slice(4)).toEqual([]);
  a.release();
  (await d).release();
  expect(log.slice(4)).toEqual(["close a", "open d"]);
  (await again).release();
  expect(log.slice(6)).toEqual(["close d", "open a"]);
  c.release();
});

test("releasing twice counts once", async () => {
  const { slots, log } = counted();
  const [first] = [await slots.claim("a"), await slots.claim("a")];
  first.release();
  first.release();
  const closed = slots.close("a");
  await tick(5);
  expect(log).toEqual(["open a"]);
  await Promise.race([closed, tick(5)]);
  expect(slots.states()[0]!.state).toBe("closing");
});

describe("too little memory", () => {
  test("for one alone: both numbers are named", async () => {
    const { slots, log } = counted({ memory: 9 });
    const { code, message } = await failureOf(slots.claim("a"));
    expect([code, log]).toEqual(["out_of_memory", []]);
    expect(message).toBe("a: needs about 0.0 MB of memory, 0.0 MB are there for models");
    expect(slots.states()).toEqual([]);
  });

  test("beside those that stay", async () => {
    const { slots, log, use } = counted({ pinned: new Set(["a", "b"]) });
    await use("a");
    await use("b");
    const { code, message } = await failureOf(slots.claim("c"));
    expect(code).toBe("out_of_memory");
    expect(message).toContain("of models that stay open");
    expect(log).toEqual(["open a", "open b"]);
  });
});

test("idle ones are closed, those that are used or pinned are not", async () => {
  vi.useFakeTimers();
  const later = (time: number) => vi.advanceTimersByTimeAsync(time);
  const { slots, log, use } = counted({ closesAfter: 20, pinned: new Set(["b"]) });
  const a = await slots.claim("a");
  await use("b");
  await later(60);
  expect(log).toEqual(["open a", "open b"]);
  expect(slots.states().map(({ closesAfter }) => closesAfter)).toEqual([20, undefined]);
  a.release();
  await later(19);
  await use("a");
  await later(19);
  // Its time began anew.
  expect(log).toEqual(["open a", "open b"]);
  await later(1);
  expect(log).toEqual(["open a", "open b", "close a"]);
  await use("a");
  expect(log.at(-1)).toBe("open a");
});

test("what does not open is told to everybody who waits, and tried anew by the next", async () => {
  let broken = true;
  const { slots } = counted({
    prepare: async (id) => {
      if (broken) fail("corrupt_file", "broken", { where: id });
      return { bytes: 1, open: async () => ({ id, async [Symbol.asyncDispose]() {} }) };
    },
  });
  const codes = await Promise.all([1, 2, 3].map(() => failureOf(slots.claim("a"))));
  expect(codes.map(({ code }) => code)).toEqual(["corrupt_file", "corrupt_file", "corrupt_file"]);
  broken = false;
  expect((await slots.claim("a")).model.id).toBe("a");
});

test("whoever does not wait any more takes nothing from the others", async () => {
  const { slots, log } = counted();
  const stop = new AbortController();
  const left = failureOf(slots.claim("a", stop.signal));
  const stayed = slots.claim("a");
  stop.abort();
  expect((await left).code).toBe("interrupted");
  (await stayed).release();
  await slots.close("a");
  expect(log).toEqual(["open a", "close a"]);
});

test("closing one that is being opened stops its download", async () => {
  const { slots, log } = counted({
    prepare: (_, signal, progress) =>
      new Promise((_resolve, reject) => {
        progress(3, 7);
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  });
  const waits = slots.claim("a").catch(() => "stopped");
  await tick();
  expect(slots.states()).toMatchObject([{ id: "a", state: "opening", progress: { done: 3, total: 7 } }]);
  await slots.close("a");
  expect(await waits).toBe("stopped");
  expect([slots.states(), log]).toEqual([[], []]);
});

test("the end closes all of them, and none is opened after it", async () => {
  const { slots, log, use } = counted();
  await use("a");
  const b = await slots.claim("b");
  const end = slots[Symbol.asyncDispose]();
  await tick(5);
  expect(log).toEqual(["open a", "open b", "close a"]);
  b.release();
  await end;
  expect(log.at(-1)).toBe("close b");
  expect((await failureOf(slots.claim("a"))).code).toBe("interrupted");
});

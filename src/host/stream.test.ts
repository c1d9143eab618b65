/** Events from elsewhere as an iteration. */
import { expect, test } from "vitest";
import { eventStream } from "./stream.ts";

function streamed(every = 2) {
  const log: string[] = [];
  const stream = eventStream<number>({
    start: () => log.push("start"),
    read: (count) => log.push(`read ${count}`),
    every,
    over: (left) => log.push(left ? "left" : "over"),
  });
  return { ...stream, log };
}

test("starts when it is asked, says what was read, ends", async () => {
  const { iterator, push, end, log } = streamed();
  expect(log).toEqual([]);
  const first = iterator.next();
  expect(log).toEqual(["start"]);
  for (const n of [1, 2, 3, 4]) push(n);
  expect([await first, await iterator.next(), await iterator.next()].map(({ value }) => value)).toEqual([1, 2, 3]);
  expect(log).toEqual(["start", "read 2"]);
  end();
  push(5);
  expect(await iterator.next()).toEqual({ done: false, value: 4 });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  expect(log).toEqual(["start", "read 2", "over"]);
});

test("an error comes after what has come, once", async () => {
  const { iterator, push, fail, log } = streamed();
  void iterator.next();
  push(1);
  push(2);
  fail(new Error("gone"));
  expect((await iterator.next()).value).toBe(2);
  await expect(iterator.next()).rejects.toThrow("gone");
  expect((await iterator.next()).done).toBe(true);
  expect(log.at(-1)).toBe("over");
});

test("an error that is to come at once does, also to whoever waits", async () => {
  const { iterator, push, fail, log } = streamed();
  push(1);
  const other = streamed();
  const waits = [other.iterator.next(), other.iterator.next()];
  other.fail(new Error("stopped"), true);
  await expect(waits[0]).rejects.toThrow("stopped");
  expect((await waits[1])!.done).toBe(true);
  expect(other.log.at(-1)).toBe("left");
  void iterator.next();
  push(2);
  fail(new Error("stopped"), true);
  await expect(iterator.next()).rejects.toThrow("stopped");
  expect(log).toEqual(["start", "left"]);
});

test("leaving ends it at once, whatever it waits for; before its start nothing has begun", async () => {
  const { iterator, push, log } = streamed();
  const waits = iterator.next();
  await iterator.return?.();
  expect((await waits).done).toBe(true);
  push(1);
  expect((await iterator.next()).done).toBe(true);
  expect(log).toEqual(["start", "left"]);
  const unused = streamed();
  await unused.iterator.return?.();
  expect((await unused.iterator.next()).done).toBe(true);
  expect(unused.log).toEqual([]);
});

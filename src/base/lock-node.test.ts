import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Lock, takeLock } from "./lock-node.ts";

const root = mkdtempSync(join(tmpdir(), "zeroth-lock-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(root, `${count++}`, "abc.lock");
const times = { poll: 5, beat: 10, dead: 100 };
const options = { times, done: () => false, wait: true };
const held = (lock: Lock | "busy" | "done"): Lock => {
  if (typeof lock === "string") throw new Error(lock);
  return lock;
};

test("one holder at a time", async () => {
  const path = fresh();
  let [inside, most] = [0, 0];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const lock = held(await takeLock(path, options));
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
      lock.release();
    }),
  );
  expect(most).toBe(1);
  expect(existsSync(`${path}.owner`)).toBe(false);
  // Python's own file of that name is there for it to lock.
  expect(readFileSync(path, "utf8")).toBe("");
});

test("a held lock is busy for those who do not wait, and done for those whose work is", async () => {
  const path = fresh();
  const lock = held(await takeLock(path, options));
  expect(await takeLock(path, { ...options, wait: false })).toBe("busy");
  let looks = 0;
  expect(await takeLock(path, { ...options, done: () => ++looks > 3 })).toBe("done");
  lock.release();
  // The owner finished between the look and the lock.
  let asked = 0;
  expect(await takeLock(path, { ...options, done: () => ++asked > 1 })).toBe("done");
  expect(existsSync(`${path}.owner`)).toBe(false);
});

test("a dead process's lock is taken over at once, also when another process has its number now", async () => {
  const path = fresh();
  const lock = held(await takeLock(path, options));
  const mine = JSON.parse(readFileSync(`${path}.owner`, "utf8")) as Record<string, unknown>;
  lock.release();
  // Numbers of processes end far below.
  writeFileSync(`${path}.owner`, JSON.stringify({ ...mine, id: "dead", pid: 999_999_999 }));
  held(await takeLock(path, { ...options, wait: false })).release();
  if (process.platform !== "linux") return;
  writeFileSync(`${path}.owner`, JSON.stringify({ ...mine, id: "reused", began: "1" }));
  held(await takeLock(path, { ...options, wait: false })).release();
});

test("a lock of another machine holds while it shows signs of life", async () => {
  const path = fresh();
  mkdirSync(dirname(path), { recursive: true });
  const owner = `${path}.owner`;
  for (const content of [JSON.stringify({ id: "x", pid: 1, machine: "elsewhere", began: "" }), "not ours", ""]) {
    writeFileSync(owner, content);
    let beats = 0;
    const beat = setInterval(() => {
      utimesSync(owner, new Date(), new Date());
      beats++;
    }, 10);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    await expect(takeLock(path, { ...options, signal: stop.signal })).rejects.toMatchObject({ code: "interrupted" });
    clearInterval(beat);
    expect(beats).toBeGreaterThan(3);
    held(await takeLock(path, options)).release();
  }
});

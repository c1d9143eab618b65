import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { onFailingDisk } from "../../test/support/failing-disk.ts";
import { makePipe } from "../../test/support/pipe.ts";
import { ZerothError } from "../errors.ts";
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

test("a lock of another machine holds while its heartbeat goes on", async () => {
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

test.each(["ENOSPC", "EIO", "EROFS"] as const)(
  "the n-th change of the disk fails with %s: a typed error or a lock, and nothing left",
  async (code) => {
    let failures = 0;
    for (let n = 1; ; n++) {
      const path = fresh();
      const { value, error, failed } = await onFailingDisk({ n, code, below: root }, () => takeLock(path, options));
      if (!failed) {
        held(value!).release();
        expect(n).toBeGreaterThan(3);
        break;
      }
      if (error !== undefined) {
        failures++;
        expect(error).toBeInstanceOf(ZerothError);
        expect(error).toMatchObject({ code: "bad_input", hint: expect.any(String) });
        expect((error as Error).message).toContain(code);
      } else held(value!).release();
      // The next one takes it.
      held(await takeLock(path, { ...options, wait: false })).release();
      expect(readdirSync(dirname(path)).filter((name) => name !== "abc.lock")).toEqual([]);
    }
    expect(failures).toBeGreaterThan(1);
  },
);

test("a dead process's lock that cannot be removed is said, not waited for", async () => {
  const path = fresh();
  const lock = held(await takeLock(path, options));
  const mine = JSON.parse(readFileSync(`${path}.owner`, "utf8")) as Record<string, unknown>;
  lock.release();
  writeFileSync(`${path}.owner`, JSON.stringify({ ...mine, id: "dead", pid: 999_999_999 }));
  // A draft is written in several calls, the link is refused by the dead one, and then the rename fails.
  const codes: unknown[] = [];
  for (let n = 1; n <= 12; n++) {
    const { error } = await onFailingDisk({ n, code: "EROFS", below: root }, () => takeLock(path, options));
    expect(error).toMatchObject({ code: "bad_input" });
    codes.push((error as Error).message);
    if (/has ended, and cannot be removed \(EROFS\)/.test((error as Error).message)) break;
  }
  expect(codes.at(-1)).toMatch(/has ended, and cannot be removed/);
});

test.runIf(process.platform !== "win32")("pipes in the place of a lock", async () => {
  const path = fresh();
  mkdirSync(dirname(path), { recursive: true });
  // Python's file: opening it to write would wait for a reader.
  makePipe(path);
  held(await takeLock(path, options)).release();
  makePipe(`${path}.owner`);
  await expect(takeLock(path, options)).rejects.toMatchObject({
    code: "bad_input",
    message: expect.stringMatching(/abc\.lock\.owner: is in the way of a lock/),
    hint: expect.stringMatching(/remove it/),
  });
  rmSync(`${path}.owner`);
  mkdirSync(`${path}.owner`);
  await expect(takeLock(path, options)).rejects.toMatchObject({ code: "bad_input" });
});

test("an owner's file of any content and length is somebody else's, until it shows no life", async () => {
  for (const content of [
    "x".repeat(100_000),
    "null",
    "[]",
    '{"id":7}',
    '{"id":"a","pid":1.5,"machine":"b"}',
    "\u0000",
  ]) {
    const path = fresh();
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.owner`, content);
    expect(await takeLock(path, { ...options, wait: false })).toBe("busy");
    held(await takeLock(path, options)).release();
  }
});

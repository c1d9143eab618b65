import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fail, ZerothError } from "../errors.ts";
import { asKnown, firstError, withHint } from "./report.ts";

/** What `work` throws. */
async function thrown(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** A block whose resources, so many of them, all fail when they are closed. */
async function closingFails(resources: number): Promise<void> {
  await using _ = {
    async [Symbol.asyncDispose]() {
      fail("corrupt_file", `closing ${resources}`);
    },
  };
  if (resources > 1) await closingFails(resources - 1);
  fail("corrupt_file", "the tensor is missing");
}

test("an error is not hidden by those of closing, however many", async () => {
  for (const resources of [1, 2, 3]) {
    const error = await thrown(() => closingFails(resources));
    // The language's own wrapper: without unwrapping, the program would call it a bug.
    expect(error).toMatchObject({ name: "SuppressedError" });
    expect(asKnown(error)).toMatchObject({ code: "corrupt_file" });
  }
  const single = await thrown(() => closingFails(1));
  expect(firstError(single)).toMatchObject({ message: "the tensor is missing" });
  expect(firstError(single)).toBeInstanceOf(ZerothError);
});

test("the system's errors say which file and what to do; others are bugs", async () => {
  const missing = await thrown(() => readFileSync(join(tmpdir(), "no such", "file")));
  expect(asKnown(missing)).toMatchObject({ code: "not_found", where: expect.stringContaining("no such") });
  const there = await thrown(() => mkdirSync(tmpdir()));
  expect(asKnown(there)).toMatchObject({ code: "bad_input", message: expect.stringContaining("EEXIST") });
  const root = await thrown(() => rmdirSync("/"));
  expect(asKnown(root)?.code).toBe("bad_input");
  const refused = Object.assign(new Error("EACCES"), { code: "EACCES", syscall: "mkdir", path: "/home/x" });
  expect(asKnown(refused)).toMatchObject({ where: "/home/x", hint: expect.stringContaining("permissions") });
  expect(asKnown(new TypeError("x is not a function"))).toBeUndefined();
  expect(asKnown("text")).toBeUndefined();
});

test("how to go on is said when somebody stopped it, also through a failing close", async () => {
  const stop = (): Promise<never> => fail("interrupted", "stopped on request");
  expect(await thrown(() => withHint("go on like this", stop))).toMatchObject({ hint: "go on like this" });
  const closing = async () => {
    await using _ = {
      async [Symbol.asyncDispose]() {
        throw new Error("closing");
      },
    };
    await stop();
  };
  expect(await thrown(() => withHint("go on like this", closing))).toMatchObject({ code: "interrupted" });
  const other = new Error("other");
  expect(await thrown(() => withHint("go on", () => Promise.reject(other)))).toBe(other);
});

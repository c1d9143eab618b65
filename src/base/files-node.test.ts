import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeFolder, needProgress, writeFileSafely } from "./files-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-files-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("folders are made with those above them; one that is there stays", () => {
  const deep = join(folder, "a", "b", "c");
  makeFolder(deep);
  makeFolder(deep);
  expect(statSync(deep).isDirectory()).toBe(true);
});

test("a file in the way is an error that names the place", () => {
  writeFileSync(join(folder, "file"), "");
  for (const path of [join(folder, "file"), join(folder, "file", "below", "it")]) {
    expect(() => makeFolder(path)).toThrow(expect.objectContaining({ code: "bad_input", where: path }));
  }
});

test.runIf(existsSync("/proc/self"))("a folder that takes no entries: an error, and an end", async () => {
  const path = "/proc/no-such-entry/below";
  expect(() => makeFolder(path)).toThrow(expect.objectContaining({ code: "bad_input", where: path }));
  await expect(writeFileSafely(join(path, "file"), "text")).rejects.toMatchObject({ code: "bad_input" });
});

test("a write that takes nothing is an error, not a loop", () => {
  expect(needProgress(3, "here")).toBe(3);
  expect(() => needProgress(0, "here")).toThrow(expect.objectContaining({ code: "bad_input", where: "here" }));
});

import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { refuseMistaken, sniff } from "./sniff.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"ab".repeat(32)}\nsize 52428800\n`;

test.each<[string, Uint8Array, string | undefined]>([
  ["nothing", new Uint8Array(0), "empty"],
  ["a pointer", bytes(pointer), "lfs"],
  ["a page", bytes('\n<!DOCTYPE html>\n<html lang="en"><head>'), "html"],
  ["a page in capitals behind a byte order mark", bytes("\ufeff  <HTML><BODY>Sign in</BODY>"), "html"],
  ["a page behind a comment", bytes("<!-- saved from url=(0014)about:internet -->\n<html>"), "html"],
  ["a page behind a comment without an end", bytes(`<!-- ${"x".repeat(2000)}`), undefined],
  ["seventy comments and no page", bytes(`${"<!---->".repeat(70)}x`), undefined],
  ["an empty zip file", Uint8Array.from([0x50, 0x4b, 5, 6, ...Array(18).fill(0)]), "zip"],
  ["a zip file", Uint8Array.from([0x50, 0x4b, 3, 4, 20]), "zip"],
  ["gzip", gzipSync("{}"), "gzip"],
  ["JSON", bytes('{"version": "https://git-lfs.github.com/spec/v1"}'), undefined],
  ["text that speaks of a page", bytes("write <html> first"), undefined],
  ["a tag that begins like one", bytes("<headless>"), undefined],
  ["BZh as text", bytes("BZh is no bzip2 file"), undefined],
  ["a pickle", Uint8Array.from([0x80, 2, 0x7d, 0x2e]), undefined],
])("%s is %s", (_, head, kind) => {
  expect(sniff(head)).toBe(kind);
});

test("a reader refuses what it does not read and says what to do", () => {
  expect(() => refuseMistaken(bytes(pointer), 132, "m.bin", "zip")).toThrow(
    expect.objectContaining({
      code: "corrupt_file",
      message: "m.bin: is a Git LFS pointer, the file was not fetched",
      hint: expect.stringContaining("git lfs pull"),
    }),
  );
  refuseMistaken(Uint8Array.from([0x50, 0x4b, 3, 4]), 4, "m.bin", "zip");
  expect(() => refuseMistaken(Uint8Array.from([0x50, 0x4b, 3, 4]), 4, "m.json")).toThrow(/m\.json: is a zip file/);
});

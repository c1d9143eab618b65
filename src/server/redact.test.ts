import { expect, test } from "vitest";
import { redact } from "./redact.ts";

test.each([
  ["cannot open /home/somebody/models/x.bin: gone", "cannot open …: gone"],
  ['"/srv/a/b" is broken', '"…" is broken'],
  ["~/models/x lacks config.json", "… lacks config.json"],
  ["in C:\\Users\\me\\x.bin", "in …"],
  ["from \\\\server\\share\\x", "from …"],
  ["see file:///etc/passwd", "see …"],
  ["at 0x7fffdeadbeef", "at …"],
])("%s", (text, told) => {
  expect(redact(text)).toBe(told);
});

test.each([
  "no model org/name on this machine",
  "org/name@main and org/name:file.gguf",
  "there is no GET /v1/nothing here",
  "POST /tokenize or /v1/chat/completions",
  "https://example.com/a/b",
  "1/2 and n/a, 0x10",
])("%s stays", (text) => {
  expect(redact(text)).toBe(text);
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { commands } from "./commands.ts";
import { help, nearest, reference } from "./help.ts";

test("docs/command-line.md is what the tables say", () => {
  const file = new URL("../../docs/command-line.md", import.meta.url);
  expect(readFileSync(file, "utf8")).toBe(reference());
});

test("every command has a help text with its example", () => {
  for (const [name, { example }] of Object.entries(commands)) expect(help(name)).toContain(example);
});

test("a mistyped name finds the one that was meant, a strange one finds none", () => {
  expect(nearest("genrate", Object.keys(commands))).toBe("generate");
  expect(nearest("tokenise", Object.keys(commands))).toBe("tokenize");
  expect(nearest("xyzzy", Object.keys(commands))).toBeUndefined();
});

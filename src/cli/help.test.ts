import { expect, test } from "vitest";
import { commands } from "./command-list.ts";
import { help } from "./help.ts";
import { reference } from "./reference.ts";

test("docs/command-line.md is what the definitions say (vitest run src/cli/help.test.ts --update prints it anew)", async () => {
  await expect(reference(commands)).toMatchFileSnapshot("../../docs/command-line.md");
});

test("every command has a help text with its example", () => {
  for (const [name, { example }] of Object.entries(commands)) expect(help(commands, name)).toContain(example);
});

test("the program's help names every command with its summary", () => {
  const text = help(commands);
  for (const [name, { summary }] of Object.entries(commands)) {
    expect(text).toMatch(new RegExp(`^  ${name} +${summary.replace(/[.()]/g, "\\$&")}$`, "m"));
  }
});

import { expect, expectTypeOf, test } from "vitest";
import type { CommandDescription, Flags, OptionSpec } from "./command.ts";
import { parse } from "./parse.ts";

const options = [
  { flags: "-m, --model <name>", help: "" },
  { flags: "--max-new-tokens <n>", help: "", as: "integer" },
  { flags: "--share <x>", help: "", as: "number" },
  { flags: "--stop <text>", help: "", as: "repeat" },
  { flags: "--choices <a,b>", help: "", as: "list" },
  { flags: "--dtype <type>", help: "", values: ["fp32", "int8"] },
  { flags: "--stats", help: "" },
  { flags: "--no-eos", help: "" },
] as const satisfies readonly OptionSpec[];

const command = {
  group: "use",
  summary: "",
  arguments: "<model> [more]",
  options,
  rows: "",
  example: "",
} as const satisfies CommandDescription;

const parsed = (...argv: string[]) => parse("try", command, argv);

test("the types of flags follow from the options", () => {
  expectTypeOf<Flags<typeof options>>().toEqualTypeOf<{
    readonly model?: string;
    readonly maxNewTokens?: number;
    readonly share?: number;
    readonly stop?: readonly string[];
    readonly choices?: readonly string[];
    readonly dtype?: "fp32" | "int8";
    readonly stats?: boolean;
    readonly eos?: boolean;
  }>();
});

test("what was typed, in all the ways it can be", async () => {
  const typed = ["a", "-m", "b", "--max-new-tokens=3", "--share", "-0.5", "--stop", "x", "--stop", "y"];
  const { args, flags, shared } = await parsed(...typed, "--choices", "p, q", "--dtype", "int8", "--stats", "--json");
  expect(args).toEqual(["a"]);
  expect(flags).toMatchObject({ model: "b", maxNewTokens: 3, share: -0.5, stop: ["x", "y"], choices: ["p", "q"] });
  expect(flags).toMatchObject({ dtype: "int8", stats: true, eos: true });
  expect(shared.json).toBe(true);
  expect((await parsed("a", "--no-eos")).flags.eos).toBe(false);
});

test.each([
  [["a", "--max-new-tokens", "1.5"], "whole number", undefined],
  [["a", "--share", "hot"], "expected a number", undefined],
  [["a", "--choices", "p,,q"], "an item is empty", undefined],
  [["a", "--dtype", "imt8"], "expected fp32 or int8", "did you mean --dtype int8?"],
  [["a", "--stat"], "--stat", "did you mean --stats?"],
  [["a", "--model"], "argument missing", undefined],
  [["a", "b", "c"], '"c" is one too many', undefined],
])("%j is wrong use", async (argv, message, hint) => {
  await expect(parsed(...argv)).rejects.toMatchObject({
    code: "wrong_use",
    message: expect.stringContaining(message),
    ...(hint === undefined ? {} : { hint }),
  });
});

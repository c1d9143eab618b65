/** Words of the prompt: commands, settings, and how they are shown. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failure } from "../../../test/support/failure.ts";
import { commandIn, completions } from "./commands.ts";
import { settingNames, settingRows, settingsFrom, settingsHeld, settingValues, withSetting } from "./settings.ts";
import { meanings } from "./table.ts";

describe("commands", () => {
  test.each([
    ["/help", "/help", ""],
    ["/set seed 3", "/set", "seed 3"],
    ["/system  Be\nbrief. ", "/system", "Be\nbrief."],
    ["exit", "/quit", ""],
    ["Quit", "/quit", ""],
    ["?", "/help", ""],
    ["help", "/help", ""],
  ])("%s calls %s", (typed, name, rest) => {
    expect(commandIn(typed)).toEqual({ name, rest });
  });

  test.each(["help me", "exit strategies, please", "/usr/bin is a folder", "1/2", "constructor", "/", "quit smoking"])(
    "%s is said to the model",
    (typed) => {
      expect(commandIn(typed)).toBeUndefined();
    },
  );

  test("what is no command is not said to the model, but asked back", () => {
    expect(failure(() => commandIn("/modl gpt2"))).toMatchObject({ code: "wrong_use", hint: "did you mean /model?" });
    expect(failure(() => commandIn("/constructor"))).toMatchObject({ hint: "/help says what there is" });
  });

  test("completion: commands, settings, values", async () => {
    expect(await completions("/s")).toEqual([["/system ", "/set ", "/save "], "/s"]);
    expect(await completions("/set early")).toEqual([["early-stopping "], "early"]);
    expect(await completions("/set sample o")).toEqual([["sample on", "sample off"], "sample o"]);
    expect(await completions("/model zeroth-n")).toEqual([["zeroth-nano"], "zeroth-n"]);
    expect(await completions("Is this")).toEqual([[], "Is this"]);
    expect(await completions("/nothing at all")).toEqual([[], "at all"]);
  });
});

describe("settings", () => {
  test("each has the meaning of its option; values are read as the command line reads them", () => {
    let flags = withSetting({}, "temperature", "0.5");
    flags = withSetting(flags, "--sample", "on");
    flags = withSetting(flags, "stop", "a, b");
    flags = withSetting(flags, "no-repeat-ngram", "3");
    expect(flags).toEqual({ temperature: 0.5, sample: true, stop: ["a, b"], noRepeatNgram: 3 });
    expect(settingRows(flags, "sample")).toEqual([["sample on", "draw tokens instead of taking the likeliest"]]);
    expect(withSetting(flags, "temperature", "default")).not.toHaveProperty("temperature");
    expect(settingsFrom({}, settingsHeld(flags))).toEqual(flags);
    expect(settingRows(flags).map(([name]) => name.split(" ")[0])).toEqual(settingNames);
    expect(settingValues("sample")).toEqual(["on", "off", "default"]);
  });

  test("what is none, or has another kind of value, is refused by name", () => {
    expect(failure(() => withSetting({}, "temprature", "1")).hint).toBe("did you mean /set temperature?");
    expect(failure(() => withSetting({}, "seed", "1.5")).message).toContain("expected a whole number");
    expect(failure(() => withSetting({}, "sample", "maybe")).message).toContain("on, off or default");
    expect(failure(() => settingsFrom({}, { grammar: "/etc/passwd" })).code).toBe("wrong_use");
    expect(failure(() => settingsFrom({}, { seed: { a: 1 } })).code).toBe("wrong_use");
  });
});

test("names and meanings fit any window", () => {
  const rows = settingRows({ stop: ["a long text that ends every answer before it"] });
  fc.assert(
    fc.property(fc.integer({ min: 36, max: 200 }), (columns) => {
      const lines = meanings(rows, columns).split("\n");
      const wide = lines.filter((line) => line.length >= columns && !/^ {2}\S/.test(line));
      expect(wide).toEqual([]);
    }),
  );
  expect(meanings([["name", "what it means"]], 80)).toBe("  name  what it means\n");
  expect(meanings([["name", "what it means"]], 40)).toBe("  name\n    what it means\n");
});

import { describe, expect, test } from "vitest";
import { Float, rowFromObject } from "../data/values.ts";
import { flanWordings, optionsText } from "./flan.ts";
import { instructionWording, parseInstructionHeader } from "./instructions.ts";
import { addedColumns, formatString, pairWording, trainable } from "./wording.ts";

const place = { seed: 1, index: 0 };

describe("format strings", () => {
  const row = rowFromObject({
    a: "x",
    n: 3,
    f: new Float(2),
    b: true,
    nothing: null,
    inner: { text: "y" },
    list: ["z"],
  });

  test.each([
    ["{a} and {inner.text}", "x and y"],
    ["{{{a}}} {{}}", "{x} {}"],
    ["{n} {f} {b} {nothing}", "3 2.0 True None"],
    ["plain", "plain"],
  ])("%j", (pattern, text) => {
    expect(formatString(pattern, "p")(row)).toBe(text);
  });

  test.each(["{a", "a}", "{}", "{a{b}}"])("%j is refused", (pattern) => {
    expect(() => formatString(pattern, "file, patterns.3")).toThrow(/file, patterns\.3: a brace without its other/);
  });

  test("a missing field and one that is no text are named", () => {
    expect(() => formatString("{c}", "p")(row)).toThrow(/no "c"/);
    expect(() => formatString("{list}", "p")(row)).toThrow(/"list" is no text/);
  });

  test("columns made of others", () => {
    const made = addedColumns({ text: "{a}: {n}", a: "new" }, "m")(row);
    expect([made.get("text"), made.get("a")]).toEqual(["x: 3", "new"]);
  });
});

test("without an input it is no example, an empty target is <NO LABEL>", () => {
  expect(trainable(undefined)).toBeUndefined();
  expect(trainable({ prompt: "", target: "a" })).toBeUndefined();
  expect(trainable({ prompt: "a", target: "" })).toEqual({ prompt: "a", target: "<NO LABEL>" });
  const pairs = pairWording("inputs", "targets");
  expect(pairs.render(rowFromObject({ inputs: "a", targets: "b" }), place)).toEqual({ prompt: "a", target: "b" });
});

describe("FLAN's patterns", () => {
  const file = {
    dataset: "reviews",
    options: ["bad", "good"],
    label: "label",
    patterns: [
      ["{text}\nHow was it?\n{options_}", "{answer}"],
      ["Write a {answer} review.", "{text}"],
    ],
  };
  const rendered = (row: object, json: object = file) =>
    flanWordings(json, "reviews.json").map((wording) => wording.render(rowFromObject({ ...row }), place));

  test("options below the question; a task turned around has no choices", () => {
    expect(rendered({ text: "Fun.", label: 1 })).toEqual([
      { prompt: "Fun.\nHow was it?\nOPTIONS:\n- bad\n- good", target: "good", choices: ["bad", "good"] },
      { prompt: "Write a good review.", target: "Fun." },
    ]);
    expect(optionsText(["a", "b"])).toBe("OPTIONS:\n- a\n- b");
  });

  test("options from a column, labels as text", () => {
    const own = { ...file, options: "choices.text", patterns: [["{q} {options_}", "{answer}"]] };
    const row = { q: "Which?", choices: { text: ["x", "y", "z"] }, label: "y" };
    expect(rendered(row, own)[0]).toMatchObject({ target: "y", choices: ["x", "y", "z"] });
    expect(rendered({ ...row, label: "2" }, own)[0]).toMatchObject({ target: "z" });
    const lettered = { q: "Which?", choices: { text: ["x", "y"], label: ["A", "B"] }, label: "B" };
    expect(rendered(lettered, { ...own, names: "choices.label" })[0]).toMatchObject({ target: "y" });
  });

  test("a hidden label is no example; one beyond the options is an error", () => {
    expect(rendered({ text: "Fun.", label: -1 })).toEqual([undefined, undefined]);
    expect(() => rendered({ text: "Fun.", label: 2 })).toThrow(/"label" is 2, which is none of 2 options/);
  });

  test("a file that is none names the key", () => {
    expect(() => flanWordings({ ...file, patterns: [["a"]] }, "f.json")).toThrow(/f\.json: patterns\.0/);
    expect(() => flanWordings({ ...file, template: [] }, "f.json")).toThrow(/template/);
  });
});

describe("instructions", () => {
  const header = parseInstructionHeader(
    {
      Definition: ["Say the opposite"],
      Categories: ["Words"],
      "Positive Examples": [
        { input: "hot", output: "cold", explanation: "Both are temperatures" },
        { input: "up!", output: "down." },
      ],
      "Negative Examples": [{ input: "big", output: "large", explanation: "The same" }],
      Source: ["ours"],
    },
    "task1.json",
  );
  const render = (
    positive: number,
    negative: number,
    explanations: boolean,
    row: object = { input: " wet ", output: ["dry"] },
  ) => instructionWording(header, { positive, negative, explanations }).render(rowFromObject({ ...row }), place)!;

  test("definition and input, each closed by a full stop", () => {
    expect(render(0, 0, false)).toEqual({
      prompt: "Definition: Say the opposite.\n\nNow complete the following example -\nInput: wet.\nOutput: ",
      target: "dry",
    });
  });

  test("examples before it, with explanations if asked for", () => {
    expect(render(2, 1, true).prompt).toBe(
      "Definition: Say the opposite.\n\n" +
        " Positive Example 1 -\nInput: hot.\n Output: cold.\n Explanation: Both are temperatures.\n\n" +
        " Positive Example 2 -\nInput: up!\n Output: down.\n\n" +
        " Negative Example 1 -\nInput: big.\n Output: large.\n Explanation: The same.\n\n" +
        "Now complete the following example -\nInput: wet.\nOutput: ",
    );
    expect(render(1, 0, false).prompt).not.toContain("Explanation");
  });

  test("one of several outputs, the same for the same place", () => {
    const wording = instructionWording(header, { positive: 0, negative: 0, explanations: false });
    const row = rowFromObject({ input: "wet", output: ["dry", "arid"] });
    const drawn = Array.from({ length: 20 }, (_, index) => wording.render(row, { seed: 1, index })!.target);
    expect(new Set(drawn)).toEqual(new Set(["dry", "arid"]));
    expect(wording.render(row, { seed: 1, index: 7 })!.target).toBe(drawn[7]);
  });

  test("what is missing is named", () => {
    expect(() => parseInstructionHeader({ Instances: [] }, "task2.json")).toThrow(/task2\.json: Definition/);
    expect(() => render(0, 0, false, { input: "wet" })).toThrow(/"output"/);
    expect(() => render(0, 0, false, { output: ["x"] })).toThrow(/"input"/);
  });
});

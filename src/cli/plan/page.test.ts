import { expect, test } from "vitest";
import { findKnown } from "../../plan/known.ts";
import { parseMachine } from "../../plan/machine.ts";
import { landmarks, type PlanOptions, planModel } from "../../plan/plan.ts";
import { planPage } from "./page.ts";
import { describeMachine, duration, operations, rate, wrapped } from "./words.ts";

const plain = { bold: (text: string) => text, dim: (text: string) => text };
const written = "24GB,46GB/s,480GFLOP/s,2GB/s";

function page(name: string, width: number, options: PlanOptions & { machine?: ReturnType<typeof parseMachine> } = {}) {
  const known = findKnown(name)!;
  const machine = options.machine ?? parseMachine(written);
  const subject = { name, architecture: known.shape?.family ?? "not published", known };
  const plan = planModel({ ...subject, ...(known.shape && { shape: known.shape }) }, { ...options, machine });
  return planPage(plan, landmarks(subject), { width, machine: describeMachine(machine), style: plain });
}

test.each([80, 120])("no page is wider than %i columns, and none says what no number is", (width) => {
  const names = [
    "t0",
    "switch-c",
    "vit-g-14",
    "wu-dao-2",
    "megatron-1008b",
    "gpt3-13b",
    "mt5-small",
    "switch-base-256",
  ];
  for (const name of names) {
    const lines = page(name, width, name === "t0" ? { dtype: "q4" } : {}).split("\n");
    for (const line of lines) expect([line.length <= width, line]).toEqual([true, line]);
    expect(lines.join("\n")).not.toMatch(/NaN|undefined|Infinity| $/m);
  }
});

test("what a person reads first", () => {
  const t0 = page("t0", 120, { machine: parseMachine("24GB,46GB/s") });
  expect(t0).toContain("✓ Not in fp32 (45.2 GB), but in bf16: 22.9 GB of 24.0 GB, at most 4.0 tokens/s (bandwidth).");
  expect(page("t0", 120, { dtype: "int8" })).toContain("✓ Fits in int8: 11.8 GB of 24.0 GB, at most 7.6 tokens/s");
  const sparse = page("switch-c", 120);
  expect(sparse).toContain("✗ Does not fit: 6.3 TB in fp32; even 982 GB in int4 is 41 times the 24.0 GB there are.");
  expect(sparse).toContain("the memory of 1,571 B parameters (3.1 TB in 16 bits) and does the arithmetic of 1.73 B.");
  expect(page("wu-dao-2", 120)).toContain("A claim of 1,750 B parameters: no layer table was published");
  expect(page("gpt3-175b", 80, { tokens: 300e9 })).toContain("3.14e23 FLOP");
});

test("dense and sparse sizes stand in columns of their own", () => {
  const lines = page("t0", 120).split("\n");
  const heading = lines.find((line) => line.includes("sparse"))!;
  const end = (word: string) => heading.indexOf(word) + word.length;
  const figureAt = (title: string, word: string) =>
    lines
      .find((line) => line.includes(title) && line.includes("█"))!
      .slice(end(word) - 10, end(word))
      .trim();
  expect([figureAt("GPT-3 175B", "dense"), figureAt("GPT-3 175B", "sparse")]).toEqual(["175 B", ""]);
  expect([figureAt("Switch-C", "dense"), figureAt("Switch-C", "sparse")]).toEqual(["", "1,571 B"]);
  expect(figureAt("Switch-C", "active")).toBe("1.73 B");
});

test("figures in words", () => {
  expect([0.0421, 7.64, 82.4, 12345].map(rate)).toEqual(["0.042", "7.6", "82", "12,345"]);
  expect([0.012, 3.4, 720, 7200, 2e6, 1e9].map(duration)).toEqual([
    "12 ms",
    "3.4 s",
    "12 min",
    "2.0 h",
    "23 days",
    "32 years",
  ]);
  expect([1234, 5.7e9, 6e15, 3.14e23].map(operations)).toEqual(["1.2 kFLOP", "5.7 GFLOP", "6.0 PFLOP", "3.14e23 FLOP"]);
  expect(wrapped("one two three", 7)).toBe("one two\nthree");
});

import { expect, test } from "vitest";
import { between, type Row, table } from "../bench/table.js";

const row = (name: string, program: string, precision: Row["precision"], layout: string, ms: number): Row => {
  return { name, program, precision, layout, measure: "decode1", shape: "t5-base", ms, min: ms, max: ms, rss: 100 };
};

const page = table({
  results: [
    row("zeroth", "zeroth", "fp32", "fp32", 20),
    row("pytorch", "pytorch", "fp32", "fp32", 60),
    row("zeroth int8", "zeroth", "int8", "8 bits by row", 5),
    row("ctranslate2 int8", "ctranslate2", "int8", "8 bits by row", 10),
  ],
  limits: { gflops: 400, gbps: 50 },
  machine: {
    cpu: "a processor",
    memory: "1 GiB",
    system: "a system",
    date: "a day",
    threads: 2,
    rounds: 3,
    repeats: 3,
  },
  versions: { zeroth: "1" },
});

test("every precision has a section of its own, against our row in it", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| |"));
  const ratios = rows.map((line) => line.split("|").map((cell) => cell.trim()));
  expect(ratios.map(([, name, , , ratio]) => [name, ratio])).toEqual([
    ["zeroth", ""],
    ["pytorch", "3.00×"],
    ["zeroth int8", ""],
    ["ctranslate2 int8", "2.00×"],
  ]);
  expect(page).toContain("### Decode, batch 1, a step: t5-base, fp32");
  expect(page).toContain("### Decode, batch 1, a step: t5-base, 8 bits");
  expect(page).toContain("Weights in fp32, 8 bits");
});

test("bytes of a step are those stored: 129M weights in fp32 or one byte each, and what is kept of 288 tokens", () => {
  const weights = 12 * (6 * 768 * 768 + 3 * 768 * 2048) + 32128 * 768;
  const kept = 4 * 12 * 2 * 288 * 768;
  const scales = 4 * (12 * (6 * 768 + 2 * 2048 + 768) + 32128);
  const gbps = (bytes: number, ms: number) => `${(bytes / ms / 1e6).toFixed(1)} GB/s`;
  expect(page).toContain(gbps(4 * weights + kept, 20));
  expect(page).toContain(gbps(weights + scales + kept, 5));
});

test("prose around the generated part stays", () => {
  const first = between("", "one");
  const second = between(`${first}\nwritten by hand\n`, "two");
  expect(first).toMatch(/^# Performance\n/);
  expect(second).toContain("two");
  expect(second).not.toContain("one");
  expect(second.startsWith("# Performance\n")).toBe(true);
  expect(second.endsWith("\nwritten by hand\n")).toBe(true);
  expect(() => between(second.replace("<!-- to here -->", ""), "three")).toThrow("prose could be lost");
});

import { expect, test } from "vitest";
import { landmarks, planModel } from "./plan.ts";
import { bars, short, svg } from "./plot.ts";
import { shapeOfSizes } from "./sizes.ts";

const known = landmarks();
const sizes = { width: 64, layers: 2, heads: 4, vocabulary: 1000 };
const plan = (name: string) =>
  planModel({ name, architecture: "switch_transformers", shape: shapeOfSizes("switch", { ...sizes, experts: 4 }) });

test("numbers in three digits; billions go on", () => {
  const numbers = [999, 81_912_576, 124_439_808, 2_849_757_184, 11_135_332_352, 174_604_259_328, 1_571_308_972_448];
  expect(numbers.map(short)).toEqual(["1.00 k", "81.9 M", "124 M", "2.85 B", "11.1 B", "175 B", "1,571 B"]);
});

test("bars are as wide as asked, in the order of what they stand for, on whole decades", () => {
  for (const cells of [12, 27, 60]) {
    const { bars: drawn, axis } = bars(known, cells);
    expect(drawn.map((bar) => bar.length)).toEqual(known.map(() => cells));
    const solid = known.map(({ dense }, i) => (dense ? drawn[i]!.trimEnd().length : undefined)).filter(Boolean);
    expect(solid).toEqual([...solid].sort((a, b) => a! - b!));
    expect(axis.startsWith("10M")).toBe(true);
  }
  const { bars: drawn, axis } = bars(known, 60);
  expect(axis).toMatch(/^10M +100M +1B +10B +100B +1T$/);
  // A decade is a decade: 1B stands where a bar of a billion ends.
  const { bars: one } = bars(
    [{ name: "", title: "", published: "", claimed: false, active: 1e9, dense: 1e9 }, ...known],
    60,
  );
  expect(Math.abs(one[0]!.trimEnd().length - axis.indexOf("1B"))).toBeLessThanOrEqual(1);
  const sparse = known.findIndex(({ name }) => name === "switch-c");
  expect(drawn[sparse]).toMatch(/^█+.?░+ *$/);
  expect(drawn.at(-1)).toMatch(/^░+$/);
});

test("the picture holds itself alone: every tag closed, names escaped, nothing fetched, the same bytes each time", () => {
  const drawn = svg(plan('<b>&"x"'), known);
  expect(drawn).toBe(svg(plan('<b>&"x"'), known));
  const open: string[] = [];
  for (const [, close, tag, , self] of drawn.matchAll(/<(\/?)([a-z]+)((?:"[^"]*"|[^">])*?)(\/?)>/g)) {
    if (close) expect(open.pop()).toBe(tag);
    else if (!self) open.push(tag!);
  }
  expect(open).toEqual([]);
  expect(drawn).not.toContain("<b>");
  expect(drawn).toContain("&#60;b&#62;");
  expect(drawn).not.toMatch(/href|url\(|<script|@import/);
  expect(drawn.match(/class="bar own"/g)).toHaveLength(1);
  expect(drawn).toContain("a claim");
  expect(svg(plan("/a/very/long/path/to/a/folder"), known)).toContain(">…long/path/to/a/folder<");
  for (const { title } of known) expect(drawn).toContain(title);
});

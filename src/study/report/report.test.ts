import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { randomAt } from "../../base/rng.ts";
import type { StudyRow } from "../declare/study.ts";
import { predicted } from "../law/fit.ts";
import type { Analysis } from "./analysis.ts";
import { reportPage, rowsCsv } from "./page.ts";
import { draw } from "./plots.ts";
import { sectionsOf } from "./sections.ts";
import { correlation, rankCorrelation, spreadOf } from "./spread.ts";

const { document } = parseHTML("<!doctype html><html><body></body></html>");
const random = randomAt(3, 1);

/** Thirty models under a law, a run of each. */
const models: StudyRow[] = Array.from({ length: 30 }, (_, i) => {
  const us = 0.1 + (0.6 * i) / 29;
  const ds = predicted({ k: 0.6, alpha: 2, irreducible: 0.2 }, us) - 0.03 * random.next();
  return { up: us, down: ds, family: i % 2 ? "a" : "<b>", run: `r${i}`, task: "birds" };
});
const grid: StudyRow[] = [1e6, 1e7].flatMap((size) =>
  [32, 128, 512].flatMap((n) =>
    [0, 1].map((seed) => ({ size, n, seed, acc: 0.5 + Math.log10(size * n) / 30 + seed / 100 })),
  ),
);
const transfer: Analysis = { kind: "transfer", us: "up", ds: "down", group: ["task"], by: "family" };

test("a law with its interval and held-out error, drawn with hull, law and saturation", () => {
  const [section] = sectionsOf([transfer], ["down"], models);
  const [laws] = section!.tables;
  const row = Object.fromEntries(laws!.columns.map((column, i) => [column, laws!.rows[0]![i]]));
  expect(row).toMatchObject({ task: "birds", models: 30 });
  expect(row["error that remains"]).toBeCloseTo(0.2, 1);
  expect(row["95 % interval"]).toMatch(/^\d+\.\d % to \d+\.\d %$/);
  const [figure] = section!.figures;
  const { svg: element, legend } = draw(figure!.drawing, figure!.title, document);
  const svg = element.outerHTML;
  expect(legend.map(({ label }) => label)).toEqual(["<b>", "a"]);
  expect(svg.match(/<circle/g)!.length).toBe(30);
  expect(svg).toContain('aria-label="task birds"');
  expect(svg).not.toContain("<b>");
});

test("too few models are drawn, and no law is made of them", () => {
  const [section] = sectionsOf([transfer], ["down"], models.slice(0, 3));
  expect(section!.tables).toEqual([]);
  expect(section!.notes.at(-1)).toBe("task birds: 3 models with 3 upstream scores: too few for a law.");
  expect(draw(section!.figures[0]!.drawing, "few", document).svg.outerHTML.match(/<circle/g)!.length).toBe(3);
  expect(sectionsOf([transfer], ["down"], [{ up: null, down: "x" }])[0]!.figures).toEqual([]);
});

test("a grid as a heat map with what the bigger model is worth; curves and tables with mean, deviation and number", () => {
  const analyses: Analysis[] = [
    { kind: "grid", size: "size", labels: "n", score: "acc" },
    { kind: "curve", x: "n", y: "acc", by: "size", scale: "log", where: { n: [32, 128] } },
    { kind: "table", rows: ["size"], columns: "n", score: "acc" },
    { kind: "curve", x: "task", y: "down" },
  ];
  const [heat, curve, table, ordinal] = sectionsOf(analyses, ["acc"], [...grid, ...models]);
  expect(heat!.tables[0]!.rows.map((row) => row.slice(0, 2))).toEqual([
    ["10M", 32],
    ["10M", 128],
    ["10M", 512],
  ]);
  const drawn = draw(heat!.figures[0]!.drawing, "heat", document).svg.outerHTML;
  expect(drawn.match(/<rect/g)!.length).toBe(6);
  expect(curve!.tables[0]!.rows.length).toBe(4);
  expect(draw(curve!.figures[0]!.drawing, "curve", document).legend.length).toBe(2);
  expect(table!.tables[0]!.columns).toEqual(["size", "n 32", "n 128", "n 512"]);
  expect(table!.tables[0]!.rows[0]![1]).toMatch(/^0\.\d{3} ± 0\.007 \(2\)$/);
  expect(draw(ordinal!.figures[0]!.drawing, "ordinal", document).svg.outerHTML).toContain("birds");
  expect(sectionsOf([], ["acc"], grid)[0]!.tables[0]!.rows[0]).toEqual([
    "acc",
    expect.any(Number),
    expect.any(Number),
    expect.any(Number),
    12,
  ]);
});

test("a page that runs nothing and loads nothing, with what is in names and reasons as text", () => {
  const sections = sectionsOf([transfer], ["down"], models).map((section) => ({
    ...section,
    drawn: section.figures.map(({ title, drawing }) => draw(drawing, title, document)),
  }));
  const page = reportPage({
    ...{ name: "<script>x</script>", facts: ["30 runs."], sections, rows: models },
    claims: [{ claim: "It <i>saturates</i>", verdict: "seen", figure: "80 %" }],
    failures: [{ run: "r1", reason: 'no "luck" & <b>' }],
  });
  expect(page).not.toMatch(/<script|<i>saturates|<b>/);
  expect(page).toContain("default-src 'none'");
  // Only what is in the page itself is named by an address, and the name of the SVG language.
  const addresses = [...page.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, address]) => address!);
  expect(addresses.every((address) => address.startsWith("data:text/csv"))).toBe(true);
  expect(page.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:/);
  const { document: read } = parseHTML(page);
  expect(read.querySelector("h1")!.textContent).toBe("<script>x</script>");
  expect(read.querySelectorAll("svg[role=img]").length).toBe(1);
});

test("rows as CSV, every column that one of them has", () => {
  expect(
    rowsCsv([
      { a: 1, b: 'x,"y"' },
      { a: null, c: true },
    ]),
  ).toBe('a,b,c\n1,"x,""y""",\n,,true\n');
});

test("spread and correlations", () => {
  expect(spreadOf([1, 2, 3])).toEqual({ mean: 2, sd: 1, n: 3 });
  expect(spreadOf([5])).toEqual({ mean: 5, sd: 0, n: 1 });
  expect(correlation([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 12);
  expect(correlation([1, 1, 1], [2, 4, 6])).toBeUndefined();
  expect(rankCorrelation([1, 2, 3, 4], [1, 10, 100, 50])).toBeCloseTo(0.8, 12);
  // Equal values share their rank.
  expect(rankCorrelation([1, 1, 2], [1, 1, 5])).toBeCloseTo(1, 12);
});

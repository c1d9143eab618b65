import { expect, test } from "vitest";
import { examples } from "./examples.ts";
import { guessColumns, linesOf, readTable } from "./table.ts";

const lines = async (text: string, name?: string) => {
  const table = await readTable(text, name);
  return { table, columns: guessColumns(table), ...linesOf(table, guessColumns(table)) };
};

test("columns are found by their names, in any order, in commas, tabs, semicolons and JSON", async () => {
  for (const text of [
    'label,text\ngood,"a warm, funny film"\nbad,dull\ngood,fine\nbad,a waste\n',
    "\uFEFFlabel\ttext\ngood\ta warm, funny film\nbad\tdull\ngood\tfine\nbad\ta waste\n",
    "label;text\r\ngood;a warm, funny film\r\nbad;dull\r\ngood;fine\r\nbad;a waste\r\n",
    '{"label":"good","text":"a warm, funny film"}\n{"label":"bad","text":"dull"}\n{"text":"fine","label":"good"}\n{"text":"a waste","label":"bad"}',
  ]) {
    const found = await lines(text);
    expect(found.columns).toEqual({ text: 1, label: 0 });
    expect(found.rows[0]).toEqual({ text: "a warm, funny film", label: "good" });
    expect(found.labels).toEqual([
      ["good", 2],
      ["bad", 2],
    ]);
    expect(found.missing).toBeUndefined();
  }
});

test("without names that say it: the longest column is the text, the one of few values the label", async () => {
  const text =
    "id,wann,was,wohin\n1,montag,der zug kam nicht,klage\n2,montag,danke fuer alles,lob\n3,montag,schon wieder spaet,klage\n4,montag,wie schoen,lob\n";
  expect((await lines(text)).columns).toEqual({ text: 2, label: 3 });
});

test("what is wrong is named by row, and the other rows are taken", async () => {
  const found = await lines("text,label\na,x\nb\n,x\nc,\na,y\nd,y\ne,x\n");
  expect(found.faults).toEqual([
    "Row 2 has 1 field, the first line names 2 columns.",
    "Row 3 has no text.",
    "Row 4 has no label.",
  ]);
  expect(found.rows.length).toBe(4);
  expect(found.doubts[0]).toBe("Rows 1 and 5 are the same text with different labels.");
  expect((await lines('{"text":"a","label":"x"}\n[1]\n{')).faults).toEqual([
    "Line 2 is no JSON object.",
    "Line 3 is no JSON object.",
  ]);
});

test.each([
  ["text,label\na,x\n", /There is 1 row to learn from/],
  ["text,label\na,x\nb,x\nc,x\nd,x\n", /Every row has the label “x”/],
  ["text\na\nb\nc\nd\n", /one and the same column/],
])("%j cannot be learnt from, and it says why", async (text, why) => {
  expect((await lines(text)).missing).toMatch(why);
});

test("a table of one class mostly, or of a class of one row, is doubted", async () => {
  const rows = Array.from({ length: 20 }, (_, i) => `t${i},${i < 18 ? "x" : i < 19 ? "y" : "z"}`);
  const found = await lines(`text,label\n${rows.join("\n")}`);
  expect(found.doubts.join(" ")).toMatch(/“y”, “z”: fewer than three.*Most rows are “x”/);
});

test("labels that hardly come again are texts to be written", async () => {
  const rows = Array.from({ length: 12 }, (_, i) => `prompt ${i},answer ${i}`);
  expect((await lines(`prompt,target\n${rows.join("\n")}`)).classes).toBe(false);
});

test("the examples have rows of each class in equal numbers, all different, and no fault", async () => {
  for (const { csv, asks } of examples) {
    const found = await lines(csv);
    expect([found.faults, found.doubts, found.missing]).toEqual([[], [], undefined]);
    expect(new Set(found.labels.map(([, count]) => count)).size).toBe(1);
    expect(new Set(found.rows.map(({ text }) => text)).size).toBe(found.rows.length);
    expect(found.rows.map(({ text }) => text)).not.toContain(asks);
  }
});

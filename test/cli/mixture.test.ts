/** `zeroth mixture`: the table, the rows, the examples, and what is said of a file that is wrong. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-cli-mixture-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const write = (name: string, content: unknown) =>
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));

write("rows.csv", "text,label\ngood,1\nbad,0\nso so,-1\nfine,1\n");
write("words.json", {
  dataset: "rows",
  options: ["no", "yes"],
  label: "label",
  patterns: [
    ["{text}?\n{options_}", "{answer}"],
    ["say {answer}", "{text}"],
  ],
});
write("pairs.jsonl", '{"prompt":"p","target":"t"}\n');
const tasks = { rows: { train: "rows.csv", patterns: "words.json" }, pairs: { train: "pairs.jsonl", pairs: true } };
write("mixture.json", { tasks });

test("a table of data sets, what was counted, and examples", () => {
  const { status, stdout } = zeroth(["mixture", "mixture.json", "--check", "--examples", "1"]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/rows +4 +2 +88\.9 %\n/);
  expect(stdout).toMatch(/pairs +1 +1 +11\.1 %\n/);
  expect(stdout).toContain("3 tasks of 2 data sets, 5 rows\n");
  expect(stdout).toContain("rows/pattern_0: nothing for 1 of 4 rows\n");
  expect(stdout).toMatch(/\n→ \S/);
});

test("rows for a program", () => {
  const rows = rowsOf(zeroth(["mixture", "mixture.json", "--json", "--check", "--examples", "2"]));
  expect(rows.map(({ task }) => task).slice(0, 3)).toEqual(["rows/pattern_0", "rows/pattern_1", "pairs/pairs"]);
  expect(rows[0]).toEqual({
    task: "rows/pattern_0",
    dataset: "rows",
    rows: 4,
    rate: 4,
    share: 4 / 9,
    pairs: 3,
    dropped: 1,
  });
  expect(rows.slice(3, 5).map(({ place }) => place)).toEqual([0, 1]);
  expect(rows.at(-1)).toEqual({ done: true, tasks: 3, rows: 5, rate: 9, missing: [] });
});

test("what is wrong is named", () => {
  const error = (args: string[]) => {
    const { status, stderr } = zeroth(["mixture", ...args, "--json"]);
    return [status, (JSON.parse(stderr.trim().split("\n").at(-1)!) as { error: { message: string } }).error.message];
  };
  expect(error(["none.json"])).toEqual([3, "none.json: no such file"]);
  write("bad.json", { tasks: { ...tasks, more: { train: "rows.csv", pairs: true, limit: 3 } } });
  expect(error(["bad.json"])[1]).toMatch(/bad\.json: tasks\.more: .*"limit"/);
  write("column.json", { tasks: { more: { train: "rows.csv", pairs: true } } });
  expect(error(["column.json"])[1]).toMatch(/more\/pairs: row \d: the row has no "prompt"/);
  expect(error([])[0]).toBe(2);
  expect(error(["mixture.json", "--validation"])[1]).toMatch(/no task has validation files/);
});

/** This package's own templates: by promptsource's rules, and rendered on made-up rows as jinja2 renders them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Row, valueFrom } from "../data/values.ts";
import { checkTemplates } from "./check.ts";
import { datasetsIn, ownTemplates, readTemplates } from "./library-node.ts";
import { applyTemplate, columnsOf, templateParts } from "./template.ts";
import { parseTemplates, writeTemplates } from "./yaml.ts";

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../test/fixtures/templates/${name}.json`, import.meta.url), "utf8"));
type Recorded = Record<string, Record<string, readonly { parts: string[]; choices: string[] | null }[]>>;
const rendered = fixture("own") as Recorded;
const rows = fixture("rows") as Record<string, readonly unknown[]>;
const rowsOf = (path: string) => rows[path]!.map((row) => valueFrom(row) as Row);

const { root, paths } = datasetsIn(ownTemplates());
const files = paths.map((path) => ({ path, file: readTemplates(join(root, path, "templates.yaml")) }));

test("every data set has rows to try, and every recorded render its template", () => {
  expect(Object.keys(rows).sort()).toEqual([...paths].sort());
  for (const { path, file } of files) {
    expect(file.templates.map(({ name }) => name).sort(), path).toEqual(Object.keys(rendered[path]!).sort());
    expect(file.templates.length, path).toBeGreaterThanOrEqual(5);
    expect(path).toBe(file.subset === undefined ? file.dataset : `${file.dataset}/${file.subset}`);
  }
});

describe.each(files)("$path", ({ path, file }) => {
  test.each(file.templates)("$name", (template) => {
    let applied = 0;
    for (const [i, row] of rowsOf(path).entries()) {
      const below = (n: number) => Math.floor(n / 2);
      const { parts, choices } = templateParts(template, row, { truncate: true, below });
      expect({ parts, choices: choices ?? null }).toEqual(rendered[path]![template.name]![i]);
      const result = applyTemplate(template, row, { index: i });
      if (!result) continue;
      applied++;
      expect(result.prompt).not.toBe("");
      expect(result.target).not.toBe("");
      if (result.choices) expect(result.choices).toContain(result.target);
      // What the metadata says of the prompt is true of it.
      const shown = result.choices?.every((choice) => result.prompt.toLowerCase().includes(choice.toLowerCase()));
      if (template.metadata.choicesInPrompt) expect(shown ?? false, result.prompt).toBe(true);
    }
    expect(applied).toBeGreaterThan(0);
    expect(columnsOf(template).required.size + columnsOf(template).optional.size).toBeGreaterThan(0);
  });

  test("nothing to report, and written as it stands", () => {
    // Rows of one fixture may have different columns, as the same data set has in different places.
    expect(checkTemplates(file)).toEqual([]);
    const text = readFileSync(join(root, path, "templates.yaml"), "utf8");
    expect(writeTemplates(parseTemplates(text, path))).toBe(text);
  });
});

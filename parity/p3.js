/**
 * Rows of the T0 mixture as its authors rendered them, beside what promptsource's templates make here of the raw rows:
 *   npm run build && node parity/p3.js PROMPTSOURCE P3 RAW
 * P3 holds DATASET.train.jsonl.gz with {"template", "input", "target"}, RAW the data sets themselves. A rendered row is
 * found when some raw row gives exactly its input and target; the rendered rows of a raw row that RAW lacks are not, nor
 * those of templates that choose at random.
 */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { rowFromJson } from "../dist/data/values.js";
import { taskName, templateParts } from "../dist/prompts/template.js";
import { parseTemplates } from "../dist/prompts/yaml.js";

const [source, rendered, raw] = process.argv.slice(2);
/** Sets with rows in both: path of the templates, files of the raw rows, and what the columns there lack. */
const sets = {
  ag_news: ["ag_news", ["ag_news.train"], (row) => row.set("text", `${row.get("title")} ${row.get("description")}`)],
  commonsense_qa: ["commonsense_qa", ["commonsense_qa.train"]],
  dream: ["dream", ["dream.train"]],
  rotten_tomatoes: ["rotten_tomatoes", ["rotten_tomatoes.train", "rotten_tomatoes.validation", "rotten_tomatoes.test"]],
};

async function* lines(path) {
  if (!existsSync(path)) return;
  for await (const line of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) yield line;
}
const trimmed = (text) => text.replace(/\s+$/, "").replace(/^\s+/, "");

for (const [name, [path, files, complete = (row) => row]] of Object.entries(sets)) {
  const wanted = new Map();
  for await (const line of lines(join(rendered, `${name}.train.jsonl.gz`))) {
    const { template, input, target } = JSON.parse(line);
    if (!wanted.has(template)) wanted.set(template, new Map());
    wanted.get(template).set(`${trimmed(input)}\u0000${trimmed(target)}`, false);
  }
  const file = parseTemplates(
    readFileSync(join(source, "promptsource/templates", path, "templates.yaml"), "utf8"),
    path,
  );
  const prefix = taskName(file, { name: "" });
  for (const part of files) {
    for await (const line of lines(join(raw, `${part}.jsonl.gz`))) {
      const row = complete(new Map(rowFromJson(line)));
      for (const template of file.templates) {
        const found = wanted.get(taskName(file, template).slice(prefix.length));
        if (!found) continue;
        for (const below of [() => 0, (n) => n - 1, (n) => Math.floor(n / 2)]) {
          const [input = "", target = ""] = templateParts(template, row, { truncate: true, below }).parts;
          const key = `${trimmed(input)}\u0000${trimmed(target)}`;
          if (found.has(key)) found.set(key, true);
        }
      }
    }
  }
  const names = new Set(file.templates.map((template) => taskName(file, template).slice(prefix.length)));
  const perTemplate = [...wanted].map(([template, rows]) => {
    const hits = [...rows.values()].filter(Boolean).length;
    return `  ${template}: ${hits} of ${rows.size}${names.has(template) ? "" : " (no template of that name)"}`;
  });
  const all = [...wanted.values()].flatMap((rows) => [...rows.values()]);
  console.log(`${name}: ${all.filter(Boolean).length} of ${all.length} rendered rows found\n${perTemplate.join("\n")}`);
}

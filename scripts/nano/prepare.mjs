/**
 * Makes the embedded model's data: rows of each set without what is validated on, a mixture file over them, and texts
 * for language modelling.
 * node scripts/nano/prepare.mjs --data DIR --out DIR [--seed 1] [--rows 300]
 * DIR/text/train holds <set>.<split>.jsonl.gz, DIR/text/p3 and DIR/text/ni likewise, DIR/books plain texts.
 */
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { createGunzip } from "node:zlib";
import { randomAt, shuffle } from "../../dist/base/rng.js";
import { findTemplates, ownTemplates } from "../../dist/prompts/library-node.js";
import { bound, passages, rendered, sets } from "./sets.mjs";

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    out: { type: "string" },
    seed: { type: "string", default: "1" },
    rows: { type: "string", default: "300" },
  },
});
if (!options.data || !options.out) {
  console.error("usage: node scripts/nano/prepare.mjs --data DIR --out DIR [--seed 1] [--rows 300]");
  process.exit(2);
}
const seed = Number(options.seed);
const words = (text) => text.split(/\s+/).length;

/** Words as released are split from punctuation; put them together as people write. */
const tidy = (text) =>
  String(text)
    .replace(/``|''/g, '"')
    .replace(/-LRB-/g, "(")
    .replace(/-RRB-/g, ")")
    .replace(/\\/g, " ")
    .replace(/\s+([.,;:!?%)])/g, "$1")
    .replace(/([(])\s+/g, "$1")
    .replace(/\s+(n't|'s|'re|'ve|'ll|'d|'m)\b/g, "$1")
    .replace(/\s+/g, " ")
    .trim();

async function readRows(path) {
  const rows = [];
  const file = createReadStream(join(options.data, "text", `${path}.jsonl.gz`));
  for await (const line of createInterface({ input: file.pipe(createGunzip()), crlfDelay: Infinity })) {
    if (line) rows.push(JSON.parse(line));
  }
  return rows;
}

const order = (n, stream) =>
  Array.from(
    shuffle(
      Uint32Array.from({ length: n }, (_, i) => i),
      randomAt(seed, stream, 0),
    ),
  );
function write(path, rows) {
  mkdirSync(join(options.out, path, ".."), { recursive: true });
  writeFileSync(join(options.out, path), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

/** The row's longest text by letters and digits alone: the same sentence is spaced otherwise in two collections. */
const essence = (row) =>
  Object.values(row)
    .filter((value) => typeof value === "string")
    .map((text) => text.toLowerCase().replace(/[^a-z0-9]/g, ""))
    .sort((a, b) => b.length - a.length)[0] ?? "";

const tidied = (rows, columns) =>
  rows.map((row) => ({ ...row, ...Object.fromEntries(columns.map((column) => [column, tidy(row[column])])) }));

// Collections overlap (SST and Rotten Tomatoes share sentences): whatever any set validates on is not trained on, nor
// is a row of which a validation row holds a piece of 40 characters, or the other way round.
const pieces = (text) => {
  const middle = Math.max(0, Math.floor(text.length / 2) - 20);
  return text.length < 40 ? [text] : [text.slice(0, 40), text.slice(middle, middle + 40), text.slice(-40)];
};
const held = new Set();
const validations = new Map();
for (const [s, [name, { tidy: columns, validation = `${name}.validation` }]] of Object.entries(sets).entries()) {
  const rows = tidied(await readRows(`train/${validation}`), columns);
  const taken = order(rows.length, 1000 + s)
    .slice(0, Number(options.rows))
    .map((i) => rows[i]);
  validations.set(name, taken);
  for (const row of taken) for (const piece of pieces(essence(row))) if (piece.length >= 12) held.add(piece);
}
const leaks = (text) => {
  if (held.has(text)) return true;
  for (let at = 0; at + 40 <= text.length; at++) if (held.has(text.slice(at, at + 40))) return true;
  return false;
};

const tasks = {};
const table = [];
for (const [name, { templates, cap, tidy: columns, held: unseen }] of Object.entries(sets)) {
  const rows = tidied(await readRows(`train/${name}.train`), columns);
  const clean = rows.filter((row) => !leaks(essence(row)));
  write(`rows/${name}.train.jsonl`, clean);
  write(`rows/${name}.validation.jsonl`, validations.get(name));
  const all = findTemplates(templates, { folder: ownTemplates(), nearest: () => undefined }).file.templates.map(
    (template) => template.name,
  );
  const missing = unseen.filter((wording) => !all.includes(wording));
  if (missing.length) throw new Error(`${templates} has no wording called ${missing.join(", ")}`);
  const use = all.filter((wording) => !unseen.includes(wording));
  tasks[name] = { train: `rows/${name}.train.jsonl`, validation: `rows/${name}.validation.jsonl`, templates, use, cap };
  table.push({ set: name, rows: rows.length, overlapping: rows.length - clean.length, wordings: use.length, cap });
}
for (const name of rendered) {
  const rows = (await readRows(`p3/${name}.train`)).filter(({ input, target }) => words(`${input} ${target}`) < 180);
  write(`rows/p3_${name}.jsonl`, rows);
  tasks[`p3_${name}`] = {
    train: `rows/p3_${name}.jsonl`,
    pairs: { prompt: "input", target: "target" },
    cap: 300,
  };
  table.push({ set: `p3_${name}`, rows: rows.length, cap: 300 });
}
const headers = (await readRows("ni/train_tasks")).filter((task) => !bound.test(task["Instance License"].join(" ")));
const named = new Set(headers.map(({ task }) => task));
write("rows/ni_tasks.jsonl", headers);
write(
  "rows/ni_instances.jsonl",
  (await readRows("ni/train_instances")).filter(({ task }) => named.has(task)),
);
tasks.ni = { train: "rows/ni_instances.jsonl", instructions: { tasks: "rows/ni_tasks.jsonl" }, cap: 25 };
const mixture = { rule: { name: "proportional" }, tasks };
writeFileSync(join(options.out, "mixture.json"), `${JSON.stringify(mixture, null, 2)}\n`);

/** Passages of about 70 words, cut at sentence ends. */
function* chunks(text) {
  let chunk = [];
  for (const sentence of text.split(/(?<=[.!?]["”’]?)\s+/)) {
    const next = sentence.split(/\s+/).filter(Boolean);
    if (chunk.length + next.length > 80 && chunk.length > 20) {
      yield chunk.join(" ");
      chunk = [];
    }
    chunk.push(...next);
  }
  if (chunk.length > 20) yield chunk.slice(0, 120).join(" ");
}

const texts = new Set();
const books = join(options.data, "books");
for (const name of existsSync(books) ? readdirSync(books).filter((file) => /_\d+\.txt$/.test(file)) : []) {
  const whole = readFileSync(join(books, name), "utf8");
  const start = whole.search(/\*\*\* ?START OF[^\n]*\n/);
  const end = whole.search(/\*\*\* ?END OF/);
  const body = whole.slice(start < 0 ? 0 : whole.indexOf("\n", start), end < 0 ? undefined : end);
  for (const text of chunks(body)) texts.add(text);
}
for (const [name, take] of Object.entries(passages)) {
  for (const row of await readRows(`train/${name}.train`)) {
    const text = tidy(take(row) ?? "");
    if (leaks(text.toLowerCase().replace(/[^a-z0-9]/g, ""))) continue;
    for (const part of words(text) > 90 ? chunks(text) : [text]) if (words(part) >= 8) texts.add(part);
  }
}
const lm = [...texts];
write(
  "lm.jsonl",
  order(lm.length, 8).map((i) => ({ text: lm[i] })),
);
console.table(table);
console.log(`${lm.length} texts, ${(lm.reduce((sum, text) => sum + words(text), 0) / 1e6).toFixed(2)} million words`);

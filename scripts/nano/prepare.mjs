/**
 * Renders the embedded model's training and validation files.
 * node scripts/nano/prepare.mjs --data DIR --out DIR [--seed 1] [--passes 3]
 * DIR/text/train holds <dataset>.<split>.jsonl.gz, DIR/books holds plain texts.
 */
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { createGunzip } from "node:zlib";
import { randomAt, shuffle } from "../../dist/train/rng.js";
import { render, tasks, tidy } from "./tasks.mjs";

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    out: { type: "string" },
    seed: { type: "string", default: "1" },
    passes: { type: "string", default: "3" },
    rows: { type: "string", default: "300" },
  },
});
if (!options.data || !options.out) {
  console.error("usage: node scripts/nano/prepare.mjs --data DIR --out DIR [--seed 1] [--passes 3]");
  process.exit(2);
}
const seed = Number(options.seed);
const maxWords = 90;
const maxTargetWords = 40;
const words = (text) => text.split(/\s+/).length;

async function readRows(name) {
  const rows = [];
  const file = createReadStream(join(options.data, "text", "train", `${name}.jsonl.gz`));
  for await (const line of createInterface({ input: file.pipe(createGunzip()), crlfDelay: Infinity })) {
    if (line) rows.push(JSON.parse(line));
  }
  return rows;
}

const order = (n, random) =>
  Array.from(
    shuffle(
      Uint32Array.from({ length: n }, (_, i) => i),
      random,
    ),
  );
const write = (path, rows) =>
  writeFileSync(join(options.out, path), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

/** Letters and digits alone: the same sentence in two collections is often spaced or bracketed differently. */
const essence = (fields) =>
  Object.values(fields)
    .join(" ")
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "");

// Collections overlap (SST and Rotten Tomatoes share sentences): whatever any task validates on is not trained on.
const validated = new Set();
for (const [t, task] of tasks.entries()) {
  const held = await readRows(task.files.validation);
  for (const [i, row] of held.entries()) {
    const example = task.example(row, randomAt(seed, 500_000 + t, i), held);
    if (example) validated.add(essence(example.fields));
  }
}
let dropped = 0;

const passes = Array.from({ length: Number(options.passes) }, () => []);
const table = [];
mkdirSync(join(options.out, "validation"), { recursive: true });

for (const [t, task] of tasks.entries()) {
  const trained = task.wordings.slice(0, -1);
  const rows = await readRows(task.files.train);
  const used = order(rows.length, randomAt(seed, t, 0)).slice(0, task.cap);
  let kept = 0;
  let length = 0;
  for (const [p, pass] of passes.entries()) {
    for (const i of used) {
      const random = randomAt(seed, 1000 * (t + 1) + p, i);
      const example = task.example(rows[i], random, rows);
      if (!example?.target || words(example.target) > maxTargetWords) continue;
      if (validated.has(essence(example.fields))) {
        dropped++;
        continue;
      }
      // Every pass takes the next wording of the example's own cycle.
      const prompt = render(trained[(i + p) % trained.length], example);
      if (words(prompt) > maxWords) continue;
      pass.push({ prompt, target: example.target, task: task.name });
      kept++;
      length += words(prompt);
    }
  }
  table.push({ task: task.name, rows: kept, words: (length / Math.max(1, kept)).toFixed(1), wordings: trained.length });
}

const train = passes.flatMap((pass, p) => order(pass.length, randomAt(seed, 7, p)).map((i) => pass[i]));
write("train.jsonl", train);

/** Parts of a text by which a copy, or a copy of a piece of it, is found again: its start, middle and end. */
const marks = (text) => {
  const middle = Math.floor(text.length / 2) - 20;
  return text.length < 40 ? [] : [text.slice(0, 40), text.slice(middle, middle + 40), text.slice(-40)];
};

const candidates = new Map();
const marked = new Map();
for (const [t, task] of tasks.entries()) {
  const held = await readRows(task.files.validation);
  const rows = [];
  for (const i of order(held.length, randomAt(seed, t, 1))) {
    if (rows.length === 2 * Number(options.rows)) break;
    const example = task.example(held[i], randomAt(seed, 500_000 + t, i), held);
    if (!example?.target || words(example.target) > maxTargetWords) continue;
    if (words(render(task.wordings[0], example)) > maxWords) continue;
    const row = { example, leaks: false };
    for (const mark of marks(essence(example.fields))) marked.set(mark, [...(marked.get(mark) ?? []), row]);
    rows.push(row);
  }
  candidates.set(task, rows);
}
// Collections quote each other in part, too: a validation row of which a piece occurs in training is not counted.
for (const { prompt } of passes[0]) {
  const text = essence({ prompt });
  for (let at = 0; at + 40 <= text.length; at++) {
    for (const row of marked.get(text.slice(at, at + 40)) ?? []) row.leaks = true;
  }
}
for (const [t, task] of tasks.entries()) {
  const trained = task.wordings.slice(0, -1);
  const clean = candidates
    .get(task)
    .filter(({ leaks }) => !leaks)
    .slice(0, Number(options.rows));
  const rowsFor = (wording) =>
    clean.map(({ example }) => ({
      prompt: render(wording, example),
      ...(example.choices ? { choices: example.choices, answer: example.choices.indexOf(example.target) } : {}),
      target: example.target,
      task: task.name,
    }));
  const seen = rowsFor(trained[0]);
  write(join("validation", `${task.name}.jsonl`), seen);
  write(join("validation", `${task.name}.unseen.jsonl`), rowsFor(task.wordings.at(-1)));
  const counts = new Map();
  for (const { target } of seen) counts.set(target, (counts.get(target) ?? 0) + 1);
  Object.assign(table[t], {
    validation: seen.length,
    left_out: candidates.get(task).filter(({ leaks }) => leaks).length,
    chance: seen[0]?.choices ? (1 / seen[0].choices.length).toFixed(3) : "-",
    majority: seen[0]?.choices ? (Math.max(...counts.values()) / seen.length).toFixed(3) : "-",
  });
}

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
const passages = [
  ["dbpedia_14.train", (row) => row.content],
  ["ag_news.train", (row) => `${row.title}. ${row.description}`],
  ["qamr.train", (row) => row.sentence],
  ["dream.train", (row) => row.dialogue.join(" ")],
  ["cosmos_qa.train", (row) => row.context],
  ["quail.train", (row) => row.context],
  ["sciq.train", (row) => row.support],
  ["piqa.train", (row) => `${row.goal} ${row[`sol${Number(row.label) + 1}`]}`],
  ["cos_e.train", (row) => row.question],
];
for (const [name, take] of passages) {
  for (const row of await readRows(name)) {
    const text = tidy(take(row) ?? "");
    for (const part of words(text) > 90 ? chunks(text) : [text]) if (words(part) >= 8) texts.add(part);
  }
}
const lm = [...texts];
write(
  "lm.jsonl",
  order(lm.length, randomAt(seed, 8)).map((i) => ({ text: lm[i] })),
);

console.table(table);
console.log(`${dropped} rows left out because some task validates on them`);
const total = train.reduce((sum, row) => sum + words(row.prompt) + words(row.target), 0);
console.log(
  `${train.length} rows, ${(total / 1e6).toFixed(1)}M words to train on; ${lm.length} texts, ${(lm.reduce((sum, text) => sum + words(text), 0) / 1e6).toFixed(1)}M words of language modelling`,
);

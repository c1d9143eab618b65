/**
 * Prompts whose answer stands in the prompt, for the second stage of the embedded model's training: questions about a
 * sentence, and small games of finding and copying that need the same skill and have endless examples.
 * node scripts/nano/extract.mjs --data DIR --prepared DIR [--seed 2] [--games 120000] [--passes 6]
 * DIR/text/train holds <dataset>.<split>.jsonl.gz; the prepared folder is prepare.mjs' and gains extract.jsonl.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { randomAt, shuffle } from "../../dist/train/rng.js";
import { render, tasks, tidy } from "./tasks.mjs";

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    prepared: { type: "string" },
    seed: { type: "string", default: "2" },
    games: { type: "string", default: "120000" },
    passes: { type: "string", default: "6" },
  },
});
if (!options.data || !options.prepared) {
  console.error("usage: node scripts/nano/extract.mjs --data DIR --prepared DIR [--seed 2] [--games N] [--passes N]");
  process.exit(2);
}
const seed = Number(options.seed);
const lines = (text) => text.split("\n").filter(Boolean);
const readRows = (name) =>
  lines(gunzipSync(readFileSync(join(options.data, "text", "train", `${name}.jsonl.gz`))).toString("utf8")).map(
    (line) => JSON.parse(line),
  );
const essence = (text) => text.toLowerCase().replace(/[^a-z0-9]/g, "");

const qamr = tasks.find(({ name }) => name === "qamr");
const held = new Set(
  ["qamr.validation", "ag_news.test"].flatMap((name) =>
    readRows(name).map((row) => essence(tidy(row.sentence ?? row.description))),
  ),
);

const rows = [];
const add = (task, prompt, target) => {
  if (prompt.split(/\s+/).length <= 90 && target) rows.push({ prompt, target, task });
};

// Questions about a sentence, each row under several of the wordings that are trained.
for (const [i, row] of readRows(qamr.files.train).entries()) {
  const example = qamr.example(row);
  if (held.has(essence(example.fields.passage))) continue;
  for (let p = 0; p < Number(options.passes); p++) {
    add("qamr", render(qamr.wordings[(i + p) % (qamr.wordings.length - 1)], example), example.target);
  }
}
for (const row of readRows("sciq.train")) {
  const sentence = tidy(row.support ?? "")
    .split(/(?<=[.!?])\s+/)
    .find((text) => text.toLowerCase().includes(row.correct_answer.toLowerCase()));
  if (!sentence) continue;
  const fields = { passage: sentence, question: tidy(row.question) };
  for (const wording of qamr.wordings.slice(0, -1)) add("qamr", render(wording, { fields }), tidy(row.correct_answer));
}
for (const [i, row] of readRows("dbpedia_14.train").entries()) {
  const passage = tidy(row.content).split(" ").slice(0, 40).join(" ");
  const title = tidy(row.title).replace(/\s*\(.*\)$/, "");
  if (!passage.includes(title)) continue;
  const wordings = ["What is the name in this text? {passage}", "{passage}\nQuestion: Who or what is this?"];
  add("name", render(wordings[i % 2], { fields: { passage } }), title);
}

const games = [
  (w, at, n) => ({
    prompt: `What comes after "${w.slice(at - 2, at).join(" ")}"? ${w.join(" ")}`,
    target: w.slice(at, at + n),
  }),
  (w, at, n) => ({
    prompt: `${w.join(" ")}\nQuestion: What follows the word "${w[at - 1]}"?`,
    target: w.slice(at, at + n),
  }),
  (w, at, n) => ({
    prompt: `Text: ${w.join(" ")}\nWhat stands between "${w[at - 1]}" and "${w[at + n]}"?`,
    target: w.slice(at, at + n),
  }),
  (w, at, n) => ({
    prompt: `Read this: ${w.join(" ")} Continue: ${w.slice(Math.max(0, at - 3), at).join(" ")}`,
    target: w.slice(at, at + n),
  }),
  (w, at, n) => {
    const part = w.slice(at, at + n + 3);
    return { prompt: `Repeat: ${part.join(" ")}`, target: part };
  },
];
const texts = lines(readFileSync(join(options.prepared, "lm.jsonl"), "utf8"))
  .map((line) => JSON.parse(line).text)
  .filter((text) => !held.has(essence(text)));
for (let g = 0; g < Number(options.games); g++) {
  const random = randomAt(seed, 1, g);
  const words = texts[random.below(texts.length)].split(" ");
  const from = random.below(Math.max(1, words.length - 24));
  const piece = words.slice(from, from + 8 + random.below(28)).filter((word) => !word.includes('"'));
  if (piece.length < 8) continue;
  const n = 1 + random.below(4);
  const at = 2 + random.below(piece.length - n - 3);
  // A word that stands twice would have two right answers.
  if (piece.filter((word) => word === piece[at - 1]).length > 1) continue;
  const { prompt, target } = games[g % games.length](piece, at, n);
  add("game", prompt, target.join(" "));
}

const mixed = Array.from(
  shuffle(
    Uint32Array.from(rows, (_, i) => i),
    randomAt(seed, 2),
  ),
);
writeFileSync(join(options.prepared, "extract.jsonl"), mixed.map((i) => `${JSON.stringify(rows[i])}\n`).join(""));
const counts = {};
for (const { task } of rows) counts[task] = (counts[task] ?? 0) + 1;
console.log(counts);

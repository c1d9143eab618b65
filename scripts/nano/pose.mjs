/**
 * Pairs in wordings drawn part by part (wordings/), over the rows that prepare.mjs has written and over word lists of our
 * own, and a mixture of them with the templates' pairs.
 * node scripts/nano/pose.mjs --data DIR [--seed 1] [--times 6] [--everyday 240000]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { randomAt } from "../../dist/base/rng.js";
import { everyday } from "./wordings/everyday.mjs";
import { draws } from "./wordings/frames.mjs";
import { asked } from "./wordings/sets.mjs";

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    seed: { type: "string", default: "1" },
    times: { type: "string", default: "6" },
    everyday: { type: "string", default: "240000" },
  },
});
if (!options.data) {
  console.error("usage: node scripts/nano/pose.mjs --data DIR [--seed 1] [--times 6] [--everyday 240000]");
  process.exit(2);
}
const [seed, times, count] = [Number(options.seed), Number(options.times), Number(options.everyday)];
const at = (name) => join(options.data, name);
mkdirSync(at("asked"), { recursive: true });
const lines = (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const table = [];
const tasks = {};
function add(name, rows, cap) {
  writeFileSync(at(`asked/${name}.jsonl`), lines(rows));
  tasks[`asked_${name}`] = { train: `asked/${name}.jsonl`, pairs: true, cap };
  table.push({ name, pairs: rows.length, different: new Set(rows.map(({ prompt }) => prompt)).size, cap });
}

let stream = 0;
for (const [name, { cap, pair }] of Object.entries(asked)) {
  stream++;
  const rows = readFileSync(at(`rows/${name}.train.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const more = name === "clinc150" ? { intents: [...new Set(rows.map(({ intent }) => intent))].sort() } : {};
  const pairs = rows.flatMap((row, i) =>
    Array.from({ length: times }, (_, k) => pair(draws(randomAt(seed, stream, i * times + k)), row, more)),
  );
  add(name, pairs, cap);
}
const shares = everyday.reduce((sum, { share }) => sum + share, 0);
for (const { name, share, make } of everyday) {
  stream++;
  const rows = Array.from({ length: Math.round((count * share) / shares) }, (_, i) =>
    make(draws(randomAt(seed, stream, i))),
  );
  add(`everyday_${name}`, rows, Math.round(rows.length / 3));
}
const mixture = JSON.parse(readFileSync(at("mixture.json"), "utf8"));
// The templates' pairs stay, with less weight: their wordings are what is asked most of the model as it was.
const fewer = Object.entries(mixture.tasks).map(([name, task]) => {
  const halved = name in asked ? { ...task, cap: Math.round(task.cap / 2) } : task;
  return [name, halved];
});
writeFileSync(
  at("mixture-asked.json"),
  `${JSON.stringify({ ...mixture, tasks: { ...Object.fromEntries(fewer), ...tasks } }, null, 2)}\n`,
);
console.table(table);

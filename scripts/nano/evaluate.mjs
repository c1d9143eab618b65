/**
 * Accuracy of a model folder on the validation files: choices ranked by the sum of their log-probabilities, other
 * targets generated greedily and compared exactly. Wordings that were trained and one that was not. `perplexity` is
 * that of the targets, by token, end tokens included.
 * node scripts/nano/evaluate.mjs --model DIR --data DIR [--limit 300] [--threads 1] [--json]
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openModelFolder } from "../../dist/hub/folder-node.js";
import { createTokenizer } from "../../dist/hub/tokenizer.js";
import { canonicalWeights, t5ConfigFor, t5Model } from "../../dist/models/t5-model.js";
import { compile } from "../../dist/runtime/compile-node.js";

const { values: options } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    limit: { type: "string", default: "300" },
    threads: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const folder = openModelFolder(options.model);
const weights = canonicalWeights(folder.weights);
const config = t5ConfigFor(folder.config, weights);
const tokenizer = createTokenizer(JSON.parse(readFileSync(folder.tokenizer.json, "utf8")));
const model = t5Model(config, (graph) => compile(graph, { weights, threads: Number(options.threads) }));
const ids = (text) => tokenizer.encode(text).ids;

async function correct(rows) {
  let right = 0;
  for (let from = 0; from < rows.length; from += 16) {
    const batch = rows.slice(from, from + 16);
    const memory = await model.encode(batch.map(({ prompt }) => ids(prompt)));
    if (batch[0].choices) {
      const scores = await model.score(
        memory,
        batch.map(({ choices }) => choices.map(ids)),
      );
      batch.forEach(({ answer }, i) => {
        const sums = scores[i].map((tokens) => tokens.reduce((a, b) => a + b, 0));
        if (sums.indexOf(Math.max(...sums)) === answer) right++;
      });
      continue;
    }
    const decoding = model.decoding(memory, 1, 24);
    const made = batch.map(() => []);
    let last = batch.map(() => model.start);
    for (let step = 0; step < 24 && made.some((tokens) => tokens.at(-1) !== model.eos); step++) {
      last = [...(await decoding.step(last)).best];
      made.forEach((tokens, i) => {
        if (tokens.at(-1) !== model.eos) tokens.push(last[i]);
      });
    }
    const plain = (text) =>
      text
        .toLowerCase()
        .replace(/[^a-z0-9 ]/g, "")
        .trim();
    batch.forEach(({ target }, i) => {
      if (plain(tokenizer.decode(made[i])) === plain(target)) right++;
    });
  }
  return right;
}

/** Minus the sum of the log-probabilities of the rows' targets, and how many tokens these have. */
async function surprise(rows) {
  let [sum, count] = [0, 0];
  for (let from = 0; from < rows.length; from += 16) {
    const batch = rows.slice(from, from + 16);
    const memory = await model.encode(batch.map(({ prompt }) => ids(prompt)));
    const scores = await model.score(
      memory,
      batch.map(({ target }) => [ids(target)]),
    );
    for (const [tokens] of scores) {
      count += tokens.length;
      for (const logProbability of tokens) sum -= logProbability;
    }
  }
  return { sum, count };
}

const results = [];
const surprises = [];
const names = readdirSync(join(options.data, "validation"))
  .filter((name) => name.endsWith(".jsonl"))
  .sort();
for (const name of names.filter((file) => !file.includes(".unseen."))) {
  const read = (file) =>
    readFileSync(join(options.data, "validation", file), "utf8")
      .split("\n")
      .filter(Boolean)
      .slice(0, Number(options.limit))
      .map((line) => JSON.parse(line));
  const rows = read(name);
  const unseen = read(name.replace(".jsonl", ".unseen.jsonl"));
  const counts = new Map();
  for (const { target } of rows) counts.set(target, (counts.get(target) ?? 0) + 1);
  const share = (n) => Number((n / rows.length).toFixed(3));
  surprises.push(await surprise(rows), await surprise(unseen));
  results.push({
    task: name.replace(".jsonl", ""),
    n: rows.length,
    trained: share(await correct(rows)),
    unseen: share(await correct(unseen)),
    chance: rows[0].choices ? Number((1 / rows[0].choices.length).toFixed(3)) : null,
    majority: rows[0].choices ? share(Math.max(...counts.values())) : null,
  });
}
await model[Symbol.asyncDispose]();
if (options.json) for (const row of results) console.log(JSON.stringify(row));
else console.table(results);
const ranked = results.filter(({ chance }) => chance !== null);
const mean = (key) => (ranked.reduce((sum, row) => sum + row[key], 0) / ranked.length).toFixed(3);
const total = (key) => surprises.reduce((sum, part) => sum + part[key], 0);
console.log(
  `perplexity of all targets ${Math.exp(total("sum") / total("count")).toFixed(4)} over ${total("count")} tokens`,
);
console.log(
  `mean of ${ranked.length} tasks with choices: trained wordings ${mean("trained")}, unseen ${mean("unseen")}, chance ${mean("chance")}, majority ${mean("majority")}`,
);

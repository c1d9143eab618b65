/** A model's accuracy on sets and on tasks it never saw, under several wordings, with intervals over rows. */
import { join } from "node:path";
import { randomAt, shuffle } from "../../dist/base/rng.js";
import { findTemplates, ownTemplates } from "../../dist/prompts/library-node.js";
import { evaluate, readRows } from "../../dist/zeroshot/evaluate-node.js";
import { bootstrap, mean, median } from "../../dist/zeroshot/statistics.js";

/** Wordings of a set that have choices; those that ask what it was made for, where there are any. */
export function ranked(templates) {
  const { file } = findTemplates(templates, { folder: ownTemplates(), nearest: () => undefined });
  const chosen = file.templates.filter(({ answerChoices }) => answerChoices);
  const original = chosen.filter(({ metadata }) => metadata.originalTask !== false);
  return (original.length > 0 ? original : chosen).map(({ name }) => name);
}

/** So many of the rows, drawn: files may be sorted by label, and their labels may come in turn. */
const sample = (rows, limit) =>
  rows.length <= limit
    ? rows
    : [...shuffle(Uint32Array.from(rows.keys()), randomAt(1, 0, 0)).subarray(0, limit)].map((i) => rows[i]);

/**
 * Mean over wordings and rows with its 95 % interval (bootstrap over rows, all wordings of a row together), each
 * wording's own, which rows were right under it, and minus the log-probability of all right answers with their tokens.
 * Prompts end with the end token, as this model is trained.
 */
export async function accuracy(model, { task, file, templates, limit }) {
  const { templates: results } = await evaluate({
    model,
    task,
    data: sample(await readRows(task, file), limit),
    templates,
    promptEnd: true,
    window: 512,
    cache: false,
  });
  const rows = new Map();
  const rights = {};
  let [surprise, tokens] = [0, 0];
  for (const { template, ranked: choices } of results) {
    rights[template] = {};
    for (const { index, predicted, gold, sums, tokens: lengths } of choices.results) {
      surprise -= sums[gold];
      tokens += lengths[gold];
      rights[template][index] = predicted === gold ? 1 : 0;
      rows.set(index, [...(rows.get(index) ?? []), rights[template][index]]);
    }
  }
  const right = [...rows.values()].map(mean);
  const { low, high } = bootstrap(right.length, (places) => mean(places.map((place) => right[place])), { seed: 1 });
  const values = results.map(({ value }) => value);
  return {
    n: right.length,
    value: mean(values),
    low,
    high,
    median: median(values),
    wordings: Object.fromEntries(results.map(({ template, value }) => [template, value])),
    rights,
    chance: mean(results.map(({ chance }) => chance)),
    majority: mean(results.map(({ majority }) => majority)),
    surprise,
    tokens,
  };
}

/** Tasks of the folder `heldout`: templates and file. */
const heldout = {
  "super_glue/rte": "superglue/rte.validation",
  "super_glue/cb": "superglue/cb.validation",
  "anli r1": "anli_r1.validation",
  "anli r2": "anli_r2.validation",
  "anli r3": "anli_r3.validation",
  sick: "sick.test",
  "super_glue/copa": "superglue/copa.validation",
  hellaswag: "hellaswag.validation1000",
  codah: "codah.test",
  "super_glue/wsc.fixed": "superglue/wsc.validation",
  winogrande: "winogrande_xl.validation",
  "super_glue/wic": "superglue/wic.validation",
  "super_glue/boolq": "superglue/boolq.validation",
  "super_glue/multirc": "superglue/multirc.validation",
};

/** Accuracy on every task that is never trained. */
export async function onHeldOut(model, folder, limit) {
  const results = {};
  for (const [name, file] of Object.entries(heldout)) {
    const task = name.split(" ")[0];
    const path = join(folder, `${file}.jsonl.gz`);
    results[name] = await accuracy(model, { task, file: path, templates: ranked(task), limit });
  }
  return results;
}

/** Accuracy on validation rows of sets, under the wordings of each that `choose` takes of those with choices. */
export async function onSets(model, sets, folder, limit, choose) {
  const results = {};
  for (const [name, set] of Object.entries(sets)) {
    const templates = choose(name, ranked(set.templates));
    if (templates.length === 0) continue;
    const file = join(folder, "rows", `${name}.validation.jsonl`);
    results[name] = await accuracy(model, { task: set.templates, file, templates, limit });
  }
  return results;
}

/**
 * How often a row meets the same judgement however it is asked: the share of rows that are right under all of up to five
 * wordings, and of those that are right under all or under none. Choices have other names and orders in other wordings, so right and wrong is what can be
 * compared. `undefined` where a set has fewer than two.
 */
export function consistency(...results) {
  const wordings = results.flatMap(({ rights }) => Object.values(rights)).slice(0, 5);
  if (wordings.length < 2) return undefined;
  const rows = Object.keys(wordings[0]).map((index) => wordings.map((rights) => rights[index]));
  const share = (test) => rows.filter(test).length / rows.length;
  const always = share((row) => row.every((right) => right === 1));
  return { wordings: wordings.length, always, alike: always + share((row) => row.every((right) => right === 0)) };
}

export const percent = (x) => Number((100 * x).toFixed(1));

/** A row of a table. */
export const short = ({ n, value, low, high, wordings, chance, majority }) => ({
  n,
  wordings: Object.keys(wordings).length,
  accuracy: percent(value),
  interval: `${percent(low)} to ${percent(high)}`,
  least: percent(Math.min(...Object.values(wordings))),
  most: percent(Math.max(...Object.values(wordings))),
  chance: percent(chance),
  majority: percent(majority),
});

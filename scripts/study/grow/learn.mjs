/** One cell of the grid: a classifier of one width, taught by so many labels, its epoch chosen by a part of them. */
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { permuted } from "../../../dist/data/order.js";
import { graph } from "../../../dist/graph/graph.js";
import * as ops from "../../../dist/graph/operators.js";
import { input } from "../../../dist/graph/tensor.js";
import { adamw } from "../../../dist/learn/optimizers.js";
import { scheduleFactor } from "../../../dist/learn/schedules.js";
import { createTrainer } from "../../../dist/learn/trainer.js";
import { convolution } from "../../../dist/nn/convolutions.js";
import { initialValue } from "../../../dist/nn/initial.js";
import { embedding, linear } from "../../../dist/nn/linear.js";
import { createScope } from "../../../dist/nn/scope.js";
import { compile } from "../../../dist/runtime/compile-node.js";
import { gridOf } from "../../../dist/study/grid/cells.js";
import { worth } from "../../../dist/study/grid/worth.js";
import { meanOf } from "../../../dist/study/report/spread.js";

/** Files of a task, and how a row says its text and its class. */
const tasks = {
  trec: { test: "test", row: ({ text, label_coarse }) => [text, label_coarse] },
  sst2: { test: "validation", row: ({ sentence, text = sentence, label }) => [text, label] },
  subj: { test: "validation", row: ({ text, sentence = text, label }) => [sentence, label] },
  ag_news: { test: "test", row: ({ title, description, label }) => [`${title} ${description}`, label] },
};
const testRows = 500;
const longest = 48;
const batch = 16;
/** Steps at the least, so that a small set is seen often enough. */
const leastSteps = 1000;
const epochs = 10;
const rate = 0.003;
const decay = 0.01;

const names = Object.entries(tasks).flatMap(([task, { test }]) => [
  `${task}.train.jsonl.gz`,
  `${task}.${test}.jsonl.gz`,
]);
export const dataFiles = () => names.map((name) => resolve(process.env.ZEROTH_TEXT ?? "text", "train", name));

const words = (text) => text.toLowerCase().match(/[a-z0-9']+|[^\sa-z0-9']/g) ?? [];

const kept = new Map();
function rowsOf(data, task, part) {
  const name = `${task}.${part}.jsonl.gz`;
  if (!kept.has(name)) {
    const lines = gunzipSync(readFileSync(data.find((path) => basename(path) === name)))
      .toString("utf8")
      .trimEnd()
      .split("\n");
    kept.set(
      name,
      lines
        .map((line) => tasks[task].row(JSON.parse(line)))
        .map(([text, label]) => ({ words: words(text), text, label: String(label) })),
    );
  }
  return kept.get(name);
}

/** The budget drawn by the seed, cut as Kirstain et al. cut it, and test rows that are no copies of it. */
function drawn(data, task, count, seed) {
  const all = rowsOf(data, task, "train");
  const n = Math.min(count, all.length);
  const rows = Array.from({ length: n }, (_, i) => all[permuted(seed, all.length, i)]);
  const train = Math.max(Math.floor((3 * n) / 4), n - 400);
  const seen = new Set(rows.map(({ text }) => text));
  const tests = rowsOf(data, task, tasks[task].test);
  const order = Array.from(tests, (_, i) => tests[permuted(1, tests.length, i)]);
  const test = order.filter(({ text }) => !seen.has(text)).slice(0, testRows);
  // Every class of the task: a draw may lack one.
  const classes = [...new Set(all.map(({ label }) => label))].sort();
  return { train: rows.slice(0, train), dev: rows.slice(train), test, classes };
}

/** Words of the training rows; 0 fills up, 1 is every other word. */
function vocabularyOf(rows) {
  const ids = new Map();
  for (const row of rows) for (const word of row.words) if (!ids.has(word)) ids.set(word, ids.size + 2);
  return ids;
}

const int64 = (shape, values) => ({ dtype: "int64", shape, data: BigInt64Array.from(values, BigInt) });

function feedsOf(rows, ids, classes) {
  const tokens = rows.flatMap((row) =>
    Array.from({ length: longest }, (_, i) => (row.words[i] === undefined ? 0 : (ids.get(row.words[i]) ?? 1))),
  );
  return {
    ids: int64([rows.length, longest], tokens),
    labels: int64(
      [rows.length],
      rows.map(({ label }) => classes.indexOf(label)),
    ),
  };
}

const normal = (std) => ({ kind: "normal", std });

/** ids [batch, 48] to scores of the classes. */
function network(scope, vocabulary, width, classes) {
  const ids = input("ids", "int64", ["batch", longest]);
  const x = ops.transpose(embedding(scope.at("words"), ids, vocabulary + 2, width, normal(0.3)), [0, 2, 1]);
  const y = ops.relu(convolution(scope.at("convolution"), x, width, [3], { bias: true, pads: [1, 1] }));
  const pooled = ops.concat([ops.max(y, [2]), ops.mean(y, [2])], 1);
  return linear(scope.at("head"), pooled, classes, normal(0.05), { bias: true });
}

/** Share told right, and the mean loss, of rows. */
async function judged(program, values, rows, ids, classes) {
  let [right, sum] = [0, 0];
  for (let first = 0; first < rows.length; first += 128) {
    const some = rows.slice(first, first + 128);
    const { logits } = await program.run({ ids: feedsOf(some, ids, classes).ids, ...values });
    some.forEach(({ label }, row) => {
      const scores = Array.from(logits.data.subarray(row * classes.length, (row + 1) * classes.length));
      const top = Math.max(...scores);
      const answer = classes.indexOf(label);
      if (scores.indexOf(top) === answer) right++;
      sum += top + Math.log(scores.reduce((all, z) => all + Math.exp(z - top), 0)) - scores[answer];
    });
  }
  return { accuracy: right / rows.length, loss: sum / rows.length };
}

/** A row: test accuracy of the epoch that was best on the held-back labels (of equal ones by their loss, then the first). */
export async function learn({ factors: { task, width, labels, seed }, data, signal, progress }) {
  const set = drawn(data, task, labels, seed);
  const { train, dev, test, classes } = set;
  const ids = vocabularyOf(train);
  const scope = createScope();
  const logits = network(scope, ids.size, width, classes.length);
  const parameters = [...scope.parameters.values()];
  const values = new Map(parameters.map((spec) => [spec.name, initialValue(spec, seed)]));
  const open = (g) => compile(g, { trained: () => true, threads: 1, spin: false });
  const loss = ops.mean(ops.softmaxCrossEntropy(logits, input("labels", "int64", ["batch"])));
  const group = () => ({ name: "all", lrScale: 1, weightDecay: decay });
  const trainer = await createTrainer({ loss, parameters, values, optimizer: adamw(), clip: 1, group, compile: open });
  const scoring = await open(graph({ logits: network(createScope(), ids.size, width, classes.length) }));
  try {
    const perEpoch = Math.max(1, Math.ceil(train.length / batch));
    const total = Math.max(epochs * perEpoch, leastSteps);
    const rounds = Math.ceil(total / perEpoch);
    let best;
    for (let epoch = 0; epoch < rounds; epoch++) {
      for (let step = 0; step < perEpoch; step++) {
        signal.throwIfAborted();
        const some = Array.from(
          { length: Math.min(batch, train.length) },
          (_, i) => train[permuted(seed + 7919 * epoch, train.length, (step * batch + i) % train.length)],
        );
        const done = epoch * perEpoch + step + 1;
        const factor = scheduleFactor({ name: "linear", warmup: Math.ceil(total / 10) }, done, rounds * perEpoch);
        await trainer.step([feedsOf(some, ids, classes)], rate * factor);
        progress(done, rounds * perEpoch);
      }
      const held = await judged(scoring, Object.fromEntries(values), dev, ids, classes);
      if (!best || held.accuracy > best.accuracy || (held.accuracy === best.accuracy && held.loss < best.loss)) {
        const copy = Object.fromEntries(
          [...values].map(([name, { data: numbers, ...rest }]) => [name, { ...rest, data: numbers.slice() }]),
        );
        best = { ...held, epoch: epoch + 1, values: copy };
      }
    }
    const { accuracy } = await judged(scoring, best.values, test, ids, classes);
    // The network without its table of words, which grows with the labels.
    const size = parameters
      .filter(({ name }) => !name.startsWith("words."))
      .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    return { accuracy, dev_accuracy: best.accuracy, epoch: best.epoch, parameters: size, test_items: test.length };
  } finally {
    await trainer[Symbol.asyncDispose]();
    await scoring[Symbol.asyncDispose]();
  }
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** The paper's claims that a classifier from scratch can test. */
export function claims(rows) {
  const tasksHere = [...new Set(rows.map(({ task }) => task))];
  const at = (task, width, labels) => {
    const found = rows
      .filter((row) => row.task === task && row.width === width && row.labels === labels)
      .map(({ accuracy }) => accuracy);
    return found.length > 0 ? meanOf(found) : undefined;
  };
  const [widths, budgets] = ["width", "labels"].map((name) =>
    [...new Set(rows.map((row) => row[name]))].sort((a, b) => a - b),
  );
  const [least, most] = [widths[0], widths.at(-1)];
  const gains = (few, many, by) =>
    tasksHere.flatMap((task) => {
      const [a, b] = [at(task, ...few), at(task, ...many)];
      return a === undefined || b === undefined ? [] : [{ task, gain: b - a, by }];
    });
  const told = (list) => list.map(({ task, gain }) => `${task} ${percent(gain)}`).join(", ");
  const labels = gains([most, budgets[0]], [most, budgets.at(-1)]);
  const size = gains([least, budgets.at(-1)], [most, budgets.at(-1)]);
  const worths = tasksHere.flatMap((task) => {
    const results = rows
      .filter((row) => row.task === task)
      .map((row) => ({ size: row.parameters, labels: row.labels, score: row.accuracy }));
    const grid = gridOf(results);
    if (grid.sizes.length < 2) return [];
    const [one] = worth(grid, { resamples: 100 }).filter(
      ({ needed, labels: own }) => needed === "more" || (typeof needed === "number" && needed > 2 * own),
    );
    return one
      ? [
          `${task}: ${one.labels} labels of the larger are worth ${one.needed === "more" ? `over ${budgets.at(-1)}` : Math.round(one.needed)} of the smaller`,
        ]
      : [];
  });
  const verdict = (yes, enough) => (enough ? (yes ? "seen" : "not seen") : "not testable here");
  return [
    {
      claim: "A larger model helps on every task",
      verdict: verdict(
        size.every(({ gain }) => gain > 0.02),
        widths.length > 1 && size.length > 0,
      ),
      figure: `from width ${least} to ${most} with ${budgets.at(-1)} labels: ${told(size) || "one width"}`,
    },
    {
      claim: "More labels help much in classification",
      verdict: verdict(
        labels.every(({ gain }) => gain > 0.05),
        budgets.length > 1 && labels.length > 0,
      ),
      figure: `from ${budgets[0]} to ${budgets.at(-1)} labels at width ${most}: ${told(labels) || "one budget"}`,
    },
    {
      claim: "A few hundred labels equal a many times larger model",
      verdict: verdict(worths.length > 0, widths.length > 1 && budgets.length > 2),
      figure: worths.join("; ") || "no pair of sizes where the smaller needs over twice the labels",
    },
    {
      claim: "More labels do not help open questions, whose answers must be recalled",
      verdict: "not testable here",
      figure: "it needs a model that was pre-trained on the facts; these are trained from scratch",
    },
  ];
}

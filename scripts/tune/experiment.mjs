/**
 * Ways of teaching a model a task, compared: for every task and method the learning rate is chosen on validation rows
 * with the first seed, then the other seeds run with it, and every run is judged on test rows. A line of JSON a run goes
 * to --results as it ends; the same command goes on where an interrupted one was.
 *
 *   node scripts/tune/experiment.mjs --model DIR --data TEXT --results FILE.jsonl [--tasks a,b] [--methods a,b]
 *     [--seeds 3] [--n 8] [--rank 8] [--threads 1] [--whole] [--rates a,b] [--steps N] [--work DIR]
 *
 * TEXT holds train/, ner/ and heldout/superglue/ (scripts/tune/tasks.mjs reads them). --whole takes all rows.
 */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compile } from "../../dist/runtime/compile-node.js";
import { asStored } from "../../dist/text/adapters/read-node.js";
import { openTextModel } from "../../dist/text/open-node.js";
import { evaluate } from "../../dist/tune/evaluate.js";
import { parseTuneOptions } from "../../dist/tune/options.js";
import { openTuning, prepare, startingValues } from "../../dist/tune/prepare-node.js";
import { tune } from "../../dist/tune/tune-node.js";
import { bleu, bleuCounts, rougeL, rougeN } from "../../dist/zeroshot/text-metrics.js";
import { filesOf, tasks } from "./tasks.mjs";

const { values: given } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    results: { type: "string" },
    tasks: { type: "string", default: "clinc150,wikigold,rte,cb,boolq" },
    methods: { type: "string", default: "head,prompt,p-tuning-v2,lora,full" },
    seeds: { type: "string", default: "3" },
    n: { type: "string" },
    rank: { type: "string", default: "8" },
    threads: { type: "string", default: "1" },
    rates: { type: "string" },
    steps: { type: "string" },
    whole: { type: "boolean", default: false },
    work: { type: "string" },
  },
});
for (const name of ["model", "data", "results"]) {
  if (given[name]) continue;
  console.error(`--${name} is missing: see the head of scripts/tune/experiment.mjs`);
  process.exit(2);
}
const threads = Number(given.threads);
const work = given.work ? resolve(given.work) : mkdtempSync(join(tmpdir(), "zeroth-tune-"));
mkdirSync(work, { recursive: true });

/** Learning rates that are tried: what was found to be around the best for a body of 384 channels. */
const grid = {
  head: [1e-2, 3e-2],
  prompt: [3e-2, 1e-1],
  "p-tuning-v2": [3e-2, 1e-1],
  prefix: [3e-2, 1e-1],
  lora: [1e-3, 3e-3],
  full: [1e-4, 3e-4],
};

const virtual = new Set(["prompt", "p-tuning-v2", "prefix"]);

const optionsOf = (task, { method, lr, seed, steps, n }) =>
  parseTuneOptions({
    method,
    lr,
    seed,
    steps,
    batch: task.batch,
    maxLength: task.maxLength,
    tooLong: "cut",
    threads,
    // Three evaluations a run: what is chosen among them is chosen on validation rows.
    evalEvery: Math.ceil(steps / 3),
    ...(n !== undefined && { length: n }),
    ...(method === "lora" && { rank: Number(given.rank) }),
  });

/** The written adapter, or model, read back and judged on rows that the tuning has not seen. */
async function judged(files, test, out, method, o) {
  const model = method === "full" ? out : given.model;
  const opened = await openTuning({
    model,
    data: files.train.file,
    eval: test.file,
    out,
    ...(method !== "full" && { from: out }),
  });
  const prepared = prepare(opened, o);
  const { values, kept } = await startingValues(prepared, opened, o);
  const weights = new Map([...prepared.base.weights, ...asStored(kept)]);
  const moving = new Set(prepared.model.trained.map(({ name }) => name));
  const program = await compile(prepared.model.evaluation, {
    threads,
    weights,
    trained: (name) => moving.has(name),
    optimize: "disabled",
    spin: false,
  });
  const batches = [];
  for (let i = 0; i < prepared.data.held.length; i += 16) batches.push(prepared.data.held.slice(i, i + 16));
  const { metric, value, more, flat } = await evaluate(
    prepared.model,
    program,
    values,
    batches,
    prepared.data.labels ?? [],
  );
  await program[Symbol.asyncDispose]();
  return { metric, value, ...more, ...(flat && { flat }) };
}

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

/** What the tuned model writes, against all that people wrote: the best of the references for ROUGE, all for BLEU. */
async function written(test, out, method) {
  const adapter = method === "full" || method === "frozen" ? {} : { adapter: out };
  const model = await openTextModel(method === "full" ? out : given.model, { threads, ...adapter });
  const pairs = [];
  for (const { prompt, references } of test.rows) {
    const { text } = await model.generate(prompt, { maxNewTokens: 64 });
    pairs.push({ text: text.trim(), references });
  }
  await model[Symbol.asyncDispose]();
  const best = (score) =>
    100 * mean(pairs.map(({ text, references }) => Math.max(...references.map((one) => score(text, one)))));
  return {
    metric: "rougeL",
    value: best(rougeL) / 100,
    rouge1: best((a, b) => rougeN(a, b, 1)),
    rouge2: best((a, b) => rougeN(a, b, 2)),
    rougeL: best(rougeL),
    bleu: bleu(pairs.map(({ text, references }) => bleuCounts(text, references))),
    samples: pairs.slice(0, 3).map(({ text }) => text),
  };
}

/** Results so far, by what a run is. */
const done = new Map();
const keyOf = ({ model, task, method, lr, seed, steps, batch, rows, n, rank }) =>
  [model, task, method, lr, seed, steps, batch, rows, n, rank].join(" ");
if (existsSync(given.results)) {
  for (const line of readFileSync(given.results, "utf8").split("\n")) {
    // An interrupted run may have left half a line: it is done again.
    try {
      const row = JSON.parse(line);
      done.set(keyOf(row), row);
    } catch {}
  }
}

async function once(name, files, method, lr, seed, { steps, n }) {
  const task = tasks[name];
  const what = {
    model: basename(resolve(given.model)),
    task: name,
    method,
    lr,
    seed,
    steps,
    batch: task.batch,
    rows: files.train.rows.length,
    ...(virtual.has(method) && { n }),
    ...(method === "lora" && { rank: Number(given.rank) }),
  };
  const known = done.get(keyOf(what));
  if (known) return known;
  const out = join(work, `out-${process.pid}`);
  rmSync(out, { recursive: true, force: true });
  const began = process.cpuUsage();
  const processor = () => {
    const { user, system } = process.cpuUsage(began);
    return Math.round((user + system) / 1e6);
  };
  let row;
  if (method === "frozen") {
    row = { ...what, share: 0, test: await written(files.test, out, method) };
  } else {
    const o = optionsOf(task, what);
    let parameters = 0;
    try {
      const tuned = await tune({ model: given.model, data: files.train.file, eval: files.validation.file, out }, o, {
        events: {
          started: (info) => {
            parameters = info.parameters;
          },
        },
      });
      const cpu = processor();
      const test =
        name === "e2e" ? await written(files.test, out, method) : await judged(files, files.test, out, method, o);
      row = {
        ...what,
        trained: tuned.trained,
        parameters,
        cpu,
        loss: tuned.loss,
        best: { step: tuned.best.step, value: tuned.best.value },
        last: tuned.last.value,
        test,
      };
    } catch (cause) {
      row = { ...what, error: cause.message };
    }
  }
  row.rss = Math.round(process.memoryUsage.rss() / 2 ** 20);
  row.at = new Date().toISOString();
  rmSync(out, { recursive: true, force: true });
  appendFileSync(given.results, `${JSON.stringify(row)}\n`);
  console.log(JSON.stringify(row));
  done.set(keyOf(row), row);
  return row;
}

for (const name of given.tasks.split(",")) {
  const task = tasks[name];
  if (!task) throw new Error(`no task ${name}: ${Object.keys(tasks).join(", ")}`);
  const sizes = given.whole ? task.whole : task.sizes;
  const settings = { steps: Number(given.steps ?? sizes.steps), n: Number(given.n ?? sizes.n) };
  const files = filesOf(name, given.data, work, sizes);
  for (const method of given.methods.split(",")) {
    if (method === "frozen") {
      await once(name, files, method, 0, 0, { ...settings, steps: 0 });
      continue;
    }
    const rates = given.rates?.split(",").map(Number) ?? grid[method];
    const first = [];
    for (const lr of rates) first.push(await once(name, files, method, lr, 1, settings));
    const [best] = first.filter(({ error }) => !error).sort((a, b) => b.best.value - a.best.value);
    if (!best) continue;
    for (let seed = 2; seed <= Number(given.seeds); seed++) await once(name, files, method, best.lr, seed, settings);
  }
}
if (!given.work) rmSync(work, { recursive: true, force: true });

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
import { parseTuneOptions, tune } from "../../dist/index.js";
import { judged, written } from "./judge.mjs";
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

/** Results so far, by what a run is. */
const done = new Map();
const keyOf = ({ model, task, method, lr, seed, steps, batch, rows, n, rank }) =>
  [model, task, method, lr, seed, steps, batch, rows, n, rank].join(" ");
if (existsSync(given.results)) {
  for (const line of readFileSync(given.results, "utf8").split("\n")) {
    // An interrupted run may have left half a line: it is done again.
    try {
      const row = JSON.parse(line);
      if (!row.error) done.set(keyOf(row), row);
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
    row = { ...what, share: 0, test: await written(given.model, undefined, files.test.rows, { threads }) };
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
      const judge = name === "e2e" ? written : judged;
      const [model, adapter] = method === "full" ? [out, undefined] : [given.model, out];
      const test = await judge(model, adapter, files.test.rows, { threads, maxLength: task.maxLength });
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

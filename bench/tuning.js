/**
 * Methods of tuning compared on one task: for every method the learning rate is chosen on validation rows, then it runs
 * with several seeds and is judged on test rows. A line of JSON a run, so that what was measured stays when it is stopped.
 * node bench/tuning.js MODEL TRAIN VALIDATION TEST RESULTS.jsonl [--methods a,b] [--seeds 3] [--epochs 10] [--n 20] [--threads 2]
 *   [--rates a,b|usual] [--eval-every STEPS]
 */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openEncoder } from "../dist/text/open-node.js";
import { tune } from "../dist/tune/folder-node.js";
import { parseTuneOptions, usualRate } from "../dist/tune/options.js";
import { readRows } from "../dist/tune/rows-node.js";
import { usualGrid } from "../dist/tune/search-node.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    methods: { type: "string", default: "head,prompt,p-tuning-v2,lora,full" },
    seeds: { type: "string", default: "3" },
    epochs: { type: "string", default: "10" },
    n: { type: "string", default: "20" },
    threads: { type: "string", default: "2" },
    rates: { type: "string" },
    "eval-every": { type: "string" },
  },
});
const [model, data, validation, test, results] = positionals;
if (!results) {
  console.error("usage: node bench/tuning.js MODEL TRAIN VALIDATION TEST RESULTS.jsonl [options]");
  process.exit(2);
}
const epochs = Number(values.epochs);
const threads = Number(values.threads);
const folder = mkdtempSync(join(tmpdir(), "tuning-"));
const { rows } = await readRows(test);

async function once(method, lr, seed) {
  const out = join(folder, "out");
  rmSync(out, { recursive: true, force: true });
  const virtual = method === "prompt" || method === "p-tuning-v2";
  const evalEvery = values["eval-every"] && Number(values["eval-every"]);
  const options = parseTuneOptions({
    ...(evalEvery && { evalEvery }),
    method,
    lr,
    seed,
    epochs,
    threads,
    batch: 32,
    ...(virtual && { length: Number(values.n) }),
  });
  const started = performance.now();
  const tuned = await tune({ model, data, eval: validation, out }, options);
  const seconds = (performance.now() - started) / 1000;
  const adapter = method === "full" ? {} : { adapter: out };
  const opened = await openEncoder(method === "full" ? out : model, { threads, ...adapter });
  const found = await opened.encoder.classifyAll(rows.map(({ text }) => text));
  await opened[Symbol.asyncDispose]();
  const right = found.filter((one, i) => one.label === String(rows[i].label)).length;
  return {
    method,
    lr,
    seed,
    epochs,
    seconds: Math.round(seconds),
    trained: tuned.trained,
    validation: tuned.best.value,
    last: tuned.last.value,
    test: right / rows.length,
    n: rows.length,
    rss: process.memoryUsage.rss(),
  };
}

const note = (row) => {
  appendFileSync(results, `${JSON.stringify(row)}\n`);
  console.log(JSON.stringify(row));
};
const ratesOf = (method) =>
  values.rates === "usual" ? [usualRate(method)] : (values.rates?.split(",").map(Number) ?? usualGrid[method]);

for (const method of values.methods.split(",")) {
  let best;
  for (const lr of ratesOf(method)) {
    const row = await once(method, lr, 1);
    note({ ...row, role: "choice" });
    if (!best || row.validation > best.validation) best = row;
  }
  for (let seed = 2; seed <= Number(values.seeds); seed++)
    note({ ...(await once(method, best.lr, seed)), role: "seed" });
}
rmSync(folder, { recursive: true, force: true });

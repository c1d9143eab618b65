/**
 * T0's second claim at the embedded model's scale: does one wording of each task do worse than many on wordings and
 * tasks never trained? From scratch with the same steps, for several seeds. A seed also chooses which
 * wordings the few are, so that the result is not that of one lucky sentence.
 * node scripts/nano/ablation.mjs --data DIR --heldout DIR --out DIR [--prompts 1,all] [--seeds 1,2,3] [--steps 400]
 * [--jobs 2]
 * Finished runs are kept: run it again to go on.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { randomAt, shuffle } from "../../dist/base/rng.js";
import { openModel } from "../../dist/text/open-node.js";
import { mean, median, quantile } from "../../dist/zeroshot/statistics.js";
import { onHeldOut, onSets, percent } from "./accuracy.mjs";
import { sets } from "./sets.mjs";

const { values: options } = parseArgs({
  options: {
    data: { type: "string", default: "runs/nano/data" },
    heldout: { type: "string" },
    out: { type: "string", default: "runs/nano/ablation" },
    prompts: { type: "string", default: "1,all" },
    seeds: { type: "string", default: "1,2,3" },
    steps: { type: "string", default: "400" },
    jobs: { type: "string", default: "2" },
    limit: { type: "string", default: "300" },
  },
});
if (!options.heldout) {
  console.error("usage: node scripts/nano/ablation.mjs --heldout DIR [--data DIR] [--out DIR]");
  process.exit(2);
}

/** Sets that a model of this size learns in so few steps, and the wordings of each that no run trains. */
const held = {
  subj: ["plot or judgement", "fact or opinion, after it", "narrator or reviewer"],
  trec: ["kind of answer", "person, place or number", "class of question"],
  dbpedia_14: ["fill the blank", "what is it", "sort the entry"],
  clinc150: ["domain", "choose the area", "label it"],
};
const names = Object.keys(held);
const core = Object.fromEntries(names.map((name) => [name, sets[name]]));

/** The wordings a run may train: named, so that templates added since do not make it another experiment. */
const trainable = {
  subj: ["whose words", "objective", "mark opinions", "subjective", "fact or opinion"],
  trec: ["expected reply", "who, where, how many", "sort the question", "what is asked for", "look it up where"],
  dbpedia_14: ["encyclopedia index", "choose the category", "kind of thing", "shelf"],
  clinc150: ["desk", "area first", "about", "which helper"],
};

/** The wordings a run trains: `prompts` of each set, drawn by the seed. */
function chosen(prompts, seed) {
  return Object.fromEntries(
    names.map((name, s) => {
      const all = trainable[name];
      const order = [...shuffle(Uint32Array.from(all.keys()), randomAt(seed, 77, s))].map((i) => all[i]);
      return [name, prompts === "all" ? all : order.slice(0, Number(prompts))];
    }),
  );
}

/** The embedded model's own configuration: sizes, optimiser, lengths. */
const recipe = fileURLToPath(new URL(".", import.meta.url));
const shared = JSON.parse(readFileSync(join(recipe, "tasks.json"), "utf8"));
const program = fileURLToPath(new URL("../../bin/zeroth.js", import.meta.url));

function trained(config) {
  return new Promise((done, failed) => {
    const run = spawn(process.execPath, [program, "train", "--config", config, "--resume", "--quiet"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    run.on("exit", (code) => (code === 0 ? done() : failed(new Error(`${config}: exit ${code}`))));
  });
}

async function oneRun(prompts, seed) {
  const place = resolve(options.out, `${prompts}-prompts-seed-${seed}`);
  const result = join(place, "result.json");
  if (existsSync(result)) return;
  mkdirSync(place, { recursive: true });
  const use = chosen(prompts, seed);
  const rows = relative(place, resolve(options.data, "rows"));
  const tasks = Object.fromEntries(
    names.map((name) => [
      name,
      { train: `${rows}/${name}.train.jsonl`, templates: core[name].templates, use: use[name], cap: 6000 },
    ]),
  );
  writeFileSync(join(place, "mixture.json"), JSON.stringify({ rule: "proportional", tasks }));
  const from = (path) => relative(place, resolve(recipe, path));
  const config = {
    ...shared,
    tokenizer: from(shared.tokenizer),
    embeddings: from(shared.embeddings),
    data: { mixture: "mixture.json" },
    steps: Number(options.steps),
    seed,
    save_every: 200,
    threads: 1,
    out: "model",
  };
  writeFileSync(join(place, "train.json"), JSON.stringify(config));
  const model = join(place, "model");
  if (!existsSync(join(model, "config.json"))) await trained(join(place, "train.json"));
  const opened = await openModel(model, { threads: 1 });
  const limit = Number(options.limit);
  const found = {
    trained: await onSets(opened, core, options.data, limit, (name) => use[name]),
    unseen: await onSets(opened, core, options.data, limit, (name, all) =>
      all.filter((wording) => held[name].includes(wording)),
    ),
    never: await onHeldOut(opened, options.heldout, Math.min(limit, 100)),
  };
  await opened[Symbol.asyncDispose]();
  writeFileSync(result, JSON.stringify(found));
  console.error(`${prompts} prompts, seed ${seed}: done`);
}

const wanted = options.prompts
  .split(",")
  .flatMap((prompts) => options.seeds.split(",").map((seed) => [prompts, Number(seed)]));
const queue = [...wanted];
const worker = async () => {
  for (let next = queue.shift(); next; next = queue.shift()) await oneRun(...next);
};
await Promise.all(Array.from({ length: Number(options.jobs) }, worker));

/** All wordings of all sets or tasks, as points above chance: what is compared must have the same zero. */
const above = (found) =>
  Object.values(found).flatMap(({ wordings, chance }) => Object.values(wordings).map((value) => value - chance));
const plain = (found) => mean(Object.values(found).map(({ value }) => value));
const table = {};
for (const [prompts, seed] of wanted) {
  const place = join(options.out, `${prompts}-prompts-seed-${seed}`, "result.json");
  const found = JSON.parse(readFileSync(place, "utf8"));
  const unseen = above(found.unseen);
  const never = above(found.never);
  table[`${prompts} prompts, seed ${seed}`] = {
    "trained wordings": percent(plain(found.trained)),
    "unseen wordings": percent(plain(found.unseen)),
    "median above chance": percent(median(unseen)),
    "quartiles apart": percent(quantile(unseen, 0.75) - quantile(unseen, 0.25)),
    "tasks never trained": percent(plain(found.never)),
    "median of these above chance": percent(median(never)),
    "their quartiles apart": percent(quantile(never, 0.75) - quantile(never, 0.25)),
  };
}
console.table(table);
const mean3 = (prompts, column) =>
  mean(wanted.filter(([p]) => p === prompts).map(([p, seed]) => table[`${p} prompts, seed ${seed}`][column]));
for (const prompts of options.prompts.split(",")) {
  const parts = Object.keys(Object.values(table)[0]).map((c) => `${c} ${mean3(prompts, c).toFixed(1)}`);
  console.log(`${prompts} prompts, mean over seeds: ${parts.join(", ")}`);
}

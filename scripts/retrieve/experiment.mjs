/**
 * Search on SQuAD's passages, as docs/search.md's stages go: what an encoder finds as it is, beside words and both (A), and
 * what training on these documents adds, stage by stage and with several seeds (B).
 *
 *   node scripts/retrieve/experiment.mjs --data SQUAD --model MINILM --work FOLDER [--part A|B] [--seeds 3]
 *     [--questions 4000] [--held 1500] [--warmup 250] [--ranker 200] [--steps 180] [--ranker-steps 60] [--iterations 2]
 *     [--batch 16] [--list-batch 4] [--negatives 7] [--passages N] [--threads 2]
 *
 * SQUAD is a BEIR folder with the splits train and dev; of train's questions --held are never learnt from and judged, too.
 * Every stage leaves what it made in FOLDER: a run that was stopped, however, goes on where it was. Prints a table at the
 * end, and with --table only that.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";

const number = (usual) => ({ type: "string", default: String(usual) });
const { values: o } = parseArgs({
  options: {
    ...{ data: { type: "string" }, model: { type: "string" }, work: { type: "string" }, part: { type: "string" } },
    ...{ seeds: number(3), questions: number(4000), held: number(1500), warmup: number(250), ranker: number(200) },
    ...{
      steps: number(180),
      "ranker-steps": number(60),
      iterations: number(2),
      batch: number(16),
      negatives: number(7),
    },
    ...{ "list-batch": number(4), passages: { type: "string" }, threads: number(2), table: { type: "boolean" } },
  },
});
if (!o.data || !o.model || !o.work) throw new Error("--data, --model and --work are needed");
const program = new URL("../../bin/zeroth.js", import.meta.url).pathname;
const work = resolve(o.work);
const model = existsSync(o.model) ? resolve(o.model) : o.model;
const at = (...names) => join(work, ...names);
const metrics = ["mrr@10", "hit@1", "hit@5", "hit@20"];
const splits = ["dev", "held"];
const seeds = Array.from({ length: Number(o.seeds) }, (_, seed) => seed);

/** Written whole or not at all, so that a file that is there is a stage that is done. */
function write(path, text) {
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}

function zeroth(...args) {
  const { stdout, status, signal } = spawnSync(process.execPath, [program, ...args, "--json"], {
    ...{ encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"] },
  });
  if (status !== 0) throw new Error(`zeroth ${args.join(" ")}: ${signal ?? status}`);
  return stdout;
}

/** A generator that is the same everywhere. */
function* draws(seed) {
  for (let state = seed >>> 0; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** The data with a split of held-out questions, and of so many passages only where fewer are asked for. */
function prepare() {
  mkdirSync(at("data", "qrels"), { recursive: true });
  const last = at("data", "qrels", "train.tsv");
  if (existsSync(last)) return;
  const read = (name) => {
    const path = join(o.data, name);
    return existsSync(path) ? readFileSync(path, "utf8") : gunzipSync(readFileSync(`${path}.gz`)).toString("utf8");
  };
  const lines = (text) => text.split("\n").filter(Boolean);
  const judged = (split) =>
    lines(read(`qrels/${split}.tsv`))
      .slice(1)
      .map((line) => line.split("\t"));
  const [dev, train] = [judged("dev"), judged("train")];
  const most = o.passages === undefined ? Number.POSITIVE_INFINITY : Number(o.passages);
  // Half of a small corpus is what dev's questions are about.
  const wanted = new Set([...dev.slice(0, 4 * most), ...train.slice(0, 4 * most)].map(([, passage]) => passage));
  const corpus = lines(read("corpus.jsonl")).filter(
    (line) => most === Number.POSITIVE_INFINITY || wanted.has(JSON.parse(line)._id),
  );
  const some =
    most === Number.POSITIVE_INFINITY ? corpus : corpus.filter((_, i) => i % Math.ceil(corpus.length / most) === 0);
  const ids = new Set(some.map((line) => JSON.parse(line)._id));
  write(at("data", "corpus.jsonl"), `${some.join("\n")}\n`);
  write(at("data", "queries.jsonl"), read("queries.jsonl"));
  const random = draws(1);
  const mixed = train
    .filter(([, passage]) => ids.has(passage))
    .map((row) => [random.next().value, row])
    .sort(([a], [b]) => a - b)
    .map(([, row]) => row);
  const save = (split, rows) =>
    write(
      at("data", "qrels", `${split}.tsv`),
      `query-id\tcorpus-id\tscore\n${rows.map((row) => row.join("\t")).join("\n")}\n`,
    );
  const held = Math.min(Number(o.held), Math.floor(mixed.length / 2));
  save(
    "dev",
    dev.filter(([, passage]) => ids.has(passage)),
  );
  save("held", mixed.slice(0, held));
  save("train", mixed.slice(held));
}

/** A training, or what it made before; gives the folder `ready` in its own. */
function train(command, stage, name, config, ready = ".") {
  const out = at("runs", name);
  if (!existsSync(join(out, ready, "config.json"))) {
    mkdirSync(out, { recursive: true });
    const file = at("runs", `${name}.json`);
    write(
      file,
      JSON.stringify({ data: at("data"), out, threads: Number(o.threads), save_every: 25, ...config }, null, 1),
    );
    console.error(`${new Date().toISOString()} ${name}`);
    zeroth(command, stage, "--config", file, "--resume");
  }
  return join(out, ready);
}

const runOf = (name, split) => at("found", `${name}-${split}.run`);

/** Judge on both splits, and against other runs question by question. */
function judge(name, how, against = []) {
  mkdirSync(at("found"), { recursive: true });
  for (const split of splits) {
    const path = runOf(name, split);
    const basic = ["retriever", "eval", "--data", at("data"), "--split", split, "--metrics", metrics.join()];
    if (!existsSync(path)) {
      console.error(`${new Date().toISOString()} judging ${name} on ${split}`);
      zeroth(...basic, ...how, "--depth", "100", "--threads", o.threads, "--write-run", `${path}.part`);
      renameSync(`${path}.part`, path);
    }
    for (const other of [undefined, ...against]) {
      const told = at("found", `${name}${other === undefined ? "" : `-against-${other}`}-${split}.jsonl`);
      if (existsSync(told)) continue;
      write(told, zeroth(...basic, "--run", path, ...(other === undefined ? [] : ["--compare", runOf(other, split)])));
    }
  }
}

function partA() {
  judge("words", ["--mode", "bm25"]);
  judge("dense", ["--model", model, "--mode", "dense"], ["words"]);
  judge("hybrid", ["--model", model, "--mode", "hybrid"], ["words", "dense"]);
  const ranker = rankerOf(0, model, "from-start");
  judge("hybrid-ranked", ["--model", model, "--mode", "hybrid", "--rerank", ranker], ["words", "hybrid"]);
}

const common = (seed) => ({ seed, questions: Number(o.questions), max_length: 128, max_question: 32 });
const lists = (seed, source) => ({
  ...common(seed),
  ...{ batch: Number(o["list-batch"]), negatives: Number(o.negatives), mining: { source, depth: 60 } },
});

const rankerOf = (seed, retriever, name) =>
  train("reranker", "train", `ranker-${name}-${seed}`, {
    ...{ ...lists(seed, "dense"), model: retriever, ranker: model, steps: Number(o.ranker), ranker_lr: 5e-5 },
  });

function partB(seed) {
  const own = (name) => `${name}-${seed}`;
  const warm = train("retriever", "warmup", own("warm"), {
    ...{ ...common(seed), model, batch: Number(o.batch), negatives: 1, steps: Number(o.warmup), lr: 2e-5 },
    mining: { source: "bm25", depth: 60 },
  });
  judge(own("warm"), ["--model", warm, "--mode", "dense"], ["dense"]);
  // The same again with negatives that the warmed-up retriever finds.
  const mined = train("retriever", "warmup", own("mined"), {
    ...{ ...common(seed), model: warm, batch: Number(o.batch), negatives: 1, steps: Number(o.warmup), lr: 1e-5 },
    mining: { source: "dense", depth: 60 },
  });
  judge(own("mined"), ["--model", mined, "--mode", "dense"], [own("warm")]);
  const ranker = rankerOf(seed, warm, "warm");
  for (const [name, lambda] of [
    ["ar2-distil", 0],
    ["ar2-paper", 0.5],
  ]) {
    const folder = train(
      ...["retriever", "ar2", own(name)],
      {
        ...{ ...lists(seed, "dense"), model: warm, ranker, lambda, iterations: Number(o.iterations) },
        ...{ steps: Number(o.steps), ranker_steps: Number(o["ranker-steps"]), lr: 1e-5, ranker_lr: 1e-6 },
        // What a weaker ranker does is a part of the question.
        allow_weaker_ranker: true,
      },
      "retriever",
    );
    judge(own(name), ["--model", folder, "--mode", "dense"], [own("warm")]);
  }
  const [retriever, best] = ["retriever", "ranker"].map((side) => at("runs", own("ar2-distil"), side));
  judge(own("all"), ["--model", retriever, "--mode", "hybrid", "--rerank", best], ["words", own("warm")]);
}

function rowsOf(name, split, other) {
  const path = at("found", `${name}${other === undefined ? "" : `-against-${other}`}-${split}.jsonl`);
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean).map(JSON.parse) : [];
}

function table() {
  const percent = (value) => (value === undefined ? "" : (100 * value).toFixed(2));
  const keyOf = ({ metric, k }) => `${metric}@${k}`;
  for (const split of splits) {
    const rows = [];
    const add = (label, name, other) => {
      const told = rowsOf(name, split);
      if (told.length === 0) return;
      const difference =
        other &&
        rowsOf(name, split, other).find(({ metric, difference }) => metric === "mrr" && difference !== undefined);
      rows.push({
        stage: label,
        ...Object.fromEntries(told.map((one) => [keyOf(one), percent(one.value)])),
        ...(difference && {
          "MRR against": `${other}: ${percent(difference.difference)} [${percent(difference.low)}, ${percent(difference.high)}]`,
        }),
      });
    };
    add("words", "words");
    add("dense", "dense", "words");
    add("hybrid", "hybrid", "words");
    add("hybrid, ranked", "hybrid-ranked", "words");
    for (const name of ["warm", "mined", "ar2-distil", "ar2-paper", "all"]) {
      for (const seed of seeds)
        add(`${name}, seed ${seed}`, `${name}-${seed}`, { warm: "dense", all: "words" }[name] ?? `warm-${seed}`);
      const all = seeds.map((seed) => rowsOf(`${name}-${seed}`, split)).filter(({ length }) => length > 0);
      if (all.length < 2) continue;
      const mean = (metric) =>
        all.reduce((sum, one) => sum + one.find((row) => keyOf(row) === metric).value, 0) / all.length;
      rows.push({
        stage: `${name}, mean of ${all.length}`,
        ...Object.fromEntries(metrics.map((one) => [one, percent(mean(one))])),
      });
    }
    console.log(split);
    console.table(rows);
  }
}

if (!o.table) {
  prepare();
  if (o.part !== "B") partA();
  else {
    judge("words", ["--mode", "bm25"]);
    judge("dense", ["--model", model, "--mode", "dense"], ["words"]);
  }
  if (o.part !== "A") for (const seed of seeds) partB(seed);
}
table();

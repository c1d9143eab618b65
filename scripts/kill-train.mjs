/**
 * Kills a training run at random moments and checks that nothing but the steps since the last checkpoint is lost.
 * node scripts/kill-train.mjs [--kills 100] [--seed 1] [--dist DIR]
 *
 * A tiny T5 with dropout is trained by a child process that is stopped with SIGKILL while it opens, steps, saves or
 * evaluates. After every kill each checkpoint in the folder must be whole. At the end every step must have one row
 * in metrics.jsonl with the loss of a run nobody disturbed, and weights and optimiser state must equal its bytes.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { randomFrom } from "./life.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    dist: { type: "string", default: join(here, "..", "dist") },
    child: { type: "string" },
  },
});
const dist = resolve(options.dist);
const load = (file) => import(pathToFileURL(join(dist, file)).href);
const saveEvery = 5;

/** One life of the run: says where it starts and what it has done, a line each. */
async function live(configFile) {
  const { train } = await load("train/train-node.js");
  const { parseTrainingConfig } = await load("train/config.js");
  const say = (line) => writeSync(1, `${line}\n`);
  const config = parseTrainingConfig(JSON.parse(readFileSync(configFile, "utf8")), configFile);
  await train(config, {
    resume: true,
    events: { started: ({ step }) => say(`from ${step}`), step: ({ step }) => say(`step ${step}`) },
  });
  say("done 0");
}

const kills = Number(options.kills);
const random = randomFrom(options.seed);

async function prepare(folder, steps) {
  const { trainBpe } = await load("tokenizers/training/bpe.js");
  const words = "the cat sat on a red mat and saw two big dogs run past old stone walls".split(" ");
  const sentence = (n) => Array.from({ length: n }, () => words[Math.floor(random() * words.length)]).join(" ");
  const pairs = Array.from({ length: 37 }, () => ({ prompt: sentence(3 + random() * 6), target: sentence(2) }));
  const texts = Array.from({ length: 23 }, () => ({ text: sentence(6 + random() * 8) }));
  const lines = (name, rows) => {
    writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return join(folder, name);
  };
  const tokenizer = join(folder, "tokenizer.json");
  const corpus = texts.map(({ text }) => text);
  writeFileSync(tokenizer, JSON.stringify(trainBpe(corpus, { vocabularySize: 340, sentinels: 8 })));
  const vocab_size = 352;
  const sizes = { vocab_size, d_model: 16, d_kv: 8, d_ff: 24, num_heads: 2, num_layers: 1, num_decoder_layers: 1 };
  return (out) => ({
    architecture: "t5",
    sizes: { ...sizes, relative_attention_num_buckets: 8, relative_attention_max_distance: 16 },
    tokenizer,
    data: {
      train: [
        { file: lines("pairs.jsonl", pairs) },
        { file: lines("texts.jsonl", texts), objective: "span-corruption", weight: 0.6 },
      ],
      validation: lines("held.jsonl", pairs.slice(0, 5)),
    },
    batch: 3,
    accumulate: 2,
    dropout: 0.1,
    schedule: { name: "cosine", warmup: 10 },
    optimizer: { name: "adamw", lr: 0.01, weight_decay: 0.01 },
    steps,
    seed: 7,
    save_every: saveEvery,
    eval_every: 10,
    out,
  });
}

/** Start a life; `until` is told each line and may return a delay after which it is killed. */
function start(configFile, until) {
  return new Promise((settle, reject) => {
    const args = [fileURLToPath(import.meta.url), "--child", configFile, "--dist", dist];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const seen = { from: -1, last: -1, done: false, killed: false };
    let errors = "";
    let timer;
    const kill = (delay) => {
      timer ??= setTimeout(() => {
        seen.killed = child.kill("SIGKILL");
      }, delay);
    };
    const startDelay = until("spawn", 0);
    if (startDelay !== undefined) kill(startDelay);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [word, number] = line.split(" ");
      if (word === "from") seen.from = Number(number);
      if (word === "step") seen.last = Number(number);
      if (word === "done") seen.done = true;
      const delay = until(word, Number(number));
      if (delay !== undefined) kill(delay);
    });
    child.stderr.on("data", (data) => {
      errors += data;
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (signal === "SIGKILL" || code === 0) settle(seen);
      else reject(new Error(`a life ended with ${code ?? signal}: ${errors}`));
    });
  });
}

/** The step of the checkpoint in a run's folder, every tensor of it read; undefined where there is none. */
async function wholeCheckpoint(out, whole) {
  const { listCheckpoints } = await load("learn/checkpoint-node.js");
  const { openSafetensors, readTensor } = await load("weights/safetensors-node.js");
  const steps = await listCheckpoints(out);
  for (const step of steps) {
    const folder = join(out, `checkpoint-${step}`);
    assert.deepEqual(readdirSync(folder).sort(), whole, `files of ${folder}`);
    assert.equal(JSON.parse(readFileSync(join(folder, "training_state.json"), "utf8")).step, step);
    for (const name of ["config.json", "tokenizer.json"]) JSON.parse(readFileSync(join(folder, name), "utf8"));
    for (const name of ["model.safetensors", "optimizer.safetensors"]) {
      const file = openSafetensors(join(folder, name));
      for (const tensor of file.tensors.keys()) readTensor(file, tensor);
    }
  }
  return steps[0];
}

const rowsOf = (out) =>
  readFileSync(join(out, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "kill-train-"));
  const started = performance.now();
  try {
    const steps = Math.max(30, Math.round(kills * 3));
    const config = await prepare(folder, steps);
    const files = Object.fromEntries(
      ["plain", "killed"].map((name) => {
        const file = join(folder, `${name}.json`);
        writeFileSync(file, JSON.stringify(config(join(folder, name))));
        return [name, file];
      }),
    );
    const [plain, out] = [join(folder, "plain"), join(folder, "killed")];
    assert.ok((await start(files.plain, () => undefined)).done);
    const last = `checkpoint-${steps}`;
    const whole = readdirSync(join(plain, last)).sort();

    const count = { kills: 0, opening: 0, stepping: 0, lost: 0, most: 0, without: 0, leftovers: 0 };
    let reached = 0;
    while (count.kills < kills) {
      const opening = random() < 0.15;
      // Leave the last steps for the end: a life that finishes cannot be killed.
      const near = reached > steps - 15;
      const wanted = near ? 1 : 1 + Math.floor(random() * 9);
      const delay = opening || near ? random() * 300 : random() * 30;
      let made = 0;
      const seen = await start(files.killed, (word) => {
        if (word === "spawn") return opening || near ? delay : undefined;
        return word === "step" && ++made === wanted ? delay : undefined;
      });
      if (!seen.killed || seen.done) continue;
      count.kills++;
      count[seen.from < 0 ? "opening" : "stepping"]++;
      const step = await wholeCheckpoint(out, whole);
      if (step === undefined) count.without++;
      if (existsSync(out) && readdirSync(out).some((name) => /\.(partial|removed)$/.test(name))) count.leftovers++;
      if (seen.from >= 0) assert.equal(seen.from, reached, "a life starts where the checkpoint is");
      const lost = Math.max(0, seen.last - (step ?? 0));
      assert.ok(lost <= saveEvery, `${lost} steps lost, a checkpoint is written every ${saveEvery}`);
      count.lost += lost;
      count.most = Math.max(count.most, lost);
      reached = step ?? 0;
    }
    assert.ok((await start(files.killed, () => undefined)).done);

    const numbers = (rows) => rows.map(({ seconds: _, ...row }) => row);
    assert.deepEqual(numbers(rowsOf(out)), numbers(rowsOf(plain)), "metrics of both runs");
    const trained = rowsOf(out).filter(({ loss }) => loss !== undefined);
    assert.deepEqual(
      trained.map(({ step }) => step),
      Array.from({ length: steps }, (_, i) => i + 1),
    );
    for (const name of ["model.safetensors", join(last, "model.safetensors"), join(last, "optimizer.safetensors")]) {
      assert.ok(readFileSync(join(out, name)).equals(readFileSync(join(plain, name))), `${name} differs`);
    }
    const seconds = Math.round((performance.now() - started) / 1000);
    console.log(
      "| kills | while opening | while training | found half written | steps lost | most at once | result | s |",
    );
    console.log("|---|---|---|---|---|---|---|---|");
    console.log(
      `| ${count.kills} | ${count.opening} | ${count.stepping} | ${count.leftovers} drafts, 0 checkpoints | ` +
        `${count.lost} | ${count.most} of ${saveEvery} | ${steps} steps, bit-identical | ${seconds} |`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (options.child) await live(options.child);
else await main();

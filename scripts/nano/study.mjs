/**
 * How large should the embedded model be? Trains each size for the same wall-clock time on the same data and shows
 * what it has learnt: a larger model sees fewer tokens.
 * node scripts/nano/study.mjs --data DIR --out DIR [--seconds 60] [--threads 2]
 * DIR holds train.jsonl, lm.jsonl, tokenizer.json and embeddings-WIDTH.bin (scripts/nano/embeddings.mjs).
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { train } from "../../dist/text/train-node.js";
import { parseTrainingConfig } from "../../dist/train/config.js";

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    out: { type: "string" },
    seconds: { type: "string", default: "60" },
    threads: { type: "string", default: "2" },
    limit: { type: "string", default: "60" },
  },
});
const here = fileURLToPath(new URL(".", import.meta.url));
const base = JSON.parse(readFileSync(join(here, "train.json"), "utf8"));
const sizes = [
  { d_model: 192, d_ff: 512, num_layers: 3, num_decoder_layers: 2, num_heads: 4 },
  { d_model: 256, d_ff: 640, num_layers: 3, num_decoder_layers: 2, num_heads: 4 },
  { d_model: 320, d_ff: 832, num_layers: 4, num_decoder_layers: 2, num_heads: 5 },
];
const table = [];
for (const size of sizes) {
  const out = join(options.out, `d${size.d_model}`);
  const data = (name) => join(options.data, name);
  const config = parseTrainingConfig(
    {
      ...base,
      sizes: { ...base.sizes, ...size, d_kv: size.d_model / size.num_heads },
      tokenizer: data("tokenizer.json"),
      embeddings: data(`embeddings-${size.d_model}.bin`),
      data: { train: [data("train.jsonl"), { file: data("lm.jsonl"), objective: "span-corruption", weight: 0.5 }] },
      threads: Number(options.threads),
      save_every: 0,
      out,
    },
    "study",
  );
  const stop = new AbortController();
  let parameters = 0;
  let started = 0;
  const losses = [];
  let tokens = 0;
  await train(config, {
    resume: true,
    signal: stop.signal,
    events: {
      started(info) {
        parameters = info.parameters;
        started = performance.now();
      },
      step({ loss, total }) {
        losses.push(loss);
        tokens = total;
        if (performance.now() - started > 1000 * Number(options.seconds)) stop.abort();
      },
    },
  }).catch((error) => {
    if (error.code !== "interrupted") throw error;
  });
  const folder = join(out, `checkpoint-${losses.length}`);
  const evaluate = join(here, "evaluate.mjs");
  const said = execFileSync(process.execPath, [
    evaluate,
    "--model",
    folder,
    "--data",
    options.data,
    "--limit",
    options.limit,
  ]);
  const tail = losses.slice(-100);
  table.push({
    size: `d ${size.d_model}, ${size.num_layers} + ${size.num_decoder_layers} layers`,
    parameters: `${(parameters / 1e6).toFixed(1)}M`,
    steps: losses.length,
    "tokens seen": `${(tokens / 1e6).toFixed(2)}M`,
    "loss, last 100 steps": (tail.reduce((a, b) => a + b, 0) / tail.length).toFixed(3),
    "mean accuracy": /trained wordings ([\d.]+)/.exec(String(said))?.[1],
  });
}
console.table(table);

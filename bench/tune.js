/**
 * A step of tuning, its time and the greatest memory of its process, beside PyTorch with PEFT on the same weights, rows
 * and settings: forward, backward, clipping and AdamW, dropout 0, the median of 5 after 2 that are not counted.
 *
 *   node bench/tune.js [--shapes bert-base,t5-base,smollm2-135m] [--methods p-tuning-v2,lora,full] [--peer PYTHON]
 *     [--dtype fp32|int8|int4] [--recompute] [--threads 2] [--repeats 5] [--folders DIR] [--out FILE.jsonl]
 *     [--rows N] [--tokens N]
 *
 * bert-base: tags of 16 rows of 128 tokens. t5-base: 8 rows of 128 tokens and targets of 32. smollm2-135m: all tokens of 4
 * rows of 512. Every measurement is a process of its own; PYTHON is one that has torch, transformers and peft.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { report } from "./shared.js";

const { values: given } = parseArgs({
  options: {
    shapes: { type: "string", default: "bert-base,t5-base,smollm2-135m" },
    methods: { type: "string", default: "p-tuning-v2,lora,full" },
    peer: { type: "string" },
    dtype: { type: "string", default: "fp32" },
    recompute: { type: "boolean", default: false },
    threads: { type: "string", default: "2" },
    repeats: { type: "string", default: "5" },
    folders: { type: "string", default: join(tmpdir(), "zeroth-bench") },
    out: { type: "string" },
    rows: { type: "string" },
    tokens: { type: "string" },
    child: { type: "string" },
  },
});
const [threads, repeats] = [Number(given.threads), Number(given.repeats)];

/** What a step of each shape reads: rows, tokens and targets, as bench/peers/tuning.py has them too. */
const work = {
  "bert-base": { task: "token-cls", batch: 16, input: 128 },
  "t5-base": { task: "seq2seq", batch: 8, input: 128, target: 32 },
  "smollm2-135m": { task: "causal", batch: 4, input: 512 },
};

/** The same prefix as PEFT's: of an encoder-decoder at the two sites of its decoder. */
const sites = { "t5-base": ["decoder", "cross"] };

/** Rows of words that are one token each, so long that with the tokenizer's own tokens a row is as long as asked. */
function rowsOf(shape, tokenizer) {
  const { task, target, ...size } = work[shape];
  const [batch, input] = [Number(given.rows ?? size.batch), Number(given.tokens ?? size.input)];
  const count = (text, options) => tokenizer.encode(text, options).ids.length;
  const syllables = [..."bdfgklmnprst"].flatMap((a) => [..."aeiou"].map((b) => a + b));
  const single = syllables
    .flatMap((a) => [a, ...syllables.map((b) => a + b)])
    .filter(
      (word) =>
        count(word, { addSpecialTokens: false }) === 1 && count(`${word} ${word}`, { addSpecialTokens: false }) === 2,
    );
  const own = count(single[0], {}) - 1;
  const words = (n, row) => Array.from({ length: n }, (_, i) => single[(row * 7919 + i * 31) % single.length]);
  return Array.from({ length: batch }, (_, row) => {
    if (task === "token-cls") {
      const tokens = words(input - own, row);
      return { tokens, tags: tokens.map((_, i) => `L${(row + i) % 9}`) };
    }
    // Every token of a decoder's row but the first is learnt; one of the target is its end.
    const [before, after] = task === "causal" ? [1, input - own - 2] : [input - own, target - 1];
    return { prompt: words(before, row).join(" "), target: words(after, row + 1).join(" ") };
  });
}

/** Ends a run once enough was measured, before anything is saved. */
const enough = new Error("enough was measured");

/** One measurement in this process: `zeroth tune` itself, its steps and the memory until the last of them. */
async function child(model, shape, method) {
  const { openModelFolder, openTokenizer, parseTuneOptions, tune } = await import("../dist/index.js");
  const scratch = mkdtempSync(join(tmpdir(), "zeroth-tune-"));
  const rows = rowsOf(shape, openTokenizer(openModelFolder(model)));
  const data = join(scratch, "rows.jsonl");
  writeFileSync(data, `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
  const o = parseTuneOptions({
    method,
    task: work[shape].task,
    dropout: 0,
    seed: 1,
    lr: 1e-3,
    steps: 1000,
    batch: rows.length,
    split: 0,
    threads,
    recompute: given.recompute,
    ...(method === "p-tuning-v2" && { length: 20, ...(sites[shape] && { sites: sites[shape] }) }),
  });
  const times = [];
  let trained = 0;
  const dtype = given.dtype === "fp32" ? {} : { dtype: given.dtype };
  const events = {
    started: (info) => {
      trained = info.trained;
    },
    step({ seconds, loss, tokens }) {
      times.push(1000 * seconds);
      if (times.length < 2 + repeats) return;
      report(times.slice(2), { trained, loss, tokens });
      throw enough;
    },
  };
  try {
    await tune({ model, data, out: join(scratch, "out"), ...dtype }, o, { events });
  } catch (cause) {
    if (cause !== enough) throw cause;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (given.child) {
  const [folder, shape, method] = JSON.parse(given.child);
  await child(folder, shape, method);
  process.exit(0);
}

/** The last JSON line that a process printed. */
function measured(command, args) {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  const line = stdout.trim().split("\n").at(-1);
  if (status === 0 && line?.startsWith("{")) return JSON.parse(line);
  return { error: stderr.trim().split("\n").at(-1) || `ended with ${status}` };
}

const { modelFolder } = await import("./folders.js");
const here = fileURLToPath(import.meta.url);
for (const shape of given.shapes.split(",")) {
  const folder = await modelFolder(shape, given.folders);
  for (const method of given.methods.split(",")) {
    const sizes = ["rows", "tokens"].flatMap((name) => (given[name] ? [`--${name}`, given[name]] : []));
    const common = ["--threads", given.threads, "--repeats", given.repeats, ...sizes];
    const more = [...common, "--dtype", given.dtype, ...(given.recompute ? ["--recompute"] : [])];
    const ours = measured(process.execPath, [here, ...more, "--child", JSON.stringify([folder, shape, method])]);
    const script = fileURLToPath(new URL("peers/tuning.py", import.meta.url));
    const peer = given.peer && measured(given.peer, [script, folder, shape, method, ...common]);
    const row = {
      shape,
      method,
      dtype: given.dtype,
      ...(given.recompute && { recompute: true }),
      threads,
      zeroth: ours,
      ...(peer && {
        peft: peer,
        time: ours.ms / peer.ms,
        memory: ours.peak_rss_mib / peer.peak_rss_mib,
      }),
    };
    console.log(JSON.stringify(row));
    if (given.out) appendFileSync(given.out, `${JSON.stringify(row)}\n`);
  }
}

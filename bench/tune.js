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
import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ids, report, timed } from "./shared.js";

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
  "bert-base": { task: "token-cls", batch: 16, input: 128, labels: Array.from({ length: 9 }, (_, i) => `L${i}`) },
  "t5-base": { task: "seq2seq", batch: 8, input: 128, target: 32 },
  "smollm2-135m": { task: "causal", batch: 4, input: 512 },
};

/** The same prefix as PEFT's: of an encoder-decoder at the two sites of its decoder. */
const prefix = { length: 20 };
const sites = { "t5-base": ["decoder", "cross"] };

function examplesOf(shape, vocabulary) {
  const { task, target, ...size } = work[shape];
  const [batch, input] = [Number(given.rows ?? size.batch), Number(given.tokens ?? size.input)];
  const tokens = ids(batch, input, vocabulary);
  if (task === "token-cls") return tokens.map((row) => ({ input: row, target: row.map((id) => id % 9) }));
  if (task === "causal") return tokens.map(([first, ...rest]) => ({ input: [first], target: rest }));
  const targets = ids(batch, target, vocabulary, 1);
  return tokens.map((row, i) => ({ input: row, target: targets[i] }));
}

/** One measurement in this process: the trainer as `zeroth tune` makes it. */
async function child(folderPath, shape, method) {
  const [{ openModelFolder }, { adamw }, { createTrainer }, { compile }, { asStored, readBase }] = await Promise.all([
    import("../dist/folders/open-node.js"),
    import("../dist/learn/optimizers.js"),
    import("../dist/learn/trainer.js"),
    import("../dist/runtime/compile-node.js"),
    import("../dist/text/adapters/read-node.js"),
  ]);
  const [{ countOf, settingsOf, tuneModel }, { parseTuneOptions }, { startingValues }, { headOfTask }] =
    await Promise.all([
      import("../dist/tune/model.js"),
      import("../dist/tune/options.js"),
      import("../dist/tune/prepare-node.js"),
      import("../dist/tune/tasks.js"),
    ]);
  const folder = openModelFolder(folderPath);
  const { task, labels } = work[shape];
  const base = readBase(folder, headOfTask[task], labels);
  const o = parseTuneOptions({
    method,
    dropout: 0,
    seed: 1,
    recompute: given.recompute,
    ...(method === "p-tuning-v2" && { ...prefix, ...(sites[shape] && { sites: sites[shape] }) }),
  });
  const model = tuneModel(base, base.weights, settingsOf(o, base.architecture, base.survey), task, o);
  const { values, kept } = await startingValues({ base, model, data: { labels } }, { folder, files: {} }, o);
  const moving = new Set(model.trained.map(({ name }) => name));
  const trainer = await createTrainer({
    loss: model.loss,
    parameters: model.trained,
    values,
    optimizer: adamw(),
    group: () => ({ lrScale: 1, weightDecay: 0 }),
    clip: 1,
    accumulate: 1,
    recompute: model.recompute,
    compile: (g) =>
      compile(g, {
        threads,
        weights: new Map([...base.weights, ...asStored(kept)]),
        trained: (name) => moving.has(name),
        optimize: "disabled",
        spin: false,
      }),
  });
  const examples = examplesOf(shape, base.architecture.vocabulary);
  const count = examples.reduce((sum, example) => sum + model.labels(example), 0);
  let [step, loss] = [0, 0];
  const times = await timed(
    async () => {
      step++;
      const feeds = { ...model.collate(examples, count), ...model.extra(1, step, 0) };
      ({ loss } = await trainer.step([feeds], 1e-3));
    },
    repeats,
    2,
  );
  report(times, { trained: countOf(model.trained), loss: Number(loss) });
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

const { modelFolder, quantized } = await import("./folders.js");
const here = fileURLToPath(import.meta.url);
const bits = { int8: 8, int4: 4 }[given.dtype];
for (const shape of given.shapes.split(",")) {
  const folder = await modelFolder(shape, given.folders);
  const own = bits ? await quantized(folder, bits) : folder;
  for (const method of given.methods.split(",")) {
    const sizes = ["rows", "tokens"].flatMap((name) => (given[name] ? [`--${name}`, given[name]] : []));
    const common = ["--threads", given.threads, "--repeats", given.repeats, ...sizes];
    const more = [...common, ...(given.recompute ? ["--recompute"] : [])];
    const ours = measured(process.execPath, [here, ...more, "--child", JSON.stringify([own, shape, method])]);
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

/**
 * What a Switch Transformer costs of which a prompt uses few experts: time, and memory that is really touched.
 * node bench/switch.js [--experts 8,64] [--tokens 32] [--threads 2]      (after npm run build)
 *
 * The model has the shape of google/switch-base-N with random weights outside of the experts. The experts are holes in
 * the file: they take no disk, but come into memory as soon as they are read, like any other weight.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { familyOf } from "../dist/models/families.js";
import { encoderDecoderModel } from "../dist/models/kinds/encoder-decoder.js";
import { encoderDecoderLoss } from "../dist/models/kinds/encoder-decoder-loss.js";
import { createScope } from "../dist/nn/scope.js";
import { compile } from "../dist/runtime/compile-node.js";
import { openSafetensors } from "../dist/weights/safetensors-node.js";

const { values: options } = parseArgs({
  options: {
    experts: { type: "string", default: "8,64" },
    tokens: { type: "string", default: "32" },
    threads: { type: "string", default: "2" },
    child: { type: "string" },
  },
});

const size = (shape) => shape.reduce((a, b) => a * b, 1);

function shapeOf(experts) {
  const layers = { num_layers: 12, num_decoder_layers: 12, num_sparse_encoder_layers: 6, num_sparse_decoder_layers: 6 };
  const widths = { vocab_size: 32128, d_model: 768, d_kv: 64, d_ff: 3072, num_heads: 12, expert_capacity: 64 };
  return { model_type: "switch_transformers", num_experts: experts, ...layers, ...widths };
}

/** Uniform numbers of the variance that keeps activations of order one. */
function values(name, shape) {
  const data = new Float32Array(size(shape)).fill(1);
  if (name.endsWith("layer_norm.weight")) return data;
  const bound = name === "shared.weight" ? 1 : Math.sqrt(3 / shape.at(-1));
  let state = size(shape) >>> 0;
  return data.map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * bound;
  });
}

/** Write the folder; gives the number of parameters. */
async function write(folder, experts) {
  const config = shapeOf(experts);
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const scope = createScope();
  encoderDecoderLoss(familyOf(config, folder).read(config)).graph(scope);
  const header = {};
  let end = 0;
  for (const { name, shape } of scope.parameters.values()) {
    const begin = end;
    end += 4 * size(shape);
    header[name] = { dtype: "F32", shape, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const head = Buffer.concat([Buffer.alloc(8), text, Buffer.alloc((8 - (text.length % 8)) % 8, " ")]);
  head.writeBigUInt64LE(BigInt(head.length - 8));
  const file = await open(join(folder, "model.safetensors"), "w");
  await file.write(head, 0, head.length, 0);
  for (const [name, { shape, data_offsets }] of Object.entries(header)) {
    if (name.includes(".experts.")) continue;
    const bytes = new Uint8Array(values(name, shape).buffer);
    await file.write(bytes, 0, bytes.length, head.length + data_offsets[0]);
  }
  await file.truncate(head.length + end);
  await file.close();
  return end / 4;
}

/** In a process of its own: its memory is that of the model. */
async function measure(folder) {
  const { tensors: weights } = openSafetensors(join(folder, "model.safetensors"));
  const json = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const model = encoderDecoderModel(familyOf(json, folder).read(json), (g, more) =>
    compile(g, { weights, threads: Number(options.threads), ...more }),
  );
  const timed = async (work) => {
    const started = performance.now();
    const result = await work();
    return [performance.now() - started, result];
  };
  const base = process.memoryUsage.rss();
  const ids = Array.from({ length: Number(options.tokens) }, (_, i) => 2 + ((i * 7919) % 32000));
  const [first, reading] = await timed(() => model.read([ids]));
  const [again] = await timed(() => model.read([ids]));
  const decoding = reading.begin(1, 64);
  const run = async () => {
    for (let i = 0; i < 10; i++) await decoding.likeliest([2 + ((i * 104729) % 32000)]);
  };
  await run();
  const steps = [];
  for (let i = 0; i < 5; i++) steps.push((await timed(run))[0] / 10);
  const rss = process.memoryUsage.rss() - base;
  console.log(JSON.stringify({ first, again, step: steps.sort((a, b) => a - b)[2], rss }));
  await model[Symbol.asyncDispose]();
}

if (options.child) await measure(options.child);
else {
  console.log("| experts | parameters | file | first encoding, ms | encoding, ms | step, ms | memory touched |");
  console.log("|---|---|---|---|---|---|---|");
  for (const experts of options.experts.split(",").map(Number)) {
    const folder = mkdtempSync(join(tmpdir(), "zeroth-switch-"));
    try {
      const parameters = await write(folder, experts);
      const args = ["--child", folder, "--tokens", options.tokens, "--threads", options.threads];
      const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...args], {
        encoding: "utf8",
      });
      if (!stdout) throw new Error(stderr);
      const { first, again, step, rss } = JSON.parse(stdout);
      const gb = (bytes) => `${(bytes / 1e9).toFixed(2)} GB`;
      const cells = [experts, `${(parameters / 1e9).toFixed(3)} B`, gb(4 * parameters)];
      console.log(`| ${[...cells, ...[first, again, step].map((ms) => ms.toFixed(0)), gb(rss)].join(" | ")} |`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

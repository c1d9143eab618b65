/**
 * Malformed pictures, IDX pairs, original checkpoints (.npz), configurations, processors and steps of training:
 * `node fuzz/images.js [--from 0] [--to 50000] [--slow 5000]`, after `npm run build`. Case i follows from i alone, so a range
 * can be done in parts: the last line of a stopped run says where the next one begins. Every case must be read, or be
 * refused with one of our errors, within --slow milliseconds.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { zipSync } from "fflate";
import sharp from "sharp";
import { ZerothError } from "../dist/errors.js";
import { originalModel } from "../dist/folders/npz/names.js";
import { readNpz } from "../dist/folders/npz/read.js";
import { decodeBytes } from "../dist/media/images/decode-node.js";
import { parseIdx } from "../dist/media/images/idx.js";
import { augmented, parsePipeline } from "../dist/media/images/pipeline.js";
import { plainProcessor, prepare, readProcessor, readTimmProcessor } from "../dist/media/images/processor.js";
import { readModel } from "../dist/models/families.js";
import { openLabelled } from "../dist/vision/data/open-node.js";
import { parseVisionConfig } from "../dist/vision/finetune/config.js";
import { generator, mutateBytes, mutateValue } from "./mutate.js";

const { values: given } = parseArgs({
  options: {
    from: { type: "string", default: "0" },
    to: { type: "string", default: "50000" },
    slow: { type: "string", default: "5000" },
  },
});
const [from, to, slow] = [given.from, given.to, given.slow].map(Number);

const noise = Uint8Array.from({ length: 12 * 9 * 3 }, (_, i) => (i * 73) % 256);
const raw = () => sharp(noise, { raw: { width: 12, height: 9, channels: 3 } });
const pictures = await Promise.all([
  raw().png().toBuffer(),
  raw().jpeg().toBuffer(),
  raw().webp({ lossless: true }).toBuffer(),
  raw().gif().toBuffer(),
  raw().tiff({ compression: "lzw" }).toBuffer(),
  raw().png({ palette: true }).toBuffer(),
]);

function npy(shape) {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`.padEnd(117);
  const bytes = new Uint8Array(128 + 4 * shape.reduce((a, b) => a * b, 1));
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]);
  bytes.set(new TextEncoder().encode(`${header}\n`), 10);
  return bytes;
}
const mixer = {
  "stem/kernel.npy": npy([2, 2, 1, 4]),
  "stem/bias.npy": npy([4]),
  "pre_head_layer_norm/scale.npy": npy([4]),
  "pre_head_layer_norm/bias.npy": npy([4]),
};
const npz = zipSync(mixer, { level: 0 });

const layers = { hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8 };
const configs = [
  { model_type: "vit", image_size: 8, patch_size: 4, ...layers },
  { model_type: "vivit", image_size: 8, num_frames: 2, tubelet_size: [2, 4, 4], ...layers },
  { model_type: "resnet", embedding_size: 4, hidden_sizes: [4, 8], depths: [1, 1], layer_type: "basic" },
  { model_type: "bit", num_groups: 2, embedding_size: 4, hidden_sizes: [8, 16], depths: [1, 1] },
  {
    architecture: "vit_tiny_patch4_8",
    model_args: { img_size: 8, patch_size: 4, depth: 1, embed_dim: 8, num_heads: 2 },
  },
  { architecture: "mixer_s4_8", model_args: { img_size: 8, patch_size: 4, num_blocks: 1, embed_dim: 8 } },
];
const processors = [
  {
    image_processor_type: "ViTImageProcessor",
    size: { height: 8, width: 8 },
    resample: 2,
    image_mean: [0.5],
    image_std: [0.5],
  },
  { image_processor_type: "BitImageProcessor", size: { shortest_edge: 9 }, crop_size: 8, resample: 3 },
  {
    image_processor_type: "VivitImageProcessor",
    size: { shortest_edge: 9 },
    crop_size: { height: 8, width: 8 },
    offset: true,
  },
];
const picture = { width: 12, height: 9, channels: 3, data: noise };
const home = mkdtempSync(join(tmpdir(), "fuzz-images-"));

/** A copy of a JSON value with one to three things wrong. */
function mutated(value, random) {
  const copy = structuredClone(value);
  for (let changes = 1 + random.below(3); changes > 0; changes--) mutateValue(copy, random);
  return copy;
}

/** A text with one to three characters wrong. */
const decoder = new TextDecoder();
const mutatedText = (text, random) => decoder.decode(mutateBytes(new TextEncoder().encode(text), random));

const readers = [
  [
    "picture",
    async (random) =>
      prepare(
        (await decodeBytes(mutateBytes(random.pick(pictures), random), "case")).picture,
        plainProcessor({ width: 8, height: 8 }),
        3,
      ),
  ],
  [
    "idx",
    async (random) => {
      const idx = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
      parseIdx(mutateBytes(idx, random), "case");
    },
  ],
  [
    "idx pair",
    async (random) => {
      const idx = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
      const labels = Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 1, 0]);
      writeFileSync(join(home, "a-images-idx3-ubyte"), random.next() < 0.5 ? mutateBytes(idx, random) : idx);
      writeFileSync(join(home, "a-labels-idx1-ubyte"), mutateBytes(labels, random));
      const data = await openLabelled(join(home, "a-images-idx3-ubyte"));
      await data.read(0);
    },
  ],
  [
    "rows",
    async (random) => {
      writeFileSync(
        join(home, "rows.csv"),
        mutateBytes(new TextEncoder().encode("file,label\na.png,1\nb.png,0\n"), random),
      );
      const data = await openLabelled(join(home, "rows.csv"));
      await data.read(0);
    },
  ],
  ["npz", async (random) => originalModel(readNpz(mutateBytes(npz, random), "case"), "case")],
  [
    "config",
    async (random) => readModel(mutated(random.pick(configs), random), new Map(), "case", { incomplete: true }),
  ],
  ["processor", async (random) => prepare(picture, readProcessor(mutated(random.pick(processors), random), "case"), 3)],
  [
    "timm's processor",
    async (random) =>
      prepare(
        picture,
        readTimmProcessor(
          mutated({ input_size: [3, 8, 8], mean: [0.5], std: [0.5], crop_pct: 0.9, interpolation: "bicubic" }, random),
          "case",
        ),
        3,
      ),
  ],
  [
    "pipeline",
    async (random) => {
      const text = mutatedText(
        "random_resized_crop(0.05,1)|flip_lr|shift(2)|resize_small(7)|central_crop(9)|light(0.2,0.1)",
        random,
      );
      augmented(
        [picture],
        parsePipeline(text),
        plainProcessor({ width: 8, height: 8 }),
        { width: 8, height: 8, channels: 3 },
        [0, 0, 0],
      );
    },
  ],
  [
    "fine-tuning",
    async (random) =>
      parseVisionConfig(
        mutated(
          { model: "m", data: "d", out: "o", lr: 0.1, epochs: 3, augment: "flip_lr", targets: ["query"] },
          random,
        ),
      ),
  ],
];

const counts = Object.fromEntries(readers.map(([name]) => [name, { cases: 0, read: 0, refused: 0, slowest: 0 }]));
const failures = [];
let last = from - 1;
function report() {
  console.table(Object.entries(counts).map(([reader, row]) => ({ reader, ...row, slowest: Math.round(row.slowest) })));
  for (const { seed, name, why } of failures.slice(0, 20)) console.log(`\n${name}, case ${seed}: ${why}`);
  console.log(`cases ${from} to ${last}: ${failures.length} failures`);
}
process.on("SIGINT", () => {
  report();
  console.log(`stopped: go on with --from ${last + 1}`);
  process.exit(130);
});
for (let seed = from; seed < to; seed++) {
  const [name, read] = readers[seed % readers.length];
  const row = counts[name];
  const begun = performance.now();
  row.cases++;
  try {
    await read(generator(seed));
    row.read++;
  } catch (error) {
    if (error instanceof ZerothError && error.code !== "internal") row.refused++;
    else failures.push({ seed, name, why: String(error?.stack ?? error).slice(0, 400) });
  }
  const took = performance.now() - begun;
  row.slowest = Math.max(row.slowest, took);
  if (took > slow) failures.push({ seed, name, why: `took ${took.toFixed(0)} ms` });
  last = seed;
}
rmSync(home, { recursive: true, force: true });
report();
process.exitCode = failures.length > 0 ? 1 : 0;

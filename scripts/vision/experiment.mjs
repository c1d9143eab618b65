/**
 * What small models of images learn from 13,500 handwritten characters, and what that is worth elsewhere. A line of JSON a
 * part goes to --results as it ends; the same command goes on where an interrupted one was, a training in the middle of it.
 *
 *   node scripts/vision/experiment.mjs --data VISION --results FILE.jsonl [--parts a,b] [--epochs 16] [--limit N]
 *     [--work DIR] [--threads 1]
 *
 * VISION holds omniglot/ and mnist-t10k/ as IDX files. --limit takes so many examples at most of every set, to try it.
 * Parts, with the minutes that they took or should take on one quiet core:
 *   mixer, vit, resnet   trained on the characters of drawers 1 to 16, judged on those of 17 to 20; then 25-shot on 1,000
 *                        digits (2 to 4 minutes each at 16 epochs)
 *   transfer             all weights of the mixer, and of a random start, on 100 digits of each class (1 minute)
 *   forwards             whether a drawing is played forwards or backwards, by a ViViT, joint and factorised, and the same
 *                        with its frames shuffled, where there is nothing to be told (5 minutes each of the three). A frame
 *                        has the ink of its eighth of the time alone: ink that adds up would give the order away.
 */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { finetune, openVisionModel, parseVisionConfig } from "../../dist/index.js";
import { fewShot, supportOf } from "../../dist/vision/fewshot.js";

const { values: given } = parseArgs({
  options: {
    data: { type: "string" },
    results: { type: "string" },
    parts: { type: "string", default: "mixer,resnet,vit,transfer,forwards" },
    epochs: { type: "string", default: "16" },
    limit: { type: "string" },
    work: { type: "string" },
    threads: { type: "string", default: "1" },
  },
});
for (const name of ["data", "results"]) {
  if (given[name]) continue;
  console.error(`--${name} is missing: see the head of scripts/vision/experiment.mjs`);
  process.exit(2);
}
const limit = given.limit === undefined ? Number.POSITIVE_INFINITY : Number(given.limit);
const work = given.work ? resolve(given.work) : mkdtempSync(join(tmpdir(), "zeroth-vision-"));
mkdirSync(work, { recursive: true });
const results = existsSync(given.results)
  ? readFileSync(given.results, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  : [];
const stop = new AbortController();
process.on("SIGINT", () => stop.abort());

const unpacked = (...names) => new Uint8Array(gunzipSync(readFileSync(join(given.data, ...names))));

/** Write an IDX file: bytes, or whole numbers of 16 bits. */
function writeIdx(path, shape, data) {
  const wide = data instanceof Int16Array;
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length * (wide ? 2 : 1));
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, wide ? 11 : 8, shape.length]);
  shape.forEach((side, i) => {
    view.setUint32(4 + 4 * i, side);
  });
  const begin = 4 + 4 * shape.length;
  if (wide) for (const [i, value] of data.entries()) view.setInt16(begin + 2 * i, value);
  else bytes.set(data, begin);
  writeFileSync(path, bytes);
}

/** At most so many places of a list, evenly from all of it. */
const some = (list) =>
  list.length <= limit ? list : Array.from({ length: limit }, (_, i) => list[Math.floor((i * list.length) / limit)]);

/** An IDX pair of pictures of these places; its path. */
function written(name, images, labels, places, size) {
  const folder = join(work, name);
  const path = join(folder, "images-idx3-ubyte");
  mkdirSync(folder, { recursive: true });
  const data = new Uint8Array(places.length * size * size);
  places.forEach((place, i) => {
    data.set(images.subarray(place * size * size, (place + 1) * size * size), i * size * size);
  });
  writeIdx(path, [places.length, size, size], data);
  writeIdx(
    join(folder, "labels-idx1-short"),
    [places.length],
    Int16Array.from(places, (place) => labels[place]),
  );
  return path;
}

/** Characters of drawers 1 to 16, and of 17 to 20. */
function omniglot() {
  const images = unpacked("omniglot", "background-images-idx3-ubyte.gz").subarray(16);
  const drawers = unpacked("omniglot", "background-drawers-idx1-ubyte.gz").subarray(8);
  const packed = unpacked("omniglot", "background-labels-idx1-short.gz");
  const view = new DataView(packed.buffer, packed.byteOffset);
  const labels = Array.from({ length: drawers.length }, (_, i) => view.getInt16(8 + 2 * i));
  const all = labels.map((_, i) => i);
  const [train, held] = [(i) => drawers[i] <= 16, (i) => drawers[i] > 16].map((is) => some(all.filter(is)));
  // Classes of what is held out are those that are learnt.
  const known = new Set(train.map((i) => labels[i]));
  return {
    train: written("characters", images, labels, train, 28),
    held: written(
      "characters-held",
      images,
      labels,
      held.filter((i) => known.has(labels[i])),
      28,
    ),
  };
}

/** So many digits of each class, and 1,000 others. */
function digits(shots) {
  const images = unpacked("mnist-t10k", "images-idx3-ubyte.gz").subarray(16);
  const labels = [...unpacked("mnist-t10k", "labels-idx1-ubyte.gz").subarray(8)];
  const support = supportOf(labels, shots);
  const taken = new Set(support);
  const rest = labels.flatMap((_, i) => (taken.has(i) ? [] : [i])).slice(0, Math.min(1000, limit));
  return { images, labels, support, rest };
}

const mixer = {
  architecture: "mixer_s7_28",
  model_args: { img_size: 28, in_chans: 1, patch_size: 7, num_blocks: 3, embed_dim: 64 },
  pretrained_cfg: { input_size: [1, 28, 28] },
};
const bodies = {
  mixer: { architecture: mixer, lr: 3e-3 },
  vit: {
    architecture: {
      architecture: "vit_tiny_patch7_28",
      model_args: {
        ...{ img_size: 28, in_chans: 1, patch_size: 7, depth: 3, embed_dim: 64, num_heads: 4 },
        ...{ global_pool: "avg", class_token: false, weight_init: "jax" },
      },
      pretrained_cfg: { input_size: [1, 28, 28] },
    },
    lr: 2e-3,
  },
  resnet: {
    architecture: {
      ...{ model_type: "resnet", num_channels: 1, embedding_size: 16, hidden_sizes: [16, 32, 64], depths: [1, 1, 1] },
      layer_type: "basic",
    },
    lr: 4e-3,
  },
};

/** The recipe of all runs: AdamW, decay 0.03, a tenth of warm-up, then a cosine. */
const recipe = {
  ...{ optimizer: "adamw", weight_decay: 0.03, clip: 1, batch: 128, augment: "shift(2)", size: 28, seed: 0 },
  ...{ threads: Number(given.threads), epochs: Number(given.epochs) },
};

async function trained(name, config) {
  const out = join(work, "runs", name);
  const begun = performance.now();
  const done = await finetune(parseVisionConfig({ ...recipe, ...config, out }), {
    resume: existsSync(out),
    signal: stop.signal,
    events: {
      evaluated: ({ step, accuracy, loss }) =>
        console.log(`${name}  step ${step}  ${(100 * accuracy).toFixed(2)} %  loss ${loss.toFixed(3)}`),
    },
  });
  return { ...done, minutes: (performance.now() - begun) / 60_000 };
}

/** The best accuracy over strengths of regularisation, 25 examples of each digit. */
async function onDigits(folder) {
  const { images, labels, support, rest } = digits(25);
  const model = await openVisionModel(folder, { threads: Number(given.threads) });
  const of = async (places) => {
    const pixels = places.map((i) =>
      model.prepare([{ width: 28, height: 28, channels: 1, data: images.subarray(784 * i, 784 * (i + 1)) }]),
    );
    return { features: await model.features(pixels), labels: places.map((i) => labels[i]) };
  };
  try {
    const { accuracies } = fewShot(await of(support), await of(rest));
    return Math.max(...accuracies);
  } finally {
    await model[Symbol.asyncDispose]();
  }
}

async function upstream(name) {
  const { train, held } = omniglot();
  const { best, minutes, parameters, model } = await trained(name, { ...bodies[name], data: train, eval: held });
  const mnist = await onDigits(model);
  return [{ part: name, upstream: best.accuracy, mnist25: mnist, parameters, minutes }];
}

async function transfer() {
  const { images, labels, support, rest } = digits(Math.min(100, limit));
  const data = written("digits", images, labels, support, 28);
  const held = written("digits-held", images, labels, rest, 28);
  const rows = [];
  for (const [start, from] of [
    ["mixer", { model: join(work, "runs", "mixer") }],
    ["random", { architecture: mixer }],
  ]) {
    const { best, minutes } = await trained(`transfer-${start}`, { ...from, data, eval: held, lr: 1e-3, epochs: 10 });
    rows.push({ part: "transfer", start, accuracy: best.accuracy, minutes });
  }
  return rows;
}

const frames = 8;

/** A drawing's eighths of time, each with the ink of its own time alone. */
function played({ x, y, t, from, to }) {
  const clip = Array.from({ length: frames }, () => new Uint8Array(784));
  const last = Math.max(1, t[to - 1]);
  for (let i = from; i < to; i++) {
    const frame = clip[Math.min(frames - 1, Math.floor((frames * t[i]) / (last + 1)))];
    const [column, row] = [x[i], y[i]].map((at) => Math.min(27, Math.floor((at / 2) * (28 / 105))));
    frame[28 * row + column] = 255;
  }
  return clip;
}

function drawings() {
  const { points, drawings: all } = JSON.parse(readFileSync(join(given.data, "omniglot", "strokes.json"), "utf8"));
  const bytes = unpacked("omniglot", "strokes.bin.gz");
  const times = new DataView(bytes.buffer, bytes.byteOffset + 3 * points);
  const t = Uint16Array.from({ length: points }, (_, i) => times.getUint16(2 * i, true));
  const parts = { x: bytes.subarray(0, points), y: bytes.subarray(points, 2 * points), t };
  return all.map(({ d, o }, i) => ({ ...parts, drawer: d, from: o, to: all[i + 1]?.o ?? points }));
}

/** Half of the drawings backwards; shuffled, every clip has an order of its own and a label that nothing tells. */
function clips(name, chosen, shuffled) {
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  const data = new Uint8Array(chosen.length * frames * 784);
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const labels = chosen.map((drawing, i) => {
    const backwards = random() < 0.5;
    const clip = played(drawing);
    const ordered = backwards ? clip.reverse() : clip;
    const keys = ordered.map(() => random());
    const order = ordered.map((_, k) => k);
    if (shuffled) order.sort((a, b) => keys[a] - keys[b]);
    order.forEach((k, place) => {
      data.set(ordered[k], (i * frames + place) * 784);
    });
    return backwards ? 1 : 0;
  });
  writeIdx(join(folder, "images-idx4-ubyte"), [chosen.length, frames, 28, 28], data);
  writeIdx(join(folder, "labels-idx1-ubyte"), [labels.length], Uint8Array.from(labels));
  return join(folder, "images-idx4-ubyte");
}

async function forwards() {
  const all = drawings();
  const [train, held] = [(d) => d.drawer <= 16, (d) => d.drawer > 16].map((is) => some(all.filter(is)));
  const vivit = (attention_type) => ({
    ...{ model_type: "vivit", image_size: 28, num_channels: 1, num_frames: frames, tubelet_size: [2, 7, 7] },
    // Meant for hundreds of channels is the usual 0.02: one by the root of these is as far.
    initializer_range: 0.125,
    ...{ hidden_size: 48, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 96, attention_type },
    num_temporal_layers: 1,
  });
  const rows = [];
  for (const [name, kind, shuffled] of [
    ["joint", "spacetime", false],
    ["factorised", "factorized_encoder", false],
    ["joint-shuffled", "spacetime", true],
  ]) {
    const order = shuffled ? "shuffled" : "ordered";
    const data = clips(`clips-${order}`, train, shuffled);
    const { best, minutes } = await trained(`forwards-${name}`, {
      ...{ architecture: vivit(kind), data, eval: clips(`clips-held-${order}`, held, shuffled) },
      ...{ augment: "none", lr: 1e-3 },
    });
    rows.push({ part: "forwards", model: name, accuracy: best.accuracy, minutes });
  }
  return rows;
}

const parts = {
  mixer: () => upstream("mixer"),
  vit: () => upstream("vit"),
  resnet: () => upstream("resnet"),
  transfer,
  forwards,
};
for (const name of given.parts.split(",")) {
  if (!Object.hasOwn(parts, name)) {
    console.error(`there is no part ${name}: ${Object.keys(parts).join(", ")}`);
    process.exit(2);
  }
  if (results.some(({ part }) => part === name)) continue;
  for (const row of await parts[name]()) {
    appendFileSync(
      given.results,
      `${JSON.stringify({ ...row, epochs: Number(given.epochs), ...(given.limit && { limit }) })}\n`,
    );
    console.log(row);
  }
}

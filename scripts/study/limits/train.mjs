/** Pre-training of a small model on Omniglot's characters, its weights kept after some epochs. */
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../../../dist/base/files-node.js";
import { permuted } from "../../../dist/data/order.js";
import { graph } from "../../../dist/graph/graph.js";
import * as ops from "../../../dist/graph/operators.js";
import { input } from "../../../dist/graph/tensor.js";
import { adamw } from "../../../dist/learn/optimizers.js";
import { scheduleFactor } from "../../../dist/learn/schedules.js";
import { createTrainer } from "../../../dist/learn/trainer.js";
import { familyOf } from "../../../dist/models/families.js";
import { initialValue } from "../../../dist/nn/initial.js";
import { createScope } from "../../../dist/nn/scope.js";
import { compile } from "../../../dist/runtime/compile-node.js";
import { openSafetensors, readTensor, writeSafetensors } from "../../../dist/weights/safetensors-node.js";
import { batchOf, side, upstream } from "./data.mjs";

const batch = 128;
const decay = 0.03;
const seed = 1;

const timm = (architecture, model_args) => ({
  architecture,
  num_classes: 964,
  model_args: { img_size: side, in_chans: 1, ...model_args },
});

const configs = {
  vit: (size) => {
    const embed_dim = 16 * 2 ** size;
    return timm("vit_tiny_patch7_28", {
      patch_size: 7,
      embed_dim,
      depth: 3,
      num_heads: embed_dim / 16,
      global_pool: "avg",
      class_token: false,
      // Nothing that narrow gets anywhere from timm's own start, which is meant for hundreds of channels.
      weight_init: "jax",
    });
  },
  mixer: (size) => timm("mixer_s7_28", { patch_size: 7, embed_dim: 8 * 2 ** size, num_blocks: size === 3 ? 3 : 2 }),
  resnet: (size) => ({
    ...{ model_type: "bit", architectures: ["BitForImageClassification"], num_labels: 964, num_channels: 1 },
    ...{ layer_type: "preactivation", num_groups: 8, depths: [1, 1, 1], embedding_size: 8 * 2 ** (size - 1) },
    hidden_sizes: [16, 32, 64].map((width) => width * 2 ** (size - 1)),
  }),
};

/** The architecture of a run, for pictures of 28 by 28. */
export function architectureOf({ family, size }) {
  const config = configs[family](size);
  const found = familyOf(config, "the study").read(config);
  return found.image.height === side ? found : found.resized({ height: side, width: side });
}

/** pixels to the scores of the classes. */
function classifier(model, scope, options = {}) {
  const { encode, classify } = model.network(scope, options);
  return classify(encode(input("pixels", "float32", ["batch", 1, side, side])));
}

const int64 = (values) => ({ dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) });

/** Shares of validation pictures told right. */
async function validated(program, values, { images, labels, validation }) {
  let right = 0;
  for (let first = 0; first < validation.length; first += 256) {
    const places = validation.slice(first, first + 256);
    const { logits } = await program.run({ pixels: batchOf(images, places), ...values });
    const classes = logits.shape[1];
    places.forEach((place, row) => {
      const scores = logits.data.subarray(row * classes, (row + 1) * classes);
      let best = 0;
      for (let c = 1; c < classes; c++) if (scores[c] > scores[best]) best = c;
      if (best === labels[place]) right++;
    });
  }
  return right / validation.length;
}

export const checkpoints = (epochs) => [...[1, 2, 4, 8].filter((epoch) => epoch < epochs), epochs];
export const weightsFile = (epoch) => `epoch-${epoch}.safetensors`;

/** One run: rows `{after, upstream, loss}`. Goes on after its last whole epoch. */
export async function pretrain({ factors, work, out, data, signal, progress }) {
  const { fraction, headDecay = decay } = factors;
  const model = architectureOf(factors);
  const set = upstream(data, fraction);
  const scope = createScope();
  const loss = ops.mean(
    ops.softmaxCrossEntropy(classifier(model, scope, { training: true }), input("labels", "int64", ["batch"])),
  );
  const parameters = [...scope.parameters.values()];
  const values = new Map(parameters.map((spec) => [spec.name, initialValue(spec, seed)]));
  const open = (g) => compile(g, { trained: () => true, threads: 1, spin: false });
  const trainer = await createTrainer({
    ...{ loss, parameters, values, optimizer: adamw(), clip: 1, compile: open },
    group: (name) =>
      model.classifier.test(name)
        ? { name: "head", lrScale: 1, weightDecay: headDecay }
        : { name: "body", lrScale: 1, weightDecay: decay },
  });
  const scoring = await open(graph({ logits: classifier(model, createScope()) }));
  try {
    return await epochsOf({ trainer, scoring, values, set, factors, work, out, signal, progress });
  } finally {
    await trainer[Symbol.asyncDispose]();
    await scoring[Symbol.asyncDispose]();
  }
}

async function epochsOf({ trainer, scoring, values, set, factors, work, out, signal, progress }) {
  const { rate, epochs } = factors;
  const steps = Math.floor(set.train.length / batch);
  const total = steps * epochs;

  const state = join(work, "state.json");
  let { epoch, rows } = existsSync(state) ? JSON.parse(readFileSync(state, "utf8")) : { epoch: 0, rows: [] };
  const saved = (after) => join(work, `state-${after}.safetensors`);
  if (epoch > 0) {
    const file = openSafetensors(saved(epoch));
    const read = (prefix) =>
      new Map(
        [...file.tensors.keys()]
          .filter((name) => name.startsWith(prefix))
          .map((name) => [name.slice(prefix.length), readTensor(file, name)]),
      );
    for (const [name, { data: kept }] of read("weight/")) values.get(name).data.set(kept);
    trainer.restore(read("state/"), epoch * steps);
  }
  for (; epoch < epochs; epoch++) {
    let sum = 0;
    for (let step = 0; step < steps; step++) {
      signal.throwIfAborted();
      const places = Array.from(
        { length: batch },
        (_, i) => set.train[permuted(seed + epoch, set.train.length, step * batch + i)],
      );
      const feeds = {
        pixels: batchOf(set.images, places, { shift: 2, seed: seed + 31 * epoch }),
        labels: int64(places.map((place) => set.labels[place])),
      };
      const done = epoch * steps + step + 1;
      const factor = scheduleFactor({ name: "cosine", warmup: Math.ceil(total / 10) }, done, total);
      const report = await trainer.step([feeds], rate * factor);
      if (!Number.isFinite(report.loss))
        return [...rows, { after: epoch + 1, upstream: Number.NaN, loss: report.loss }];
      sum += report.loss;
      progress(done, total);
    }
    const after = epoch + 1;
    if (checkpoints(epochs).includes(after)) {
      const score = await validated(scoring, Object.fromEntries(values), set);
      rows = [...rows, { after, upstream: score, loss: sum / steps }];
      await writeSafetensors(join(work, weightsFile(after)), values);
    }
    const all = [
      ...[...values].map(([name, value]) => [`weight/${name}`, value]),
      ...[...trainer.state].map(([name, value]) => [`state/${name}`, value]),
    ];
    await writeSafetensors(saved(after), all);
    await writeFileSafely(state, JSON.stringify({ epoch: after, rows }));
    rmSync(saved(epoch), { force: true });
  }
  for (const after of checkpoints(epochs)) copyFileSync(join(work, weightsFile(after)), join(out, weightsFile(after)));
  return rows;
}

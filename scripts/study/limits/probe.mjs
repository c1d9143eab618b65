/** What a pre-trained model's frozen features are worth for other tasks. */
import { join } from "node:path";
import { graph } from "../../../dist/graph/graph.js";
import * as ops from "../../../dist/graph/operators.js";
import { input } from "../../../dist/graph/tensor.js";
import { createScope } from "../../../dist/nn/scope.js";
import { compile } from "../../../dist/runtime/compile-node.js";
import { fewShot, sharedLambda } from "../../../dist/vision/fewshot.js";
import { openSafetensors } from "../../../dist/weights/safetensors-node.js";
import { batchOf, downstream, oneshot, side, tasks } from "./data.mjs";
import { architectureOf, weightsFile } from "./train.mjs";

const shots = [1, 5, 25];
const lambdas = Array.from({ length: 10 }, (_, i) => 2 ** (3 * i - 10));
const mostRows = 256;

/** The classifier's input, and the mean over places of what each layer gives. */
function featuresGraph(model) {
  const layers = [];
  const network = model.network(createScope(), { watch: { hidden: (x) => void layers.push(x) } });
  const last = network.features(network.encode(input("pixels", "float32", ["batch", 1, side, side])));
  const pooled = layers.map((x, i) => [`layer${i}`, ops.mean(x, x.shape.length === 4 ? [2, 3] : [1])]);
  return { graph: graph({ last, ...Object.fromEntries(pooled) }), depth: layers.length };
}

/** Vectors of pictures, by the names of the outputs. */
async function vectors(program, images, places) {
  const found = Object.fromEntries(program.outputs.map((name) => [name, []]));
  for (let first = 0; first < places.length; first += mostRows) {
    const some = places.slice(first, first + mostRows);
    const result = await program.run({ pixels: batchOf(images, some) });
    for (const [name, { shape, data }] of Object.entries(result)) {
      const width = shape[1];
      for (let row = 0; row < some.length; row++) found[name].push(data.slice(row * width, (row + 1) * width));
    }
  }
  return found;
}

/** The first examples of each class. */
function firstOf(labels, count) {
  const seen = new Map();
  return labels.flatMap((label, i) => {
    seen.set(label, (seen.get(label) ?? 0) + 1);
    return seen.get(label) <= count ? [i] : [];
  });
}

function unit(vector, mean) {
  const centred = Float64Array.from(vector, (v, i) => v - mean[i]);
  const norm = Math.hypot(...centred) || 1;
  return centred.map((v) => v / norm);
}

/** The most similar of twenty characters, by the cosine of features less their mean. */
function similarity(features, runs) {
  let [right, count] = [0, 0];
  for (const { support, query, answer } of runs) {
    const width = features[support[0]].length;
    const mean = Float64Array.from(
      { length: width },
      (_, i) => support.reduce((sum, place) => sum + features[place][i], 0) / support.length,
    );
    const known = support.map((place) => unit(features[place], mean));
    query.forEach((place, i) => {
      const asked = unit(features[place], mean);
      const scores = known.map((one) => one.reduce((sum, v, k) => sum + v * asked[k], 0));
      if (scores.indexOf(Math.max(...scores)) === answer[i]) right++;
      count++;
    });
  }
  return right / count;
}

/** One checkpoint: rows `{probe, task, shots, depth?, upstream, accuracy, lambda?}`. */
export async function fewshot({ factors, parent, data, signal, progress }) {
  const { checkpoint, epochs } = factors;
  const model = architectureOf(factors);
  const { graph: g, depth } = featuresGraph(model);
  const { tensors } = openSafetensors(join(parent.out, weightsFile(checkpoint)));
  const program = await compile(g, { weights: tensors, threads: 1, spin: false });
  try {
    return await probed(program, depth, { checkpoint, epochs, parent, data, signal, progress });
  } finally {
    await program[Symbol.asyncDispose]();
  }
}

async function probed(program, depth, { checkpoint, epochs, parent, data, signal, progress }) {
  const { upstream } = parent.rows.find(({ after }) => after === checkpoint);
  const sets = [];
  for (const task of Object.keys(tasks)) {
    signal.throwIfAborted();
    const { images, labels, support, test } = downstream(data, task);
    const [a, b] = [await vectors(program, images, support), await vectors(program, images, test)];
    sets.push({
      task,
      support: a,
      test: b,
      supportLabels: support.map((i) => labels[i]),
      testLabels: test.map((i) => labels[i]),
    });
    progress(sets.length, Object.keys(tasks).length + 1);
  }
  const accuracies = ({ support, test, supportLabels, testLabels }, output, count) => {
    const places = firstOf(supportLabels, count);
    return fewShot(
      { features: places.map((i) => support[output][i]), labels: places.map((i) => supportLabels[i]) },
      { features: test[output], labels: testLabels },
      lambdas,
    ).accuracies;
  };
  const rows = [];
  const probe = (output, count, more) => {
    signal.throwIfAborted();
    const found = sets.map((set) => accuracies(set, output, count));
    // One lambda for all tasks, so that none is chosen by a task's own test pictures.
    const lambda = sharedLambda(found);
    rows.push(
      ...sets.map(({ task }, i) => ({
        ...more,
        task,
        shots: count,
        upstream,
        accuracy: found[i][lambda],
        lambda: lambdas[lambda],
      })),
    );
  };
  for (const count of shots) probe("last", count, { probe: "last" });
  if (checkpoint === epochs)
    for (let layer = 0; layer < depth; layer++) probe(`layer${layer}`, 25, { probe: "layer", depth: layer });
  const { images, runs } = oneshot(data);
  const near = await vectors(
    program,
    images,
    Array.from({ length: images.length / side ** 2 }, (_, i) => i),
  );
  rows.push({
    probe: "last",
    task: "omniglot one-shot",
    shots: 1,
    upstream,
    accuracy: similarity(near.last, runs),
    lambda: null,
  });
  return rows;
}

/** One measurement of this library in a process of its own: node bench/zeroth.js MEASURE FOLDER THREADS REPEATS */

import { openModelFolder } from "../dist/folders/open-node.js";
import { int64, zeros } from "../dist/graph/array.js";
import { graph } from "../dist/graph/graph.js";
import * as o from "../dist/graph/operators.js";
import { input, parameter } from "../dist/graph/tensor.js";
import { adamw } from "../dist/learn/optimizers.js";
import { createTrainer } from "../dist/learn/trainer.js";
import { readModel } from "../dist/models/families.js";
import { encoderDecoderModel, encoderGraph } from "../dist/models/kinds/encoder-decoder.js";
import { encoderDecoderLoss } from "../dist/models/kinds/encoder-decoder-loss.js";
import { crossing, wholeRow } from "../dist/nn/pass.js";
import { createScope } from "../dist/nn/scope.js";
import { compile } from "../dist/runtime/compile-node.js";
import { readStored } from "../dist/weights/safetensors-node.js";
import { anyQuantized } from "../dist/weights/weights.js";
import { ids, report, timed } from "./shared.js";

const [measure, path, threadsText, repeatsText] = process.argv.slice(2);
const [threads, repeats] = [Number(threadsText), Number(repeatsText)];
const open = () => {
  const folder = openModelFolder(path);
  const { architecture, weights } = readModel(folder.config, folder.weights, path);
  return { weights, config: architecture };
};
const matrix = (rows, shape = [rows.length, rows[0].length]) => int64(shape, rows.flat());
const ones = (rows) => matrix(rows.map((row) => row.map(() => 1)));

/** The options the product compiles its encoder with, without compiling it. */
async function encoderOptions(config) {
  let options = {};
  const asked = encoderDecoderModel(config, (_, more = {}) => {
    options = more;
    return Promise.reject(new Error("only asked"));
  });
  await asked.read([[1]]).catch(() => undefined);
  return options;
}

async function encoder() {
  const { weights, config } = open();
  // The peers' encoders do not compute the decoder's keys and values either.
  const alone = graph({ encoded: encoderGraph(config).outputs.encoded });
  const program = await compile(alone, { ...(await encoderOptions(config)), weights, threads });
  const tokens = ids(1, 256, config.vocabulary);
  const feeds = { ids: matrix(tokens), mask: ones(tokens) };
  report(await timed(() => program.run(feeds), repeats, 2), { batch: 1, tokens: 256 });
}

async function decode(batch) {
  const { weights, config } = open();
  const model = encoderDecoderModel(config, (g, more) => compile(g, { ...more, weights, threads }), {
    packed: anyQuantized(weights),
  });
  const reading = await model.read(ids(batch, 256, config.vocabulary));
  const run = async () => {
    const decoding = reading.begin(1, 64);
    let feed;
    for (let step = 0; step < 64; step++) feed = (await decoding.step(feed)).best;
  };
  report(await timed(run, repeats), { per: 64, batch, steps: 64, encoder_tokens: 256 });
}

/** Labels [8, 32] and the tokens they are predicted from, one to the right. */
function trainingFeeds(config) {
  const labels = ids(8, 32, config.vocabulary, 1);
  const shifted = labels.map((row) => [config.start, ...row.slice(0, -1)]);
  const tokens = ids(8, 128, config.vocabulary);
  return {
    ids: matrix(tokens),
    mask: ones(tokens),
    tokens: matrix(shifted),
    labels: matrix(labels),
    scale: { dtype: "float32", shape: [], data: Float32Array.of(1 / 256) },
  };
}

async function train() {
  const { weights, config } = open();
  const scope = createScope();
  const loss = encoderDecoderLoss(config).graph(scope);
  const parameters = [...scope.parameters.values()];
  const trainer = await createTrainer({
    loss,
    parameters,
    values: new Map(parameters.map(({ name }) => [name, readStored(weights.get(name))])),
    optimizer: adamw(),
    compile: (g) => compile(g, { threads, trained: () => true, optimize: "disabled" }),
  });
  const feeds = [trainingFeeds(config)];
  const times = await timed(() => trainer.step(feeds, 1e-4), repeats, 2);
  const count = parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  report(times, { batch: 8, input_tokens: 128, target_tokens: 32, parameters: count });
}

async function frozen() {
  const { weights, config } = open();
  const training = { training: true };
  const network = config.network(createScope(), training);
  const soft = parameter("prompt", [20, config.width]);
  const [tokens, labels] = ["tokens", "labels"].map((name) => input(name, "int64", [8, 32]));
  const text = input("ids", "int64", [8, 128]);
  // Both parts padded to the whole length and added: the text's part then costs no gradient at all.
  const front = o.pad(o.expand(o.reshape(soft, [1, 20, config.width]), [8, 20, config.width]), [0, 0, 0], [0, 128, 0]);
  const enter = (embedded) => o.add(front, o.pad(embedded, [0, 20, 0], [0, 0, 0]));
  const mask = o.concat([o.filled("int64", 1, [8, 20]), input("mask", "int64", [8, 128])], 1);
  const encoded = network.encode(text, wholeRow(148, { causal: false, mask, enter, ...training }));
  const row = wholeRow(32, { causal: true, ...training });
  const pass = crossing(row, network.memory(encoded), { batch: 8, beams: 1, mask, ...training });
  const logits = network.logits(network.decode(tokens, pass));
  const loss = o.mul(o.sum(o.softmaxCrossEntropy(logits, labels)), input("scale", "float32", []));
  const trainer = await createTrainer({
    loss,
    parameters: [{ name: "prompt", shape: [20, config.width], tensor: soft }],
    values: new Map([["prompt", zeros("float32", [20, config.width])]]),
    optimizer: adamw(),
    compile: (g) => compile(g, { weights, threads, trained: (name) => name === "prompt", optimize: "disabled" }),
  });
  const feeds = [trainingFeeds(config)];
  const times = await timed(() => trainer.step(feeds, 1e-2), repeats, 2);
  report(times, { batch: 8, prompt_tokens: 20, input_tokens: 128, target_tokens: 32 });
}

await { encoder, decode1: () => decode(1), decode8: () => decode(8), train, frozen }[measure]();

/**
 * A small model in one file: a classifier of 8×8 digits, its data, its training, its checkpoint. This is the worked
 * example of docs/networks.md; `npx vitest run examples/digits.test.ts` runs it and prints its accuracy.
 */
import { join } from "node:path";
import { type Random, randomAt } from "../src/base/rng.ts";
import { float32, int64, type NdArray } from "../src/graph/array.ts";
import { graph } from "../src/graph/graph.ts";
import * as o from "../src/graph/operators.ts";
import { input, type Tensor } from "../src/graph/tensor.ts";
import { adamw } from "../src/learn/optimizers.ts";
import { createTrainer } from "../src/learn/trainer.ts";
import { initialValue } from "../src/nn/initial.ts";
import { linear } from "../src/nn/linear.ts";
import { createScope, normal, type Scope } from "../src/nn/scope.ts";
import { compile } from "../src/runtime/compile-node.ts";
import type { Program } from "../src/runtime/program.ts";
import { openSafetensors, writeSafetensors } from "../src/weights/safetensors-node.ts";

const side = 8;
const pixels = side * side;

/** Ten glyphs of 4×6 dots, one string a row. */
const font = [
  [".##.", "#..#", "#..#", "#..#", "#..#", ".##."],
  ["..#.", ".##.", "..#.", "..#.", "..#.", ".###"],
  [".##.", "#..#", "...#", "..#.", ".#..", "####"],
  ["###.", "...#", ".##.", "...#", "...#", "###."],
  ["#..#", "#..#", "#..#", "####", "...#", "...#"],
  ["####", "#...", "###.", "...#", "...#", "###."],
  [".##.", "#...", "###.", "#..#", "#..#", ".##."],
  ["####", "...#", "..#.", "..#.", ".#..", ".#.."],
  [".##.", "#..#", ".##.", "#..#", "#..#", ".##."],
  [".##.", "#..#", "#..#", ".###", "...#", ".##."],
] as const;

/** A glyph at a random place, of random brightness, some of its dots missing, under noise. */
function drawDigit(digit: number, random: Random, into: Float32Array): void {
  const [left, top] = [random.below(5), random.below(3)];
  const ink = 0.6 + 0.4 * random.next();
  for (let i = 0; i < pixels; i++) into[i] = 0.5 * random.next();
  font[digit]!.forEach((row, y) => {
    [...row].forEach((dot, x) => {
      if (dot === "#" && random.next() > 0.05) into[(top + y) * side + left + x]! += ink;
    });
  });
}

interface Digits {
  /** [count, 64] */
  readonly images: NdArray;
  /** [count] */
  readonly labels: NdArray;
}

/** `count` digits that follow from the seed and the batch's number alone. */
function digits(seed: number, batch: number, count: number): Digits {
  const random = randomAt(seed, batch);
  const data = new Float32Array(count * pixels);
  const labels = Array.from({ length: count }, (_, i) => {
    const digit = random.below(10);
    drawDigit(digit, random, data.subarray(i * pixels, (i + 1) * pixels));
    return digit;
  });
  return { images: float32([count, pixels], data), labels: int64([count], labels) };
}

/** The model: 64 pixels, a hidden layer, ten logits. [batch, 64] to [batch, 10]. */
function classifier(scope: Scope, x: Tensor, hidden = 128): Tensor {
  const h = o.relu(linear(scope.at("hidden"), x, hidden, normal(Math.sqrt(2 / pixels)), { bias: true }));
  return linear(scope.at("output"), h, 10, normal(Math.sqrt(1 / hidden)), { bias: true });
}

/** The classifier as a graph from images to logits; its scope knows the parameters. */
function classifierGraph() {
  const scope = createScope();
  const logits = classifier(scope, input("images", "float32", ["batch", pixels]));
  return { scope, logits };
}

async function logitsOf(program: Program<"logits">, images: NdArray): Promise<Float32Array> {
  return (await program.run({ images })).logits.data as Float32Array;
}

function accuracy(logits: Float32Array, { labels }: Digits): number {
  const best = (row: Float32Array) => row.indexOf(Math.max(...row));
  let right = 0;
  labels.data.forEach((label, i) => {
    if (best(logits.subarray(i * 10, i * 10 + 10)) === Number(label)) right++;
  });
  return right / labels.data.length;
}

export interface DigitsResult {
  /** Of the untrained and of the trained model, on digits it was not trained on. */
  readonly before: number;
  readonly after: number;
  readonly losses: readonly number[];
  /** Logits of the test digits before the checkpoint was written, and from the checkpoint. */
  readonly logits: Float32Array;
  readonly reloaded: Float32Array;
}

/** Train, write `digits.safetensors` into the folder, and open it again. */
export async function trainDigits(folder: string, { steps = 1500, batch = 64, seed = 1 } = {}): Promise<DigitsResult> {
  const { scope, logits } = classifierGraph();
  const loss = o.mean(o.softmaxCrossEntropy(logits, input("labels", "int64", ["batch"])));
  const parameters = [...scope.parameters.values()];
  const values = new Map(parameters.map((spec) => [spec.name, initialValue(spec, seed)]));
  const test = digits(seed + 1, 0, 1000);

  /** Weights that lie in memory or in a file, bound to the same graph: nothing is copied or converted. */
  const classify = async (weights: Parameters<typeof compile>[1]) => {
    await using program = await compile(graph({ logits }), weights);
    return logitsOf(program, test.images);
  };
  const inMemory = () =>
    new Map([...values].map(([name, { dtype, shape, data }]) => [name, { dtype, shape, data: bytesOf(data) }]));

  const before = accuracy(await classify({ weights: inMemory() }), test);
  const losses: number[] = [];
  {
    await using trainer = await createTrainer({
      loss,
      parameters,
      values,
      optimizer: adamw(),
      clip: 1,
      compile: (g) => compile(g, { trained: () => true }),
    });
    for (let step = 1; step <= steps; step++) {
      const { images, labels } = digits(seed, step, batch);
      losses.push((await trainer.step([{ images, labels }], 3e-3 * (1 - step / (steps + 1)))).loss);
    }
  }
  const trained = await classify({ weights: inMemory() });
  const path = join(folder, "digits.safetensors");
  await writeSafetensors(path, values);
  const reloaded = await classify({ weights: openSafetensors(path).tensors });
  return { before, after: accuracy(trained, test), losses, logits: trained, reloaded };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: NdArray["data"]) => new Uint8Array(buffer, byteOffset, byteLength);

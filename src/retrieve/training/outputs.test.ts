/** The two-pass gradient cache: the gradient of a batch in one graph, however the batch is parted. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { smallRetriever } from "../../../test/support/models/small-retriever.ts";
import { float32, int64 } from "../../graph/array.ts";
import { gradients } from "../../graph/differentiate.ts";
import { graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { vectorsOf } from "../../models/kinds/pooling.ts";
import { wholeRow } from "../../nn/pass.ts";
import { createScope } from "../../nn/scope.ts";
import { compile } from "../../runtime/compile-node.ts";
import { inBatchGraph, inBatchLoss } from "./losses.ts";
import { type Learner, openRetriever } from "./models-node.ts";
import { outputTrainer } from "./outputs.ts";
import { judgedBy } from "./parts.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-outputs-"));
afterAll(() => rmSync(folder, { recursive: true }));
const questions = ["bees", "who hunts"];
const passages = ["bees make honey", "wolves", "the moon at night", "wolves hunt at night"];
const scoring = { scale: 3, normalize: true };
let learner: Learner;

beforeAll(async () => {
  const words = "bees make honey wolves hunt at night the moon who hunts".split(" ");
  learner = await openRetriever(await smallRetriever(join(folder, "model"), { words, layers: 2 }));
});

const encoded = () => [...questions, ...passages].map((text) => ({ ids: learner.tokenizer.encode(text).ids }));
const targets = {
  gold: int64([2], [0, 3]),
  masked: float32([2, 4], [0, 0, 0, 0, 0, 1, 0, 0]),
};

/** All of it in one graph: loss and every parameter's gradient. */
async function plainly(): Promise<{ loss: number; gradientOf: (name: string) => Float32Array }> {
  const { architecture, readout } = learner.model;
  const scope = createScope();
  const row = (name: string) => input(name, "int64", ["batch", "length"]);
  const [ids, mask] = [row("ids"), row("mask")];
  const hidden = architecture
    .network(scope, { training: true })
    .encode(ids, row("types"), wholeRow("length", { causal: false, mask }));
  const vectors = vectorsOf(scope, hidden, mask, readout!);
  const [q, d] = [o.slice(vectors, 0, 0, 2), o.slice(vectors, 0, 2, 6)];
  const loss = inBatchLoss(q, d, input("gold", "int64", [2]), input("masked", "float32", [2, 4]), scoring);
  const parameters = graph({ loss }).parameters;
  const slopes = gradients(
    loss,
    parameters.map(({ outputs }) => outputs[0]!),
  ) as Tensor[];
  const named = Object.fromEntries(slopes.map((slope, i) => [`g${i}`, slope]));
  const weights = new Map(
    [...learner.values].map(([name, { shape, data }]) => {
      const { buffer, byteOffset, byteLength } = data as Float32Array<ArrayBuffer>;
      return [
        name,
        { dtype: "float32" as const, shape, data: new Uint8Array(buffer, byteOffset, byteLength) },
      ] as const;
    }),
  );
  await using program = await compile(graph<string>({ loss, ...named }), { weights, threads: 1 });
  const texts = encoded();
  const length = Math.max(...texts.map(({ ids }) => ids.length));
  const sheet = (value: (ids: readonly number[], i: number) => number) =>
    int64(
      [6, length],
      texts.flatMap(({ ids }) => Array.from({ length }, (_, i) => value(ids, i))),
    );
  const feeds = {
    ...{ ids: sheet((ids, i) => ids[i] ?? 0), mask: sheet((ids, i) => Number(i < ids.length)), types: sheet(() => 0) },
    ...targets,
  };
  const result = await program.run(feeds);
  const places = new Map(parameters.map(({ name }, i) => [name, `g${i}`]));
  return { loss: Number(result.loss!.data[0]), gradientOf: (name) => result[places.get(name)!]!.data as Float32Array };
}

test.each([6, 4, 1])("is that of one graph, in parts of %s texts", async (part) => {
  const plain = await plainly();
  await using trainer = await outputTrainer({
    model: learner.model,
    // A step changes them.
    values: new Map(
      [...learner.values].map(([name, { shape, data }]) => [
        name,
        float32(shape, Float32Array.from(data as Float32Array)),
      ]),
    ),
    trained: () => true,
    ...{ texts: 6, part, dropout: 0, clip: 0, weightDecay: 0, seed: 0 },
    compile: (given, trained) => compile(given, { trained, threads: 1, weights: new Map(), optimize: "disabled" }),
  });
  const { width } = learner.model;
  await using judge = await compile(inBatchGraph(width, scoring), { threads: 1 });
  const { loss, gradNorm } = await trainer.step(
    encoded(),
    async (vectors) => {
      const given = {
        q: float32([2, width], vectors.slice(0, 2 * width)),
        d: float32([4, width], vectors.slice(2 * width)),
      };
      return judgedBy(await judge.run({ ...given, ...targets }), ["dq", "dd"]);
    },
    1e-3,
  );
  expect(loss).toBeCloseTo(plain.loss, 6);
  let squares = 0;
  for (const name of trainer.trainer.values.keys()) {
    // After one step AdamW's mean is a tenth of the gradient.
    const mean = trainer.trainer.state.get(`exp_avg/${name}`)!.data as Float32Array;
    const wanted = plain.gradientOf(name);
    const norm = Math.hypot(...wanted);
    squares += norm * norm;
    const off = Math.hypot(...mean.map((value, i) => 10 * value - wanted[i]!));
    // Of a key's bias nothing depends, and rounding is left of its gradient.
    expect(off, name).toBeLessThan(2e-6 * Math.max(norm, 1e-2));
  }
  expect(gradNorm).toBeCloseTo(Math.sqrt(squares), 4);
});

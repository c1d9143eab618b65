import { expect, test } from "vitest";
import {
  expectClose,
  fixtures,
  readFloats,
  readJson,
  readTensors,
  readWeights,
} from "../../../../test/support/fixtures.ts";
import { float32 } from "../../../graph/array.ts";
import { gradients } from "../../../graph/differentiate.ts";
import { graph } from "../../../graph/graph.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { createScope, type Scope } from "../../../nn/scope.ts";
import { compile } from "../../../runtime/compile-node.ts";
import { readModel } from "../../families.ts";
import type { ReaderArchitecture } from "../encoder.ts";
import { wanted } from "../programs.ts";
import { pairLoss } from "./pair-loss.ts";
import { logprobFeeds, logprobsGraph, preferenceLoss, type WriterArchitecture } from "./preference-loss.ts";

const opened = (folder: string) =>
  readModel(readJson<Record<string, unknown>>(folder, "config.json"), readWeights(folder), `${fixtures}${folder}`);

/** A step's loss and the gradient of every weight are PyTorch's. */
async function expectStep(
  folder: string,
  { weights }: ReturnType<typeof opened>,
  write: (scope: Scope) => Tensor,
  feeds: ReturnType<ReturnType<typeof pairLoss>["collate"]>,
) {
  const { loss, norm } = readJson<{ loss: number; norm: number }>("preferences", folder, "expected.json");
  const expected = readTensors("preferences", folder, "expected.safetensors");
  const scope = createScope();
  const value = write(scope);
  const parameters = [...scope.parameters.values()];
  const slopes = gradients(
    value,
    parameters.map(({ tensor }) => tensor),
  );
  const outputs = Object.fromEntries(slopes.map((slope, i) => [`d${i}`, slope]));
  await using program = await compile(graph<string>({ loss: value, ...outputs }), { weights, threads: 1 });
  const result = await program.run(wanted(program, feeds));
  expect(result.loss!.data[0]).toBeCloseTo(loss, 4);
  let squares = 0;
  let compared = 0;
  parameters.forEach(({ name }, i) => {
    const data = result[`d${i}`]!.data as Float32Array;
    squares += data.reduce((sum, x) => sum + x * x, 0);
    const other = expected.get(name);
    if (!other) return;
    compared++;
    expectClose(data, readFloats(other), 2e-5, name, 1e-2);
  });
  expect(compared).toBeGreaterThan(10);
  expect(Math.sqrt(squares) / norm).toBeCloseTo(1, 4);
}

interface Reward {
  readonly texts: number[][];
  readonly types: number[][];
  readonly pairs: [number, number][];
}

test("the pair loss of a reward model and its gradients, a text of two pairs read once", async () => {
  const read = opened("bert/regression");
  const { texts, types, pairs } = readJson<Reward>("preferences", "reward", "expected.json");
  const encoded = texts.map((ids, i) => ({ ids, types: types[i]! }));
  const loss = pairLoss(read.architecture as ReaderArchitecture);
  const rows = pairs.map(([a, b]) => [{ chosen: encoded[a]!, rejected: encoded[b]! }]);
  const feeds = loss.collate(rows, rows.length);
  expect(feeds.ids!.shape[0]).toBe(texts.length);
  await expectStep("reward", read, (scope) => loss.graph(scope), feeds);
});

interface Preference {
  readonly beta: number;
  readonly pairs: { input: number[]; chosen: number[]; rejected: number[] }[];
  readonly chosen: number[];
  readonly rejected: number[];
  readonly refChosen: number[];
  readonly refRejected: number[];
}

test.each([
  ["decoder", "llama/grouped"],
  ["encoder-decoder", "t5/gated-silu"],
])("TRL's loss of preferences and its gradients: %s", async (folder, checkpoint) => {
  const read = opened(checkpoint);
  const model = read.architecture as WriterArchitecture;
  const expected = readJson<Preference>("preferences", folder, "expected.json");
  const sides = (side: "chosen" | "rejected") =>
    expected.pairs.map((pair) => ({ input: pair.input, target: pair[side] }));
  await using program = await compile(logprobsGraph(model), { weights: read.weights, threads: 1 });
  for (const side of ["chosen", "rejected"] as const) {
    const { logprobs } = await program.run(wanted(program, logprobFeeds(model, sides(side))));
    expectClose(logprobs!.data as Float32Array, expected[side], 2e-5, side);
  }
  const [chosen, rejected] = [sides("chosen"), sides("rejected")];
  const rows = chosen.map((one, i) => [
    { chosen: one, rejected: rejected[i]!, reference: expected.refChosen[i]! - expected.refRejected[i]! },
  ]);
  const loss = preferenceLoss(model, expected.beta);
  await expectStep(folder, read, (scope) => loss.graph(scope), loss.collate(rows, rows.length));
});

test("a model that is its own reference has the loss ln 2", async () => {
  const read = opened("llama/grouped");
  const model = read.architecture as WriterArchitecture;
  const { pairs, chosen, rejected } = readJson<Preference>("preferences", "decoder", "expected.json");
  const loss = preferenceLoss(model, 0.1);
  const rows = pairs.map(({ input, ...pair }, i) => [
    {
      chosen: { input, target: pair.chosen },
      rejected: { input, target: pair.rejected },
      reference: chosen[i]! - rejected[i]!,
    },
  ]);
  await using program = await compile(graph({ loss: loss.graph(createScope()) }), {
    weights: read.weights,
    threads: 1,
  });
  const result = await program.run(wanted(program, loss.collate(rows, rows.length)));
  expect(result.loss!.data[0]).toBeCloseTo(Math.LN2, 5);
  expect(loss.collate(rows, rows.length).reference).toEqual(
    float32(
      [3],
      pairs.map((_, i) => chosen[i]! - rejected[i]!),
    ),
  );
});

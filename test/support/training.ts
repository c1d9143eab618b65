/** Loss, gradients and twenty steps of a family's training against PyTorch (parity/tiny.py, train). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { float32, type NdArray } from "../../src/graph/array.ts";
import { gradients } from "../../src/graph/differentiate.ts";
import { type Graph, graph } from "../../src/graph/graph.ts";
import { adafactor, adamw, type Optimizer, sgd } from "../../src/learn/optimizers.ts";
import { createTrainer } from "../../src/learn/trainer.ts";
import type { Example, Loss } from "../../src/models/kinds/loss.ts";
import { wanted } from "../../src/models/kinds/programs.ts";
import { createScope } from "../../src/nn/scope.ts";
import { compile } from "../../src/runtime/compile-node.ts";
import { expectClose, fixtures, readFloats, readJson, readTensors } from "./fixtures.ts";

interface Expected<E> {
  optimizer: "adamw" | "adafactor" | "sgd";
  params: { lr: number; weight_decay?: number };
  steps: number;
  losses: number[];
  grad_norms: number[];
  batches: { rows: E[] }[];
}

const makers: Record<Expected<unknown>["optimizer"], (params: object) => Optimizer> = { adamw, adafactor, sgd };

const compileTrained = (g: Graph) => compile(g, { threads: 1, trained: () => true });

/** The values of a fixture's parameters. */
export const valuesOf = (folder: string, file = "model.safetensors"): Map<string, NdArray> =>
  new Map([...readTensors(folder, file)].map(([name, stored]) => [name, float32(stored.shape, readFloats(stored))]));

function write<E>(loss: Loss<E>, packed = false) {
  const scope = createScope();
  const tensor = loss.graph(scope, { packed });
  const inputs = graph({ loss: tensor }).inputs.map(({ name }) => name);
  /** Rows as the inputs that the loss has. */
  const collated = (rows: readonly (readonly E[])[]) =>
    wanted(
      { inputs },
      loss.collate(
        rows,
        rows.flat().reduce((sum, example) => sum + loss.labels(example), 0),
        packed,
      ),
    );
  return { loss: tensor, parameters: [...scope.parameters.values()], collated };
}

/** The loss of rows and the gradient of every parameter, by name. */
export async function lossAndGradients<E>(
  loss: Loss<E>,
  values: ReadonlyMap<string, NdArray>,
  rows: readonly (readonly E[])[],
  packed = false,
): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
  const { loss: tensor, parameters, collated } = write(loss, packed);
  const grads = gradients(
    tensor,
    parameters.map((spec) => spec.tensor),
  );
  const outputs = Object.fromEntries(parameters.map(({ name }, i) => [`d.${name}`, grads[i]!]));
  await using program = await compileTrained(graph({ loss: tensor, ...outputs }));
  const own = Object.fromEntries(parameters.map(({ name }) => [name, values.get(name)!]));
  const result = (await program.run({ ...own, ...collated(rows) })) as Record<string, NdArray>;
  return {
    loss: Number(result.loss!.data[0]),
    gradients: new Map(parameters.map(({ name }) => [name, result[`d.${name}`]!.data as Float32Array])),
  };
}

/** `revive` makes an example of what the fixture holds of it. */
export function trainingTests<E, R = E>(
  folder: string,
  loss: Loss<E>,
  revive: (row: R) => E = (row) => row as unknown as E,
): void {
  const expected = readJson<Expected<R>>(folder, "training.json");
  const rowsOf = (step: number) => expected.batches[step % expected.batches.length]!.rows.map((row) => [revive(row)]);

  test("loss and every gradient", async () => {
    const got = await lossAndGradients(loss, valuesOf(folder), rowsOf(0));
    expectClose([got.loss], [expected.losses[0]!], 1e-5, "loss");
    const reference = readTensors(folder, "gradients.safetensors");
    expect([...got.gradients.keys()].sort()).toEqual([...reference.keys()].sort());
    for (const [name, stored] of reference) {
      // Of gradients that are zero in truth (biases of keys, say) rounding is all there is.
      expectClose(got.gradients.get(name)!, readFloats(stored), 1e-4, name, 1e-2);
    }
  });

  stepsTest(folder, loss, revive);
}

/** Twenty steps: the loss before each, the gradients' norm, and the weights afterwards where the fixture has them. */
export function stepsTest<E, R = E>(
  folder: string,
  loss: Loss<E>,
  revive: (row: R) => E = (row) => row as unknown as E,
): void {
  const expected = readJson<Expected<R>>(folder, "training.json");
  const rowsOf = (step: number) => expected.batches[step % expected.batches.length]!.rows.map((row) => [revive(row)]);

  test(`twenty steps of ${expected.optimizer}`, async () => {
    const values = valuesOf(folder);
    const { loss: tensor, parameters, collated } = write(loss);
    await using trainer = await createTrainer({
      loss: tensor,
      parameters,
      values,
      optimizer: makers[expected.optimizer](expected.params),
      group: () => ({ lrScale: 1, weightDecay: expected.params.weight_decay ?? 0 }),
      compile: compileTrained,
    });
    for (let step = 0; step < expected.steps; step++) {
      const report = await trainer.step([collated(rowsOf(step))], expected.params.lr);
      expectClose([report.loss], [expected.losses[step]!], 1e-4, `loss of step ${step + 1}`);
      expectClose([report.gradNorm], [expected.grad_norms[step]!], 5e-4, `gradient norm of step ${step + 1}`);
    }
    if (!existsSync(join(fixtures, folder, "final.safetensors"))) return;
    for (const [name, stored] of readTensors(folder, "final.safetensors")) {
      expectClose(values.get(name)!.data as Float32Array, readFloats(stored), 1e-4, name);
    }
  });
}

/** Rows that hold several texts, `packed` where the loss must be told, give the loss and the gradients of the texts in rows of their own. */
export function packingTest(folder: string, loss: Loss, told = false): void {
  test("packed rows equal single rows", async () => {
    const texts = readJson<Expected<Example>>(folder, "training.json").batches.flatMap(({ rows }) => rows);
    const values = valuesOf(folder);
    const single = await lossAndGradients(
      loss,
      values,
      texts.map((text) => [text]),
    );
    const packed = await lossAndGradients(loss, values, [texts.slice(0, 5), texts.slice(5, 6), texts.slice(6)], told);
    expectClose([packed.loss], [single.loss], 1e-5, "loss");
    for (const [name, wanted] of single.gradients) expectClose(packed.gradients.get(name)!, wanted, 1e-4, name, 1e-2);
  });
}

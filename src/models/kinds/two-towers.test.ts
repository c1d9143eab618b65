/** What two towers refuse; their batches; and the loss in plain numbers. */
import { expect, test } from "vitest";
import { clipConfig } from "../../../test/support/models/fresh.ts";
import { float32, type NdArray, zeros } from "../../graph/array.ts";
import { graph } from "../../graph/graph.ts";
import { initialValue } from "../../nn/initial.ts";
import { createScope } from "../../nn/scope.ts";
import { compile } from "../../runtime/compile-node.ts";
import { familyOf } from "../families.ts";
import type { TwoTowersArchitecture } from "../family.ts";
import { twoTowersModel } from "./two-towers.ts";
import { twoTowersLoss } from "./two-towers-loss.ts";

const read = (changes: object = {}) =>
  familyOf(clipConfig, "").read({ ...clipConfig, ...changes } as never) as TwoTowersArchitecture;
const architecture = read();
const never = () => Promise.reject(new Error("compiled"));

test.each([
  ["no text", [], "bad_input", "no text"],
  ["an empty text", [[4, 3], []], "bad_input", "empty"],
  ["an id that there is not", [[96, 3]], "bad_input", "token 96"],
  ["no end token", [[4, 5]], "bad_input", "end token 3"],
  ["a long text", [[...new Array<number>(12).fill(4), 3]], "too_long", "13 tokens, the model reads 12"],
])("%s is refused before anything is compiled", async (_, texts, code, words) => {
  await using model = twoTowersModel(architecture, never);
  await expect(model.text(texts)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
});

test("pixels and vectors of another shape are refused", async () => {
  await using model = twoTowersModel(architecture, never);
  await expect(model.images(zeros("float32", [1, 3, 8, 8]))).rejects.toThrow("expected [images, 3, 16, 16]");
  const vectors = zeros("float32", [2, 64]);
  await expect(model.compare(vectors, zeros("float32", [2, 32]))).rejects.toThrow(
    "[2, 32], expected float32 [texts, 64]",
  );
  await expect(model.compare(zeros("float32", [64]), vectors)).rejects.toThrow("[64], expected float32 [images, 64]");
});

test("where the end token's id is not known, any text goes", async () => {
  const old = read({ text_config: { ...clipConfig.text_config, eos_token_id: 2 } });
  expect(old.end).toBeUndefined();
  await using model = twoTowersModel(old, never);
  await expect(model.text([[4, 5]])).rejects.toThrow("compiled");
});

test("a batch of one pair teaches nothing", () => {
  const pixels = zeros("float32", [3, 16, 16]);
  expect(() => twoTowersLoss(architecture).collate([[{ pixels, ids: [4, 3] }]], 1)).toThrow("nothing to tell it from");
});

test("the loss is the mean of both cross-entropies over the scaled cosines", async () => {
  const loss = twoTowersLoss(architecture);
  const scope = createScope();
  const tensor = loss.graph(scope);
  const values = new Map<string, NdArray>([...scope.parameters.values()].map((p) => [p.name, initialValue(p, 3)]));
  const stored = new Map(
    [...values].map(([name, { shape, data }]) => [
      name,
      { dtype: "float32" as const, shape, data: new Uint8Array((data as Float32Array).buffer) },
    ]),
  );
  const image = (seed: number) =>
    float32(
      [3, 16, 16],
      Array.from({ length: 768 }, (_, i) => Math.sin(i * (seed + 1) * 0.7)),
    );
  const pairs = [0, 1, 2].map((seed) => ({ pixels: image(seed), ids: [4 + seed, 9, 3] }));
  await using program = await compile(graph({ loss: tensor }), { threads: 1, weights: stored });
  const batch = loss.collate(
    pairs.map((pair) => [pair]),
    3,
  );
  const { loss: got } = await program.run(batch);

  await using model = twoTowersModel(architecture, (g) => compile(g, { threads: 1, weights: stored }));
  const scores = await model.compare(await model.images(batch.pixels!), await model.text(pairs.map(({ ids }) => ids)));
  const z = (i: number, t: number) => Number(scores.data[3 * i + t]);
  const logSum = (row: number[]) => Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
  const own = [0, 1, 2].map((i) => {
    const [texts, images] = [[0, 1, 2].map((t) => z(i, t)), [0, 1, 2].map((other) => z(other, i))];
    return (logSum(texts) - z(i, i) + logSum(images) - z(i, i)) / 2;
  });
  expect(Number(got!.data[0])).toBeCloseTo(own.reduce((a, b) => a + b, 0) / 3, 5);
});

import { expect, test } from "vitest";
import { compile } from "../runtime/compile-node.ts";
import { float32 } from "./array.ts";
import { gradients } from "./differentiate.ts";
import { graph } from "./graph.ts";
import * as o from "./operators.ts";
import { isCheap } from "./recompute.ts";
import { input, type Tensor } from "./tensor.ts";

/** Two blocks with a norm and a gate each, as decoders have them, over a residual stream. */
function blocks() {
  const x = input("x", "float32", [3, 4]);
  const [norm, gate, up, down] = ["norm", "gate", "up", "down"].map((name) =>
    input(name, "float32", name === "norm" ? [4] : [4, 4]),
  ) as [Tensor, Tensor, Tensor, Tensor];
  let stream = x;
  for (let block = 0; block < 2; block++) {
    const h = o.rmsNorm(stream, norm, 1e-6);
    const gated = o.matmul(h, gate);
    const activated = o.mul(o.mul(gated, o.sigmoid(gated)), o.matmul(h, up));
    stream = o.add(stream, o.matmul(activated, down));
  }
  return { loss: o.sum(o.square(stream)), sources: [x, norm, gate, up, down] };
}

/** Attention with a bias over the same stream of one row, and what follows it. */
function attention() {
  const x = input("x", "float32", [1, 3, 4]);
  const [q, k, v, out] = ["q", "k", "v", "out"].map((name) => input(name, "float32", [4, 4])) as [
    ...[Tensor, Tensor, Tensor, Tensor],
  ];
  const bias = input("bias", "float32", [1, 1, 3, 3]);
  const heads = { heads: 2, kvHeads: 1, scale: 0.5 };
  const narrow = (w: Tensor) => o.slice(o.matmul(x, w), 2, 0, 2);
  const attended = o.attentionInParts([o.matmul(x, q), narrow(k), narrow(v), bias], heads);
  const stream = o.add(x, o.matmul(attended, out));
  return { loss: o.sum(o.square(stream)), sources: [x, q, k, v, out, bias] };
}

/** Operators that are computed again, by how often. */
function again(roots: readonly Tensor[]): Record<string, number> {
  const seen = new Set<unknown>();
  const counts: Record<string, number> = {};
  const visit = ({ node }: Tensor) => {
    if (seen.has(node) || node.kind !== "op") return;
    seen.add(node);
    if (node.recomputed) counts[node.op] = (counts[node.op] ?? 0) + 1;
    node.inputs.forEach(visit);
  };
  roots.forEach(visit);
  return counts;
}

test.each([
  // In each block: the norm, the sigmoid, and the products of elements that the products of matrices read.
  ["norms and activations, not products with weights and the stream", blocks, { RmsNorm: 2, Sigmoid: 2, Mul: 4 }],
  // Scores by groups and by heads, with the bias; what is made of the probabilities is kept for the product that reads it.
  ["attention's probabilities", attention, { MatMul: 1, Add: 1, Softmax: 1, Reshape: 2 }],
])("computed again are %s, and every number is the same", async (_, make, what) => {
  const { loss, sources } = make();
  const [kept, made] = [gradients(loss, sources), gradients(loss, sources, { recompute: isCheap })];
  expect(again(kept)).toEqual({});
  expect(again(made)).toEqual(what);
  const named = (prefix: string, all: readonly Tensor[]) => all.map((t, i): [string, Tensor] => [`${prefix}${i}`, t]);
  await using program = await compile(graph(Object.fromEntries([...named("kept", kept), ...named("made", made)])));
  const numbers = (shape: readonly number[], seed: number) =>
    float32(
      [...shape],
      Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(seed + i)),
    );
  const given = Object.fromEntries(
    sources.map(({ node, shape }, i) => [(node as { name: string }).name, numbers(shape as number[], i)]),
  );
  const results = await program.run(given);
  for (const i of sources.keys()) expect(results[`made${i}`]!.data).toEqual(results[`kept${i}`]!.data);
});

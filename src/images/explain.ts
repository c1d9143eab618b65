/**
 * Where a model looks: attention rolled out over its layers (Abnar & Zuidema 2020, arXiv 2005.00928), and how much each
 * pixel changes a class's score (Simonyan et al. 2013, arXiv 1312.6034).
 */
import { fail } from "../errors.ts";
import { float32, type NdArray } from "../graph/array.ts";
import { gradients } from "../graph/differentiate.ts";
import { type Graph, graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { ImageEncoderArchitecture } from "../models/family.ts";
import { joinPixels, pixelInput } from "../models/kinds/pixels.ts";
import type { Compile } from "../models/kinds/programs.ts";
import { createScope } from "../nn/scope.ts";

export const ways = ["attention", "gradient"] as const;
export type Way = (typeof ways)[number];

export interface ExplainOptions {
  /** Attention where the model has some, else the gradient. */
  readonly way?: Way | undefined;
  /** The class that gradients are of; the likeliest one without. */
  readonly label?: number | undefined;
}

/** Numbers from 0 to 1 over rows and columns of the picture as the model sees it. */
export interface Explanation {
  readonly way: Way;
  readonly rows: number;
  readonly columns: number;
  readonly heat: Float32Array;
  /** The class that was explained, of gradients. */
  readonly label?: number | undefined;
}

/**
 * pixels to `looks` [batch, places]: attention of all heads averaged, half of it and half the token itself (the residual
 * path), multiplied over the layers; the class token's row, or the mean of all rows where there is none. Frames are
 * averaged.
 * @throws unsupported for a model without attention over all of its places
 */
export function attentionGraph(model: ImageEncoderArchitecture): Graph {
  const { places } = model;
  const layers: Tensor[] = [];
  const watch = { attention: (p: Tensor) => void layers.push(p) };
  model.network(createScope(), { watch }).encode(pixelInput(model.image));
  if (!places || layers.length === 0) {
    return fail("unsupported", `${model.type} has no attention over its whole picture`, {
      hint: "its gradients can be looked at: --method gradient",
    });
  }
  const { first, times, rows, columns } = places;
  const tokens = first + times * rows * columns;
  const filled = (value: number, count: number) => o.filled("float32", value, [1, 1, count]);
  // From the last layer down a single row is carried, so that no product of whole matrices is needed.
  let row = first > 0 ? o.concat([filled(1, 1), filled(0, tokens - 1)], 2) : filled(1 / tokens, tokens);
  for (const attention of layers.reverse()) {
    row = o.mul(o.add(o.matmul(row, o.mean(attention, [1])), row), 0.5);
  }
  const looked = o.slice(row, 2, first);
  const batch = looked.shape[0]!;
  const grid = o.reshape(looked, [batch, times, rows * columns]);
  return graph({ looks: o.mean(grid, [1]) });
}

/** pixels and `wanted` [batch, classes] to `logits` and `slopes`, the gradient of Σ logits · wanted by the pixels. */
export function gradientGraph(model: ImageEncoderArchitecture): Graph {
  const pixels = pixelInput(model.image);
  const network = model.network(createScope());
  const { classify } = network;
  if (!classify) {
    return fail("unsupported", `this ${model.type} has no classifier whose score would change with a pixel`);
  }
  const logits = classify(network.encode(pixels));
  const wanted = input("wanted", "float32", logits.shape);
  const [slopes] = gradients(o.sum(o.mul(logits, wanted)), [pixels]) as [Tensor];
  return graph({ logits, slopes });
}

/** Least to 0 and greatest to 1; all 0 where they are alike. */
function scaled(values: ArrayLike<number>): Float32Array {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  const range = high - low;
  return Float32Array.from(values, (value) => (range > 0 ? (value - low) / range : 0));
}

/** The greatest size of a slope over channels (and over a clip's frames), at every pixel. */
function steepest(slopes: Float32Array, pixels: number): Float32Array {
  const most = new Float32Array(pixels);
  for (let i = 0; i < slopes.length; i++) {
    const place = i % pixels;
    most[place] = Math.max(most[place]!, Math.abs(slopes[i]!));
  }
  return most;
}

/** @throws wrong_use for a class that is not there; unsupported where the model has no such thing to look at */
export async function explain(
  model: ImageEncoderArchitecture,
  compile: Compile,
  picture: NdArray,
  { way = model.places ? "attention" : "gradient", label }: ExplainOptions = {},
): Promise<Explanation> {
  const pixels = joinPixels([picture], model.image);
  if (way === "attention") {
    await using program = await compile(attentionGraph(model));
    const { looks } = await program.run({ pixels });
    const { rows, columns } = model.places!;
    return { way, rows, columns, heat: scaled(looks!.data as Float32Array) };
  }
  const classes = model.labels?.length ?? 0;
  if (label !== undefined && (label < 0 || label >= classes || !Number.isInteger(label))) {
    fail("wrong_use", `there is no class ${label}: the model has ${classes}, counted from 0`);
  }
  await using program = await compile(gradientGraph(model));
  const of = (chosen: number) =>
    float32(
      [1, classes],
      Array.from({ length: classes }, (_, i) => (i === chosen ? 1 : 0)),
    );
  const run = (chosen: number) => program.run({ pixels, wanted: of(chosen) });
  const first = await run(label ?? 0);
  const scores = Array.from(first.logits!.data as Float32Array);
  const chosen = label ?? scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
  const { slopes } = chosen === (label ?? 0) ? first : await run(chosen);
  const { height, width } = model.image;
  const heat = steepest(slopes!.data as Float32Array, height * width);
  return { way, rows: height, columns: width, heat: scaled(heat), label: chosen };
}

/** The sizes of a model counted from its own network: which tensors it asks for, in which part, used how. */
import type { OpNode } from "../graph/tensor.ts";
import { kindWords } from "../models/families.ts";
import type { Architecture, ImageEncoderArchitecture } from "../models/family.ts";
import { usesOf } from "../models/kinds/formats.ts";
import { pixelInput } from "../models/kinds/pixels.ts";
import { wholeGraph } from "../models/kinds/whole.ts";
import { createScope } from "../nn/scope.ts";
import type { NetworkShape, StackShape } from "./shapes.ts";
import type { Part, TensorGroup } from "./tensor-groups.ts";

/** The number of a layer in a name; tensors that differ in nothing else are counted together. */
export const layerNumber = /\.\d+(?=\.)/g;

/** Names of what only makes the answer. */
const heads = /^(lm_head|score|classifier|qa_outputs|cls|head|visual_projection|text_projection)\b|pooler\./;
const encoderHeads =
  /^(pre_classifier|vocab_\w+|(generator|discriminator|lm)_(predictions|lm_head)|sequence_summary|decoder)\b/;

/** The part of a tensor: what only looks up is an embedding, what only makes the answer is the head. */
function partOf(model: Architecture, name: string, lookup: boolean, product: boolean): Part {
  const vocabulary = "vocabulary" in model ? model.vocabulary : undefined;
  if (lookup && product && vocabulary !== undefined) return "head";
  if (lookup) return "embedding";
  if (heads.test(name) || (model.kind === "encoder" && encoderHeads.test(name))) return "head";
  return model.kind === "decoder" ? "decoder" : "encoder";
}

type OneStack = Exclude<Architecture, { kind: "encoder-decoder" | "two-towers" }>;

/** How often attention stands in the network, and how wide: of one stack. */
function stackOf(model: OneStack, tensors: readonly TensorGroup[]): StackShape {
  const attention = wholeGraph(model).nodes.filter(
    (node): node is OpNode<"Attention"> => node.kind === "op" && node.op === "Attention",
  );
  const first = attention[0];
  const inner = (first?.inputs[0]?.shape.at(-1) as number | undefined) ?? model.width;
  const { heads = 1, kvHeads = heads } = first?.attributes ?? {};
  const inLayers = tensors.filter(({ use, part, times }) => use === "product" && part !== "head" && times > 1);
  // What is narrowed to the model's width: in the feed-forward layer, and after attention.
  const narrowed = inLayers.flatMap(({ shape: [out, wide] }) => (out === model.width ? [wide!] : []));
  const wide = narrowed.filter((size) => size !== inner);
  const feedForward = Math.max(model.width, ...(wide.length > 0 ? wide : narrowed));
  const makes = (size: number) => inLayers.filter(({ shape }) => shape[0] === size && shape[1] === model.width).length;
  return {
    width: model.width,
    layers: attention.length,
    heads,
    headSize: inner / heads,
    inner,
    keys: (inner / heads) * kvHeads,
    feedForward,
    // Two products, or one that gives both.
    gated: makes(feedForward) > 1 || (makes(feedForward) === 0 && makes(2 * feedForward) > 0),
    cross: false,
  };
}

/** Tokens that an image becomes. */
const tokensOf = (model: ImageEncoderArchitecture): number =>
  model.network(createScope()).encode(pixelInput(model.image)).shape[1] as number;

/** Every tensor of a model, from its network. */
export function networkTensors(model: Architecture): readonly TensorGroup[] {
  const uses = usesOf(model);
  const groups = new Map<string, TensorGroup>();
  for (const { name, outputs } of wholeGraph(model).parameters) {
    const { product, turned, lookup, convolved } = uses.get(name)!;
    const stored = outputs[0]!.shape as number[];
    const alike = name.replace(layerNumber, ".*");
    const use = lookup ? (product ? "tied" : "lookup") : product || turned || convolved ? "product" : "other";
    groups.set(alike, {
      name: alike,
      // A matrix is [out, in] here, whichever way it is stored.
      shape: turned ? [...stored].reverse() : stored,
      times: (groups.get(alike)?.times ?? 0) + 1,
      part: partOf(model, name, lookup, product),
      use,
    });
  }
  return [...groups.values()];
}

/** The shape of a model of one stack, a decoder's or an encoder's, from its network. */
export function networkShape(model: OneStack): NetworkShape {
  const tensors = networkTensors(model);
  const stack = stackOf(model, tensors);
  const decodes = model.kind === "decoder";
  return {
    family: "network",
    words: kindWords[model.kind].replace(/^an? /, ""),
    reads: !decodes,
    writes: decodes,
    ...(decodes ? { decoder: stack } : { encoder: stack }),
    width: stack.width,
    feedForward: stack.feedForward,
    heads: stack.heads,
    headSize: stack.headSize,
    layers: stack.layers,
    gated: stack.gated,
    kvHeads: stack.keys / stack.headSize,
    tied: tensors.some(({ use }) => use === "tied"),
    ...(model.kind === "image-encoder" && { image: model.image.size, tokens: tokensOf(model) }),
    ...("vocabulary" in model && { vocabulary: model.vocabulary }),
    ...("longest" in model && model.longest !== undefined && { positions: model.longest }),
    tensors,
  };
}

/** The sizes of a model counted from its own network: which tensors it asks for, in which part, used how. */
import { fail } from "../errors.ts";
import { type Graph, graph } from "../graph/graph.ts";
import { input, type OpNode } from "../graph/tensor.ts";
import { kindWords } from "../models/families.ts";
import type { Architecture, EncoderDecoderArchitecture, ImageEncoderArchitecture } from "../models/family.ts";
import { usesOf } from "../models/kinds/formats.ts";
import { pixelInput } from "../models/kinds/pixels.ts";
import { wholeGraph } from "../models/kinds/whole.ts";
import { wholeRow } from "../nn/pass.ts";
import { createScope } from "../nn/scope.ts";
import type { NetworkShape, StackShape } from "./shapes.ts";
import type { Part, TensorGroup } from "./tensor-groups.ts";

/** The number of a layer in a name; tensors that differ in nothing else are counted together. */
export const layerNumber = /\.\d+(?=\.)/g;

/** Names of what only makes the answer. */
const heads = /^(lm_head|score|classifier|qa_outputs|cls|head|visual_projection|text_projection)\b|pooler\./;
const encoderHeads =
  /^(pre_classifier|vocab_\w+|(generator|discriminator|lm)_(predictions|lm_head)|sequence_summary|decoder)\b/;

type Graphs = Readonly<Record<"encoder" | "memory", ReadonlySet<string>>>;

const namesOf = (graph: Graph): ReadonlySet<string> => new Set(graph.parameters.map(({ name }) => name));

/** What an encoder asks for, and what makes the keys and values of cross-attention of its output. */
function readingGraph(model: EncoderDecoderArchitecture, memory: boolean): Graph {
  const network = model.network(createScope());
  const encoded = network.encode(input("ids", "int64", ["batch", "length"]), wholeRow("length", { causal: false }));
  if (!memory) return graph({ encoded });
  return graph(
    Object.fromEntries(
      network.memory(encoded).flatMap(({ k, v }, i) => [
        [`k${i}`, k],
        [`v${i}`, v],
      ]),
    ),
  );
}

/** The part of a tensor: what only looks up is an embedding, what only makes the answer is the head. */
function partOf(model: Architecture, name: string, lookup: boolean, product: boolean, reading: Graphs): Part {
  const vocabulary = "vocabulary" in model ? model.vocabulary : undefined;
  if (lookup && product && vocabulary !== undefined) return "head";
  if (lookup) return "embedding";
  if (heads.test(name) || (model.kind === "encoder" && encoderHeads.test(name))) return "head";
  if (reading.encoder.has(name)) return "encoder";
  if (reading.memory.has(name)) return "memory";
  return model.kind === "decoder" || model.kind === "encoder-decoder" ? "decoder" : "encoder";
}

type Counted = Exclude<Architecture, { kind: "two-towers" }>;
type Attention = OpNode<"Attention">;

const attentionsOf = (graph: Graph): Attention[] =>
  graph.nodes.filter((node): node is Attention => node.kind === "op" && node.op === "Attention");

/** How often attention stands in a stack, and how wide it and the products of the layers are. */
function stackOf(width: number, attention: readonly Attention[], tensors: readonly TensorGroup[]): StackShape {
  const first = attention[0];
  const inner = (first?.inputs[0]?.shape.at(-1) as number | undefined) ?? width;
  const { heads = 1, kvHeads = heads } = first?.attributes ?? {};
  const inLayers = tensors.filter(({ use, part, times }) => use === "product" && part !== "head" && times > 1);
  // What is narrowed to the model's width: in the feed-forward layer, and after attention.
  const narrowed = inLayers.flatMap(({ shape: [out, wide] }) => (out === width ? [wide!] : []));
  const wide = narrowed.filter((size) => size !== inner);
  const feedForward = Math.max(width, ...(wide.length > 0 ? wide : narrowed));
  const makes = (size: number) => inLayers.filter(({ shape }) => shape[0] === size && shape[1] === width).length;
  return {
    width,
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

/** The stacks of a model: what reads, what writes. */
function stacksOfNetwork(
  model: Counted,
  tensors: readonly TensorGroup[],
): { readonly encoder?: StackShape; readonly decoder?: StackShape } {
  const all = attentionsOf(wholeGraph(model));
  if (model.kind !== "encoder-decoder") {
    const stack = stackOf(model.width, all, tensors);
    return model.kind === "decoder" ? { decoder: stack } : { encoder: stack };
  }
  const inPart = (part: Part) => tensors.filter((group) => group.part === part);
  const reading = attentionsOf(readingGraph(model, false));
  // Of the decoder's two attentions a layer one looks at what was written.
  const writing = all.slice(reading.length).filter((_, i) => i % 2 === 0);
  return {
    encoder: stackOf(model.width, reading, inPart("encoder")),
    decoder: { ...stackOf(model.width, writing, inPart("decoder")), cross: true },
  };
}

/** Tokens that an image becomes; of convolutions, places of their last map. */
function tokensOf(model: ImageEncoderArchitecture): number {
  const [, tokens, ...places] = model.network(createScope()).encode(pixelInput(model.image)).shape as number[];
  return places.length === 1 ? tokens! : places.reduce((a, b) => a * b, 1);
}

/** Whether its layers attend: convolutions and mixers do not. */
export const hasAttention = (model: Counted): boolean => attentionsOf(wholeGraph(model)).length > 0;

/** Every tensor of a model, from its network. */
export function networkTensors(model: Architecture): readonly TensorGroup[] {
  const uses = usesOf(model);
  const none: ReadonlySet<string> = new Set();
  const reading: Graphs =
    model.kind === "encoder-decoder"
      ? { encoder: namesOf(readingGraph(model, false)), memory: namesOf(readingGraph(model, true)) }
      : { encoder: none, memory: none };
  const groups = new Map<string, TensorGroup>();
  for (const { name, outputs } of wholeGraph(model).parameters) {
    // A buffer of the reference is no parameter.
    if (model.frozen?.test(name)) continue;
    const { product, turned, lookup, convolved } = uses.get(name)!;
    const stored = outputs[0]!.shape as number[];
    const alike = name.replace(layerNumber, ".*");
    const use = lookup ? (product ? "tied" : "lookup") : product || turned || convolved ? "product" : "other";
    // Layers of convolutions have their names in common and not their sizes.
    const key = `${alike} ${stored}`;
    groups.set(key, {
      name: alike,
      // A matrix is [out, in] here, whichever way it is stored.
      shape: turned ? [...stored].reverse() : stored,
      times: (groups.get(key)?.times ?? 0) + 1,
      part: partOf(model, name, lookup, product, reading),
      use,
    });
  }
  return [...groups.values()];
}

/** The shape of a model of one stack or of two, from its network. */
export function networkShape(model: Counted): NetworkShape {
  const tensors = networkTensors(model);
  const stacks = stacksOfNetwork(model, tensors);
  const stack = stacks.encoder ?? stacks.decoder ?? fail("internal", "a model without a stack");
  return {
    family: "network",
    words: model.kind === "encoder-decoder" ? model.kind : kindWords[model.kind].replace(/^an? /, ""),
    reads: stacks.encoder !== undefined,
    writes: stacks.decoder !== undefined,
    ...stacks,
    width: stack.width,
    feedForward: stack.feedForward,
    heads: stack.heads,
    headSize: stack.headSize,
    layers: stack.layers,
    gated: stack.gated,
    kvHeads: stack.keys / stack.headSize,
    tied: tensors.some(({ use }) => use === "tied"),
    ...(model.kind === "image-encoder" && { image: model.image.height, tokens: tokensOf(model) }),
    ...("vocabulary" in model && { vocabulary: model.vocabulary }),
    ...("longest" in model && model.longest !== undefined && { positions: model.longest }),
    tensors,
  };
}

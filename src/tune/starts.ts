/** Where virtual tokens start: random numbers, what a text gives in the frozen model, or words of its vocabulary. */
import { randomAt } from "../base/rng.ts";
import { fail } from "../errors.ts";
import { float32, int64, type NdArray } from "../graph/array.ts";
import { type Graph, graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { TrainingHost } from "../learn/fit/host.ts";
import type { Base } from "../models/adapters/peft.ts";
import { type AdapterSettings, names } from "../models/adapters/settings.ts";
import type { Site } from "../models/adapters/survey.ts";
import type { Architecture } from "../models/family.ts";
import { crossing, type KeyValue, type Pass, wholeRow } from "../nn/pass.ts";
import { createScope, type Initial, normal, uniformInit, zerosInit } from "../nn/scope.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import type { Weights } from "../weights/weights.ts";

/** Starts that are read off the frozen model. */
const observedInits: readonly string[] = ["text", "vocabulary", "labels"];

/** The start that an option names, where it is one of random numbers. */
export function initialOf(init: string): Initial | undefined {
  if (init === "zero") return zerosInit;
  if (observedInits.includes(init)) return undefined;
  const [, kind, first, second] = /^(normal|uniform)\((-?[\d.e-]+)(?:,\s*(-?[\d.e-]+))?\)$/.exec(init) ?? [];
  if (kind === "normal" && second === undefined && Number(first) > 0) return normal(Number(first));
  if (kind === "uniform") {
    const [low, high] =
      second === undefined ? [-Math.abs(Number(first)), Math.abs(Number(first))] : [Number(first), Number(second)];
    if (low < high) return uniformInit(low, high);
  }
  return fail("wrong_use", `--init ${init} is no start`, {
    hint: "normal(0.02), normal(1), uniform(0.5), zero, text (with --init-text), vocabulary, or labels",
  });
}

/** Embeddings and keys and values of ids [1, length] in the frozen model. */
function observed(model: Architecture): Graph {
  const outputs: Record<string, Tensor> = {};
  const ids = input("ids", "int64", [1, "length"]);
  const kept =
    (site: Site) =>
    (layer: number, { k, v }: KeyValue) => {
      outputs[`${site}.${layer}.k`] = k;
      outputs[`${site}.${layer}.v`] = v;
    };
  const seen = (pass: Pass): Pass =>
    Object.create(pass, {
      enter: {
        value(embedded: Tensor) {
          outputs.embedded ??= embedded;
          return pass.enter(embedded);
        },
      },
    }) as Pass;
  const row = (site: Site, causal: boolean) => wholeRow("length", { causal, collect: kept(site) });
  if (model.kind === "encoder") {
    const types = o.expand(o.filled("int64", 0, [1, 1]), [1, "length"]);
    model.network(createScope()).encode(ids, types, seen(row("encoder", false)));
  } else if (model.kind === "decoder") {
    model.network(createScope()).decode(ids, seen(row("decoder", true)));
  } else if (model.kind === "encoder-decoder") {
    const network = model.network(createScope());
    const memory = network.memory(network.encode(ids, seen(row("encoder", false))));
    memory.forEach((pair, layer) => {
      kept("cross")(layer, pair);
    });
    network.decode(ids, crossing(row("decoder", true), memory, { batch: 1, beams: 1 }));
  }
  return graph(outputs);
}

/** Ids of a text, repeated until there are enough. */
function idsOf(tokenizer: Tokenizer, text: string, length: number): number[] {
  const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
  if (ids.length === 0) fail("bad_input", "the text that virtual tokens start from has no tokens");
  return Array.from({ length }, (_, i) => ids[i % ids.length]!);
}

/** Most frequent words stand first in vocabularies made from text. */
const common = 5000;

export interface StartOptions {
  readonly init: string;
  readonly initText?: string | undefined;
  readonly seed: number;
  /** Tokens of each class's name. */
  readonly labels?: readonly (readonly number[])[] | undefined;
}

/**
 * Tokens that are read, and of each virtual token the places whose mean it starts as: of a class those of its name
 * (Lester et al.), else one each.
 */
function seenTokens(
  settings: { readonly length: number },
  starts: StartOptions,
  tokenizer: Tokenizer,
  vocabulary: number,
) {
  const { length } = settings;
  const { init, initText, seed, labels = [] } = starts;
  const random = randomAt(seed, 0, 7);
  const drawn = (count: number) => Array.from({ length: count }, () => [random.below(Math.min(common, vocabulary))]);
  if (init === "labels" && labels.length === 0) {
    fail("wrong_use", "--init labels: these rows have no classes", { hint: "take --init vocabulary, or text" });
  }
  const each: readonly (readonly number[])[] =
    init === "text"
      ? idsOf(tokenizer, initText ?? fail("wrong_use", "--init text needs --init-text"), length).map((id) => [id])
      : init === "labels"
        ? [...labels.slice(0, length), ...drawn(Math.max(0, length - labels.length))]
        : drawn(length);
  let at = 0;
  const groups = each.map((ids) => ids.map(() => at++));
  return { ids: each.flat(), groups };
}

/** The mean of the rows of `width` numbers at these places. */
function meanOf(data: Float32Array, places: readonly number[], width: number): Float32Array {
  const mean = new Float32Array(width);
  for (const place of places) for (let i = 0; i < width; i++) mean[i]! += data[place * width + i]! / places.length;
  return mean;
}

/**
 * Starting values of virtual tokens that are read off the frozen model, by the names of the parameters.
 * @throws wrong_use where a projection makes the prefix, which no text gives
 */
export async function observedStarts(
  { architecture, survey }: Base,
  weights: Weights,
  settings: AdapterSettings,
  starts: StartOptions,
  tokenizer: Tokenizer,
  { compile }: Pick<TrainingHost, "compile">,
): Promise<Map<string, NdArray>> {
  if (settings.method !== "prefix" && settings.method !== "prompt") return new Map();
  if (settings.method === "prefix" && settings.projection) {
    fail(
      "wrong_use",
      `--init ${starts.init} with --projection: the two layers make the prefix, no text gives what they start from`,
    );
  }
  const { length } = settings;
  const vocabulary = "vocabulary" in architecture ? architecture.vocabulary : common;
  const { ids, groups } = seenTokens(settings, starts, tokenizer, vocabulary);
  const g = observed(architecture);
  await using program = await compile(g, weights);
  const result = await program.run({ ids: int64([1, ids.length], ids) });
  if (settings.method === "prompt") {
    const { width } = survey;
    const matrix = new Float32Array(length * width);
    groups.forEach((places, i) => {
      matrix.set(meanOf(result.embedded!.data as Float32Array, places, width), i * width);
    });
    return new Map([[names.matrix("prompt"), float32([length, width], matrix)]]);
  }
  return new Map(
    settings.sites.map((site): [string, NdArray] => {
      const { layers, kvHeads, headWidth } = survey.attentions[site]!;
      const columns = 2 * layers * kvHeads * headWidth;
      const matrix = new Float32Array(length * columns);
      for (let layer = 0; layer < layers; layer++) {
        for (const [part, name] of ["k", "v"].entries()) {
          const data = result[`${site}.${layer}.${name}`]!.data as Float32Array;
          for (let head = 0; head < kvHeads; head++) {
            for (let place = 0; place < length; place++) {
              const own = groups[place]!.map((at) => head * ids.length + at);
              const to = place * columns + ((2 * layer + part) * kvHeads + head) * headWidth;
              matrix.set(meanOf(data, own, headWidth), to);
            }
          }
        }
      }
      return [names.matrix(site), float32([length, columns], matrix)];
    }),
  );
}

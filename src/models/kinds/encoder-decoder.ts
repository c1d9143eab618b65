/** Models with an encoder and a decoder: their graphs, and reading, decoding and scoring over them. */
import { fail } from "../../errors.ts";
import { int64, type NdArray, zeros } from "../../graph/array.ts";
import type { Dim } from "../../graph/dims.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { sameSegment } from "../../nn/masks.ts";
import { cachedStep, crossing, type KeyValue, type WholeRow, wholeRow } from "../../nn/pass.ts";
import { createScope } from "../../nn/scope.ts";
import type { EncoderDecoder, EncoderDecoderArchitecture } from "../family.ts";
import { type CacheShape, createCache, takeRows } from "./cache.ts";
import { needTokens, padded } from "./ids.ts";
import { answers, type Decoding, type LanguageModel, needNumbers, type Reading, type Targets } from "./language.ts";
import { type Compile, disposeAll, lazily, stepPrograms, wanted } from "./programs.ts";
import { packedLength, packedTargets, paddedTargets } from "./targets.ts";

const ids = () => input("ids", "int64", ["batch", "sequence"]);
const mask = (batch: Dim = "batch") => input("mask", "int64", [batch, "sequence"]);

/** Keys and values of every layer as inputs, by the names `prefix.layer.k` and `.v`. */
export const keyValueInputs = (prefix: string, { layers, kvHeads, headWidth }: CacheShape, rows: Dim, length: Dim) =>
  Array.from({ length: layers }, (_, i): KeyValue => {
    const shape = [rows, kvHeads, length, headWidth];
    return { k: input(`${prefix}.${i}.k`, "float32", shape), v: input(`${prefix}.${i}.v`, "float32", shape) };
  });

/** The same as outputs. */
export const named = (prefix: string, values: readonly KeyValue[]): Record<string, Tensor> =>
  Object.fromEntries(
    values.flatMap(({ k, v }, i) => [[`${prefix}.${i}.k`, k] as const, [`${prefix}.${i}.v`, v] as const]),
  );

/** ids, mask to `encoded` [batch, sequence, width] and the memory of every decoder layer. */
export function encoderGraph(model: EncoderDecoderArchitecture): Graph {
  const network = model.network(createScope());
  const encoded = network.encode(ids(), wholeRow("sequence", { causal: false, mask: mask() }));
  return graph({ encoded, ...named("memory", network.memory(encoded)) });
}

/**
 * tokens [batch, beams, 1] and the caches to `logits`, `best` and the caches with the new position in. A graph for a
 * single row knows its sizes, which lets it use a faster product for the logits.
 */
export function stepGraph(model: EncoderDecoderArchitecture, single = false): Graph {
  const network = model.network(createScope());
  const [batch, beams, rows] = single ? [1, 1, 1] : ["batch", "beams", "batch*beams"];
  const past = keyValueInputs("past", model.cache, rows!, "capacity");
  const tokens = input("tokens", "int64", [batch!, beams!, 1]);
  const step = cachedStep({ past, indices: input("positions", "int64", ["total"]) });
  const memories = keyValueInputs("memory", model.memory, batch!, "sequence");
  const pass = crossing(step, memories, { batch: batch!, beams: beams!, mask: mask(batch) });
  const logits = network.logits(network.decode(o.reshape(tokens, [rows!, 1]), pass));
  const shaped = o.reshape(logits, [batch!, beams!, 1, model.vocabulary]);
  return graph({ ...answers(shaped), ...named("present", step.present) });
}

/** Keys and values that the cache begins with, past.i.k and .v [1, heads, length, k]; undefined where it begins empty. */
export function frontGraph(model: EncoderDecoderArchitecture): Graph | undefined {
  const past = model.network(createScope()).front?.();
  return past && graph(named("past", past));
}

/** Decoding of whole rows, tokens [batch, beams, length], shifted right; the mask says who sees whom in a row. */
function decodeRows(
  model: EncoderDecoderArchitecture,
  network: EncoderDecoder,
  beams: Dim,
  within: Pick<WholeRow, "mask" | "positions"> = {},
): Tensor {
  const tokens = input("tokens", "int64", ["batch", beams, "length"]);
  const rows = beams === 1 ? "batch" : `batch*${beams}`;
  const memories = keyValueInputs("memory", model.memory, "batch", "sequence");
  const row = wholeRow("length", { causal: true, ...within });
  const pass = crossing(row, memories, { batch: "batch", beams, mask: mask() });
  const logits = network.logits(network.decode(o.reshape(tokens, [rows, "length"]), pass));
  return o.reshape(logits, ["batch", beams, "length", model.vocabulary]);
}

/** tokens and labels [batch, beams, length] to the log-probability of every label (0 where -100). */
export function scoreGraph(model: EncoderDecoderArchitecture): Graph {
  const logits = decodeRows(model, model.network(createScope()), "beams");
  const labels = input("labels", "int64", ["batch", "beams", "length"]);
  return graph({ logits, scores: o.neg(o.softmaxCrossEntropy(logits, labels)) });
}

/**
 * The same for choices laid one after another in one row: tokens and labels [batch, 1, length], and segments [batch,
 * length] that tell the choices apart (0 is padding). No choice sees another. Positions restart with every choice.
 */
export function packedScoreGraph(model: EncoderDecoderArchitecture): Graph {
  const segments = input("segments", "int64", ["batch", "length"]);
  const within = { mask: sameSegment(segments, segments), positions: input("positions", "int64", ["batch", "length"]) };
  const logits = decodeRows(model, model.network(createScope()), 1, within);
  const labels = input("labels", "int64", ["batch", 1, "length"]);
  return graph({ scores: o.neg(o.softmaxCrossEntropy(logits, labels)) });
}

/**
 * Up to so many tokens the choices of a prompt go in one row. Of 16 prompts the decoder then takes 0.65 (14 labels of 2
 * to 6 tokens) to 1.03 (2 labels of 2) of the time it takes with padded rows (two threads, zeroth-nano and the shape of
 * t5-v1_1-small); but what it keeps of attention grows with the square of the row.
 */
const longestPack = 256;

/**
 * A model over compiled programs. `packed` weights, those in 8 or 4 bits, are repacked by every program that opens: one
 * for every number of rows is enough then. What `changes` between two prompts, as weights in training do, is not kept of one
 * for the next. The caller closes it with `await using`.
 */
export function encoderDecoderModel(
  model: EncoderDecoderArchitecture,
  compile: Compile,
  { packed = false, changes = false } = {},
): LanguageModel {
  const encoder = lazily(() => compile(encoderGraph(model)));
  const narrow = lazily(() => compile(stepGraph(model, true)));
  // Repacking would read the weights of every expert, also of those that no token is sent to.
  const wide = lazily(() => compile(stepGraph(model), { prepack: !model.unjoined }));
  const programFor = stepPrograms(narrow, wide, packed);
  const scorer = lazily(() => compile(scoreGraph(model)));
  const packer = lazily(() => compile(packedScoreGraph(model)));
  const front = lazily(async () => {
    const g = frontGraph(model);
    return g && (await compile(g));
  });
  const kept = lazily(async () => (await front.get())?.run({}));
  const { vocabulary, pad, start, longest = Infinity, inputVocabulary = vocabulary } = model;
  const needPlaces = (length: number, what: string) => {
    if (length <= longest) return;
    fail("too_long", `${what} has ${length} tokens, the model has ${longest} positions`, {
      hint: "shorten it, or take a model with more positions",
    });
  };

  async function read(prompts: readonly (readonly number[])[]): Promise<Reading> {
    needTokens(prompts, inputVocabulary, "the prompt is empty: there is nothing to encode");
    for (const { length } of prompts) needPlaces(length, "the prompt");
    const { ids, mask } = padded(prompts, pad);
    const program = await encoder.get();
    const begun = await (changes ? (await front.get())?.run({}) : kept.get());
    const shape = [prompts.length, model.memory.kvHeads, ids.shape[1]!, model.memory.headWidth];
    const outputs = program.outputs.filter((name) => name !== "encoded");
    const into = Object.fromEntries(outputs.map((name) => [name, zeros("float32", shape)]));
    const memory = { mask, ...(await program.run({ ids, mask }, { outputs, into })) };
    return {
      batch: prompts.length,
      said: prompts.map(() => [start]),
      begin: (beams, expected) => begin(memory, prompts.length, beams, expected, begun),
      score: (targets) => score(memory, targets),
    };
  }

  function begin(
    encoded: Readonly<Record<string, NdArray>>,
    prompts: number,
    beams: number,
    expected: number,
    begun?: Readonly<Record<string, NdArray>>,
  ): Decoding {
    let memory = encoded;
    let batch = prompts;
    const cache = createCache(model.cache, batch * beams, expected, begun && Object.values(begun));
    const program = programFor(batch * beams);
    const starts = () => new Array<number>(batch * beams).fill(start);

    /** Feed one token for each row; the caches take in the new position. */
    const advance = async <O extends "logits" | "best">(tokens: readonly number[], results: readonly O[]) => {
      cache.advance();
      needPlaces(cache.length, "the answer, with the token that it starts from,");
      const feeds: Record<string, NdArray> = {
        ...memory,
        tokens: int64([batch, beams, 1], tokens),
        positions: int64(
          [cache.length],
          Array.from({ length: cache.length }, (_, i) => i),
        ),
      };
      // Every output has its array: a run that hands nothing back copies nothing.
      const made = { logits: ["float32", vocabulary], best: ["int64"], sum: ["float32"] } as const;
      const into: Record<string, NdArray> = Object.fromEntries(
        [...results, "sum" as const].map((name) => {
          const [dtype, ...rest] = made[name];
          return [name, zeros(dtype, [batch, beams, 1, ...rest])];
        }),
      );
      for (const [name, array] of cache.buffers) {
        feeds[`past.${name}`] = array;
        into[`present.${name}`] = array;
      }
      const run = await (await program()).run(feeds, { outputs: Object.keys(into), into });
      needNumbers(run.sum!.data as Float32Array);
      return run as Record<O, NdArray>;
    };
    const numbers = ({ data }: NdArray) => Array.from(data as BigInt64Array, Number);
    return {
      async step(tokens = starts()) {
        const { logits, best } = await advance(tokens, ["logits", "best"]);
        return { logits, best: numbers(best) };
      },
      async likeliest(tokens = starts()) {
        return numbers((await advance(tokens, ["best"])).best);
      },
      reorder(parents) {
        if (parents.some((parent, row) => parent !== row)) cache.take(parents);
      },
      keep(kept) {
        cache.take(kept.flatMap((prompt) => Array.from({ length: beams }, (_, beam) => prompt * beams + beam)));
        memory = Object.fromEntries(Object.entries(memory).map(([name, array]) => [name, takeRows(array, kept)]));
        batch = kept.length;
      },
    };
  }

  async function score(memory: Readonly<Record<string, NdArray>>, targets: Targets): Promise<number[][][]> {
    for (const { length } of targets.flat()) needPlaces(length, "a choice");
    const packs = !model.unjoined && packedLength(targets) <= longestPack;
    const { feeds, at } = packs ? packedTargets(targets, model) : paddedTargets(targets, model);
    const program = await (packs ? packer : scorer).get();
    const { scores } = await program.run(wanted(program, { ...memory, ...feeds }), { outputs: ["scores"] });
    const values = (scores ?? fail("internal", "a scoring program without scores")).data as Float32Array;
    return targets.map((choices, b) => choices.map((target, c) => target.map((_, t) => values[at(b, c) + t]!)));
  }

  return {
    vocabulary,
    inputVocabulary,
    pad,
    ends: model.ends,
    longest: model.longest,
    read,
    [Symbol.asyncDispose]: () => disposeAll([encoder, narrow, wide, scorer, packer, front]),
  };
}

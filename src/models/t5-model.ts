/** A T5 checkpoint as a model that encodes, decodes step by step and scores. */
import { fail } from "../errors.ts";
import { int64, type NdArray, zeros } from "../graph/array.ts";
import type { Graph } from "../graph/graph.ts";
import type { Program } from "../runtime/program.ts";
import type { Weights } from "../weights/weights.ts";
import type { Decoding, Memory, Seq2Seq } from "./seq2seq.ts";
import { parseT5Config, type T5Config } from "./t5-config.ts";
import { encoderGraph, packedScoreGraph, scoreGraph, stepGraph } from "./t5-graphs.ts";

/** Compiles a graph over the model's weights; the caller chooses device, threads and host. */
export type Compile = (graph: Graph, options?: { readonly prepack?: boolean }) => Promise<Program>;

/** Rows padded to the longest with `value`, and their mask. */
export function padded(rows: readonly (readonly number[])[], value: number): { ids: NdArray; mask: NdArray } {
  const length = Math.max(1, ...rows.map((row) => row.length));
  const ids = rows.flatMap((row) => [...row, ...Array<number>(length - row.length).fill(value)]);
  const mask = rows.flatMap((row) => Array.from({ length }, (_, i) => (i < row.length ? 1 : 0)));
  return { ids: int64([rows.length, length], ids), mask: int64([rows.length, length], mask) };
}

/** Other names a T5 checkpoint may use for the same tensors, made one: readers ask for `shared.weight`. */
export function canonicalWeights(weights: Weights): Weights {
  const aliases = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
  if (weights.has("shared.weight")) return weights;
  const alias = aliases.find((name) => weights.has(name));
  return alias ? new Map([...weights, ["shared.weight", weights.get(alias)!]]) : weights;
}

/** Reads config.json against the stored tensors. */
export function t5ConfigFor(json: unknown, weights: Weights): T5Config {
  const rows = weights.get("shared.weight")?.shape[0];
  return parseT5Config(json, { has: (name) => weights.has(name), ...(rows === undefined ? {} : { rows }) });
}

/** Programs are compiled when first needed: scoring never opens the step graph, generation never the scoring one. */
function lazily<T>(make: () => Promise<T>): { get(): Promise<T>; made(): Promise<T> | undefined } {
  let value: Promise<T> | undefined;
  return {
    get() {
      value ??= make();
      return value;
    },
    made: () => value,
  };
}

/** Rows of an array along its first axis, copied. */
function takeRows({ dtype, shape, data }: NdArray, rows: readonly number[]): NdArray {
  const taken = zeros(dtype, [rows.length, ...shape.slice(1)]);
  const width = data.length / shape[0]!;
  rows.forEach((from, to) => {
    (taken.data as Float32Array).set((data as Float32Array).subarray(from * width, (from + 1) * width), to * width);
  });
  return taken;
}

function cachedDecoding(
  config: T5Config,
  program: () => Promise<Program>,
  encoded: Memory,
  beams: number,
  expected: number,
): Decoding {
  let memory = encoded;
  const { heads, headWidth } = config;
  const buffers = (capacity: number, rows: number) =>
    Array.from(
      { length: 2 * config.decoderLayers },
      (): NdArray => zeros("float32", [rows, heads, capacity, headWidth]),
    );
  const names = Array.from({ length: 2 * config.decoderLayers }, (_, i) => `${i >> 1}.${i % 2 ? "v" : "k"}`);
  let capacity = Math.max(8, expected);
  let caches = buffers(capacity, memory.batch * beams);
  let length = 0;

  /** Copy the used part of every head of the rows named by `parents` into new buffers. */
  const moved = (to: number, parents: readonly number[]): NdArray[] => {
    const next = buffers(to, parents.length);
    const used = length * headWidth;
    caches.forEach(({ data }, i) => {
      const [source, target] = [data as Float32Array, next[i]!.data as Float32Array];
      parents.forEach((parent, row) => {
        for (let head = 0; head < heads; head++) {
          const from = (parent * heads + head) * capacity * headWidth;
          target.set(source.subarray(from, from + used), (row * heads + head) * to * headWidth);
        }
      });
    });
    return next;
  };

  /** Feed one token for each row and compute `wanted`; the caches take in the new position. */
  const advance = async <O extends "logits" | "best">(tokens: readonly number[], wanted: readonly O[]) => {
    if (length === capacity) {
      caches = moved(
        capacity * 2,
        tokens.map((_, row) => row),
      );
      capacity *= 2;
    }
    length++;
    const feeds: Record<string, NdArray> = {
      ...memory.arrays,
      mask: memory.mask,
      tokens: int64([memory.batch, beams, 1], tokens),
      positions: int64(
        [length],
        Array.from({ length }, (_, i) => i),
      ),
    };
    // Every output has its array: a run that hands nothing back copies nothing.
    const made = { logits: ["float32", config.vocabulary], best: ["int64"] } as const;
    const into: Record<string, NdArray> = Object.fromEntries(
      wanted.map((name) => {
        const [dtype, ...rest] = made[name];
        return [name, zeros(dtype, [memory.batch, beams, 1, ...rest])];
      }),
    );
    names.forEach((name, i) => {
      feeds[`past.${name}`] = caches[i]!;
      into[`present.${name}`] = caches[i]!;
    });
    const outputs = Object.keys(into);
    return (await (await program()).run(feeds, { outputs, into })) as Record<O, NdArray>;
  };
  const ids = ({ data }: NdArray) => Array.from(data as BigInt64Array, Number);

  return {
    async step(tokens) {
      const { logits, best } = await advance(tokens, ["logits", "best"]);
      return { logits, best: ids(best) };
    },
    async likeliest(tokens) {
      return ids((await advance(tokens, ["best"])).best);
    },
    reorder(parents) {
      if (parents.some((parent, row) => parent !== row)) caches = moved(capacity, parents);
    },
    keep(prompts) {
      const rows = prompts.flatMap((prompt) => Array.from({ length: beams }, (_, beam) => prompt * beams + beam));
      caches = moved(capacity, rows);
      const arrays = Object.entries(memory.arrays).map(([name, array]) => [name, takeRows(array, prompts)] as const);
      memory = { batch: prompts.length, mask: takeRows(memory.mask, prompts), arrays: Object.fromEntries(arrays) };
    },
  };
}

type Targets = readonly (readonly (readonly number[])[])[];

/** Given targets as a graph takes them, and where the values of a choice begin. */
export interface LaidOut {
  readonly feeds: Record<string, NdArray>;
  at(prompt: number, choice: number): number;
}

/** Every choice a row of its own, padded to the longest. */
export function paddedTargets(targets: Targets, { pad, start }: T5Config): LaidOut {
  const beams = Math.max(...targets.map((choices) => choices.length));
  const length = Math.max(1, ...targets.flat().map((target) => target.length));
  const tokens = new Array<number>(targets.length * beams * length).fill(pad);
  const labels = new Array<number>(tokens.length).fill(-100);
  const at = (b: number, c: number) => (b * beams + c) * length;
  targets.forEach((choices, b) => {
    choices.forEach((target, c) => {
      tokens[at(b, c)] = start;
      target.forEach((id, t) => {
        labels[at(b, c) + t] = id;
        if (t > 0) tokens[at(b, c) + t] = target[t - 1]!;
      });
    });
  });
  const shape = [targets.length, beams, length];
  return { feeds: { tokens: int64(shape, tokens), labels: int64(shape, labels) }, at };
}

/** Tokens of all choices of the prompt that has most. */
const packedLength = (targets: Targets): number =>
  Math.max(1, ...targets.map((choices) => choices.reduce((sum, { length }) => sum + length, 0)));

/**
 * Up to so many tokens the choices of a prompt go in one row. Of 16 prompts the decoder then takes 0.65 (14 labels of 2
 * to 6 tokens) to 1.03 (2 labels of 2) of the time it takes with padded rows (two threads, zeroth-nano and the shape of
 * t5-v1_1-small); but what it keeps of attention grows with the square of the row.
 */
const longestPack = 256;

/** The choices of a prompt one after another in one row. */
export function packedTargets(targets: Targets, { pad, start }: T5Config): LaidOut {
  const length = packedLength(targets);
  const size = targets.length * length;
  const [tokens, labels] = [new Array<number>(size).fill(pad), new Array<number>(size).fill(-100)];
  const segments = new Array<number>(size).fill(0);
  const begins = targets.map((choices, b) => {
    let place = b * length;
    return choices.map((target, c) => {
      const begin = place;
      target.forEach((id, t) => {
        tokens[place] = t === 0 ? start : target[t - 1]!;
        labels[place] = id;
        segments[place++] = c + 1;
      });
      return begin;
    });
  });
  const shape = [targets.length, 1, length];
  const arrays = { tokens: int64(shape, tokens), labels: int64(shape, labels) };
  return { feeds: { ...arrays, segments: int64([targets.length, length], segments) }, at: (b, c) => begins[b]![c]! };
}

/**
 * A T5 model over compiled programs. `packed` weights, those in few bits, are repacked by every program that opens: one
 * for every number of rows is enough then. The caller closes it with `await using`.
 */
export function t5Model(config: T5Config, compile: Compile, { packed = false } = {}): Seq2Seq {
  const encoder = lazily(() => compile(encoderGraph(config)));
  // Weights as they lie in the file open at once and do well for one row; repacked ones are faster, from two rows on by
  // more than two times (T5-base, 8 rows: 37 instead of 125 ms a step), but take 0.8 ms per MB to open. So a single
  // row starts with the first kind, and once it has taken about as long as repacking would have, the next one has the
  // second: never more than twice the time of the better choice.
  const narrow = lazily(() => compile(stepGraph(config, true)));
  // Repacking would read the weights of every expert, also of those that no token is sent to.
  const wide = lazily(() => compile(stepGraph(config), { prepack: config.experts === undefined }));
  const patience = 48;
  let steps = 0;
  const scorer = lazily(() => compile(scoreGraph(config)));
  const packer = lazily(() => compile(packedScoreGraph(config)));
  return {
    vocabulary: config.vocabulary,
    start: config.start,
    pad: config.pad,
    eos: config.eos,
    async encode(prompts) {
      if (prompts.some((ids) => ids.length === 0)) fail("bad_input", "an empty prompt has nothing to encode");
      for (const id of prompts.flat()) {
        if (!Number.isInteger(id) || id < 0 || id >= config.vocabulary) {
          fail("bad_input", `token ${id} is outside the vocabulary of ${config.vocabulary}`);
        }
      }
      const { ids, mask } = padded(prompts, config.pad);
      const program = await encoder.get();
      const shape = [prompts.length, config.heads, ids.shape[1]!, config.headWidth];
      const outputs = program.outputs.filter((name) => name !== "encoded");
      const into = Object.fromEntries(outputs.map((name) => [name, zeros("float32", shape)]));
      return { batch: prompts.length, mask, arrays: await program.run({ ids, mask }, { outputs, into }) };
    },
    decoding(memory, beams, expected) {
      const single = !packed && memory.batch * beams === 1 && steps < patience;
      const program = () => {
        if (single) steps++;
        return (single ? narrow : wide).get();
      };
      return cachedDecoding(config, program, memory, beams, expected);
    },
    async score(memory, targets) {
      const packs = !config.experts && packedLength(targets) <= longestPack;
      const { feeds, at } = packs ? packedTargets(targets, config) : paddedTargets(targets, config);
      const program = await (packs ? packer : scorer).get();
      const { scores } = (await program.run(
        { ...memory.arrays, mask: memory.mask, ...feeds },
        { outputs: ["scores"] },
      )) as Record<"scores", NdArray>;
      const values = scores.data as Float32Array;
      return targets.map((choices, b) => choices.map((target, c) => target.map((_, t) => values[at(b, c) + t]!)));
    },
    async [Symbol.asyncDispose]() {
      for (const { made } of [encoder, narrow, wide, scorer, packer]) await (await made())?.[Symbol.asyncDispose]();
    },
  };
}

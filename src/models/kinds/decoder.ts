/** Models with a decoder alone: their graphs, and reading, decoding and scoring over them. */
import { fail } from "../../errors.ts";
import { int64, type NdArray, zeros } from "../../graph/array.ts";
import type { Dim } from "../../graph/dims.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { sameSegment } from "../../nn/masks.ts";
import { cachedStep, type KeyValue, wholeRow } from "../../nn/pass.ts";
import { createScope } from "../../nn/scope.ts";
import type { DecoderArchitecture } from "../family.ts";
import { cacheNames, createCache } from "./cache.ts";
import { laidOutRows, splitTargets } from "./continuations.ts";
import { needTokens, padded } from "./ids.ts";
import { answers, type Decoding, type LanguageModel, needNumbers, type Reading, type Targets } from "./language.ts";
import { type Compile, disposeAll, lazily, stepPrograms, wanted } from "./programs.ts";

const rowInput = (name: string, length: Dim = "length") => input(name, "int64", ["batch", length]);

/**
 * ids, mask and positions [batch, length], rows filled up on the left, to the `logits` and the `best` of the last place,
 * [batch, 1, vocabulary], and the keys and values of every layer, `present.i.k` [batch, kvHeads, length, k].
 */
export function promptGraph(model: DecoderArchitecture): Graph {
  const network = model.network(createScope());
  const present: Record<string, Tensor> = {};
  const row = wholeRow("length", {
    causal: true,
    mask: rowInput("mask"),
    positions: rowInput("positions"),
    collect(layer, { k, v }) {
      present[`present.${layer}.k`] = k;
      present[`present.${layer}.v`] = v;
    },
  });
  const hidden = network.decode(rowInput("ids"), row);
  const logits = network.logits(o.slice(hidden, 1, -1));
  return graph({ ...answers(logits), ...present });
}

/**
 * tokens and positions [rows, 1], mask [rows, total] and the caches to `logits` [rows, 1, vocabulary], `best` and the
 * caches with the new position in.
 */
export function stepGraph(model: DecoderArchitecture, single = false): Graph {
  const network = model.network(createScope());
  const rows = single ? 1 : "rows";
  const { layers, kvHeads, headWidth } = model.cache;
  const shape = [rows, kvHeads, "capacity", headWidth];
  const past = Array.from({ length: layers }, (_, i): KeyValue => {
    return { k: input(`past.${i}.k`, "float32", shape), v: input(`past.${i}.v`, "float32", shape) };
  });
  const step = cachedStep({
    past,
    indices: input("indices", "int64", ["total"]),
    mask: input("mask", "int64", [rows, "total"]),
    positions: input("positions", "int64", [rows, 1]),
  });
  const logits = network.logits(network.decode(input("tokens", "int64", [rows, 1]), step));
  const present = step.present.flatMap(({ k, v }, i) => [
    [`present.${i}.k`, k] as const,
    [`present.${i}.v`, v] as const,
  ]);
  return graph({ ...answers(logits), ...Object.fromEntries(present) });
}

/**
 * Rows that hold a prompt and its continuations one after another: ids, positions and segments [batch, length] (1 for the
 * prompt, which all see, 2, 3, … for continuations, which do not see each other, 0 for padding), the places [batch,
 * answers] whose output predicts a token, and those tokens, labels [batch, answers] (-100: none), to `scores` [batch,
 * answers], their log-probabilities.
 */
export function scoreGraph(model: DecoderArchitecture): Graph {
  const network = model.network(createScope());
  const segments = rowInput("segments");
  const row = wholeRow("length", {
    causal: true,
    mask: o.or(sameSegment(segments, segments), o.reshape(o.equal(segments, 1), ["batch", 1, "length"])),
    positions: rowInput("positions"),
  });
  const hidden = network.decode(rowInput("ids"), row);
  const places = o.reshape(rowInput("places", "answers"), ["batch", "answers", 1]);
  const spread = o.expand(places, ["batch", "answers", model.width]);
  const logits = network.logits(o.gatherElements(hidden, spread, 1));
  return graph({ scores: o.neg(o.softmaxCrossEntropy(logits, rowInput("labels", "answers"))) });
}

/** A model over compiled programs, as {@link LanguageModel} has it. */
export function decoderModel(model: DecoderArchitecture, compile: Compile, { packed = false } = {}): LanguageModel {
  const prompter = lazily(() => compile(promptGraph(model), { prepack: false }));
  const narrow = lazily(() => compile(stepGraph(model, true)));
  const wide = lazily(() => compile(stepGraph(model), { prepack: true }));
  const programFor = stepPrograms(narrow, wide, packed);
  const scorer = lazily(() => compile(scoreGraph(model)));
  const { vocabulary, pad, begin: first, cache: shape } = model;

  /** Room for the longest text that the table of positions allows. */
  const needRoom = (length: number, what: string) => {
    if (model.longest === undefined || length <= model.longest) return;
    fail("too_long", `${what} has ${length} tokens, the model has ${model.longest} positions`, {
      hint: "shorten it, or take a model with more positions",
    });
  };

  async function read(given: readonly (readonly number[])[]): Promise<Reading> {
    const prompts = given.map((ids) => (ids.length === 0 && first !== undefined ? [first] : ids));
    needTokens(prompts, vocabulary, "the prompt is empty, and the model has no token to begin with");
    for (const { length } of prompts) needRoom(length, "the prompt");
    return {
      batch: prompts.length,
      said: prompts,
      begin: (beams, expected) => begin(prompts, beams, expected),
      score: (targets) => score(prompts, targets),
    };
  }

  function begin(prompts: readonly (readonly number[])[], beams: number, expected: number): Decoding {
    const longest = Math.max(...prompts.map(({ length }) => length));
    // How many places at the begin of a row are padding.
    let skipped = prompts.flatMap(({ length }) => new Array<number>(beams).fill(longest - length));
    let cache: ReturnType<typeof createCache> | undefined;
    const program = programFor(prompts.length * beams);
    const numbers = ({ data }: NdArray) => Array.from(data as BigInt64Array, Number);
    const maskOf = (total: number) =>
      int64(
        [skipped.length, total],
        skipped.flatMap((skip) => Array.from({ length: total }, (_, i) => Number(i >= skip))),
      );

    /** Read the prompts; every beam of one starts from the same keys and values. */
    async function prompt<O extends "logits" | "best">(results: readonly O[]): Promise<Record<O, NdArray>> {
      const { ids, mask } = padded(prompts, pad, "left");
      const positions = prompts.flatMap(({ length }) =>
        Array.from({ length: longest }, (_, i) => Math.max(0, i - (longest - length))),
      );
      const opened = await prompter.get();
      const feeds = wanted(opened, { ids, mask, positions: int64([prompts.length, longest], positions) });
      const names = cacheNames(shape).map((name) => `present.${name}`);
      const outputs = [...results, "sum", ...names];
      const result = (await opened.run(feeds, { outputs })) as Record<string, NdArray>;
      needNumbers(result.sum!.data as Float32Array);
      const held = names.map((name) => result[name]!);
      cache = createCache(shape, prompts.length, expected, held);
      if (beams > 1) cache.take(prompts.flatMap((_, row) => new Array<number>(beams).fill(row)));
      const each = (array: NdArray): NdArray => {
        const width = array.data.length / prompts.length;
        const all = zeros(array.dtype, [prompts.length * beams, width]);
        for (let row = 0; row < prompts.length * beams; row++) {
          const from = Math.floor(row / beams) * width;
          (all.data as Float32Array).set((array.data as Float32Array).subarray(from, from + width), row * width);
        }
        return all;
      };
      return Object.fromEntries(results.map((name) => [name, each(result[name]!)])) as Record<O, NdArray>;
    }

    async function advance<O extends "logits" | "best">(
      tokens: readonly number[],
      results: readonly O[],
      cache: ReturnType<typeof createCache>,
    ): Promise<Record<O, NdArray>> {
      cache.advance();
      const total = cache.length;
      needRoom(total - Math.min(...skipped), "the text");
      const rows = tokens.length;
      const opened = await program();
      const feeds = wanted(opened, {
        tokens: int64([rows, 1], tokens),
        mask: maskOf(total),
        positions: int64(
          [rows, 1],
          skipped.map((skip) => total - 1 - skip),
        ),
        indices: int64(
          [total],
          Array.from({ length: total }, (_, i) => i),
        ),
      });
      // Every output has its array: a run that hands nothing back copies nothing.
      const into: Record<string, NdArray> = {};
      for (const name of [...results, "sum" as const]) {
        into[name] = name === "best" ? zeros("int64", [rows, 1]) : zeros("float32", [rows, 1]);
      }
      if (into.logits) into.logits = zeros("float32", [rows, 1, vocabulary]);
      for (const [name, array] of cache.buffers) {
        feeds[`past.${name}`] = array;
        into[`present.${name}`] = array;
      }
      const run = await opened.run(feeds, { outputs: Object.keys(into), into });
      needNumbers(run.sum!.data as Float32Array);
      return run as Record<O, NdArray>;
    }
    const next = <O extends "logits" | "best">(tokens: readonly number[] | undefined, results: readonly O[]) =>
      tokens && cache ? advance(tokens, results, cache) : prompt(results);

    return {
      async step(tokens) {
        const { logits, best } = await next(tokens, ["logits", "best"]);
        return { logits, best: numbers(best) };
      },
      async likeliest(tokens) {
        return numbers((await next(tokens, ["best"])).best);
      },
      reorder(parents) {
        if (parents.every((parent, row) => parent === row)) return;
        cache?.take(parents);
        skipped = parents.map((parent) => skipped[parent]!);
      },
      keep(kept) {
        const rows = kept.flatMap((at) => Array.from({ length: beams }, (_, beam) => at * beams + beam));
        cache?.take(rows);
        skipped = rows.map((row) => skipped[row]!);
      },
    };
  }

  async function score(prompts: readonly (readonly number[])[], targets: Targets): Promise<number[][][]> {
    const rows = splitTargets(prompts, targets, model.steadyUpTo);
    for (const { prompt, choices } of rows) {
      needRoom(prompt.length + Math.max(...choices.map(({ length }) => length)) - 1, "the prompt with a choice");
    }
    const { feeds, at } = laidOutRows(rows, pad);
    const program = await scorer.get();
    const { scores } = await program.run(wanted(program, feeds), { outputs: ["scores"] });
    const values = (scores ?? fail("internal", "a scoring program without scores")).data as Float32Array;
    const results = targets.map((): number[][] => []);
    rows.forEach(({ row, choices }, r) => {
      choices.forEach((choice, c) => {
        results[row]!.push(choice.map((_, t) => values[at(r, c) + t]!));
      });
    });
    return results;
  }

  return {
    vocabulary,
    pad,
    ends: model.ends,
    longest: model.longest,
    read,
    [Symbol.asyncDispose]: () => disposeAll([prompter, narrow, wide, scorer]),
  };
}

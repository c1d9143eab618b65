/**
 * Rows of an encoder-decoder that join and leave: each at its own step, over the memory of its own input. What an adapter
 * has before a text are the first places of the row's cache and memory, or is read by the encoder with the text.
 */
import { fail } from "../../../errors.ts";
import { int64, type NdArray, zeros } from "../../../graph/array.ts";
import { type Graph, graph } from "../../../graph/graph.ts";
import * as o from "../../../graph/operators.ts";
import { input } from "../../../graph/tensor.ts";
import { continuedRows, crossingRows } from "../../../nn/pass.ts";
import { createScope } from "../../../nn/scope.ts";
import type { Program } from "../../../runtime/program.ts";
import { adapted } from "../../adapters/adapter.ts";
import { fillerOf } from "../../adapters/fillers.ts";
import { productsSeen, type RowAdapter, withRowProducts } from "../../adapters/rows.ts";
import { isBeside } from "../../adapters/settings.ts";
import { survey } from "../../adapters/survey.ts";
import type { EncoderDecoderArchitecture } from "../../family.ts";
import { cacheNames } from "../cache.ts";
import { encoderGraph, keyValueInputs, named } from "../encoder-decoder.ts";
import { needTokens } from "../ids.ts";
import { answers } from "../language.ts";
import { type Compile, disposeAll, lazily, once, programsBy, wanted } from "../programs.ts";
import { createFronts, joinedParts } from "./fronts.ts";
import { createPlaces } from "./places.ts";
import { createResults, type LiveRows, pieceTokens, soundOf, stepOf } from "./rows.ts";
import { createRowPrograms } from "./tuned.ts";

/** Encoders with adapters of so many structures stay open, over weights as they lie in their files. */
const mostEncoders = 4;

/**
 * One token of every row, each at its own place: tokens [rows, 1]; the place of that token and the one after it, starts
 * and ends int64 [rows], and how many places before the text are no positions, bare int64 [rows]; `keys`, 0, 1, … below
 * the greatest of `ends`; the length of every row's memory, sources int64 [rows]; caches past.i.k and .v [rows, kvHeads, capacity, k] and memories memory.i.k and .v [rows, heads, sequence, k]; to
 * the `logits` [rows, 1, vocabulary], `best` and `sum`, the caches with the token in, and the memories as `kept.i`, which
 * have not changed.
 */
export function liveStepGraph(model: EncoderDecoderArchitecture): Graph {
  const network = model.network(createScope());
  const numbers = (name: string, dim: string) => input(name, "int64", [dim]);
  const [starts, ends] = [numbers("starts", "rows"), numbers("ends", "rows")];
  const rows = continuedRows(1, {
    past: keyValueInputs("past", model.cache, "rows", "capacity"),
    starts,
    ends,
    bare: numbers("bare", "rows"),
    lengths: ends,
    keys: numbers("keys", "total"),
  });
  const memories = keyValueInputs("memory", model.memory, "rows", "sequence");
  const pass = crossingRows(rows, memories, numbers("sources", "rows"));
  const logits = network.logits(network.decode(input("tokens", "int64", ["rows", 1]), pass));
  const shaped = o.reshape(logits, ["rows", 1, model.vocabulary]);
  return graph({ ...answers(shaped), ...named("present", rows.present), ...named("kept", pass.kept) });
}

/** @param budget bytes of keys and values of all rows together */
export function liveEncoderDecoder(model: EncoderDecoderArchitecture, compile: Compile, budget: number): LiveRows {
  const { vocabulary, start, longest = Infinity, inputVocabulary = vocabulary } = model;
  const encoder = lazily(() => compile(encoderGraph(model)));
  const encoders = programsBy(mostEncoders);
  const known = once(() => survey(model));
  const fronts = createFronts(known, compile);
  const stepOfPaths = (paths: readonly string[]) =>
    liveStepGraph(paths.length === 0 ? model : (withRowProducts(model, paths) as EncoderDecoderArchitecture));
  const steppers = createRowPrograms({
    graph: stepOfPaths,
    // Repacking would read the weights of every expert, also of those that no token is sent to.
    compile: (g) => compile(g, { prepack: !model.unjoined }),
    products: () => known().products,
    // Those of the encoder and of the memory are part of reading a prompt.
    takes: once(() => productsSeen(model, liveStepGraph)),
  });
  /** Additions that are known to be computed. */
  const written = new Set<string>();
  const places = createPlaces([model.cache, model.memory], budget);
  const [cache, memory] = places.pools as [(typeof places.pools)[number], (typeof places.pools)[number]];
  const memoryNames = cacheNames(model.memory);
  const results = createResults(vocabulary);
  const before = (adapter: RowAdapter | undefined): number => adapter?.before ?? 0;
  /** Places of a row's memory: its adapter's, and one for every token that the encoder reads. */
  const memoryOf = (prompt: number, adapter: RowAdapter | undefined): number => {
    if (!adapter) return prompt;
    const { settings, fillers } = adapter;
    const crossed = settings.method === "prefix" && settings.sites.includes("cross") ? settings.length : 0;
    return prompt + fillers + crossed;
  };

  const adaptedModel = (adapter: RowAdapter) => adapted(model, adapter.settings, known()) as EncoderDecoderArchitecture;

  /** The encoder, with what the adapter changes of it. */
  function encoderFor(adapter: RowAdapter | undefined): Promise<Program> {
    const { settings } = adapter ?? {};
    const changes =
      settings?.method === "prompt" ||
      settings?.method === "lora" ||
      (settings?.method === "prefix" && settings.sites.includes("encoder"));
    if (!adapter || !changes) return encoder.get();
    return encoders.of(adapter.structure, () => compile(encoderGraph(adaptedModel(adapter)), { trained: isBeside }));
  }

  return {
    piece: pieceTokens,
    start,
    steady: Infinity,
    get stepping() {
      return places.stepping;
    },
    get bytes() {
      return places.bytes;
    },
    check(prompt, adapter) {
      needTokens([prompt], inputVocabulary, "the prompt is empty: there is nothing to encode");
      const length = prompt.length + (adapter?.places ?? 0);
      if (length > longest) {
        const what = adapter ? `the prompt and its adapter have ${length} places` : `the prompt has ${length} tokens`;
        fail("too_long", `${what}, the model has ${longest} positions`, {
          hint: "shorten it, or take a model with more positions",
        });
      }
      if (!adapter) return;
      const key = adapter.structure;
      if (written.has(key)) return;
      // What cannot be computed is refused before it is among others.
      encoderGraph(adaptedModel(adapter));
      stepOfPaths(adapter.paths);
      written.add(key);
    },
    most: (_, adapter) => longest - (adapter?.counted ?? 0),
    mostInMemory: (prompt, rows, adapter) => places.most([0, memoryOf(prompt, adapter)], rows) - before(adapter),
    fits: (prompt, expected, rows, adapter) =>
      places.fits([before(adapter) + expected, memoryOf(prompt, adapter)], rows),
    join(prompt, expected, kept, adapter) {
      const row = places.add([before(adapter) + expected, memoryOf(prompt, adapter)], adapter);
      if (kept) places.put(row, kept);
      return row;
    },
    async read(row, prompt) {
      const { adapter } = row;
      const program = await encoderFor(adapter);
      const { kvHeads, headWidth } = model.memory;
      const ids = [...new Array<number>(adapter?.fillers ?? 0).fill(fillerOf(model)), ...prompt];
      const outputs = memoryNames.map((name) => `memory.${name}`);
      const into = Object.fromEntries(
        outputs.map((name) => [name, zeros("float32", [1, kvHeads, ids.length, headWidth])]),
      );
      const feeds = {
        ...(adapter && Object.fromEntries(adapter.values)),
        ids: int64([1, ids.length], ids),
        mask: int64([1, ids.length], new Array<number>(ids.length).fill(1)),
      };
      const read = await program.run(wanted(program, feeds), { outputs, into });
      const arrays = outputs.map((name) => read[name]!.data as Float32Array);
      const { decoder, cross } = adapter ? await fronts.of(adapter) : {};
      memory.put(row.at, joinedParts(cross, { length: ids.length, arrays }, kvHeads));
      if (decoder) cache.put(row.at, decoder);
      const last = arrays.at(-1)!;
      return {
        read: prompt.length,
        sound: soundOf({ dtype: "float32", shape: [last.length], data: last }).every(Boolean),
      };
    },
    fork: places.fork,
    enter: places.start,
    grow: (row) => places.grow(row, cache.lengths[row.at]! + 1),
    async step(tokens, logits) {
      const rows = tokens.length;
      const starts = cache.lengths.slice(0, rows);
      const ends = starts.map((place) => place + 1);
      const into: Record<string, NdArray> = results(rows, logits);
      const total = Math.max(...ends);
      const adapters = places.adapters();
      const feeds: Record<string, NdArray> = {
        tokens: int64([rows, 1], tokens),
        starts: int64([rows], starts),
        ends: int64([rows], ends),
        keys: int64(
          [total],
          Array.from({ length: total }, (_, i) => i),
        ),
        bare: int64(
          [rows],
          adapters.map((adapter) => before(adapter) - (adapter?.counted ?? 0)),
        ),
        sources: int64([rows], memory.lengths.slice(0, rows)),
      };
      // Every output has its array: a run that hands nothing back copies nothing.
      for (const [name, array] of cache.buffers(0, rows)) {
        feeds[`past.${name}`] = array;
        into[`present.${name}`] = array;
      }
      for (const [name, array] of memory.buffers(0, rows)) {
        feeds[`memory.${name}`] = array;
        into[`kept.${name}`] = array;
      }
      const { program, more } = await steppers.of(adapters);
      await program.run(wanted(program, { ...feeds, ...more }), { outputs: Object.keys(into), into });
      ends.forEach((end, row) => {
        cache.hold(row, end);
      });
      return stepOf(into);
    },
    put: (row, kept, tokens) => places.put(row, kept, before(row.adapter) + tokens),
    keep: (row, tokens) => places.keep(row, tokens === undefined ? undefined : before(row.adapter) + tokens),
    held: ({ at, adapter }) => Math.max(0, cache.lengths[at]! - before(adapter)),
    leave: (row, damaged = false) => places.remove(row, damaged),
    async [Symbol.asyncDispose]() {
      for (const one of [steppers, encoders, fronts]) await one[Symbol.asyncDispose]();
      await disposeAll([encoder]);
    },
  };
}

/** Rows of an encoder-decoder that join and leave: each at its own step, over the memory of its own input. */
import { fail } from "../../../errors.ts";
import { int64, type NdArray, zeros } from "../../../graph/array.ts";
import { type Graph, graph } from "../../../graph/graph.ts";
import * as o from "../../../graph/operators.ts";
import { input } from "../../../graph/tensor.ts";
import { continuedRows, crossingRows } from "../../../nn/pass.ts";
import { createScope } from "../../../nn/scope.ts";
import type { EncoderDecoderArchitecture } from "../../family.ts";
import { cacheNames } from "../cache.ts";
import { encoderGraph, keyValueInputs, named } from "../encoder-decoder.ts";
import { needTokens } from "../ids.ts";
import { answers } from "../language.ts";
import { type Compile, disposeAll, lazily, wanted } from "../programs.ts";
import { createPlaces } from "./places.ts";
import { createResults, type LiveRows, pieceTokens, soundOf, stepOf } from "./rows.ts";

/**
 * One token of every row, each at its own place: tokens [rows, 1]; the place of that token and the one after it, starts
 * and ends int64 [rows]; `keys`, 0, 1, … below the greatest of `ends`; the length of every row's input, sources int64
 * [rows]; caches past.i.k and .v [rows, kvHeads, capacity, k] and memories memory.i.k and .v [rows, heads, sequence, k]; to
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
  // Repacking would read the weights of every expert, also of those that no token is sent to.
  const stepper = lazily(() => compile(liveStepGraph(model), { prepack: !model.unjoined }));
  const places = createPlaces([model.cache, model.memory], budget);
  const [cache, memory] = places.pools as [(typeof places.pools)[number], (typeof places.pools)[number]];
  const memoryNames = cacheNames(model.memory);
  const results = createResults(vocabulary);

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
    check(prompt) {
      needTokens([prompt], inputVocabulary, "the prompt is empty: there is nothing to encode");
      if (prompt.length <= longest) return;
      fail("too_long", `the prompt has ${prompt.length} tokens, the model has ${longest} positions`, {
        hint: "shorten it, or take a model with more positions",
      });
    },
    most: () => longest,
    mostInMemory: (prompt, rows) => places.most([0, prompt], rows),
    fits: (prompt, expected, rows) => places.fits([expected, prompt], rows),
    join(prompt, expected, kept) {
      const row = places.add([expected, prompt]);
      if (kept) places.put(row, kept);
      return row;
    },
    async read(row, prompt) {
      const program = await encoder.get();
      const { kvHeads, headWidth } = model.memory;
      const outputs = memoryNames.map((name) => `memory.${name}`);
      const into = Object.fromEntries(
        outputs.map((name) => [name, zeros("float32", [1, kvHeads, prompt.length, headWidth])]),
      );
      const feeds = {
        ids: int64([1, prompt.length], prompt),
        mask: int64([1, prompt.length], new Array<number>(prompt.length).fill(1)),
      };
      const read = await program.run(wanted(program, feeds), { outputs, into });
      const arrays = outputs.map((name) => read[name]!.data as Float32Array);
      memory.put(row.at, { length: prompt.length, arrays });
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
      const feeds: Record<string, NdArray> = {
        tokens: int64([rows, 1], tokens),
        starts: int64([rows], starts),
        ends: int64([rows], ends),
        keys: int64(
          [total],
          Array.from({ length: total }, (_, i) => i),
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
      const program = await stepper.get();
      await program.run(wanted(program, feeds), { outputs: Object.keys(into), into });
      ends.forEach((end, row) => {
        cache.hold(row, end);
      });
      return stepOf(into);
    },
    put: places.put,
    keep: places.keep,
    held: ({ at }) => cache.lengths[at]!,
    leave: (row, damaged = false) => places.remove(row, damaged),
    [Symbol.asyncDispose]: () => disposeAll([encoder, stepper]),
  };
}

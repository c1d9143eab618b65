/** Rows of a decoder that join and leave: prompts read in pieces into their places, then a token of every row a step. */
import { int64, type NdArray, zeros } from "../../../graph/array.ts";
import type { DecoderArchitecture } from "../../family.ts";
import { rowsGraph, tablesGraph } from "../decoder.ts";
import { needRoom } from "../decoding/rows.ts";
import { createTables } from "../decoding/tables.ts";
import { needTokens } from "../ids.ts";
import { type Compile, disposeAll, lazily, wanted } from "../programs.ts";
import { createPlaces } from "./places.ts";
import { createResults, type LiveRows, pieceTokens, soundOf, stepOf } from "./rows.ts";

interface Next {
  readonly from: number;
  /** The next tokens of every row from there on, the same number of each. */
  readonly tokens: readonly (readonly number[])[];
  /** Tokens of every row's text, those included that are read later. */
  readonly lengths: readonly number[];
}

/** @param budget bytes of keys and values of all rows together */
export function liveDecoder(
  model: DecoderArchitecture,
  compile: Compile,
  budget: number,
  piece = pieceTokens,
): LiveRows {
  const { vocabulary, longest = Infinity, steadyUpTo = Infinity } = model;
  // One program for every number of rows, over repacked weights: a row's products do not depend on how many there are.
  const program = lazily(() => compile(rowsGraph(model), { prepack: true }));
  const tables = lazily(async () => {
    const g = tablesGraph(model);
    return g && createTables(await compile(g));
  });
  const places = createPlaces([model.cache], budget);
  const pool = places.pools[0]!;
  const results = createResults(vocabulary);

  async function run({ from, tokens, lengths }: Next, into: Readonly<Record<string, NdArray>>): Promise<void> {
    const opened = await program.get();
    const [rows, length] = [tokens.length, tokens[0]!.length];
    const starts = pool.lengths.slice(from, from + rows);
    const ends = starts.map((start) => start + length);
    const asked = into.sum!.shape[1]!;
    const given: Record<string, NdArray> = {
      asked: int64(
        [rows, asked],
        tokens.flatMap(() => Array.from({ length: asked }, (_, i) => length - asked + i)),
      ),
      ids: int64([rows, length], tokens.flat()),
      starts: int64([rows], starts),
      ends: int64([rows], ends),
      lengths: int64([rows], lengths),
      ...(await (await tables.get())?.of(pool.capacity)),
    };
    // Every output has its array: a run that hands nothing back copies nothing.
    const written: Record<string, NdArray> = { ...into };
    for (const [name, array] of pool.buffers(from, from + rows)) {
      given[`past.${name}`] = array;
      written[`present.${name}`] = array;
    }
    await opened.run(wanted(opened, given), { outputs: Object.keys(written), into: written });
    ends.forEach((end, row) => {
      pool.hold(from + row, end);
    });
  }

  return {
    piece,
    steady: steadyUpTo,
    get stepping() {
      return places.stepping;
    },
    get bytes() {
      return places.bytes;
    },
    check(prompt) {
      needTokens([prompt], vocabulary, "the prompt is empty");
      needRoom(model, prompt.length, "the prompt");
    },
    most: (prompt) => longest - prompt,
    mostInMemory: (prompt, rows) => places.most([0], rows) - prompt,
    fits: (prompt, expected, rows) => places.fits([prompt + expected], rows),
    join(prompt, expected, kept) {
      const row = places.add([prompt + expected]);
      if (kept) places.put(row, kept);
      return row;
    },
    async read({ at }, prompt, all = false) {
      const begin = pool.lengths[at]!;
      const end = Math.min(prompt.length, piece * (Math.floor(begin / piece) + 1));
      const isLast = end === prompt.length;
      const asked = all ? end - begin : 1;
      const into: Record<string, NdArray> = {
        sum: zeros("float32", [1, asked]),
        ...((all || isLast) && { logits: zeros("float32", [1, asked, vocabulary]) }),
      };
      await run({ from: at, tokens: [prompt.slice(begin, end)], lengths: [prompt.length] }, into);
      const logits = into.logits?.data as Float32Array | undefined;
      return {
        read: end,
        sound: soundOf(into.sum!).every(Boolean),
        ...(all && { all: logits! }),
        ...(isLast && { logits: logits!.slice(-vocabulary) }),
      };
    },
    fork: places.fork,
    enter: places.start,
    grow: (row) => places.grow(row, pool.lengths[row.at]! + 1),
    async step(tokens, logits) {
      const into = results(tokens.length, logits);
      const lengths = pool.lengths.slice(0, tokens.length).map((length) => length + 1);
      await run({ from: 0, tokens: tokens.map((token) => [token]), lengths }, into);
      return stepOf(into);
    },
    put: places.put,
    keep: places.keep,
    held: ({ at }) => pool.lengths[at]!,
    leave: (row, damaged = false) => places.remove(row, damaged),
    [Symbol.asyncDispose]: () => disposeAll([program, tables]),
  };
}

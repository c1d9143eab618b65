/**
 * Rows of a decoder that join and leave: prompts read in pieces into their places, then a token of every row a step. What
 * an adapter has before a text are the first places of the row.
 */
import { fail } from "../../../errors.ts";
import { int64, type NdArray, zeros } from "../../../graph/array.ts";
import { type RowAdapter, withRowProducts } from "../../adapters/rows.ts";
import { survey } from "../../adapters/survey.ts";
import type { DecoderArchitecture } from "../../family.ts";
import { rowsGraph, tablesGraph } from "../decoder.ts";
import { needRoom } from "../decoding/rows.ts";
import { createTables } from "../decoding/tables.ts";
import { needTokens } from "../ids.ts";
import { type Compile, disposeAll, lazily, once, wanted } from "../programs.ts";
import { createFronts, createPromptFronts } from "./fronts.ts";
import { createPlaces, type LiveRow } from "./places.ts";
import { createResults, type LiveRows, pieceTokens, soundOf, stepOf } from "./rows.ts";
import { createRowPrograms } from "./tuned.ts";

interface Next {
  readonly from: number;
  /** The next tokens of every row from there on, the same number of each. */
  readonly tokens: readonly (readonly number[])[];
  /** Tokens of every row's text, those included that are read later. */
  readonly lengths: readonly number[];
  /** Of every row. */
  readonly adapters: readonly (RowAdapter | undefined)[];
}

/** Places of a row before its text. */
const before = (adapter: RowAdapter | undefined): number => adapter?.before ?? 0;

/** @param budget bytes of keys and values of all rows together */
export function liveDecoder(
  model: DecoderArchitecture,
  compile: Compile,
  budget: number,
  piece = pieceTokens,
): LiveRows {
  const { vocabulary, longest = Infinity, steadyUpTo = Infinity } = model;
  // One program for every number of rows, over repacked weights: a row's products do not depend on how many there are.
  const known = once(() => survey(model));
  const graphOf = (paths: readonly string[]) =>
    rowsGraph(paths.length === 0 ? model : (withRowProducts(model, paths) as DecoderArchitecture));
  const programs = createRowPrograms({
    graph: graphOf,
    compile: (g) => compile(g, { prepack: true }),
    products: () => known().products,
  });
  /** Graphs of additions that are known to be written. */
  const written = new Set<string>();
  const tables = lazily(async () => {
    const g = tablesGraph(model);
    return g && createTables(await compile(g));
  });
  const fronts = createFronts(known, compile);
  const promptFronts = createPromptFronts({ model, survey: known, compile, tables: tables.get });
  const places = createPlaces([model.cache], budget);
  const pool = places.pools[0]!;
  /** Tokens of a row's text that it holds. */
  const heldBy = ({ at, adapter }: LiveRow): number => Math.max(0, pool.lengths[at]! - before(adapter));
  const results = createResults(vocabulary);

  async function run(
    { from, tokens, lengths, adapters }: Next,
    into: Readonly<Record<string, NdArray>>,
  ): Promise<void> {
    const { program: opened, more } = await programs.of(adapters);
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
      ...more,
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
    check(prompt, adapter) {
      needTokens([prompt], vocabulary, "the prompt is empty");
      needRoom(
        model,
        before(adapter) + prompt.length,
        adapter ? "the prompt, with what was learnt before it," : "the prompt",
      );
      if (!adapter) return;
      if (adapter.settings.method === "prompt" && before(adapter) + prompt.length > steadyUpTo) {
        fail("too_long", `the prompt has ${prompt.length} tokens: keys of longer texts depend on their length`, {
          hint: `at most ${steadyUpTo - before(adapter)} with this adapter`,
        });
      }
      const paths = [...adapter.paths].sort();
      const key = paths.join("\n");
      // What cannot be computed is refused before it is among others.
      if (!written.has(key)) graphOf(paths);
      written.add(key);
    },
    most: (prompt, adapter) => longest - prompt - before(adapter),
    mostInMemory: (prompt, rows, adapter) => places.most([0], rows) - prompt - before(adapter),
    fits: (prompt, expected, rows, adapter) => places.fits([before(adapter) + prompt + expected], rows),
    join(prompt, expected, kept, adapter) {
      const row = places.add([before(adapter) + prompt + expected], adapter);
      if (kept) places.put(row, kept);
      return row;
    },
    async read(row, prompt, all = false) {
      const { adapter } = row;
      const first = before(adapter);
      if (adapter && pool.lengths[row.at]! < first) {
        const part =
          adapter.settings.method === "prompt"
            ? await promptFronts.of(adapter)
            : ((await fronts.of(adapter)).decoder ?? fail("internal", "an adapter that has nothing before a text"));
        pool.put(row.at, part);
      }
      const { at } = row;
      const begin = heldBy(row);
      const end = Math.min(prompt.length, piece * (Math.floor(begin / piece) + 1));
      const isLast = end === prompt.length;
      const asked = all ? end - begin : 1;
      const into: Record<string, NdArray> = {
        sum: zeros("float32", [1, asked]),
        ...((all || isLast) && { logits: zeros("float32", [1, asked, vocabulary]) }),
      };
      const next = { from: at, tokens: [prompt.slice(begin, end)], lengths: [first + prompt.length] };
      await run({ ...next, adapters: [adapter] }, into);
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
      const next = { from: 0, tokens: tokens.map((token) => [token]), lengths };
      await run({ ...next, adapters: places.adapters() }, into);
      return stepOf(into);
    },
    put: (row, kept, tokens) => places.put(row, kept, before(row.adapter) + tokens),
    keep: (row, tokens) => places.keep(row, tokens === undefined ? undefined : before(row.adapter) + tokens),
    held: heldBy,
    leave: (row, damaged = false) => places.remove(row, damaged),
    async [Symbol.asyncDispose]() {
      for (const one of [programs, fronts, promptFronts]) await one[Symbol.asyncDispose]();
      await disposeAll([tables]);
    },
  };
}

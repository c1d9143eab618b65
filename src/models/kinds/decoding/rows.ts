/** A decoding of a decoder: prompts read in pieces, then a token of every row at a time, over caches that grow. */
import { fail, throwIfAborted } from "../../../errors.ts";
import { int64, type NdArray, zeros } from "../../../graph/array.ts";
import type { Program } from "../../../runtime/program.ts";
import type { DecoderArchitecture } from "../../family.ts";
import { createRowCache, type RowCache } from "../cache.ts";
import { type Ahead, type Decoding, needNumbers, type ReadOptions } from "../language.ts";
import { type Lazy, wanted } from "../programs.ts";
import { commonBegin, heldIn, holdIn } from "./memory.ts";
import { piecesOf } from "./pieces.ts";
import type { Tables } from "./tables.ts";

type Result = "logits" | "best";

export interface DecodingPrograms {
  /** `rowsGraph` for one row, and for any number of them. */
  readonly one: Lazy<Program>;
  readonly several: Lazy<Program>;
  /** What depends on positions alone, where something does. */
  readonly tables: Lazy<Tables | undefined>;
}

export interface DecodingOptions extends ReadOptions {
  readonly beams: number;
  /** Tokens that room is made for at once. */
  readonly expected: number;
  /** Most tokens of a run. */
  readonly piece?: number | undefined;
  /** Products round what is multiplied. */
  readonly rounded?: boolean;
}

/** Room for the longest text that the model's positions allow. */
export function needRoom({ longest }: DecoderArchitecture, length: number, what: string): void {
  if (longest === undefined || length <= longest) return;
  fail("too_long", `${what} has ${length} tokens, the model has ${longest} positions`, {
    hint: "shorten it, or take a model with more positions",
  });
}

interface NextTokens {
  /** The first of the rows. */
  readonly from: number;
  /** Tokens of every row. */
  readonly tokens: readonly (readonly number[])[];
  /** Tokens of every row's text, those included that are read later. */
  readonly lengths: readonly number[];
}

/** Rows `from` to `to` of an array along its first axis: the same memory. */
function rowsOf({ dtype, shape: [rows, ...rest], data }: NdArray, from: number, to: number): NdArray {
  const each = data.length / rows!;
  return { dtype, shape: [to - from, ...rest], data: (data as Float32Array).subarray(from * each, to * each) };
}

/** Every row `times` times. */
function repeated(array: NdArray, times: number): NdArray {
  if (times === 1) return array;
  const [rows, ...rest] = array.shape as [number, ...number[]];
  const each = array.data.length / rows;
  const all = zeros(array.dtype, [rows * times, ...rest]);
  for (let row = 0; row < rows * times; row++) {
    const from = Math.floor(row / times) * each;
    (all.data as Float32Array).set((array.data as Float32Array).subarray(from, from + each), row * each);
  }
  return all;
}

export function decodeRows(
  model: DecoderArchitecture,
  { one, several, tables }: DecodingPrograms,
  prompts: readonly (readonly number[])[],
  { beams, expected, piece, rounded = false, memory, signal, onRead }: DecodingOptions,
): Decoding {
  const { cache: shape, pad, vocabulary, steadyUpTo = Infinity } = model;
  const kept = beams === 1 ? memory : undefined;
  const program = (rows: number) => (rows === 1 ? one : several).get();
  /** Tokens of every row so far. */
  let texts: number[][] = [];
  let cache: RowCache | undefined;
  const me = {};

  /** The cache of the rows: what the memory holds of the prompt, or nothing yet. */
  function remembered(): RowCache {
    const room = Math.max(...prompts.map(({ length }) => length)) + expected;
    const held = kept && heldIn(kept);
    // Keys of a text longer than that were made for its length.
    const isSteady = held && Math.max(held.ids.length, prompts[0]!.length) <= steadyUpTo;
    if (held?.model !== model || !isSteady) return createRowCache(shape, prompts.length, room);
    // The last token is always computed: its logits are asked for.
    const known = Math.min(commonBegin(held.ids, prompts[0]!), prompts[0]!.length - 1);
    held.cache.hold(0, known);
    holdIn(kept!, { ...held, by: me, ids: held.ids.slice(0, known) });
    return held.cache;
  }

  const results = (names: readonly Result[], rows: number, asked = 1): Record<string, NdArray> => ({
    sum: zeros("float32", [rows, asked]),
    ...(names.includes("best") && { best: zeros("int64", [rows, asked]) }),
    ...(names.includes("logits") && { logits: zeros("float32", [rows, asked, vocabulary]) }),
  });

  /** Run over the next tokens of some rows; the results of the last ones, as many as `into` has room for, are written there. */
  async function run(
    opened: Program,
    rows: RowCache,
    { from, tokens, lengths }: NextTokens,
    into: Readonly<Record<string, NdArray>>,
  ): Promise<void> {
    const [count, to] = [tokens.length, from + tokens.length];
    const length = Math.max(...tokens.map((row) => row.length));
    const starts = rows.lengths.slice(from, to);
    const ends = starts.map((start, row) => start + tokens[row]!.length);
    rows.reserve(Math.max(...starts) + length);
    const asked = into.sum!.shape[1]!;
    const given: Record<string, NdArray> = {
      asked: int64(
        [count, asked],
        tokens.flatMap((row) => Array.from({ length: asked }, (_, i) => row.length - asked + i)),
      ),
      ids: int64(
        [count, length],
        tokens.flatMap((row) => [...row, ...new Array<number>(length - row.length).fill(pad)]),
      ),
      starts: int64([count], starts),
      ends: int64([count], ends),
      lengths: int64([count], lengths),
      ...(await (await tables.get())?.of(rows.capacity)),
    };
    // Every output has its array: a run that hands nothing back copies nothing.
    const written: Record<string, NdArray> = { ...into };
    for (const [name, array] of rows.buffers(from, to)) {
      given[`past.${name}`] = array;
      written[`present.${name}`] = array;
    }
    await opened.run(wanted(opened, given), { outputs: Object.keys(written), into: written });
    needNumbers(into.sum!.data as Float32Array);
    ends.forEach((end, row) => {
      rows.hold(from + row, end);
    });
  }

  /** Read the prompts; every beam of one starts from the same keys and values. */
  async function prompt(names: readonly Result[]): Promise<Record<string, NdArray>> {
    const rows = remembered();
    // Those of several rows read one of them as well.
    const opened = await program(prompts.length);
    const into = results(names, prompts.length);
    const total = prompts.reduce((sum, { length }) => sum + length, 0);
    let done = rows.lengths.reduce((a, b) => a + b, 0);
    const lengths = prompts.map(({ length }) => length);
    for (const { from, to, begin, end } of piecesOf(lengths, rows.lengths[0], piece)) {
      throwIfAborted(signal);
      const part = Object.fromEntries(Object.entries(into).map(([name, all]) => [name, rowsOf(all, from, to)]));
      const tokens = prompts.slice(from, to).map((ids) => ids.slice(begin, end));
      await run(opened, rows, { from, tokens, lengths: lengths.slice(from, to) }, part);
      done += tokens.reduce((sum, { length }) => sum + length, 0);
      if (kept) holdIn(kept, { model, by: me, ids: prompts[0]!.slice(0, end), cache: rows });
      onRead?.(done, total);
    }
    if (beams > 1) rows.take(prompts.flatMap((_, row) => new Array<number>(beams).fill(row)));
    texts = prompts.flatMap((ids) => Array.from({ length: beams }, () => [...ids]));
    cache = rows;
    return Object.fromEntries(Object.entries(into).map(([name, all]) => [name, repeated(all, beams)]));
  }

  /** The next tokens of every row, the same number of each, all of whose results are given. */
  async function advance(
    rows: RowCache,
    tokens: readonly (readonly number[])[],
    names: readonly Result[],
  ): Promise<Record<string, NdArray>> {
    const each = tokens[0]!.length;
    const lengths = rows.lengths.map((length) => length + each);
    needRoom(model, Math.max(...lengths), "the text");
    if (kept && heldIn(kept)?.by !== me) {
      fail("wrong_use", "the memory of this decoding has been cleared, or another one goes on with it");
    }
    const into = results(names, tokens.length, each);
    await run(await program(tokens.length), rows, { from: 0, tokens, lengths }, into);
    tokens.forEach((next, row) => {
      texts[row]!.push(...next);
    });
    if (kept) holdIn(kept, { model, by: me, ids: texts[0]!, cache: rows });
    return into;
  }
  const next = (tokens: readonly number[] | undefined, names: readonly Result[]) =>
    tokens && cache
      ? advance(
          cache,
          tokens.map((token) => [token]),
          names,
        )
      : prompt(names);
  const numbers = ({ data }: NdArray) => Array.from(data as BigInt64Array, Number);
  const take = (rows: readonly number[]) => {
    if (rows.length === texts.length && rows.every((from, to) => from === to)) return;
    cache?.take(rows);
    texts = rows.map((row) => [...texts[row]!]);
  };

  const ahead: Ahead = {
    exact: !rounded,
    get room() {
      return Math.min(model.longest ?? Infinity, steadyUpTo) - (cache?.lengths[0] ?? Infinity);
    },
    async likeliest(tokens) {
      if (!cache) fail("wrong_use", "tokens ahead of a prompt that has not been read");
      return numbers((await advance(cache, [tokens], ["best"])).best!);
    },
    back(count) {
      if (!cache || (kept && heldIn(kept)?.by !== me)) return;
      texts[0]!.length -= count;
      cache.hold(0, texts[0]!.length);
    },
  };

  return {
    ...(prompts.length === 1 && beams === 1 && { ahead }),
    async step(tokens) {
      const { logits, best } = await next(tokens, ["logits", "best"]);
      return { logits: logits!, best: numbers(best!) };
    },
    async likeliest(tokens) {
      return numbers((await next(tokens, ["best"])).best!);
    },
    reorder: take,
    keep: (kept) => take(kept.flatMap((at) => Array.from({ length: beams }, (_, beam) => at * beams + beam))),
  };
}

/** Models with a decoder alone: their graphs, and reading, decoding and scoring over them. */
import { fail } from "../../errors.ts";
import type { Dim } from "../../graph/dims.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { sameSegment } from "../../nn/masks.ts";
import { continuedRows, type KeyValue, wholeRow } from "../../nn/pass.ts";
import { createScope } from "../../nn/scope.ts";
import type { DecoderArchitecture } from "../family.ts";
import { laidOutRows, splitTargets } from "./continuations.ts";
import { decodeRows, needRoom } from "./decoding/rows.ts";
import { createTables } from "./decoding/tables.ts";
import { needTokens } from "./ids.ts";
import { answers, type LanguageModel, type Reading, type ReadOptions, type Targets } from "./language.ts";
import { type Compile, disposeAll, lazily, wanted } from "./programs.ts";

const rowInput = (name: string, length: Dim = "length") => input(name, "int64", ["batch", length]);

/**
 * The next tokens of every row over the caches: ids [rows, length], filled up on the right; the place of every row's
 * first token and the place after its last, starts and ends [rows]; the length of its whole text, lengths [rows]; which of
 * the tokens' answers are wanted, by their indices, asked [rows, asked]; and the caches past.i.k and .v [rows, kvHeads,
 * capacity, k]; to the `logits` [rows, asked, vocabulary], `best` and `sum` of those tokens, and the caches with the
 * tokens in. What depends on positions alone are inputs too: see {@link tablesGraph}.
 */
export function rowsGraph(model: DecoderArchitecture, rows: Dim = "rows", length: Dim = "length"): Graph {
  return graphOf(model, rows, length).steps;
}

/** What depends on positions alone, as `table.i` [capacity, …] of `places` int64 [capacity]: none where nothing does. */
export function tablesGraph(model: DecoderArchitecture): Graph | undefined {
  const tables = Object.entries(graphOf(model, 1, 1).tables);
  return tables.length > 0 ? graph(Object.fromEntries(tables)) : undefined;
}

function graphOf(model: DecoderArchitecture, rows: Dim, length: Dim) {
  const network = model.network(createScope());
  const tables: Record<string, Tensor> = {};
  const places = input("places", "int64", ["capacity"]);
  const { layers, kvHeads, headWidth } = model.cache;
  const shape = [rows, kvHeads, "capacity", headWidth];
  const past = Array.from({ length: layers }, (_, i): KeyValue => {
    return { k: input(`past.${i}.k`, "float32", shape), v: input(`past.${i}.v`, "float32", shape) };
  });
  const [starts, ends, lengths] = ["starts", "ends", "lengths"].map((name) => input(name, "int64", [rows])) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const tabled = (make: (places: Tensor) => Tensor) => {
    const name = `table.${Object.keys(tables).length}`;
    const table = make(places);
    tables[name] = table;
    return input(name, table.dtype, table.shape);
  };
  const pass = continuedRows(length, { past, starts, ends, lengths, tabled });
  const hidden = network.decode(input("ids", "int64", [rows, length]), pass);
  const asked = o.reshape(input("asked", "int64", [rows, "asked"]), [rows, "asked", 1]);
  const logits = network.logits(o.gatherElements(hidden, o.expand(asked, [rows, "asked", model.width]), 1));
  const present = pass.present.flatMap(({ k, v }, i) => [
    [`present.${i}.k`, k] as const,
    [`present.${i}.v`, v] as const,
  ]);
  return { steps: graph({ ...answers(logits), ...Object.fromEntries(present) }), tables };
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

export interface DecoderOptions {
  /** The weights are in 8 or 4 bits, which every program repacks as it opens. */
  readonly packed?: boolean;
  /** Products round what is multiplied to 8 bits. */
  readonly rounded?: boolean;
  /** Most tokens of a prompt in one run; a longer prompt is read in pieces. 256 by default. */
  readonly piece?: number;
}

/** A model over compiled programs, as {@link LanguageModel} has it. */
export function decoderModel(
  model: DecoderArchitecture,
  compile: Compile,
  options: DecoderOptions = {},
): LanguageModel {
  const { packed = false, rounded = false, piece } = options;
  // Products of one row are at the memory's speed with weights as they lie, those of several rows only with repacked
  // ones. Weights in 8 or 4 bits are repacked by every program that opens: one is enough then.
  const several = lazily(() => compile(rowsGraph(model), { prepack: true }));
  const one = packed ? several : lazily(() => compile(rowsGraph(model, 1), { prepack: false }));
  const scorer = lazily(() => compile(scoreGraph(model)));
  const { vocabulary, pad, begin: first } = model;
  const tables = lazily(async () => {
    const g = tablesGraph(model);
    return g && createTables(await compile(g));
  });
  const programs = { one, several, tables };

  async function read(given: readonly (readonly number[])[], options: ReadOptions = {}): Promise<Reading> {
    const prompts = given.map((ids) => (ids.length === 0 && first !== undefined ? [first] : ids));
    needTokens(prompts, vocabulary, "the prompt is empty, and the model has no token to begin with");
    for (const { length } of prompts) needRoom(model, length, "the prompt");
    if (options.memory && prompts.length !== 1) fail("wrong_use", "a memory is of one text; there are several prompts");
    return {
      batch: prompts.length,
      said: prompts,
      begin: (beams, expected) => decodeRows(model, programs, prompts, { ...options, beams, expected, piece, rounded }),
      score: (targets) => score(prompts, targets),
    };
  }

  async function score(prompts: readonly (readonly number[])[], targets: Targets): Promise<number[][][]> {
    const rows = splitTargets(prompts, targets, model.steadyUpTo);
    for (const { prompt, choices } of rows) {
      needRoom(model, prompt.length + Math.max(...choices.map(({ length }) => length)) - 1, "the prompt with a choice");
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
    [Symbol.asyncDispose]: () => disposeAll([...new Set([one, several, scorer, tables])]),
  };
}

/** What every family of decoders is held to, against what transformers computes (parity/tiny.py, decoder_case). */
import { expect, test } from "vitest";
import { int64, type NdArray } from "../../../src/graph/array.ts";
import { type Graph, graph } from "../../../src/graph/graph.ts";
import { input } from "../../../src/graph/tensor.ts";
import type { DecoderArchitecture } from "../../../src/models/family.ts";
import { decoderModel } from "../../../src/models/kinds/decoder.ts";
import { padded } from "../../../src/models/kinds/ids.ts";
import { wanted } from "../../../src/models/kinds/programs.ts";
import { wholeRow } from "../../../src/nn/pass.ts";
import { createScope } from "../../../src/nn/scope.ts";
import { compile } from "../../../src/runtime/compile-node.ts";
import type { Program } from "../../../src/runtime/program.ts";
import type { Weights } from "../../../src/weights/weights.ts";
import { expectClose, readFloats, readJson, readTensors } from "../fixtures.ts";
import { generated, groupings, type Run } from "../generate.ts";

export interface DecoderExpected {
  rows: number[][];
  max_new_tokens: number;
  ends: number[];
  continuations: { choices: number[][]; scores: number[][] };
  runs: Run[];
}

/** ids, mask and positions [batch, length] to the logits of every place. */
export function logitsGraph(model: DecoderArchitecture): Graph {
  const rows = (name: string) => input(name, "int64", ["batch", "length"]);
  const network = model.network(createScope());
  const pass = wholeRow("length", { causal: true, mask: rows("mask"), positions: rows("positions") });
  return graph({ logits: network.logits(network.decode(rows("ids"), pass)) });
}

/** Logits of every token of every row, filled up on one side: row by row, place by place. */
export async function logitsOf(
  program: Program,
  { pad, vocabulary }: DecoderArchitecture,
  rows: readonly (readonly number[])[],
  side: "left" | "right",
): Promise<Float32Array[][]> {
  const { ids, mask } = padded(rows, pad, side);
  const width = ids.shape[1]!;
  const start = (row: readonly number[]) => (side === "left" ? width - row.length : 0);
  const positions = rows.flatMap((row) =>
    Array.from({ length: width }, (_, i) => Math.min(Math.max(0, i - start(row)), row.length - 1)),
  );
  const feeds = { ids, mask, positions: int64([rows.length, width], positions) };
  const { logits } = (await program.run(wanted(program, feeds))) as { logits: NdArray };
  return rows.map((row, r) =>
    row.map((_, i) => {
      const at = (r * width + start(row) + i) * vocabulary;
      return (logits.data as Float32Array).slice(at, at + vocabulary);
    }),
  );
}

const flat = (parts: readonly Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Tests over one model: `folder` holds what is expected of it. */
export function decoderTests(folder: string, architecture: DecoderArchitecture, weights: Weights): void {
  const expected = readJson<DecoderExpected>(folder, "expected.json");
  const { rows, runs, continuations } = expected;
  const logits = readFloats(readTensors(folder, "expected.safetensors").get("logits")!);
  const open = () => decoderModel(architecture, (g) => compile(g, { weights, threads: 1 }));

  test("end tokens are read from config.json", () => {
    expect(architecture.ends).toEqual(expected.ends);
  });

  test.each([
    ["alone", "right"],
    ["filled up on the right", "right"],
    ["filled up on the left", "left"],
  ] as const)("logits of every place, rows %s", async (how, side) => {
    await using program = await compile(logitsGraph(architecture), { weights, threads: 1 });
    const groups = how === "alone" ? rows.map((row) => [row]) : [rows];
    const got = [];
    for (const group of groups) got.push(...(await logitsOf(program, architecture, group, side)));
    expectClose(flat(got.flat()), logits, 1e-4, "logits");
  });

  test.each(groupings(rows))("every recorded generation, %s", async (_, groups) => {
    await using model = open();
    for (const { name, params, tokens, scores } of runs) {
      const got: number[][] = [];
      const found: number[] = [];
      for (const prompts of groups) {
        const one = await generated(model, prompts, params, expected.max_new_tokens);
        got.push(...one.tokens);
        found.push(...one.scores);
      }
      expect(got, name).toEqual(tokens);
      if (scores) expectClose(found, scores, 1e-4, name);
    }
  });

  test("continuations together equal them one by one and the reference", async () => {
    await using model = open();
    const { choices, scores } = continuations;
    const all = await (await model.read(rows)).score(rows.map(() => choices));
    expectClose(all.flat().map(sum), scores.flat(), 1e-4, "sums of log-probabilities");
    for (const [r, row] of rows.entries()) {
      for (const [c, choice] of choices.entries()) {
        const [[alone]] = (await (await model.read([row])).score([[choice]])) as [[number[]]];
        expectClose(alone!, all[r]![c]!, 1e-5, `choice ${c} after row ${r}`);
      }
    }
  });
}

/** Decoding with caches, rows of a batch growing together, against the whole row read at once. */
export function cachedEqualsWhole(folder: string, architecture: DecoderArchitecture, weights: Weights): void {
  test("cached decoding equals decoding in full", async () => {
    const { rows } = readJson<DecoderExpected>(folder, "expected.json");
    await using program = await compile(logitsGraph(architecture), { weights, threads: 1 });
    await using model = decoderModel(architecture, (g) => compile(g, { weights, threads: 1 }));
    // Longer than the room that a cache starts with.
    const more = rows.map((_, r) => Array.from({ length: 20 }, (_, t) => 2 + ((7 * t + 5 * r) % 40)));
    const texts = rows.map((row, r) => [...row, ...more[r]!]);
    const whole = await logitsOf(program, architecture, texts, "right");
    const decoding = (await model.read(rows)).begin(1, 4);
    for (let t = 0; t <= more[0]!.length; t++) {
      const { logits } = await decoding.step(t === 0 ? undefined : more.map((tokens) => tokens[t - 1]!));
      const right = flat(rows.map((row, r) => whole[r]![row.length - 1 + t]!));
      expectClose(logits.data as Float32Array, right, 1e-5, `step ${t}`);
    }
  });
}

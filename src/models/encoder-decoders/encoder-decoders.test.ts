/** Tiny encoder-decoders of every family against what transformers computes with them (parity/encoder_decoders.py). */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectClose, fixtures, readFloats, readJson, readTensors } from "../../../test/support/fixtures.ts";
import { generated, groupings, type RunParams } from "../../../test/support/generate.ts";
import { readFixture } from "../../../test/support/models/models.ts";
import { lossAndGradients, packingTest, trainingTests, valuesOf } from "../../../test/support/training.ts";
import type { JsonObject } from "../../base/json.ts";
import { openModelFolder } from "../../folders/open-node.ts";
import { int64, type NdArray } from "../../graph/array.ts";
import { graph } from "../../graph/graph.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { sgd } from "../../learn/optimizers.ts";
import { createTrainer } from "../../learn/trainer.ts";
import { createScope } from "../../nn/scope.ts";
import { compile } from "../../runtime/compile-node.ts";
import { type GenerationConfig, withGenerationConfig } from "../../text/generation-config.ts";
import type { TokenRules } from "../../text/processors.ts";
import { trainingModel } from "../../train/model.ts";
import type { Weights } from "../../weights/weights.ts";
import { readModel } from "../families.ts";
import type { EncoderDecoderArchitecture } from "../family.ts";
import { encoderModel } from "../kinds/encoder.ts";
import { encoderDecoderModel, encoderGraph, scoreGraph } from "../kinds/encoder-decoder.ts";
import { encoderDecoderLoss } from "../kinds/encoder-decoder-loss.ts";
import { encoderLoss } from "../kinds/encoder-loss.ts";
import { padded } from "../kinds/ids.ts";
import type { Example } from "../kinds/loss.ts";
import { wanted } from "../kinds/programs.ts";

interface Run {
  name: string;
  params: JsonObject;
  tokens: number[][];
  scores?: number[];
}

interface Expected {
  rows: number[][];
  decoder_input_ids: number[];
  max_new_tokens: number;
  continuations: { choices: number[][]; scores: number[][] };
  loss: { rows: Example[]; value: number };
  says: Run;
  runs: Run[];
}

const cases = ["bart", "mbart", "pegasus", "marian", "marian-two", "mt5", "umt5", "byt5", "bf16"] as const;

/** Of arrays those that a graph asks for. */
const feedsFor = (tensor: Tensor, feeds: Readonly<Record<string, NdArray>>) =>
  wanted({ inputs: graph({ tensor }).inputs.map(({ name }) => name) }, feeds);

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Encoder states of every token of every row, and logits of the same answer after every row. */
async function numbersOf(
  model: EncoderDecoderArchitecture,
  weights: Weights,
  groups: readonly number[][][],
  answer: readonly number[],
) {
  await using encoder = await compile(encoderGraph(model), { weights, threads: 1 });
  await using decoder = await compile(scoreGraph(model), { weights, threads: 1 });
  const [encodings, logits]: [number[], number[]] = [[], []];
  for (const rows of groups) {
    const { ids, mask } = padded(rows, model.pad);
    const { encoded, ...memory } = await encoder.run({ ids, mask });
    const width = encoded!.shape.slice(1).reduce((a, b) => a * b, 1);
    rows.forEach(({ length }, r) => {
      encodings.push(...(encoded!.data as Float32Array).subarray(r * width, r * width + length * model.width));
    });
    const tokens = int64(
      [rows.length, 1, answer.length],
      rows.flatMap(() => answer),
    );
    const feeds = { ...memory, mask, tokens, labels: tokens };
    logits.push(...((await decoder.run(feeds, { outputs: ["logits"] })).logits!.data as Float32Array));
  }
  return { encodings, logits };
}

describe.each(cases)("%s", (name) => {
  const folder = `encoder-decoders/${name}`;
  const expected = readJson<Expected>(folder, "expected.json");
  const opened = openModelFolder(join(fixtures, folder));
  const { architecture, weights } = readFixture(folder, "encoder-decoder");
  const told = withGenerationConfig(architecture, opened.config, opened.generationConfig);
  const open = () => encoderDecoderModel(told.architecture, (g) => compile(g, { weights, threads: 1 }));
  const reference = readTensors(folder, "expected.safetensors");

  test.each(groupings(expected.rows))("encoder states and logits of every place, rows %s", async (_, groups) => {
    const got = await numbersOf(architecture, weights, groups, expected.decoder_input_ids);
    expectClose(got.encodings, readFloats(reference.get("encoded")!), 1e-4, "encoder states");
    expectClose(got.logits, readFloats(reference.get("logits")!), 1e-4, "logits");
  });

  test.each(groupings(expected.rows))("every recorded generation, rows %s", async (_, groups) => {
    await using model = open();
    const check = async ({ name: run, params, tokens, scores }: Run, most: number, rules: TokenRules = {}) => {
      const got: { tokens: number[][]; scores: number[] } = { tokens: [], scores: [] };
      for (const prompts of groups) {
        const one = await generated(model, prompts, params as RunParams, most, rules);
        got.tokens.push(...one.tokens);
        got.scores.push(...one.scores);
      }
      expect(got.tokens, run).toEqual(tokens);
      if (scores) expectClose(got.scores, scores, 1e-4, run);
    };
    // What a file says of a run is read as the file of a folder is.
    const rulesOf = (params: JsonObject): GenerationConfig =>
      withGenerationConfig(architecture, opened.config, { ...params }).generation;
    for (const run of expected.runs) {
      const { rules, notComputed } = rulesOf(run.params);
      expect(notComputed, run.name).toEqual([]);
      await check(run, expected.max_new_tokens, rules);
    }
    expect(told.generation.notComputed).toEqual([]);
    await check(expected.says, (told.generation.defaults.maxNewTokens ?? 0) as number, told.generation.rules);
  });

  test("continuations together equal them one by one and the reference", async () => {
    await using model = open();
    const { choices, scores } = expected.continuations;
    const all = await (await model.read(expected.rows)).score(expected.rows.map(() => choices));
    expect(Math.max(...all.flat().map((logs, i) => Math.abs(sum(logs) - scores.flat()[i]!)))).toBeLessThan(1e-3);
    for (const [c, choice] of choices.entries()) {
      const [[alone]] = (await (await model.read([expected.rows[1]!])).score([[choice]])) as [[number[]]];
      expectClose(alone!, all[1]![c]!, 1e-5, `choice ${c}`);
    }
  });

  test("the loss of targets, from which the decoder's inputs are made", async () => {
    const { rows, value } = expected.loss;
    const loss = encoderDecoderLoss(architecture);
    // A stored bf16 is trained as float32.
    if (name === "bf16") return;
    const got = await lossAndGradients(
      loss,
      valuesOf(folder),
      rows.map((row) => [row]),
    );
    expectClose([got.loss], [value], 1e-5, "loss");
  });
});

describe("training of BART", () => {
  const loss = encoderDecoderLoss(readFixture("encoder-decoders/bart", "encoder-decoder").architecture);
  trainingTests("encoder-decoders/bart", loss);
  packingTest("encoder-decoders/bart", loss, true);

  test("a longer example than there are positions is refused", () => {
    const long = { input: new Array<number>(25).fill(7), target: [7, 2] };
    expect(() => loss.collate([[long]], 2)).toThrow(expect.objectContaining({ code: "too_long" }));
  });

  test("the buffer that is added to the logits is not trained, mBART starts from a target's language", () => {
    const { architecture } = readFixture("encoder-decoders/bart", "encoder-decoder");
    const { all, trained } = trainingModel(architecture, { recompute: false });
    expect(all.map(({ name }) => name)).toContain("final_logits_bias");
    expect(trained.map(({ name }) => name)).not.toContain("final_logits_bias");
    const mbart = encoderDecoderLoss(readFixture("encoder-decoders/mbart", "encoder-decoder").architecture);
    const { tokens } = mbart.collate([[{ input: [7, 2], target: [11, 12, 2, 50] }]], 4);
    expect([...(tokens!.data as BigInt64Array)].map(Number)).toEqual([50, 11, 12, 2]);
  });
});

test("more tokens than there are positions are refused by their number, in a prompt, an answer and a choice", async () => {
  const { architecture, weights } = readFixture("encoder-decoders/pegasus", "encoder-decoder");
  await using model = encoderDecoderModel({ ...architecture, ends: [] }, (g) => compile(g, { weights, threads: 1 }));
  const many = new Array<number>(25).fill(7);
  const refused = expect.objectContaining({ code: "too_long", message: expect.stringContaining("24 positions") });
  await expect(model.read([many])).rejects.toThrow(refused);
  await expect(generated(model, [[7, 1]], {}, 25)).rejects.toThrow(refused);
  const reading = await model.read([[7, 1]]);
  await expect(reading.score([[many]])).rejects.toThrow(refused);
});

test("a Marian of two vocabularies takes ids of the one and gives those of the other", async () => {
  const { architecture, weights } = readFixture("encoder-decoders/marian-two", "encoder-decoder");
  await using model = encoderDecoderModel(architecture, (g) => compile(g, { weights, threads: 1 }));
  expect(model).toMatchObject({ vocabulary: 48, inputVocabulary: 64 });
  await expect(model.read([[64, 0]])).rejects.toThrow("outside the vocabulary of 64");
  const beams = await generated(
    model,
    [
      [60, 0],
      [52, 63, 0],
    ],
    { num_beams: 4 },
    6,
  );
  for (const tokens of beams.tokens) expect(Math.max(...tokens)).toBeLessThan(48);
});

test.each<[string, JsonObject, string]>([
  ["m2m_100", { model_type: "m2m_100", vocab_size: 40 }, 'model_type "m2m_100"'],
  ["a decoder alone", { model_type: "mbart", vocab_size: 40, is_encoder_decoder: false }, "is_encoder_decoder"],
  [
    "a head for answers",
    { model_type: "bart", vocab_size: 40, architectures: ["BartForQuestionAnswering"] },
    "BartForQuestionAnswering",
  ],
])("%s is refused by name", (_, config, named) => {
  const read = () => readModel(config, new Map(), "here");
  expect(read).toThrow(expect.objectContaining({ code: "unsupported", message: expect.stringContaining(named) }));
});

test("what only older programs wrote is ignored, and names of a model without its head are known", () => {
  const folder = "encoder-decoders/bart";
  const { architecture, weights } = readFixture(folder, "encoder-decoder");
  const old = {
    ...readJson<JsonObject>(folder, "config.json"),
    normalize_before: true,
    normalize_embedding: false,
    add_final_layer_norm: true,
    static_position_embeddings: true,
    add_bias_logits: true,
    extra_pos_embeddings: 7,
  };
  const bare = new Map([...weights].map(([key, value]) => [key.replace("model.", ""), value]));
  const moved = new Map([...weights].map(([key, value]) => [key.replace("model.shared", "lm_head"), value]));
  for (const stored of [bare, moved]) {
    const read = readModel(old, stored, "here");
    expect({ ...read.architecture, network: 0 }).toEqual({ ...architecture, network: 0 });
    expect([...read.weights.keys()].sort()).toEqual(expect.arrayContaining([...weights.keys()]));
  }
});

describe("BART with the head of its classifier", () => {
  const folder = "encoder-decoders/bart-classes";
  const { architecture, weights } = readFixture(folder, "encoder");
  const { rows } = readJson<{ rows: number[][] }>(folder, "expected.json");
  const scores = readFloats(readTensors(folder, "expected.safetensors").get("scores")!);

  test("is of the kind that takes a text and gives classes", () => {
    const labels = ["contradiction", "neutral", "entailment"];
    expect(architecture).toMatchObject({ head: "sequence", problem: "single", labels, longest: 24 });
  });

  test.each(groupings(rows))("scores, from the state at the last end token, rows %s", async (_, groups) => {
    await using model = encoderModel(architecture, (g) => compile(g, { weights, threads: 1 }));
    const got: number[] = [];
    for (const group of groups) {
      const answer = await model.answer!(group.map((ids) => ({ ids })));
      got.push(...(answer.scores.data as Float32Array));
    }
    expectClose(got, scores, 1e-4, "scores");
  });

  test("steps of training", async () => {
    const { batches, losses, optimizer, params } = readJson<{
      batches: { rows: Example[] }[];
      losses: number[];
      optimizer: string;
      params: { lr: number; momentum: number };
    }>(folder, "training.json");
    expect(optimizer).toBe("sgd");
    const scope = createScope();
    const loss = encoderLoss(architecture, "sequence");
    const tensor = loss.graph(scope);
    await using trainer = await createTrainer({
      loss: tensor,
      parameters: [...scope.parameters.values()],
      values: valuesOf(folder),
      optimizer: sgd({ momentum: params.momentum }),
      compile: (g) => compile(g, { threads: 1, trained: () => true }),
    });
    for (const [step, right] of losses.entries()) {
      const texts = batches[step % batches.length]!.rows;
      const feeds = loss.collate(
        texts.map((text) => [text]),
        texts.length,
      );
      const report = await trainer.step([feedsFor(tensor, feeds)], params.lr);
      expectClose([report.loss], [right], 1e-4, `loss of step ${step + 1}`);
    }
  });
});

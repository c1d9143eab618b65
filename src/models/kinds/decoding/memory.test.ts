/** Texts that go on over what is held of them, and prompts read in pieces: the same numbers as read at once. */
import { describe, expect, test } from "vitest";
import { expectClose, readJson } from "../../../../test/support/fixtures.ts";
import { readFixture } from "../../../../test/support/models/models.ts";
import type { JsonObject } from "../../../base/json.ts";
import { ZerothError } from "../../../errors.ts";
import { initialValue } from "../../../nn/initial.ts";
import { createScope, normal } from "../../../nn/scope.ts";
import { compile } from "../../../runtime/compile-node.ts";
import { logSumExp } from "../../../text/choose.ts";
import { textModel } from "../../../text/model.ts";
import type { StoredTensor, Weights } from "../../../weights/weights.ts";
import { familyOf, readModel } from "../../families.ts";
import type { DecoderArchitecture } from "../../family.ts";
import { decoderModel } from "../decoder.ts";
import { decoderLoss } from "../decoder-loss.ts";
import type { LanguageModel, ReadOptions } from "../language.ts";
import { createMemory } from "./memory.ts";
import { piecesOf } from "./pieces.ts";

/** The same with attention to the last `window` tokens in every second layer. */
const windowed = (model: DecoderArchitecture, window: number): DecoderArchitecture => ({
  ...model,
  network(scope, options) {
    const network = model.network(scope, options);
    return {
      ...network,
      decode: (ids, pass) =>
        network.decode(
          ids,
          Object.create(pass, {
            self: {
              value: (...[layer, q, k, v, how]: Parameters<typeof pass.self>) =>
                pass.self(layer, q, k, v, layer % 2 ? { ...how, window } : how),
            },
          }),
        ),
    };
  },
});

const roped = (name: string) => {
  const { weights } = readFixture("llama/grouped", "decoder");
  const { architecture } = readModel(readJson<JsonObject>(`llama/rope-${name}`, "config.json"), weights, name);
  return { architecture: architecture as DecoderArchitecture, weights };
};

const models: [string, { architecture: DecoderArchitecture; weights: Weights }][] = [
  ["llama", readFixture("llama/grouped", "decoder")],
  // Heads of a width that no kernel takes.
  ["gpt2", readFixture("gpt2/tied", "decoder")],
  ...["dynamic", "longrope"].map((name): (typeof models)[number] => [name, roped(name)]),
];
models.push(["windows", { ...models[0]![1], architecture: windowed(models[0]![1].architecture, 3) }]);
models.push(["windows in parts", { ...models[1]![1], architecture: windowed(models[1]![1].architecture, 3) }]);

/** Heads that the kernel turns itself: of 16 channels, with random weights. */
function turnedInside(): (typeof models)[number][1] {
  const config = { ...readJson<JsonObject>("llama/grouped", "config.json"), head_dim: 16 };
  const architecture = familyOf(config, "wide").read(config);
  const scope = createScope();
  decoderLoss(architecture as DecoderArchitecture).graph(scope);
  const weights = [...scope.parameters.values()].map((spec): [string, StoredTensor] => {
    const { data } = initialValue({ ...spec, initial: normal(0.3) }, 20);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [spec.name, { dtype: "float32", shape: spec.shape, data: bytes }];
  });
  return { architecture: architecture as DecoderArchitecture, weights: new Map(weights) };
}
models.push(["turned inside", turnedInside()]);

const ids = (length: number, pace = 7) => Array.from({ length }, (_, i) => 2 + ((pace * i + (i >> 2)) % 40));

interface Followed {
  readonly logits: Float32Array[];
  readonly tokens: number[];
}

/** Logits of every step and the tokens that were likeliest. */
async function follow(
  model: LanguageModel,
  prompt: readonly number[],
  steps: number,
  options?: ReadOptions,
): Promise<Followed> {
  const decoding = (await model.read([prompt], options)).begin(1, 4);
  const [logits, tokens]: [Float32Array[], number[]] = [[], []];
  for (let t = 0; t < steps; t++) {
    const result = await decoding.step(t === 0 ? undefined : [tokens.at(-1)!]);
    logits.push((result.logits.data as Float32Array).slice());
    tokens.push(result.best[0]!);
  }
  return { logits, tokens };
}

function expectSame(got: Followed, expected: Followed): void {
  expect(got.tokens).toEqual(expected.tokens);
  got.logits.forEach((values, step) => {
    expectClose(values, expected.logits[step]!, 1e-5, `step ${step}`);
  });
}

describe.each(models)("%s", (_, { architecture, weights }) => {
  const open = (piece?: number) =>
    decoderModel(architecture, (g) => compile(g, { weights, threads: 1 }), piece ? { piece } : {});

  test("prompts in pieces give what they give at once, alone and together", async () => {
    await using whole = open();
    await using pieces = open(5);
    const prompts = [ids(23), ids(3), ids(1, 5), ids(9, 3), ids(11)];
    for (const prompt of prompts) expectSame(await follow(pieces, prompt, 4), await follow(whole, prompt, 4));
    const [some, all] = [(await pieces.read(prompts)).begin(1, 4), (await whole.read(prompts)).begin(1, 4)];
    let feed: readonly number[] | undefined;
    for (let step = 0; step < 4; step++) {
      const [got, expected] = [await some.step(feed), await all.step(feed)];
      expect(got.best).toEqual(expected.best);
      expectClose(got.logits.data as Float32Array, expected.logits.data as Float32Array, 1e-5, `step ${step}`);
      feed = expected.best;
    }
  });

  test("steps give the likelihoods that whole rows give", async () => {
    await using model = open();
    const { tokens, logits } = await follow(model, ids(9), 5);
    const [[whole]] = (await (await model.read([ids(9)])).score([[tokens]])) as [[number[]]];
    const steps = logits.map((row, t) => row[tokens[t]!]! - logSumExp(row));
    expectClose(steps, whole!, 1e-5, "log-probabilities");
  });

  test("a text goes on over what is held of it, and turns back, as if it were read anew", async () => {
    await using model = open(6);
    const memory = createMemory();
    let prompt = ids(8);
    for (const next of [ids(4, 3), ids(9, 11), ids(1)]) {
      const reads: number[][] = [];
      const got = await follow(model, prompt, 5, { memory, onRead: (...read) => reads.push(read) });
      expectSame(got, await follow(model, prompt, 5));
      expect(reads.at(-1)).toEqual([prompt.length, prompt.length]);
      expect(memory.tokens).toBe(prompt.length + 4);
      prompt = [...prompt, ...got.tokens, ...next];
    }
    const shorter = [...prompt.slice(0, 10), 3, 3];
    expectSame(await follow(model, shorter, 3, { memory }), await follow(model, shorter, 3));
    // The same once more: at least one token is computed.
    expectSame(await follow(model, shorter, 3, { memory }), await follow(model, shorter, 3));
    expectSame(await follow(model, ids(4, 5), 3, { memory }), await follow(model, ids(4, 5), 3));
  });
});

describe("a memory", () => {
  const { architecture, weights } = readFixture("llama/grouped", "decoder");
  const open = (piece = 4) => decoderModel(architecture, (g) => compile(g, { weights, threads: 1 }), { piece });

  test("only what is new is computed", async () => {
    await using model = open();
    const memory = createMemory();
    const reads: number[] = [];
    const options: ReadOptions = { memory, onRead: (read) => reads.push(read) };
    await follow(model, ids(8), 3, options);
    expect(reads.splice(0)).toEqual([4, 8]);
    const { tokens } = await follow(model, ids(8), 3, options);
    expect(reads.splice(0)).toEqual([8]);
    await follow(model, [...ids(8), ...tokens, 5, 5, 5, 5], 1, options);
    // Two tokens of the answer were held, the last one was only drawn.
    expect(reads).toEqual([13, 15]);
  });

  test("what another model holds is not taken, and clearing holds nothing", async () => {
    await using one = open();
    const other = readFixture("llama/biased", "decoder");
    await using two = decoderModel(other.architecture, (g) => compile(g, { weights: other.weights, threads: 1 }));
    const memory = createMemory();
    await follow(one, ids(8), 2, { memory });
    expectSame(await follow(two, ids(8), 2, { memory }), await follow(two, ids(8), 2));
    expect(memory.tokens).toBe(9);
    memory.clear();
    expect(memory.tokens).toBe(0);
  });

  test("a reading that was stopped between pieces is gone on with", async () => {
    await using model = open();
    const memory = createMemory();
    const stop = new AbortController();
    const options: ReadOptions = { memory, signal: stop.signal, onRead: () => stop.abort() };
    await expect(follow(model, ids(12), 2, options)).rejects.toMatchObject({ code: "interrupted" });
    expect(memory.tokens).toBe(4);
    expectSame(await follow(model, ids(12), 2, { memory }), await follow(model, ids(12), 2));
  });

  test("is of one text and one decoding at a time", async () => {
    await using model = open();
    const memory = createMemory();
    await expect(model.read([ids(3), ids(4)], { memory })).rejects.toThrow(ZerothError);
    const first = (await model.read([ids(3)], { memory })).begin(1, 4);
    const [token] = await first.likeliest();
    await follow(model, ids(3), 2, { memory });
    await expect(first.likeliest([token!])).rejects.toThrow("another one goes on with it");
  });

  test("goes from the text model's options to the model", async () => {
    const tokenizer = {
      encode: (text: string) => ({ ids: [...text].map((letter) => 2 + (letter.charCodeAt(0) % 40)) }),
      decode: (tokens: readonly number[]) => tokens.join(" "),
      streamDecoder: () => ({ push: (id: number) => `${id} `, flush: () => "" }),
    };
    const model = open();
    await using text = textModel({ model, tokenizer });
    const memory = createMemory();
    const reads: number[] = [];
    const options = { memory, maxNewTokens: 3, onRead: (read: number) => reads.push(read) };
    const { tokens } = await text.generate("a long one", options);
    expect(memory.tokens).toBe(10 + tokens.length - 1);
    for await (const _ of text.stream("a long one, going on", options));
    expect(reads).toEqual([4, 7, 10, 14, 17, 20]);
  });

  test("beams do without", async () => {
    await using model = open();
    const memory = createMemory();
    await (await model.read([ids(5)], { memory })).begin(2, 4).step();
    expect(memory.tokens).toBe(0);
  });
});

test("pieces are short neighbours together, and long rows alone in equal parts", () => {
  expect(piecesOf([3, 4, 2, 20, 1], 0, 12)).toEqual([
    { from: 0, to: 3, begin: 0, end: 4 },
    { from: 3, to: 4, begin: 0, end: 10 },
    { from: 3, to: 4, begin: 10, end: 20 },
    { from: 4, to: 5, begin: 0, end: 1 },
  ]);
  expect(piecesOf([20], 7, 12)).toEqual([
    { from: 0, to: 1, begin: 7, end: 14 },
    { from: 0, to: 1, begin: 14, end: 20 },
  ]);
});

test("a text beyond the model's positions is an error, wherever it is longer", async () => {
  const { weights, architecture: trained } = readFixture("llama/grouped", "decoder");
  expect(trained.longest).toBe(64);
  const config = readJson<JsonObject>("llama/grouped", "config.json");
  const { architecture } = readModel({ ...config, max_position_embeddings: 6 }, weights, "short");
  await using model = decoderModel(architecture as DecoderArchitecture, (g) => compile(g, { weights, threads: 1 }));
  await expect(model.read([ids(7)])).rejects.toMatchObject({ code: "too_long" });
  await expect((await model.read([ids(4)])).score([[ids(4)]])).rejects.toMatchObject({ code: "too_long" });
  const decoding = (await model.read([ids(5)])).begin(1, 4);
  const next = await decoding.likeliest(await decoding.likeliest());
  await expect(decoding.likeliest(next)).rejects.toThrow("the text has 7 tokens, the model has 6 positions");
  // Frequencies that follow the length are for texts of any.
  expect(roped("dynamic").architecture.longest).toBeUndefined();
});

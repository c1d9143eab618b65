/** An answer does not depend on its neighbours: batches that shrink, draws, and scores in pieces, on a real network. */
import { afterAll, expect, test } from "vitest";
import { randomAt } from "../src/base/rng.ts";
import { encoderDecoderModel } from "../src/models/kinds/encoder-decoder.ts";
import { compile } from "../src/runtime/compile-node.ts";
import { textModel } from "../src/text/model.ts";
import type { GenerateOptions, TextCodec } from "../src/text/options.ts";
import { scoreTargets } from "../src/text/score.ts";
import { expectClose } from "./support/fixtures.ts";
import { readFixture } from "./support/models/models.ts";

const folder = "t5/untied-gated-gelu";
const { architecture, weights } = readFixture(folder, "encoder-decoder");
const model = encoderDecoderModel(architecture, (graph) => compile(graph, { weights, threads: 1 }));
afterAll(() => model[Symbol.asyncDispose]());

/** Prompts are ids here; text is the ids written out. */
const tokenizer: TextCodec = {
  encode: () => ({ ids: [] }),
  decode: (ids) => ids.map((id) => `${id} `).join(""),
  streamDecoder: () => ({ push: (id) => `${id} `, flush: () => "" }),
};
const text = textModel({ model, tokenizer });
const { below } = randomAt(1, 2);
const ids = (length: number) => Array.from({ length }, () => 2 + below(model.vocabulary - 2));
const prompts = Array.from({ length: 20 }, (_, i) => ids(3 + (i % 7)));

const plans: GenerateOptions[] = [
  {},
  { minNewTokens: 4, repetitionPenalty: 1.4 },
  { numBeams: 3 },
  { numBeams: 4, earlyStopping: true, lengthPenalty: 0.5 },
  { sample: true, seed: 5 },
  { sample: true, seed: 5, temperature: 0.7, topK: 12, topP: 0.9 },
];

test.each(plans)("%j: together and alone", async (plan) => {
  const options = { ...plan, maxNewTokens: 24 };
  const together = await text.generateAll(prompts, { ...options, ratio: 9 });
  const alone = await text.generateAll(prompts, { ...options, rows: 1 });
  const tokens = (results: typeof together) => results.map((result) => "tokens" in result && result.tokens);
  expect(tokens(together)).toEqual(tokens(alone));
  if (!plan.numBeams) {
    const stream = text.stream(prompts[0]!, options);
    let step = await stream.next();
    while (!step.done) step = await stream.next();
    expect(step.value.tokens).toEqual(tokens(alone)[0]);
  }
});

test("prompts that stay go on as if nothing had left, with beams moved about and room running out", async () => {
  const [beams, width] = [2, model.vocabulary];
  const reading = await model.read(prompts.slice(0, 4));
  const full = reading.begin(beams, 1);
  const shrunk = reading.begin(beams, 1);
  const kept = [2, 0];
  const rows = kept.flatMap((prompt) => [prompt * beams, prompt * beams + 1]);
  for (let step = 0; step < 14; step++) {
    const feed = ids(4 * beams);
    const all = (await full.step(feed)).logits.data as Float32Array;
    const gone = step >= 5;
    const some = (await shrunk.step(gone ? rows.map((row) => feed[row]!) : feed)).logits.data as Float32Array;
    (gone ? rows : feed.map((_, row) => row)).forEach((row, at) => {
      const got = some.subarray(at * width, (at + 1) * width);
      expectClose(got, all.subarray(row * width, (row + 1) * width), 1e-5, `step ${step}, row ${row}`);
    });
    if (step === 4) shrunk.keep(kept);
    if (step === 7) {
      full.reorder([1, 0, 2, 3, 5, 5, 6, 7]);
      shrunk.reorder([1, 1, 3, 2]);
    }
  }
});

test("the same seed draws the same, another seed something else", async () => {
  const draw = async (seed: number) => text.generate(prompts[0]!, { sample: true, seed, maxNewTokens: 12 });
  expect(await draw(1)).toEqual(await draw(1));
  expect((await draw(1)).tokens).not.toEqual((await draw(2)).tokens);
});

test("scores computed in pieces are those computed at once", async () => {
  const rows = prompts.slice(0, 6).map((prompt, i) => ({
    ids: prompt,
    targets: Array.from({ length: 1 + (i % 5) }, (_, c) => ids(1 + ((i + c) % 4))),
  }));
  const whole = await scoreTargets(model, rows);
  for (const positions of [1, 9, 30]) {
    const pieces = await scoreTargets(model, rows, undefined, positions * model.vocabulary);
    pieces.forEach((row, i) => {
      expect(row.map(({ length }) => length)).toEqual(rows[i]!.targets.map(({ length }) => length));
      row.flat().forEach((value, j) => {
        expect(value).toBeCloseTo(whole[i]!.flat()[j]!, 4);
      });
    });
  }
});

test("one choice is what scoring says is best, whatever the batch", async () => {
  const rows = prompts.map((prompt) => ({ prompt, choices: [ids(2), ids(3), ids(1)] }));
  const scored = await text.scoreAll(rows);
  for (const [i, row] of rows.entries()) {
    const alone = await text.score(row.prompt, row.choices);
    const one = scored[i]!;
    if (!("best" in one)) throw one;
    expect(alone.best).toBe(one.best);
    expect(one.scores[one.best]).toBe(Math.max(...one.scores));
  }
});

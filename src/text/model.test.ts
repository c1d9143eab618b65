/** Answers, streams, jobs and choices around a model that answers by rule. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytes, fakeModel } from "../../test/support/fake-text.ts";
import { ZerothError } from "../errors.ts";
import { textModel } from "./model.ts";
import type { GenerateOptions } from "./options.ts";

const idsOf = (text: string) => bytes.encode(text, { addSpecialTokens: false }).ids;
const echo = (prompt: readonly number[]) => prompt.filter((id) => id > 1);
const saying = (answer: string) => textModel({ model: fakeModel(() => idsOf(answer)).model, tokenizer: bytes });
const echoing = () => {
  const { model, counts } = fakeModel(echo);
  return { text: textModel({ model, tokenizer: bytes }), counts };
};

async function streamed(answer: string, options?: GenerateOptions) {
  const stream = saying(answer).stream("?", options);
  const pieces: string[] = [];
  let step = await stream.next();
  while (!step.done) {
    pieces.push(step.value);
    step = await stream.next();
  }
  return { pieces, result: step.value };
}

describe("an answer", () => {
  test("has its tokens with the end token, and the prompt's length", async () => {
    expect(await saying("yes").generate("why?")).toEqual({
      text: "yes",
      tokens: [...idsOf("yes"), 1],
      finish: "stop",
      promptTokens: 5,
    });
  });

  test.each([
    { maxNewTokens: 4, finish: "stop", text: "yes", length: 4 },
    { maxNewTokens: 3, finish: "length", text: "yes", length: 3 },
    { maxNewTokens: 1, finish: "length", text: "y", length: 1 },
  ])("of at most $maxNewTokens tokens finishes by $finish", async ({ maxNewTokens, finish, text, length }) => {
    for (const numBeams of [1, 3]) {
      const result = await saying("yes").generate("?", { maxNewTokens, numBeams });
      expect(result).toMatchObject({ finish, text });
      expect(result.tokens).toHaveLength(length);
    }
  });

  test("cut in the middle of a character shows that it is one", async () => {
    expect(await saying("aé").generate("?", { maxNewTokens: 2 })).toMatchObject({ text: "a\ufffd", finish: "length" });
  });

  test("to ids given as they are gets nothing appended, and none can be out of range", async () => {
    const { text } = echoing();
    expect(await text.generate([70, 71])).toMatchObject({ promptTokens: 2, tokens: [70, 71, 1] });
    await expect(text.generate([70, 258])).rejects.toMatchObject({ code: "bad_input" });
    await expect(text.generate([])).rejects.toThrow("the prompt is empty");
  });

  test("to a prompt over the limit is an error with both numbers", async () => {
    await expect(saying("x").generate("12345", { maxInput: 5 })).rejects.toMatchObject({
      code: "too_long",
      message: "the prompt has 6 tokens, the limit is 5",
    });
  });
});

describe("stop strings", () => {
  test.each([
    ["one END two", ["END"], "one "],
    ["one END two", ["two", "END"], "one "],
    ["E EN ENDE", ["END"], "E EN "],
    ["aaab", ["aab"], "a"],
    ["a\n\nb", ["\n\n"], "a"],
    ["grüße 🙂 ende", ["🙂"], "grüße "],
  ])("%j with %j", async (answer, stop, expected) => {
    const result = await saying(answer).generate("?", { stop });
    expect(result).toMatchObject({ text: expected, finish: "stop_string" });
    expect(bytes.decode(result.tokens)).toBe(answer.slice(0, answer.indexOf(stop.at(-1)!) + stop.at(-1)!.length));
  });

  test("that never come in full leave the text whole", async () => {
    expect(await saying("an EN").generate("?", { stop: ["END"] })).toMatchObject({ text: "an EN", finish: "stop" });
  });

  test("end every text where the first of them is complete, streamed or not", async () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "é", "🙂"), maxLength: 12 });
    const stops = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "é", "🙂"), minLength: 1, maxLength: 3 }), {
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(text, stops, async (answer, stop) => {
        const ends = stop.flatMap((s) => (answer.includes(s) ? [answer.indexOf(s) + s.length] : []));
        const end = Math.min(...ends);
        const starts = stop.map((s) => answer.slice(0, end).indexOf(s)).filter((at) => at >= 0);
        const expected = ends.length > 0 ? answer.slice(0, Math.min(...starts)) : answer;
        const { pieces, result } = await streamed(answer, { stop });
        expect(result.text).toBe(expected);
        expect(result.finish).toBe(ends.length > 0 ? "stop_string" : "stop");
        expect(pieces.join("")).toBe(expected);
      }),
      { numRuns: 150 },
    );
  });
});

describe("a stream", () => {
  test("never splits a character", async () => {
    const { pieces, result } = await streamed("naïve 日本 🙂🙃");
    expect(pieces).toEqual(["n", "a", "ï", "v", "e", " ", "日", "本", " ", "🙂", "🙃"]);
    expect(result).toMatchObject({ text: "naïve 日本 🙂🙃", finish: "stop" });
  });

  test("left early stops the model", async () => {
    const { model, counts } = fakeModel(() => idsOf("x".repeat(200)));
    let seen = 0;
    for await (const _ of textModel({ model, tokenizer: bytes }).stream("?")) if (++seen === 5) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(counts.steps).toBeLessThanOrEqual(7);
  });

  test("tells of an error of the model", async () => {
    let steps = 0;
    const onStep = () => {
      if (++steps === 3) throw new ZerothError("engine_failed", "a run failed");
    };
    const { model } = fakeModel(() => idsOf("abcdef"), { onStep });
    const pieces: string[] = [];
    const read = async () => {
      for await (const piece of textModel({ model, tokenizer: bytes }).stream("?")) pieces.push(piece);
    };
    await expect(read()).rejects.toThrow("a run failed");
    expect(pieces).toEqual(["a", "b"]);
  });
});

test.each([1, 3])("an abort is heard before the next step, with %i beams", async (numBeams) => {
  const stop = new AbortController();
  const { model, counts } = fakeModel(() => idsOf("x".repeat(200)), {
    onStep: () => counts.steps === 9 && stop.abort(),
  });
  const text = textModel({ model, tokenizer: bytes });
  await expect(text.generate("?", { numBeams, signal: stop.signal })).rejects.toMatchObject({ code: "interrupted" });
  expect(counts.steps).toBe(10);
});

describe("many prompts", () => {
  test("are answered in their order, whatever the batches", async () => {
    const { text, counts } = echoing();
    const prompts = Array.from({ length: 60 }, (_, i) => `${i} ${"x".repeat((i * 37) % 50)}`);
    const progress: number[] = [];
    const answers = await text.generateAll(prompts, { rows: 8, onDone: (done) => progress.push(done) });
    expect(answers.map((answer) => (answer as { text: string }).text)).toEqual(prompts);
    expect(Math.max(...counts.encoded)).toBeLessThanOrEqual(8);
    expect(progress.at(-1)).toBe(60);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  test("give a row's own error in its place", async () => {
    const onEncode = (prompts: number[][]) => {
      if (prompts.some((ids) => ids.includes(idsOf("!")[0]!))) throw new ZerothError("engine_failed", "no memory left");
    };
    const { model } = fakeModel(echo, { onEncode });
    const text = textModel({ model, tokenizer: bytes });
    const answers = await text.generateAll(["aaaa", "bb!b", [], "cccc", "dddddddddddd"], { maxInput: 10 });
    expect(answers.map((a) => (a instanceof ZerothError ? a.code : a.text))).toEqual([
      "aaaa",
      "engine_failed",
      "bad_input",
      "cccc",
      "too_long",
    ]);
  });

  test("stop at an abort instead of turning it into rows' errors", async () => {
    const { text } = echoing();
    const signal = AbortSignal.abort();
    await expect(text.generateAll(["a", "b"], { signal })).rejects.toMatchObject({ code: "interrupted" });
    await expect(text.scoreAll([{ prompt: "a", choices: ["b"] }], { signal })).rejects.toThrow("stopped");
  });

  test("a bug is not a row's error", async () => {
    const { model } = fakeModel(() => {
      throw new TypeError("a bug");
    });
    await expect(textModel({ model, tokenizer: bytes }).generateAll(["a", "b"])).rejects.toThrow(TypeError);
  });

  test.each([1, 2])("that have ended cost nothing soon after, with %i beams", async (numBeams) => {
    // Seven answers of one letter beside one of a hundred; prompts of the same length share a batch.
    const { model, counts } = fakeModel((ids) => idsOf(ids[0] === idsOf("L")[0] ? "x".repeat(100) : "x"));
    const text = textModel({ model, tokenizer: bytes });
    const prompts = ["a", "b", "c", "L", "d", "e", "f", "g"];
    const answers = await text.generateAll(prompts, { numBeams, earlyStopping: true });
    expect(answers.map((answer) => (answer as { text: string }).text.length)).toEqual([1, 1, 1, 100, 1, 1, 1, 1]);
    expect(counts.encoded).toEqual([8]);
    expect(counts.rows).toBeLessThanOrEqual(numBeams * (8 * 3 + 100));
  });
});

describe("choices", () => {
  test("the best is the one with the highest sum, end token included", async () => {
    const text = saying("good");
    expect(await text.score("?", ["bad", "good", "goo"])).toMatchObject({
      scores: [-3 * 4, -0.5 * 5, -0.5 * 3 - 3],
      lengths: [4, 5, 4],
      best: 1,
    });
    expect(await text.score("?", ["goo"], { eos: false })).toMatchObject({ scores: [-1.5], lengths: [3] });
  });

  test("the answer is exactly one of them", async () => {
    expect(await saying("good").choose("why?", ["bad", "good"])).toEqual({
      text: "good",
      tokens: [...idsOf("good"), 1],
      finish: "stop",
      promptTokens: 5,
      score: -2.5,
      likely: true,
    });
  });

  test("the first of equals is best; rows keep their places and errors", async () => {
    const rows = [
      { prompt: "ab", choices: ["xy", "zw", "xy"] },
      { prompt: "cd", choices: [] },
      { prompt: "ef", choices: ["cd", "ef"] },
    ];
    const answers = await echoing().text.chooseAll(rows);
    expect(answers.map((a) => (a instanceof ZerothError ? a.code : a.text))).toEqual(["xy", "bad_input", "ef"]);
  });

  test("ids outside the vocabulary are refused", async () => {
    await expect(saying("x").score("?", [[300]])).rejects.toThrow("token 300 is outside the vocabulary of 258");
  });
});

test.each([
  { maxNewTokens: 0 },
  { temperature: 0 },
  { topP: 1.5 },
  { numBeams: 1.5 },
  { stop: [""] },
  { sample: true, numBeams: 2 },
  { minNewTokens: 9, maxNewTokens: 8 },
  { repetitionPenalty: Number.NaN },
])("%j is refused", async (options) => {
  await expect(saying("x").generate("?", options)).rejects.toMatchObject({ code: "bad_input" });
});

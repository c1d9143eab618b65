/** Tokens looked up in the text: the same answers in fewer runs, and never much more time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJson } from "../../test/support/fixtures.ts";
import { readFixture } from "../../test/support/models/models.ts";
import type { JsonObject } from "../base/json.ts";
import { readModel } from "../models/families.ts";
import type { DecoderArchitecture } from "../models/family.ts";
import { type DecoderOptions, decoderModel } from "../models/kinds/decoder.ts";
import { createMemory } from "../models/kinds/decoding/memory.ts";
import { compile } from "../runtime/compile-node.ts";
import {
  type Activations,
  type QuantizedFormat,
  roundsProducts,
  type StoredTensor,
  type Weights,
} from "../weights/weights.ts";
import { allowance, budgetAfter, costOf, mostProposed, proposable, propose } from "./lookup.ts";
import { textModel } from "./model.ts";
import type { GenerateOptions } from "./options.ts";

/** Words that are ids. */
const codec = {
  encode: (text: string) => ({ ids: text.split(" ").map(Number) }),
  decode: (ids: readonly number[]) => ids.join(" "),
  streamDecoder: () => ({ push: (id: number) => `${id} `, flush: () => "" }),
};

/** A text model over a decoder that counts the runs after the prompt, and the tokens that were read and taken back. */
function counting(
  { architecture, weights }: { architecture: DecoderArchitecture; weights: Weights },
  options?: DecoderOptions,
) {
  const model = decoderModel(architecture, (g) => compile(g, { weights, threads: 1 }), options);
  const counts = { runs: 0, read: 0, back: 0 };
  const count = (tokens: readonly number[] | undefined) => {
    counts.runs += tokens ? 1 : 0;
    counts.read += tokens?.length ?? 0;
    return tokens;
  };
  const read: typeof model.read = async (...given) => {
    const reading = await model.read(...given);
    return {
      ...reading,
      begin(...asked) {
        const decoding = reading.begin(...asked);
        const { ahead } = decoding;
        return {
          ...decoding,
          likeliest: (tokens) => decoding.likeliest(count(tokens)),
          step: (tokens) => decoding.step(count(tokens)),
          ...(ahead && {
            ahead: {
              exact: ahead.exact,
              get room() {
                return ahead.room;
              },
              likeliest: (tokens: readonly number[]) => ahead.likeliest(count(tokens)!),
              back(count: number) {
                counts.back += count;
                ahead.back(count);
              },
            },
          }),
        };
      },
    };
  };
  const text = textModel({ model: { ...model, read }, tokenizer: codec });
  return {
    text,
    async answer(prompt: readonly number[], options?: GenerateOptions) {
      Object.assign(counts, { runs: 0, read: 0, back: 0 });
      const memory = createMemory();
      const result = await text.generate(prompt, { ...options, memory });
      return { result, held: memory.tokens, ...counts };
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
}

/** A passage said twice and begun once more. */
function repeating(vocabulary: number, pace = 7): number[] {
  const passage = Array.from({ length: 9 }, (_, i) => 2 + ((pace * i + (i >> 2)) % (Math.min(vocabulary, 50) - 2)));
  return [...passage, ...passage, ...passage.slice(0, 4)];
}

const fixtures = [
  ...["grouped", "biased", "rope-linear", "rope-dynamic", "rope-longrope"].map((name) => `llama/${name}`),
  ...["tied", "bare", "inverse-layer"].map((name) => `gpt2/${name}`),
  ...["gemma3", "gpt-neo", "gpt-neox", "gpt-neox-serial", "gptj", "mistral", "phi3", "qwen2", "qwen3"].map(
    (name) => `decoders/${name}`,
  ),
];

/** A model that never ends by itself, so that its answers fall into repeating themselves. */
function endless(name: string) {
  const { weights } = readFixture(name.startsWith("llama/rope") ? "llama/grouped" : name, "decoder");
  const { architecture } = readModel(readJson<JsonObject>(name, "config.json"), weights, name);
  return { architecture: { ...(architecture as DecoderArchitecture), ends: [] }, weights };
}

describe("answers are those of one run a token", () => {
  const all = { plain: 0, runs: 0, back: 0 };

  test.each(fixtures)("%s", async (name) => {
    const { architecture, weights } = endless(name);
    await using model = counting({ architecture, weights });
    const longest = Math.min(architecture.longest ?? Infinity, 70);
    for (const pace of [3, 7, 11]) {
      const prompt = repeating(architecture.vocabulary, pace);
      // The text fills the model's positions: nothing is proposed beyond them.
      const maxNewTokens = longest - prompt.length + 1;
      const plain = await model.answer(prompt, { maxNewTokens, lookup: false });
      const fast = await model.answer(prompt, { maxNewTokens });
      expect(plain.runs).toBe(maxNewTokens - 1);
      expect(fast.result).toEqual(plain.result);
      expect(fast.held).toBe(plain.held);
      expect(fast.read - fast.back).toBe(plain.read);
      all.plain += plain.runs;
      all.runs += fast.runs;
      all.back += fast.back;
    }
  });

  test("in fewer runs, with proposals taken and not", () => {
    expect(all.runs).toBeLessThan(0.9 * all.plain);
    expect(all.back).toBeGreaterThan(50);
  });
});

describe("an answer", () => {
  // Of these the answers repeat themselves soonest.
  const own = endless("decoders/gpt-neox");
  const prompt = repeating(own.architecture.vocabulary);
  const usual = { maxNewTokens: 40 };

  /** The answer without proposals and with them: the same, in fewer runs. */
  async function both(model: ReturnType<typeof counting>, options: GenerateOptions) {
    const plain = await model.answer(prompt, { ...options, lookup: false });
    const fast = await model.answer(prompt, options);
    expect(fast.result).toEqual(plain.result);
    expect(fast.held).toBe(plain.held);
    return { plain, fast };
  }

  test("ends at every length alike", async () => {
    await using model = counting(own);
    const { fast, plain } = await both(model, usual);
    expect(fast.runs).toBeLessThan(0.7 * plain.runs);
    for (let maxNewTokens = 1; maxNewTokens < 40; maxNewTokens++) {
      const { result, held } = await model.answer(prompt, { maxNewTokens });
      expect(result.tokens).toEqual(plain.result.tokens.slice(0, maxNewTokens));
      expect(held).toBe(prompt.length + maxNewTokens - 1);
    }
  });

  test("ends before a stop string among the tokens of one run, and the memory is what it was", async () => {
    await using model = counting(own);
    const { tokens } = (await model.answer(prompt, usual)).result;
    // The text from each place on is where it ends.
    for (let from = 4; from < 36; from += 3) {
      const { fast } = await both(model, { ...usual, stop: [tokens.slice(0, from).join(" ")] });
      expect(fast.result.finish).toBe("stop_string");
      expect(fast.held).toBe(prompt.length + from - 1);
    }
  });

  test("ends at an end token that was in the prompt too", async () => {
    await using open = counting(own);
    const { tokens } = (await open.answer(prompt, usual)).result;
    for (const end of new Set(tokens)) {
      await using model = counting({ ...own, architecture: { ...own.architecture, ends: [end] } });
      const { fast } = await both(model, { ...usual, minNewTokens: 12 });
      const { fast: soon } = await both(model, usual);
      expect(soon.result.tokens).toEqual(tokens.slice(0, tokens.indexOf(end) + 1));
      expect(fast.result.tokens.length).toBeGreaterThan(11);
    }
  });

  test("that is cut ends with the token that it has to end with", async () => {
    const model = decoderModel(own.architecture, (g) => compile(g, { weights: own.weights, threads: 1 }));
    await using text = textModel({ model, tokenizer: codec, rules: { last: [1] } });
    for (let maxNewTokens = 20; maxNewTokens < 36; maxNewTokens++) {
      const { tokens } = await text.generate(prompt, { maxNewTokens });
      expect(tokens).toEqual((await text.generate(prompt, { maxNewTokens, lookup: false })).tokens);
      expect(tokens.at(-1)).toBe(1);
    }
  });

  test("goes on over the memory, and in a stream, as without", async () => {
    await using model = counting(own);
    const said: string[][] = [];
    for (const lookup of [false, true]) {
      const memory = createMemory();
      const texts: string[] = [];
      let conversation = prompt;
      for (let turn = 0; turn < 3; turn++) {
        const stream = model.text.stream(conversation, { maxNewTokens: 8, lookup, memory });
        let step = await stream.next();
        for (; !step.done; step = await stream.next()) texts.push(step.value);
        conversation = [...conversation, ...step.value.tokens, 5, 6, 7];
        expect(memory.tokens).toBe(conversation.length - 4);
      }
      said.push([texts.join("")]);
    }
    expect(said[0]).toEqual(said[1]);
  });

  test("that is stopped leaves the tokens that were given in the memory", async () => {
    await using model = counting(own);
    for (const after of [3, 9, 14, 20]) {
      const [memory, stop] = [createMemory(), new AbortController()];
      let given = 0;
      const push = () => {
        given++;
        if (given === after) stop.abort();
        return "";
      };
      const watching = {
        ...codec,
        streamDecoder: () => ({ push, flush: () => "" }),
      };
      const inner = decoderModel(own.architecture, (g) => compile(g, { weights: own.weights, threads: 1 }));
      await using text = textModel({ model: inner, tokenizer: watching });
      const options = { ...usual, memory, signal: stop.signal };
      await expect(text.generate(prompt, options)).rejects.toMatchObject({ code: "interrupted" });
      expect(given).toBe(after);
      expect(memory.tokens).toBe(prompt.length + after - 1);
      const { result } = await model.answer(prompt, usual);
      const again = textModel({ model: inner, tokenizer: codec });
      expect((await again.generate(prompt, { ...usual, memory })).tokens).toEqual(result.tokens);
    }
  });

  test("takes one run a token where products round what is multiplied, unless it is asked for", async () => {
    await using model = counting(own, { rounded: true });
    const usually = await model.answer(prompt, usual);
    const asked = await model.answer(prompt, { ...usual, lookup: true });
    expect([usually.runs, usually.back]).toEqual([39, 0]);
    expect(asked.runs).toBeLessThan(39);
    expect(asked.result).toEqual(usually.result);
  });

  test("takes one run a token where scores are changed, tokens drawn, or rows several", async () => {
    await using model = counting(own);
    const { tokens } = (await model.answer(prompt, usual)).result;
    const changed: GenerateOptions[] = [
      { repetitionPenalty: 1.2 },
      { noRepeatNgram: 30 },
      { badWords: [[3, 3, 3]] },
      { sample: true, topK: 2 },
      { processors: [{ applies: () => false, apply: () => {} }] },
      { lookup: false },
    ];
    for (const options of changed) {
      const { runs, back } = await model.answer(prompt, { ...usual, ...options });
      expect([runs, back]).toEqual([39, 0]);
    }
    const two = await model.text.generateAll([prompt, prompt], usual);
    expect(two).toMatchObject([{ tokens }, { tokens }]);
  });
});

describe("keys that depend on the text's length", () => {
  test("are never read ahead of where they begin to", async () => {
    const { architecture, weights } = endless("llama/rope-dynamic");
    await using model = decoderModel(architecture, (g) => compile(g, { weights, threads: 1 }));
    const decoding = (await model.read([repeating(50).slice(0, 6)])).begin(1, 4);
    await decoding.likeliest();
    expect(architecture.steadyUpTo).toBeGreaterThan(6);
    expect(decoding.ahead!.room).toBe(architecture.steadyUpTo! - 6);
  });
});

test("products round by the stored form and by what is asked of blocks", () => {
  const part = { dtype: "float32" as const, shape: [1], data: new Uint8Array(4) };
  const stored = (format: QuantizedFormat, activations?: Activations): Weights =>
    new Map<string, StoredTensor>([
      ["plain", part],
      [
        "matrix",
        { dtype: "int8", shape: [1, 1], format, values: part, scales: part, ...(activations && { activations }) },
      ],
    ]);
  const rounding = (["int8", "int4", "int8_rows", "blocks4", "blocks8"] as const).filter((format) =>
    roundsProducts(stored(format)),
  );
  expect(rounding).toEqual(["int8", "int4"]);
  expect([roundsProducts(stored("blocks4", "int8")), roundsProducts(stored("blocks4", "fp32"))]).toEqual([true, false]);
  expect(roundsProducts(new Map([["plain", part]]))).toBe(false);
});

describe("what is proposed", () => {
  test("followed the end of the text where it stood last", () => {
    expect(propose([1, 2, 3, 4, 5, 9, 1, 2, 3, 4, 6, 9, 1, 2, 3, 4], 3)).toEqual([6, 9, 1]);
    expect(propose([1, 2, 3, 4, 5, 9, 7, 2, 3, 4], 2)).toEqual([5, 9]);
    expect(propose([1, 2, 3, 4, 5, 9, 7, 2, 3, 4], 2, 1)).toEqual([]);
    expect(propose([8, 8, 8, 8, 8], 4)).toEqual([8]);
    expect(propose([1, 2, 3, 4, 1, 2, 3, 4], 0)).toEqual([]);
    expect(propose([1, 2], 4)).toEqual([]);
  });

  test("costs a bounded share of the answer, whatever is taken of it", () => {
    const turns = fc.array(fc.tuple(fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 300 });
    fc.assert(
      fc.property(turns, (all) => {
        let [budget, cost, tokens] = [allowance.start, 0, 0];
        for (const [found, share] of all) {
          const proposed = found ? proposable(budget) : 0;
          const taken = Math.floor(share * proposed);
          cost += costOf(proposed);
          tokens += taken + 1;
          budget = budgetAfter(budget, proposed, taken);
          expect(cost).toBeLessThanOrEqual(tokens * (1 + allowance.each) + allowance.start + 1e-6);
        }
      }),
    );
  });

  test("are many again after a while without, and soon after those that were taken", () => {
    let budget = budgetAfter(allowance.start, 2, 0);
    const poor = proposable(budget);
    expect(poor).toBeLessThan(mostProposed);
    for (let i = 0; i < 200; i++) budget = budgetAfter(budget, 0, 0);
    expect(proposable(budget)).toBe(mostProposed);
    expect(proposable(budgetAfter(0.7, 1, 1))).toBeGreaterThan(proposable(0.7));
  });
});

/** Answers of a model that chooses by chance: whatever it likes, what it writes fits. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { randomSchema } from "../../../test/support/random-schemas.ts";
import { chanceModel, codecOf, mixed } from "../../../test/support/random-text.ts";
import { ZerothError } from "../../errors.ts";
import { textModel } from "../model.ts";
import type { GenerateOptions } from "../options.ts";

/** Quotes and closing brackets are liked, parts of characters are not: answers end. */
const liked = Array.from({ length: mixed.size }, (_, id) => {
  const [first] = mixed.tokenBytes!().bytes(id) ?? [0x22];
  return first === 0x22 || first === 0x5d || first === 0x7d ? 3 : first! < 0x80 ? 0 : -2;
});
const closing = (id: number): number => liked[id] ?? 0;

const answer = (asked: GenerateOptions, seed = 1, codec = mixed) =>
  textModel({ model: chanceModel(codec.size, seed, closing), tokenizer: codec }).generate([1, 2], {
    maxNewTokens: 150,
    ...asked,
  });

const ways: readonly GenerateOptions[] = [{}, { sample: true }, { numBeams: 3 }];

describe("a random schema", () => {
  test("is fitted by every answer: greedy, drawn and of beams", async () => {
    let [complete, all] = [0, 0];
    await fc.assert(
      fc.asyncProperty(randomSchema, fc.nat({ max: 1000 }), async (schema, seed) => {
        for (const how of ways) {
          all++;
          const result = await answer({ schema, seed, ...how }, seed).catch((error: unknown) => {
            if (!(error instanceof ZerothError)) throw error;
            // Schemas that nothing fits, and an enum beside what is not compared with it.
            expect(error.message).toMatch(/no text fits|enum or const beside/);
          });
          if (result?.finish !== "stop") continue;
          complete++;
          const value: unknown = JSON.parse(result.text);
          const found = z.fromJSONSchema(schema as z.core.JSONSchema.JSONSchema).safeParse(value);
          expect(found.success, `${JSON.stringify(schema)} ${result.text}`).toBe(true);
        }
      }),
      { numRuns: 60, seed: 5 },
    );
    expect(complete / all).toBeGreaterThan(0.8);
  });

  test("of a different language, as fewer tokens have it, is written with what there is", async () => {
    const letters = codecOf(["a", "b", '"', "[", "]", ",", '",', "1", "2"]);
    for (let seed = 0; seed < 30; seed++) {
      const { text, finish } = await answer({ schema: { type: ["array", "string"], maxItems: 3 } }, seed, letters);
      if (finish === "stop") expect(JSON.stringify(JSON.parse(text))).toBe(text);
    }
  });
});

describe("the end of an answer", () => {
  test("comes where nothing can follow, without the end token", async () => {
    expect(await answer({ schema: { const: { a: [1, "x"] } } })).toMatchObject({
      text: '{"a":[1,"x"]}',
      finish: "stop",
    });
    expect(await answer({ grammar: 'root ::= "a" "na"' })).toMatchObject({ text: "ana", finish: "stop" });
  });

  test("is where it may end: a number can go on, an object cannot be left", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { text, tokens, finish } = await answer({ schema: { type: "integer", minimum: 0, maximum: 120 } }, seed);
      expect(finish).toBe("stop");
      expect(Number(text)).toBeLessThanOrEqual(120);
      // What can go on ends because the model says so.
      expect(tokens.at(-1) === 0).toBe(/^(?:[1-9]|1[0-2])$/.test(text));
    }
  });

  test("cut at the greatest length is no stop", async () => {
    for (const how of ways) {
      const result = await answer({ schema: { type: "string", minLength: 90 }, maxNewTokens: 4, ...how });
      expect(result.finish).toBe("length");
      expect(() => JSON.parse(result.text)).toThrow();
    }
  });

  test("of an answer that is streamed is the same", async () => {
    const text = textModel({ model: chanceModel(mixed.size, 3, closing), tokenizer: mixed });
    const stream = text.stream([1, 2], { schema: { type: "object", required: ["name"], properties: { name: {} } } });
    let shown = "";
    let step = await stream.next();
    for (; !step.done; step = await stream.next()) shown += step.value;
    expect(step.value).toMatchObject({ text: shown, finish: "stop" });
    expect(JSON.parse(shown)).toHaveProperty("name");
  });

  test("forced by the model's makers before the answer is complete is not a stop", async () => {
    const model = { ...chanceModel(mixed.size, 1, closing), ends: [0] };
    const text = textModel({ model, tokenizer: mixed, rules: { last: [0] } });
    const result = await text.generate([1, 2], { schema: { type: "string", minLength: 90 }, maxNewTokens: 4 });
    expect(result).toMatchObject({ finish: "length" });
    expect(result.tokens.at(-1)).toBe(0);
  });
});

describe("a grammar", () => {
  test.each([
    ['root ::= ("ab" | [0-9]{2,3})+ "."', /^(?:ab|[0-9]{2,3})+\.$/],
    ['root ::= item ("," " "? item)*\nitem ::= [a-c]+ # letters\n', /^[a-c]+(?:, ?[a-c]+)*$/],
    ['root ::= \'é\' [^a-z\\n"]{1,3} | "日" .', /^(?:é[^a-z\n"]{1,3}|日.)$/su],
    ['root ::= "(" root ")" | "x"', /^\(*x\)*$/],
  ])("%j is fitted", async (grammar, expected) => {
    for (let seed = 0; seed < 12; seed++) {
      for (const how of ways) {
        const { text, finish } = await answer({ grammar, maxNewTokens: 40, ...how }, seed);
        if (finish === "stop") expect(text).toMatch(expected);
        expect(text).not.toContain("\ufffd\ufffd");
      }
    }
  });
});

describe("a vocabulary", () => {
  test("without a character that is needed is refused before anything is written, naming it", async () => {
    const poor = codecOf(["a", "b", '"', "[", "]", ",", "1"]);
    await expect(answer({ schema: { type: "object" } }, 1, poor)).rejects.toMatchObject({
      code: "unsupported",
      message: 'this model\'s vocabulary has no "{", "}", so it cannot write what is asked for',
    });
    // What can be written without it is.
    expect(await answer({ schema: { enum: ["a{", [1]] } }, 1, poor)).toMatchObject({ text: "[1]" });
  });

  test("whose first token loses its space shows the same text", async () => {
    const codec = codecOf([" {", "{", '"', ":", '":', "a", " a", "}", "1", " "]);
    const spaced = {
      ...codec,
      decode: (ids: readonly number[]) => codec.decode(ids).replace(/^ /, ""),
      tokenBytes: () => ({ ...codec.tokenBytes!(), dropsFirstSpace: true }),
    };
    for (let seed = 0; seed < 20; seed++) {
      const schema = { type: "object", properties: { a: { const: 1 } }, required: ["a"] };
      const { tokens } = await answer({ schema }, seed, spaced);
      expect(JSON.parse(spaced.decode(tokens))).toEqual({ a: 1 });
    }
  });
});

test("a schema and a grammar together are refused", async () => {
  await expect(answer({ schema: true, grammar: 'root ::= "a"' })).rejects.toThrow(/do not go together/);
});

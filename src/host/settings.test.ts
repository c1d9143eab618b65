/** What a request leaves out, and what the model's makers say of it. */
import { describe, expect, test } from "vitest";
import { failure } from "../../test/support/failure.ts";
import { settingsWith } from "./settings.ts";

const room = { prompt: 10, longest: 100 };
const makers = { sample: true, temperature: 0.6, topP: 0.9, topK: 20, repetitionPenalty: 1.1, maxNewTokens: 50 };

describe("a setting that is left out", () => {
  test("is the makers'; beams never are", () => {
    expect(settingsWith({}, { ...makers, numBeams: 4 }, room)).toEqual({ ...makers, minNewTokens: 0 });
  });

  test("one that is given wins", () => {
    const taken = settingsWith({ temperature: 1, maxNewTokens: 5, seed: 3 }, makers, room);
    expect(taken).toEqual({ ...makers, temperature: 1, maxNewTokens: 5, seed: 3, minNewTokens: 0 });
  });

  test.each([{ sample: false }, { temperature: 0 }, { sample: true, temperature: 0 }])("%o is greedy", (asked) => {
    const taken = settingsWith(asked, makers, room);
    expect(taken).toEqual({ sample: false, repetitionPenalty: 1.1, maxNewTokens: 50, minNewTokens: 0 });
  });

  test("undefined counts as left out", () => {
    const asked = { temperature: undefined, topP: undefined } as unknown as Parameters<typeof settingsWith>[0];
    expect(settingsWith(asked, makers, room)).toMatchObject({ temperature: 0.6, topP: 0.9 });
  });
});

describe("an answer ends where the model's length does", () => {
  test.each([
    [{}, {}, { maxNewTokens: 90 }],
    [{ maxNewTokens: 95, minNewTokens: 92 }, {}, { maxNewTokens: 90, minNewTokens: 90 }],
    [{ maxLength: 300 }, {}, { maxLength: 100 }],
    [{ maxLength: 30 }, { maxNewTokens: 50 }, { maxLength: 30 }],
    [{}, { maxLength: 40 }, { maxLength: 40 }],
  ])("%o over %o", (asked, defaults, expected) => {
    expect(settingsWith(asked, defaults, room)).toMatchObject(expected);
  });

  test("without one it has its usual length", () => {
    expect(settingsWith({}, {}, { prompt: 5000 })).toEqual({ maxNewTokens: 256, minNewTokens: 0 });
  });

  test("a prompt that leaves no room is refused", () => {
    const { code, message } = failure(() => settingsWith({}, {}, { prompt: 100, longest: 100 }));
    expect([code, message]).toEqual(["too_long", "the prompt has 100 tokens, the model's length is 100"]);
    // Asked about alone, it may fill the model.
    expect(settingsWith({ maxNewTokens: 0 }, {}, { prompt: 100, longest: 100 }).maxNewTokens).toBe(0);
  });
});

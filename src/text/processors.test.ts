/** Each row of the list of processors alone, their order, and what comes of rules that allow nothing. */
import { expect, test } from "vitest";
import { type GenerateOptions, settingsOf } from "./options.ts";
import { anyApplies, mostAfter, process, processorsFor, type TokenRules } from "./processors.ts";

const no = -Infinity;

interface Row {
  readonly name: string;
  readonly options?: GenerateOptions;
  readonly rules?: TokenRules;
  readonly before?: readonly number[];
  readonly answer?: readonly number[];
  /** Scores of tokens 0 to 5 come to these; without, nothing changes and no scores are needed. */
  readonly to?: readonly number[];
}

/** Scores before; tokens 4 and 5 end an answer. */
const from = [2, -2, 1, 0.5, -1, 3];

const rows: readonly Row[] = [
  { name: "nothing is asked" },
  {
    name: "repeats once whatever their sign, in prompt and answer",
    options: { repetitionPenalty: 2 },
    before: [0, 1],
    answer: [0, 4],
    to: [1, -4, 1, 0.5, -2, 3],
  },
  {
    name: "no pair twice",
    options: { noRepeatNgram: 2 },
    before: [3, 1],
    answer: [3, 2, 3],
    to: [2, no, no, 0.5, -1, 3],
  },
  {
    name: "no token twice",
    options: { noRepeatNgram: 1 },
    before: [0],
    answer: [3, 3],
    to: [no, -2, 1, no, -1, 3],
  },
  {
    name: "no three twice, across prompt and answer",
    options: { noRepeatNgram: 3 },
    before: [1, 2, 0],
    answer: [1, 2],
    to: [no, -2, 1, 0.5, -1, 3],
  },
  { name: "three where two have been said", options: { noRepeatNgram: 3 }, before: [1], answer: [2], to: from },
  {
    name: "bad words alone and in a row, but no end token",
    options: { badWords: [[3], [5], [1, 2, 0]] },
    rules: {
      badWords: [
        [2, 4],
        [0, 1],
      ],
    },
    answer: [1, 2],
    to: [no, -2, 1, no, no, 3],
  },
  {
    name: "a shortest length counts the prompt",
    options: { minLength: 4 },
    before: [0, 1],
    answer: [2],
    to: [2, -2, 1, 0.5, no, no],
  },
  { name: "a shortest length that is reached", options: { minLength: 3 }, before: [0, 1], answer: [2] },
  { name: "a shortest answer", options: { minNewTokens: 2 }, before: [0, 1], answer: [2], to: [2, -2, 1, 0.5, no, no] },
  { name: "a shortest answer that is reached", options: { minNewTokens: 1 }, answer: [2] },
  { name: "a first token", rules: { first: 3 }, to: [no, no, no, 0, no, no] },
  { name: "a first token after a prompt", rules: { first: 3 }, before: [1, 2] },
  { name: "a second token", rules: { first: 3 }, answer: [3] },
  {
    name: "last tokens",
    rules: { last: [4, 5] },
    options: { maxNewTokens: 3 },
    answer: [1, 1],
    to: [no, no, no, no, 0, 0],
  },
  { name: "the token before the last", rules: { last: [4, 5] }, options: { maxNewTokens: 3 }, answer: [1] },
  { name: "suppressed tokens", rules: { suppressed: [0, 5] }, answer: [1, 2], to: [no, -2, 1, 0.5, -1, no] },
  { name: "suppressed at the begin", rules: { suppressedFirst: [5] }, to: [2, -2, 1, 0.5, -1, no] },
  {
    name: "suppressed after one that is forced",
    rules: { suppressedFirst: [5], first: 1 },
    answer: [1],
    to: [2, -2, 1, 0.5, -1, no],
  },
  {
    name: "suppressed after a prompt",
    rules: { suppressedFirst: [5], first: 1 },
    before: [0, 1],
    to: [2, -2, 1, 0.5, -1, no],
  },
  { name: "suppressed later", rules: { suppressedFirst: [5] }, answer: [1] },
  // The order: what is forced overrules what came before it, and is overruled by what comes after.
  {
    name: "a forced end before the shortest length",
    options: { minNewTokens: 9, maxNewTokens: 2 },
    rules: { last: [4] },
    answer: [1],
    to: [no, no, no, no, 0, no],
  },
  {
    name: "one of the forced ends is suppressed",
    options: { maxNewTokens: 2 },
    rules: { last: [4, 5], suppressed: [5] },
    answer: [1],
    to: [no, no, no, no, 0, no],
  },
  {
    name: "from outside, after all others",
    options: {
      repetitionPenalty: 2,
      processors: [{ apply: (row, { answer }, z) => z.fill(row + answer.length + z[0]!) }],
    },
    before: [0],
    answer: [1],
    to: [9, 9, 9, 9, 9, 9],
  },
  { name: "from outside, at rest", options: { processors: [{ applies: () => false, apply: () => {} }] } },
];

test.each(rows.map((row) => [row.name, row] as const))("%s", (_, row) => {
  const { minNewTokens, ...options } = row.options ?? {};
  const settings = { ...settingsOf(options), minNewTokens: minNewTokens ?? 0 };
  const before = row.before ?? [0];
  const said = { before, answer: row.answer ?? [], most: mostAfter(settings, before) };
  const processors = processorsFor(settings, row.rules ?? {}, [4, 5]);
  const scores = Float32Array.from(from);
  process(processors, 7, said, scores);
  expect([...scores]).toEqual(row.to ?? from);
  expect(anyApplies(processors, 7, said)).toBe(row.to !== undefined);
});

test("a greatest length counts the prompt, unless new tokens are counted", () => {
  expect(mostAfter(settingsOf({ maxLength: 12 }), [1, 2, 3])).toBe(9);
  expect(mostAfter(settingsOf({ maxLength: 12, maxNewTokens: 20 }), [1, 2, 3])).toBe(20);
  expect(mostAfter(settingsOf({}), [1, 2, 3])).toBe(256);
  expect(() => mostAfter(settingsOf({ maxLength: 3 }), [1, 2, 3])).toThrow(
    expect.objectContaining({ code: "too_long" }),
  );
});

test.each([
  [{ maxLength: 1 }, "maxLength"],
  [{ maxLength: 4, minLength: 5 }, "minLength (5)"],
  [{ badWords: [[]] }, "bad word"],
  [{ noRepeatNgram: -1 }, "noRepeatNgram"],
  [{ minP: 2 }, "minP"],
  [{ typicalP: 0 }, "typicalP"],
] as const)("%o is refused by name", (options, named) => {
  expect(() => settingsOf(options)).toThrow(
    expect.objectContaining({ code: "bad_input", message: expect.stringContaining(named) }),
  );
});

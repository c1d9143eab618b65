import fc from "fast-check";
import { expect, test } from "vitest";
import type { TokenTold } from "../text/live/request.ts";
import { chatTokens, legacy, offsets } from "./logprobs.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const token = (bytes: readonly number[], logprob = -1): TokenTold => ({
  ...{ id: 1, bytes, logprob, top: [] },
  text: decoder.decode(Uint8Array.from(bytes)),
});
const word = (text: string, logprob?: number) => token([...encoder.encode(text)], logprob);

test("offsets are the characters before a token, whatever bytes the text is cut into", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1 }),
      (text, sizes) => {
        const bytes = [...encoder.encode(text)];
        const tokens: TokenTold[] = [];
        const begins: number[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!;
          // Characters that are whole before this token.
          begins.push(Array.from(decoder.decode(Uint8Array.from(bytes.slice(0, at)), { stream: true })).length);
          decoder.decode();
          tokens.push(token(bytes.slice(at, at + size)));
          at += size;
        }
        expect(offsets()(text, tokens, 0)).toEqual(begins);
      },
    ),
  );
});

test("bytes that are no character are signs in the text, and what follows them keeps its place", () => {
  const tokens = [word("a"), token([0x80]), token([0xe2, 0x82]), word("b"), token([0xc3]), token([0xa9]), word("c")];
  const text = decoder.decode(Uint8Array.from(tokens.flatMap(({ bytes }) => bytes)));
  expect(text).toBe("a\ufffd\ufffdb\u00e9c");
  // That two bytes are no character is only known with the token after them, which begins where they do.
  expect(offsets()(text, tokens, 0)).toEqual([0, 1, 2, 2, 4, 4, 5]);
});

test("special tokens are in no text, and pieces of words may have a space that it does not begin with", () => {
  const tokens = [word("<s>"), word(" Is"), word(" it"), word("</s>")];
  expect(offsets()("Is it", tokens, 10)).toEqual([10, 10, 12, 15]);
});

test("two halves of a character are two keys, and the chosen token is among the likeliest", () => {
  const half = {
    ...token([0xc3]),
    top: [
      { ...token([0xc4]), logprob: -0.2 },
      { ...word("a"), logprob: -0.5 },
    ],
  };
  const { tokens, top_logprobs } = legacy("", [half], 0);
  expect(tokens).toEqual(["bytes:\\xc3"]);
  expect(top_logprobs).toEqual([{ "bytes:\\xc4": -0.2, a: -0.5, "bytes:\\xc3": -1 }]);
});

test("impossible tokens have a number that JSON knows", () => {
  const told = legacy("a", [word("a", Number.NEGATIVE_INFINITY)], 0);
  expect(JSON.parse(JSON.stringify(told)).token_logprobs).toEqual([-9999]);
  expect(chatTokens([word("a", Number.NEGATIVE_INFINITY)])[0]!.logprob).toBe(-9999);
});

test("raw bytes of half a character are told", () => {
  expect(chatTokens([token([0xc3])])[0]).toMatchObject({ token: "\ufffd", bytes: [0xc3] });
});

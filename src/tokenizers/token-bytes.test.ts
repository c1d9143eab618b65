import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../base/json.ts";
import { createByteTokenizer } from "./formats/bytes.ts";
import { tokenBytes } from "./token-bytes.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";

const read = (path: string): JsonObject => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
const fixture = (name: string) => createTokenizer(read(`test/fixtures/tokenizers/${name}.json`));

const tokenizers: readonly (readonly [name: string, open: () => Tokenizer, text: fc.Arbitrary<string>])[] = [
  ["bytes with stand-ins", () => fixture("byte-level"), fc.string({ unit: "grapheme" })],
  ["byte fallback", () => fixture("bpe-bytes"), fc.string({ unit: "grapheme" })],
  ["Metaspace", () => fixture("unigram"), fc.string({ unit: fc.constantFrom("a", "e", "t", " ", "the", "s", ".") })],
  ["bytes", () => createByteTokenizer(), fc.string({ unit: "grapheme" })],
  ["zeroth-nano", () => createTokenizer(read("models/zeroth-nano/tokenizer.json")), fc.string({ unit: "grapheme" })],
];

describe("bytes of tokens, one after another, are the text that they decode to", () => {
  test.each(tokenizers)("%s", (_, open, texts) => {
    const tokenizer = open();
    const { bytes, dropsFirstSpace, differsFirst } = tokenizer.tokenBytes();
    fc.assert(
      fc.property(texts, (text) => {
        const ids = tokenizer.encode(text, { addSpecialTokens: false, allowSpecial: false }).ids;
        if (ids.some((id) => bytes(id) === undefined) || (ids.length > 0 && differsFirst(ids[0]!))) return;
        const written = new TextDecoder("utf-8", { ignoreBOM: true }).decode(
          Uint8Array.from(ids.flatMap((id) => [...bytes(id)!])),
        );
        const shown = dropsFirstSpace && written.startsWith(" ") ? written.slice(1) : written;
        expect(tokenizer.decode(ids)).toBe(shown);
      }),
    );
  });

  test("special tokens, the unknown one and ids without a piece are no text", () => {
    const tokenizer = fixture("bpe-bytes");
    const { bytes } = tokenizer.tokenBytes();
    for (const id of [...tokenizer.specialTokens.values(), tokenizer.vocabularySize + 5])
      expect(bytes(id)).toBeUndefined();
    expect(
      createByteTokenizer()
        .tokenBytes()
        .bytes(3 + 0xc3),
    ).toEqual(Uint8Array.of(0xc3));
  });

  test.each([
    [null, "no decoder, which joins pieces by spaces"],
    [{ type: "WordPiece", prefix: "##" }, 'the decoder "WordPiece"'],
    [
      { type: "Sequence", decoders: [{ type: "Replace", pattern: { Regex: "x+" }, content: "" }] },
      "a decoder that replaces by a pattern",
    ],
    [{ type: "Strip", content: "x", start: 1, stop: 0 }, "a decoder that strips"],
  ] as const)("%j, in which a text depends on its neighbours, is refused", (decoder, what) => {
    expect(() => tokenBytes(decoder as JsonObject | null, () => "a")).toThrow(
      expect.objectContaining({ code: "unsupported", message: expect.stringContaining(what) }),
    );
  });
});

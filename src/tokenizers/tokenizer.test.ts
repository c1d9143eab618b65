import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../base/json.ts";
import { ZerothError } from "../errors.ts";
import { checkRegex } from "./check.ts";
import { createByteTokenizer } from "./formats/bytes.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";

interface Case {
  readonly text: string;
  readonly ids: number[];
  readonly offsets: [number, number][];
  readonly decoded: string;
}

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../test/fixtures/tokenizers/${name}.json`, import.meta.url), "utf8"));
const names = ["unigram", "bpe-bytes", "byte-level"] as const;
const specs = Object.fromEntries(names.map((name) => [name, read(name) as JsonObject]));
const tokenizers = Object.fromEntries(names.map((name) => [name, createTokenizer(specs[name]!)]));

describe.each(names)("%s, as the reference does it", (name) => {
  const cases = read(`${name}.cases`) as Case[];
  const tokenizer = tokenizers[name]!;

  it("gives the same ids", () => {
    for (const { text, ids } of cases) expect(tokenizer.encode(text).ids, JSON.stringify(text)).toEqual(ids);
  });

  it("decodes the same, at once and as a stream", () => {
    for (const { ids, decoded } of cases) {
      expect(tokenizer.decode(ids)).toBe(decoded);
      const stream = tokenizer.streamDecoder();
      expect(ids.map((id) => stream.push(id)).join("") + stream.flush()).toBe(decoded);
    }
  });

  it("finds the same offsets", () => {
    for (const { text, offsets } of cases)
      expect(tokenizer.encode(text).offsets, JSON.stringify(text)).toEqual(offsets);
  });
});

describe("special tokens", () => {
  const unigram = tokenizers.unigram!;

  it("are never made from text when they are not allowed", () => {
    for (const [name, tokenizer] of Object.entries(tokenizers) as [string, Tokenizer][]) {
      for (const content of tokenizer.specialTokens.keys()) {
        for (const text of [content, `a${content}b`, `${content}${content}`, ` ${content} `, `＜${content.slice(1)}`]) {
          const { ids } = tokenizer.encode(text, { addSpecialTokens: false, allowSpecial: false });
          const made = ids.filter(
            (id) => id !== tokenizer.unknownId && [...tokenizer.specialTokens.values()].includes(id),
          );
          expect(made, `${name} ${text}`).toEqual([]);
        }
      }
    }
  });

  it("are recognised outside of plain parts only, and not where one reaches into such a part", () => {
    for (const [name, tokenizer] of Object.entries(tokenizers) as [string, Tokenizer][]) {
      const [[content, id] = ["", -1]] = [...tokenizer.specialTokens].filter(([, one]) => one !== tokenizer.unknownId);
      const text = `a${content}b${content}c${content}`;
      const second = 2 + content.length;
      const count = (plain: [number, number][]) =>
        tokenizer.encode(text, { addSpecialTokens: false, plain }).ids.filter((one) => one === id).length;
      expect(count([]), name).toBe(3);
      expect(count([[second, second + content.length]]), name).toBe(2);
      expect(count([[0, 2]]), name).toBe(2);
      expect(
        count([
          [content.length, content.length + 1],
          [text.length - 1, text.length],
        ]),
        name,
      ).toBe(1);
      expect(count([[0, text.length]]), name).toBe(0);
      const { ids } = tokenizer.encode(text, { addSpecialTokens: false, plain: [[0, text.length]] });
      expect(ids, name).toEqual(tokenizer.encode(text, { addSpecialTokens: false, allowSpecial: false }).ids);
    }
  });

  it("are recognised outside of plain parts by a tokenizer of bytes, too", () => {
    const tokenizer = createByteTokenizer();
    const ids = (plain: [number, number][]) => tokenizer.encode("</s>a</s>", { addSpecialTokens: false, plain }).ids;
    expect(ids([])).toEqual([1, 100, 1]);
    expect(ids([[5, 6]]).slice(0, 2)).toEqual([1, 100]);
    expect(ids([[5, 6]])).toHaveLength(6);
  });

  it("have the names that the settings give them", () => {
    const config = { bos_token: "<pad>", eos_token: { content: "</s>" }, extra_special_tokens: { image_token: "<i>" } };
    expect(createTokenizer(specs.unigram!, config).named).toEqual(
      new Map([
        ["image_token", "<i>"],
        ["bos_token", "<pad>"],
        ["eos_token", "</s>"],
      ]),
    );
    expect(unigram.named).toEqual(new Map());
  });

  it("are added, skipped and named", () => {
    expect(unigram.encode("a").ids.at(-1)).toBe(1);
    expect(unigram.encode("a", { addSpecialTokens: false }).ids.at(-1)).not.toBe(1);
    expect(unigram.decode(unigram.encode("a bread").ids, { skipSpecialTokens: true })).toBe("a bread");
    expect([unigram.eosId, unigram.padId, unigram.unknownId]).toEqual([1, 0, 2]);
    expect(unigram.tokenId("<extra_id_0>")).toBe(unigram.specialTokens.get("<extra_id_0>"));
    expect(unigram.piece(1)).toBe("</s>");
    expect(unigram.tokenId("no such piece")).toBeUndefined();
    expect(createTokenizer(specs.unigram!, { eos_token: { content: "<pad>" }, pad_token: "</s>" })).toMatchObject({
      eosId: 0,
      padId: 1,
    });
    expect(unigram.decode([])).toBe("");
    expect(() => unigram.decode([0.5])).toThrow(/not a token id/);
  });
});

describe("streams", () => {
  it("hold back half a character and give it whole", () => {
    const tokenizer = tokenizers["byte-level"]!;
    const stream = tokenizer.streamDecoder();
    const parts = tokenizer.encode("a😀b").ids.map((id) => stream.push(id));
    expect(parts.filter((part) => part !== "")).toEqual(["a", "😀", "b"]);
    stream.push(tokenizer.encode("😀").ids[0]!);
    expect(stream.flush()).toBe("\ufffd");
    expect(stream.flush()).toBe("");
  });
});

describe("long texts", () => {
  it("take time in proportion", () => {
    const { ids } = tokenizers.unigram!.encode("the harbour was quiet ".repeat(30_000));
    expect(ids.length).toBeGreaterThan(100_000);
    const joined = tokenizers.unigram!.encode("qz".repeat(100_000));
    expect(joined.ids.length).toBeGreaterThan(0);
  });
});

describe("unigram with byte fallback", () => {
  it("spells unknown characters as bytes", () => {
    const bytes = Array.from({ length: 256 }, (_, i) => [`<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`, -9]);
    const tokenizer = createTokenizer({
      model: { type: "Unigram", unk_id: 0, byte_fallback: true, vocab: [["<unk>", 0], ["a", -1], ...bytes] },
      decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] },
    });
    const { ids, offsets } = tokenizer.encode("aé");
    expect(ids).toEqual([1, 2 + 0xc3, 2 + 0xa9]);
    expect(offsets).toEqual([[0, 1], [1, 2], [1, 2]]); // biome-ignore format: one line
    expect(tokenizer.decode(ids)).toBe("aé");
    expect(tokenizer.vocabularySize).toBe(258);
  });
});

const unigramModel = { type: "Unigram", unk_id: 0, vocab: [["u", 0]] };
const bpeModel = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]] };
const bad: [path: string, json: unknown][] = [
  ["model", {}],
  ["model.type", { model: { type: "Magic" } }],
  ["model.vocab", { model: { ...unigramModel, vocab: {} } }],
  ["model.vocab", { model: { ...unigramModel, vocab: [] } }],
  ["model.vocab[0]", { model: { ...unigramModel, vocab: [["a"]] } }],
  ["model.vocab[0]", { model: { ...unigramModel, vocab: [["a", Number.NaN]] } }],
  ["model.unk_id", { model: { ...unigramModel, unk_id: 1 } }],
  ["model.vocab", { model: { ...bpeModel, vocab: [], type: "BPE" } }],
  ["model.vocab", { model: { ...bpeModel, vocab: {} } }],
  ['model.vocab["a"]', { model: { ...bpeModel, vocab: { a: 1e9 } } }],
  ['model.vocab["b"]', { model: { ...bpeModel, vocab: { a: 1, b: 1 } } }],
  ["model.merges", { model: { ...bpeModel, merges: 1 } }],
  ["model.merges[1]", { model: { ...bpeModel, merges: [["a", "b"], "a b"] } }],
  ["model.merges[0]", { model: { ...bpeModel, merges: ["ab"] } }],
  ["model.merges[0]", { model: { ...bpeModel, merges: ["a c"] } }],
  ["model.unk_token", { model: { ...bpeModel, unk_token: 1 } }],
  ["model.unk_token", { model: { type: "WordPiece", vocab: { a: 0 } } }],
  ["added_tokens", { model: unigramModel, added_tokens: {} }],
  ["added_tokens[0]", { model: unigramModel, added_tokens: [1] }],
  ["added_tokens[0].content", { model: unigramModel, added_tokens: [{ id: 1, content: "" }] }],
  ["added_tokens[0].id", { model: unigramModel, added_tokens: [{ id: -1, content: "x" }] }],
  ["normalizer", { model: unigramModel, normalizer: [] }],
  ["normalizer.normalizers[0]", { model: unigramModel, normalizer: { type: "Sequence", normalizers: [1] } }],
  ["normalizer.pattern.Regex", { model: unigramModel, normalizer: { type: "Replace", pattern: { Regex: 1 } } }],
  ["normalizer.pattern", { model: unigramModel, normalizer: { type: "Replace", pattern: {} } }],
  [
    "pre_tokenizer.pattern.Regex",
    { model: unigramModel, pre_tokenizer: { type: "Split", behavior: "Removed", pattern: { Regex: "(a" } } },
  ],
  ["pre_tokenizer.length", { model: unigramModel, pre_tokenizer: { type: "FixedLength", length: 0 } }],
  ["", { model: unigramModel, decoder: { type: "Nothing" } }],
];

describe("damaged files", () => {
  it.each(bad)("%s", (path, json) => {
    try {
      createTokenizer(json as JsonObject).encode("a");
    } catch (error) {
      expect(error).toBeInstanceOf(ZerothError);
      expect((error as ZerothError).where).toContain(path === "" ? "tokenizer.json" : `tokenizer.json, ${path}`);
      return;
    }
    expect(path).toBe("refused");
  });

  it("refuses patterns that could run forever and lets the usual ones through", () => {
    for (const source of [
      "(a+)+",
      "(a*)*b",
      "((a+)b)*",
      "(?:x{2,})+",
      "(a)\\1",
      "a".repeat(5000),
      "(a|a)*b",
      "(?:a|ab|b)+$",
      "(a?){30}",
      "(\\d{1,3})+x",
      "(?:\\s|[ ])*!",
      "a*a*a*a*b",
      "(?:x*y*)(?:z*w*)",
      "((a|b)c?)*",
    ]) {
      expect(() => checkRegex(source, "x"), source).toThrow(ZerothError);
    }
    const usual =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    for (const source of [usual, " {2,}", "(?:a|b)+c", "[(a+)+]*"]) checkRegex(source, "x");
  });

  it("says so when a character is not in a vocabulary without an unknown token", () => {
    const tokenizer = createTokenizer({ model: { type: "Unigram", unk_id: null, vocab: [["a", 0]] } });
    expect(tokenizer.encode("a").ids).toEqual([0]);
    expect(() => tokenizer.encode("b")).toThrow(/not in the vocabulary/);
  });
});

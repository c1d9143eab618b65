/** Whatever the steps of a file, a text makes a bounded multiple of itself, both ways. */
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../base/json.ts";
import { createTokenizer } from "./tokenizer.ts";

const model = { type: "BPE", vocab: { u: 0, e: 1, "▁": 2, Ã: 3 }, merges: [], unk_token: "u" };
const made = (more: object) => createTokenizer({ model, ...more } as unknown as JsonObject);
const times = (count: number, key: string, step: object) => ({
  type: "Sequence",
  [key]: Array.from({ length: count }, () => step),
});
const longer = { type: "Replace", pattern: { String: "e" }, content: "e".repeat(60) };
const bytes = { type: "ByteLevel", add_prefix_space: false, use_regex: false };

describe("a pipeline that grows without end", () => {
  it.each<[string, object, text: string]>([
    ["bytes of bytes, normalised", { normalizer: times(20, "normalizers", bytes) }, "é"],
    ["bytes of bytes, in words", { pre_tokenizer: times(20, "pretokenizers", bytes) }, "é e"],
    ["short to long", { normalizer: times(6, "normalizers", longer) }, "e"],
    ["one step over many", { normalizer: longer }, "e".repeat(100_000)],
    ["prefixes", { normalizer: times(60, "normalizers", { type: "Prepend", prepend: "e".repeat(60) }) }, "e"],
    [
      "sequences within sequences",
      { pre_tokenizer: times(4, "pretokenizers", times(6, "pretokenizers", bytes)) },
      "é".repeat(50),
    ],
  ])("%s", (_, more, text) => {
    const tokenizer = made(more);
    const before = process.memoryUsage().heapUsed;
    expect(() => tokenizer.encode(text)).toThrow(
      expect.objectContaining({ code: "corrupt_file", message: expect.stringMatching(/for each of a text's/) }),
    );
    expect(() => tokenizer.encode("u", { pair: text, addSpecialTokens: false })).toThrow();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200e6);
  });

  it.each([
    ["short to long", times(6, "decoders", longer)],
    ["a pattern", times(6, "decoders", { type: "Replace", pattern: { Regex: "." }, content: "eeeeeeee" })],
    ["a suffix that is everywhere", times(20, "decoders", { type: "BPEDecoder", suffix: "" })],
  ])("decoding: %s", (_, decoder) => {
    expect(() => made({ decoder }).decode(Array.from({ length: 2000 }, () => 1))).toThrow(
      expect.objectContaining({ code: "corrupt_file" }),
    );
  });

  it.each([
    ["normalizer", { normalizer: times(65, "normalizers", { type: "NFC" }) }],
    ["pre_tokenizer", { pre_tokenizer: times(25, "pretokenizers", { type: "Whitespace" }) }],
    ["decoder", { decoder: times(25, "decoders", { type: "Fuse" }) }],
    ["post_processor", { post_processor: times(17, "processors", { type: "ByteLevel" }) }],
  ])("many steps: %s", (path, more) => {
    expect(() => made(more)).toThrow(
      expect.objectContaining({ code: "unsupported", where: `tokenizer.json, ${path}` }),
    );
  });

  it("does not touch what Unicode itself makes long", () => {
    const normalizer = times(2, "normalizers", { type: "NFKD" });
    const { ids } = made({ normalizer, pre_tokenizer: bytes }).encode("ﷺ".repeat(20_000));
    expect(ids.length).toBeGreaterThan(500_000);
  });
});

it("a second text is not taken where the file does not say how", () => {
  const special_tokens = { e: { id: "e", ids: [1], tokens: ["e"] } };
  const single = [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "e", type_id: 0 } }];
  const tokenizer = made({ post_processor: { type: "TemplateProcessing", single, pair: [], special_tokens } });
  expect(tokenizer.encode("ee").ids).toEqual([1, 1, 1]);
  expect(() => tokenizer.encode("e", { pair: "e" })).toThrow(expect.objectContaining({ code: "unsupported" }));
});

it.each<[string, object]>([
  ["post_processor.single[0]", { type: "TemplateProcessing", single: [{}], pair: [] }],
  ["post_processor.single[0]", { type: "TemplateProcessing", single: [{ SpecialToken: { id: "x" } }], pair: [] }],
  ["post_processor.single", { type: "TemplateProcessing", single: [{ Sequence: { id: "B" } }], pair: [] }],
  ["post_processor.pair", { type: "TemplateProcessing", single: [], pair: Array(2).fill({ Sequence: { id: "A" } }) }],
  ["post_processor.sep", { type: "BertProcessing", sep: ["x", -1], cls: ["x", 1] }],
  ["post_processor.type", { type: "Magic" }],
])("a damaged %s is named", (path, post_processor) => {
  expect(() => made({ post_processor })).toThrow(expect.objectContaining({ where: `tokenizer.json, ${path}` }));
});

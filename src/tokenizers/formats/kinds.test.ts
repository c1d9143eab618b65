import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../base/json.ts";
import { createTokenizer } from "../tokenizer.ts";
import { aboutOf } from "./about.ts";
import { tokenizerKind } from "./kinds.ts";

const unigram = JSON.stringify({ model: { type: "Unigram", unk_id: 0, vocab: [["u", 0], ["a", -1]] } }); // biome-ignore format: a table
const pieces = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n";
const pairs = { "vocab.json": '{"a":0,"b":1,"ab":2,"<s>":3,"</s>":4}', "merges.txt": "#version: 0.2\na b\n" };

function open(files: Record<string, string>, model: JsonObject = {}, config: JsonObject = {}) {
  const about = aboutOf((name) => name in files, model, config);
  const json = (name: string) => (name in files ? (JSON.parse(files[name]!) as JsonObject) : undefined);
  return tokenizerKind(about, "folder").open({
    about,
    where: "folder",
    settings: { config, special: json("special_tokens_map.json"), added: json("added_tokens.json") },
    bytes: (name) => new TextEncoder().encode(files[name]),
  });
}

describe("what a folder holds decides", () => {
  it.each<[string, Record<string, string>, model: JsonObject, config: JsonObject, ids: number[]]>([
    ["tokenizer.json before vocab.txt", { "tokenizer.json": unigram, "vocab.txt": pieces }, {}, {}, [1]],
    ["vocab.txt", { "vocab.txt": pieces }, {}, {}, [2, 5, 3]],
    ["vocab.txt with Windows line ends", { "vocab.txt": pieces.replaceAll("\n", "\r\n") }, {}, {}, [2, 5, 3]],
    ["vocab.json and merges.txt", pairs, {}, {}, [0]],
    ["the same as RoBERTa's, by config.json", pairs, { model_type: "roberta" }, {}, [3, 0, 4]],
    ["the same, by the class", pairs, {}, { tokenizer_class: "RobertaTokenizerFast" }, [3, 0, 4]],
    ["no file, by the class", {}, {}, { tokenizer_class: "ByT5Tokenizer" }, [100, 1]],
    ["no file, by the vocabulary's size", {}, { model_type: "t5", vocab_size: 384 }, {}, [100, 1]],
  ])("%s", (_, files, model, config, ids) => {
    expect(open(files, model, config).encode("a").ids).toEqual(ids);
  });

  it.each<[string, Record<string, string>, model: JsonObject, config: JsonObject, error: object]>([
    ["nothing", {}, { model_type: "t5" }, {}, { code: "not_found" }],
    ["half of it", { "vocab.json": "{}" }, {}, {}, { code: "not_found", message: /there is vocab\.json/ }],
    [
      "a class that is not run",
      { "vocab.txt": pieces },
      {},
      { tokenizer_class: "XTokenizer" },
      { code: "unsupported" },
    ],
    ["another", pairs, {}, { tokenizer_class: "CLIPTokenizer" }, { code: "unsupported", hint: /save/ }],
    ["no merge", { ...pairs, "merges.txt": "a b c" }, {}, {}, { where: "folder/merges.txt, line 1" }],
    ["no JSON", { ...pairs, "vocab.json": "[]" }, {}, {}, { where: "folder/vocab.json" }],
    ["no ids", {}, {}, { tokenizer_class: "ByT5Tokenizer", extra_ids: -1 }, { code: "corrupt_file" }],
  ])("%s is refused", (_, files, model, config, error) => {
    const shape = Object.fromEntries(
      Object.entries(error).map(([key, value]) => [
        key,
        value instanceof RegExp ? expect.stringMatching(value) : value,
      ]),
    );
    expect(() => open(files, model, config)).toThrow(expect.objectContaining(shape));
  });
});

describe("tokens declared beside the vocabulary", () => {
  const plain = { model: { type: "BPE", vocab: { u: 0, a: 1, b: 2, " ": 3 }, merges: [], unk_token: "u" } };
  const ids = (text: string, config: JsonObject, beside = {}) =>
    createTokenizer(plain, config, beside).encode(text).ids;

  it("are found wherever they are declared", () => {
    const decoder = { "9": { content: "<t>", special: true }, "4": { content: "ab", lstrip: true } };
    expect(ids("a <t> ab", { added_tokens_decoder: decoder })).toEqual([1, 3, 9, 4]);
    expect(ids("a<t>", {}, { added: { "<t>": 7 } })).toEqual([1, 7]);
    // The newer place wins over the file of old.
    expect(ids("a<t>", { added_tokens_decoder: {} }, { added: { "<t>": 7 } })).toEqual([1, 0, 0, 0]);
    expect(ids("a<t><m>", { additional_special_tokens: ["<t>", { content: "<m>" }] })).toEqual([1, 4, 5]);
    expect(ids("a<t>", { extra_special_tokens: { image: "<t>" } })).toEqual([1, 4]);
    expect(ids("a<t>", {}, { special: { mask_token: { content: "<t>" } } })).toEqual([1, 4]);
    expect(ids("a<t>", { eos_token: "<t>" })).toEqual([1, 4]);
  });

  it("keep the vocabulary's id, and never take another's", () => {
    expect(ids("ab", { added_tokens_decoder: { "7": { content: "b" } } })).toEqual([1, 2]);
    expect(ids("a<t>", { added_tokens_decoder: { "1": { content: "<t>" } } })).toEqual([1, 4]);
    const tokenizer = createTokenizer(plain, { pad_token: "b", added_tokens_decoder: { "4": { content: "<t>" } } });
    expect([tokenizer.padId, tokenizer.vocabularySize, tokenizer.piece(4)]).toEqual([2, 5, "<t>"]);
    expect(tokenizer.decode([1, 2, 4], { skipSpecialTokens: true })).toBe("a <t>");
  });

  it("obey their flags", () => {
    const token = (more: object) => ({ added_tokens_decoder: { "9": { content: "bb", ...more } } });
    expect(ids("a bb a", token({}))).toEqual([1, 3, 9, 3, 1]);
    expect(ids("a bb a", token({ lstrip: true, rstrip: true }))).toEqual([1, 9, 1]);
    expect(ids("abb bb", token({ single_word: true }))).toEqual([1, 2, 2, 3, 9]);
    expect(() => ids("a", { added_tokens_decoder: { x: { content: "y" } } })).toThrow(/"x" is not an id/);
    expect(() => ids("a", { added_tokens_decoder: [] })).toThrow(/must be an object/);
  });
});

it("bytes that are no text are left out, and a stream waits for a character's end", () => {
  const tokenizer = open({}, {}, { tokenizer_class: "ByT5Tokenizer" });
  const { ids, offsets } = tokenizer.encode("a😀é", { addSpecialTokens: false });
  expect(offsets).toEqual([[0, 1], [1, 3], [1, 3], [1, 3], [1, 3], [3, 4], [3, 4]]); // biome-ignore format: one line
  const stream = tokenizer.streamDecoder();
  expect(ids.map((id) => stream.push(id))).toEqual(["a", "", "", "", "😀", "", "é"]);
  expect(tokenizer.decode([0xc3 + 3, 100, 0x80 + 3, 0xff + 3, 101, 300])).toBe("ab<extra_id_41>");
  expect(tokenizer.encode("x", { pair: "y</s>" })).toMatchObject({
    ids: [123, 1, 124, 1],
    sequences: [0, undefined, 1, 1],
  });
});

it("a stream of nothing but skipped tokens costs no more as it goes on", () => {
  const tokenizer = open({}, {}, { tokenizer_class: "ByT5Tokenizer" });
  const stream = tokenizer.streamDecoder({ skipSpecialTokens: true });
  const start = performance.now();
  for (let i = 0; i < 50_000; i++) expect(stream.push(260)).toBe("");
  expect(stream.push(100)).toBe("a");
  expect(performance.now() - start).toBeLessThan(10_000);
});

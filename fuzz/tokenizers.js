/** Small tokenizers of each kind, to start from. */
import { charsMapBase64 } from "./spiece.js";

const unigram = {
  version: "1.0",
  added_tokens: [
    { id: 0, content: "<pad>", special: true, normalized: false },
    { id: 5, content: "<x>", special: false, normalized: true, lstrip: true, rstrip: true, single_word: true },
  ],
  normalizer: {
    type: "Sequence",
    normalizers: [{ type: "NFKC" }, { type: "Replace", pattern: { Regex: " {2,}" }, content: " " }],
  },
  pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "<pad>", type_id: 0 } }],
    pair: [],
    special_tokens: { "<pad>": { id: "<pad>", ids: [0], tokens: ["<pad>"] } },
  },
  decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always" },
  model: {
    type: "Unigram",
    unk_id: 1,
    byte_fallback: false,
    vocab: [
      ["<pad>", 0],
      ["<unk>", 0],
      ["▁", -2],
      ["▁a", -3],
      ["ab", -4],
    ],
  },
};

const bytePairs = {
  added_tokens: [{ id: 0, content: "<s>", special: true }],
  normalizer: { type: "Prepend", prepend: "▁" },
  pre_tokenizer: { type: "Split", pattern: { Regex: "\\s+|\\p{L}+" }, behavior: "Isolated", invert: false },
  post_processor: null,
  decoder: {
    type: "Sequence",
    decoders: [{ type: "ByteFallback" }, { type: "Fuse" }, { type: "Strip", content: " ", start: 1, stop: 0 }],
  },
  model: {
    type: "BPE",
    unk_token: "<s>",
    byte_fallback: true,
    fuse_unk: true,
    vocab: { "<s>": 0, a: 1, b: 2, ab: 3, "▁": 4, "▁a": 5, "<0x41>": 6 },
    merges: [
      ["a", "b"],
      ["▁", "a"],
    ],
  },
};

const wordPieces = {
  added_tokens: [],
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: { type: "BertProcessing", sep: ["[U]", 0], cls: ["[U]", 0] },
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  model: {
    type: "WordPiece",
    unk_token: "[U]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: { "[U]": 0, a: 1, "##b": 2 },
  },
};

const precompiled = {
  ...unigram,
  normalizer: {
    type: "Sequence",
    normalizers: [
      { type: "Precompiled", precompiled_charsmap: charsMapBase64 },
      { type: "Strip", strip_left: false, strip_right: true },
      { type: "NFD" },
      { type: "StripAccents" },
      { type: "Lowercase" },
      { type: "Nmt" },
    ],
  },
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [
      { type: "WhitespaceSplit" },
      { type: "Metaspace", prepend_scheme: "first", split: false },
      { type: "Punctuation", behavior: "Isolated" },
      { type: "Digits", individual_digits: true },
      { type: "Split", pattern: { String: "a" }, behavior: "MergedWithNext", invert: false },
    ],
  },
};

const byteLevel = {
  added_tokens: [{ id: 4, content: "<x>", special: true, normalized: false, lstrip: true }],
  normalizer: { type: "NFC" },
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  post_processor: {
    type: "RobertaProcessing",
    sep: ["<x>", 4],
    cls: ["<x>", 4],
    trim_offsets: true,
    add_prefix_space: true,
  },
  decoder: { type: "ByteLevel" },
  model: {
    type: "BPE",
    vocab: { a: 0, b: 1, Ġ: 2, Ġa: 3, "<x>": 4, ab: 5 },
    merges: ["Ġ a", "a b"],
    ignore_merges: true,
  },
};

export const tokenizers = [unigram, bytePairs, wordPieces, precompiled, byteLevel];

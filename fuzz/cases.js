/** Structure-aware mutation: valid inputs with one to four things wrong, every case a function of its seed alone. */

import { readFileSync } from "node:fs";
import { charsMapBase64, spieceReader } from "./spiece.js";

const encoder = new TextEncoder();

/** mulberry32: small, seeded, the same everywhere. */
function generator(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)] };
}

const oddValues = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  2,
  0.5,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  1e21,
  "",
  "a",
  "▁",
  " ",
  "\u0000",
  "\ud800",
  "F32",
  "F33",
  "I64",
  "BOOL",
  "Unigram",
  "BPE",
  "Metaspace",
  "ByteLevel",
  "Sequence",
  "Replace",
  "(a+)+$",
  "((",
  "[",
  "\\",
  "__proto__",
  "constructor",
  "toString",
  "../../etc/passwd",
  "x".repeat(5000),
  [],
  {},
  [[]],
  [{}],
  [0, 0],
  [1, -1],
  { type: "Sequence" },
  { type: "Strip", left: 1e9 },
  { Regex: "(a*)*b" },
  { Regex: " {2,}" },
  { String: "" },
  { type: "FixedLength", length: 0 },
];

/** All places of a JSON value: [container, key]. */
function places(value, out = []) {
  if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value)) {
      out.push([value, key]);
      places(value[key], out);
    }
  }
  return out;
}

function mutateValue(root, random) {
  const all = places(root);
  if (all.length === 0) return;
  const [container, key] = random.pick(all);
  const [other, otherKey] = random.pick(all);
  switch (random.below(7)) {
    case 0:
      if (Array.isArray(container)) container.splice(Number(key), 1);
      else delete container[key];
      break;
    case 1:
      container[key] = structuredClone(other[otherKey]);
      break;
    case 2:
      if (!Array.isArray(container)) {
        const name = random.pick(["__proto__", "a", "", "type", "dtype", "Regex", "\u0000", key.toUpperCase()]);
        Object.defineProperty(container, name, {
          value: container[key],
          enumerable: true,
          configurable: true,
          writable: true,
        });
      } else container.push(structuredClone(container[key]));
      break;
    case 3:
      if (typeof container[key] === "number") container[key] += random.pick([-1, 1, 0.5, 2 ** 31, -(2 ** 31), 2 ** 53]);
      else container[key] = structuredClone(random.pick(oddValues));
      break;
    case 4:
      if (typeof container[key] === "string") {
        const at = random.below(container[key].length + 1);
        container[key] =
          container[key].slice(0, at) +
          random.pick(["", "\u0301", "<", "▁", "\ud800", "+"]) +
          container[key].slice(at + 1);
      } else container[key] = structuredClone(random.pick(oddValues));
      break;
    default:
      container[key] = structuredClone(random.pick(oddValues));
  }
}

function mutateBytes(bytes, random) {
  let out = bytes.slice();
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(out.length + 1);
    switch (random.below(5)) {
      case 0:
        out[at] = random.below(256);
        break;
      case 1:
        out[at] ^= 1 << random.below(8);
        break;
      case 2:
        out = out.slice(0, at);
        break;
      case 3: {
        const length = random.below(16);
        const part = out.slice(at, at + length);
        out = Uint8Array.from([...out.slice(0, at), ...part, ...out.slice(at)]);
        break;
      }
      default:
        out = Uint8Array.from([
          ...out.slice(0, at),
          ...encoder.encode(random.pick(['"', "{", "}", "[", ",", ":", "-", "e", "9", "\\u0000"])),
          ...out.slice(at),
        ]);
    }
  }
  return out;
}

function safetensorsBytes(header, data, length) {
  const json = encoder.encode(header);
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? json.length), true);
  bytes.set(json, 8);
  return bytes;
}

/** One case: the structure of a JSON text or of a safetensors file, or its bytes. */
function mutate(seed, random) {
  const isText = typeof seed === "string";
  const bytes = isText ? encoder.encode(seed) : seed;
  if (random.next() < 0.3) {
    const out = mutateBytes(bytes, random);
    return isText ? new TextDecoder().decode(out) : out;
  }
  const length = isText ? bytes.length : Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const root = JSON.parse(isText ? seed : new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  for (let n = 1 + random.below(4); n > 0; n--) mutateValue(root, random);
  let text = JSON.stringify(root);
  if (random.next() < 0.1) text = text.replace(/"([a-z_]+)":/, '"$1":0,"$1":');
  if (isText) return text;
  const data = bytes.length - 8 - length + (random.next() < 0.2 ? random.pick([-1, 1, 8]) : 0);
  const claimed = random.next() < 0.1 ? random.pick([0, 1, 2 ** 31, 2 ** 53, text.length + 1]) : undefined;
  return safetensorsBytes(text, Math.max(0, data), claimed);
}

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

const config = {
  model_type: "t5",
  d_model: 8,
  d_kv: 4,
  num_heads: 2,
  vocab_size: 16,
  feed_forward_proj: "relu",
  nested: { a: [1, 2] },
};
const index = {
  metadata: { total_size: 24 },
  weight_map: { "a.weight": "model-00001-of-00001.safetensors", b: "x.safetensors" },
};

const torchFile = (name) => new Uint8Array(readFileSync(new URL(`../test/fixtures/torch/${name}`, import.meta.url)));

/** The readers of a library, with their seeds. */
export function readers(library) {
  const { parseSafetensorsHeader, parseJsonObject, createTokenizer, createSentencePieceTokenizer, readTorch } = library;
  const header = {
    __metadata__: { format: "pt" },
    a: { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] },
    b: { dtype: "BF16", shape: [3], data_offsets: [16, 22] },
    c: { dtype: "U8", shape: [0], data_offsets: [22, 22] },
  };
  return [
    {
      name: "safetensors",
      seeds: [safetensorsBytes(JSON.stringify(header), 22), safetensorsBytes("{}  ", 0)],
      read: (bytes) => void parseSafetensorsHeader(bytes, bytes.length, "fuzz.safetensors"),
    },
    {
      name: "config.json, index",
      seeds: [JSON.stringify(config), JSON.stringify(index)],
      read: (text) => void parseJsonObject(text, "config.json"),
    },
    {
      name: "tokenizer.json",
      seeds: [unigram, bytePairs, wordPieces, precompiled, byteLevel].map((json) => JSON.stringify(json)),
      read: (text) => {
        const tokenizer = createTokenizer(parseJsonObject(text, "tokenizer.json"));
        const encoded = tokenizer.encode("a ab  é\u0301 日本 <x> <pad> 😀 aab  ");
        void encoded.offsets;
        tokenizer.decode(encoded.ids);
      },
    },
    spieceReader(createSentencePieceTokenizer, { mutateValue, mutateBytes }),
    {
      name: "torch .bin",
      seeds: ["tensors.zip.bin", "tensors.legacy.bin", "nested.bin"].map(torchFile),
      mutate: mutateBytes,
      read: (bytes) => void readTorch((at, length) => bytes.subarray(at, at + length), bytes.length, "fuzz.bin"),
    },
  ];
}

/** Run `cases` mutations, spread evenly over the readers. A failure is anything but a value or an expected error. */
export function fuzz(list, { cases, seed, expected }) {
  return list.map((reader, which) => {
    const row = { name: reader.name, cases: 0, accepted: 0, refused: 0, slowestMs: 0, largestBytes: 0, failures: [] };
    const count = Math.floor(cases / list.length) + (which < cases % list.length ? 1 : 0);
    for (let i = 0; i < count; i++) {
      const caseSeed = (seed * 1_000_003 + which * 7_919_777 + i) >>> 0;
      const random = generator(caseSeed);
      const input = (reader.mutate ?? mutate)(random.pick(reader.seeds), random);
      const heap = process.memoryUsage.rss();
      const start = performance.now();
      let why;
      try {
        reader.read(input);
        row.accepted++;
      } catch (error) {
        if (expected(error)) row.refused++;
        else why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      }
      const took = performance.now() - start;
      const grown = process.memoryUsage.rss() - heap;
      row.slowestMs = Math.max(row.slowestMs, took);
      row.largestBytes = Math.max(row.largestBytes, grown);
      if (took > 1000) why ??= `took ${took.toFixed(0)} ms`;
      if (grown > 4 * input.length + (64 << 20)) why ??= `memory grew by ${(grown / 2 ** 20).toFixed(0)} MiB`;
      if (why)
        row.failures.push({
          seed: caseSeed,
          why,
          input: typeof input === "string" ? input : Buffer.from(input).toString("hex"),
        });
      row.cases++;
    }
    return row;
  });
}

/** Tokenizers made up step by step: pipelines, numbers, nesting, vocabularies, merges and patterns go wrong as such. */
import { mutateValue } from "./mutate.js";
import { tokenizers } from "./tokenizers.js";

const strings = ["", " ", "a", "b", "▁", "Ġ", "##", "</w>", "aaaaaaaaaaaaaaaa", "😀", "é", "\ud800", "<x>", "x".repeat(64), "x".repeat(65), "<0x41>"]; // biome-ignore format: a table
const counts = [0, 1, 2, 3, 100, -1, 0.5, 1e9, 2 ** 31, 2 ** 53, null, "1"];
const units = ["a", "[ab]", "\\s", "\\S", "\\p{L}", "\\p{N}", "[^\\s\\p{L}\\p{N}]", ".", "(?:a|a)", "(?:a|ab|)", "(?i:s)", "\\w", "[[:alpha:]]", "[a&&[^b]]", "\\x{1F600}", "^", "$", "\\b"]; // biome-ignore format: a table
const badUnits = ["\\1", "(?>a)", "\\X", "[", ")", "\\", "\\p{Nothing}"];
const times = [
  "",
  "",
  "*",
  "+",
  "?",
  "*?",
  "++",
  "{2}",
  "{0,30}",
  "{00002,}",
  "{,3}",
  "{1000}",
  "{1001}",
  "{3,2}",
  "{",
];
const behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous", "isolated"];

function pattern(random, depth = 0) {
  let out = "";
  for (let n = 1 + random.below(4); n > 0; n--) {
    const inner =
      depth < 3 && random.next() < 0.3
        ? pattern(random, depth + 1)
        : random.pick(random.next() < 0.02 ? badUnits : units);
    const open = random.pick(["(?:", "(", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?m:", ""]);
    out += open === "" ? inner : `${open}${inner})`;
    out +=
      (random.next() < 0.02 ? random.pick(["{1000}", "{1001}", "{3,2}", "{"]) : random.pick(times)) +
      (random.next() < 0.2 ? "|" : "");
  }
  return out;
}

const found = (random) => (random.next() < 0.5 ? { Regex: pattern(random) } : { String: random.pick(strings) });
/** Mostly what is valid, now and then what is not. */
const mostly = (good, bad) => (random) => random.pick(random.next() < 0.96 ? good : bad);
const flag = mostly([true, false], [null, 1]);
const count = mostly([1, 2, 3], counts);
const text = mostly(
  strings.filter((one) => one.length < 17),
  strings,
);
const character = mostly(["▁", "a", "😀", " "], strings);
const id = mostly([0, 2], counts);

/** Each kind of step with its settings, by the part of the file it belongs to. */
const steps = {
  normalizer: {
    NFC: {}, NFD: {}, NFKC: {}, NFKD: {}, Lowercase: {}, StripAccents: {}, Nmt: {}, ByteLevel: {},
    Strip: { strip_left: flag, strip_right: flag },
    Prepend: { prepend: text },
    Replace: { pattern: found, content: text },
    BertNormalizer: { clean_text: flag, handle_chinese_chars: flag, strip_accents: flag, lowercase: flag },
  },
  pre_tokenizer: {
    Whitespace: {}, WhitespaceSplit: {}, BertPreTokenizer: {},
    ByteLevel: { add_prefix_space: flag, use_regex: flag, trim_offsets: flag },
    Metaspace: { replacement: character, prepend_scheme: mostly(["always", "first", "never"], ["x"]), split: flag },
    Split: { pattern: found, behavior: mostly(behaviors.slice(0, 5), behaviors), invert: flag },
    Digits: { individual_digits: flag },
    Punctuation: { behavior: mostly(behaviors.slice(0, 5), behaviors) },
    CharDelimiterSplit: { delimiter: text },
    FixedLength: { length: count },
  },
  decoder: {
    ByteLevel: {}, ByteFallback: {}, Fuse: {},
    WordPiece: { prefix: text, cleanup: flag },
    Metaspace: { replacement: character, prepend_scheme: (random) => random.pick(["always", "first", "never"]) },
    Strip: { content: character, start: count, stop: count },
    Replace: { pattern: found, content: text },
    BPEDecoder: { suffix: text },
    CTC: { pad_token: text, word_delimiter_token: text, cleanup: flag },
  },
  post_processor: {
    ByteLevel: { add_prefix_space: flag, trim_offsets: flag },
    BertProcessing: { sep: (random) => ["s", id(random)], cls: () => ["c", 1] },
    RobertaProcessing: { sep: () => ["s", 2], cls: (random) => ["c", id(random)], trim_offsets: flag, add_prefix_space: flag },
    TemplateProcessing: { single: template, pair: template, special_tokens: special },
  },
}; // biome-ignore format: a table

function template(random) {
  return Array.from({ length: random.below(5) }, () => {
    const type_id = id(random);
    if (random.next() < 0.5) return { Sequence: { id: random.pick(["A", "A", "A", "B"]), type_id } };
    return { SpecialToken: { id: random.pick(["s", "c"]), type_id } };
  });
}

function special(random) {
  const ids = Array.from({ length: random.below(3) }, () => id(random));
  return { s: { id: "s", ids: [2], tokens: ["s"] }, c: { id: "c", ids, tokens: ids.map(() => "c") } };
}

const lists = {
  normalizer: "normalizers",
  pre_tokenizer: "pretokenizers",
  decoder: "decoders",
  post_processor: "processors",
};

function step(part, random, depth = 0) {
  if (depth < 30 && random.next() < (depth === 0 ? 0.6 : 0.2)) {
    // Now and then many steps that each make more, or one within the other.
    const count = depth === 0 ? random.pick([0, 1, 2, 3, 4, 30, 200]) : random.pick([0, 1, 1, 2]);
    const same = random.next() < 0.5 ? step(part, random, depth + 1) : undefined;
    return {
      type: "Sequence",
      [lists[part]]: Array.from({ length: count }, () => same ?? step(part, random, depth + 1)),
    };
  }
  const type = random.next() < 0.01 ? "Magic" : random.pick(Object.keys(steps[part]));
  const made = { type };
  for (const [key, value] of Object.entries(steps[part][type] ?? {}))
    if (random.next() < 0.9) made[key] = value(random);
  return made;
}

/** Pieces that are found often, that go on and on, and that are no pieces. */
function model(random) {
  const pieces = [
    "<unk>",
    "s",
    "c",
    "a",
    "b",
    "aa",
    "aaaa",
    "ab",
    "##a",
    "##b",
    "▁",
    "▁a",
    "Ġ",
    "Ġa",
    " ",
    "é",
    "Ã",
    "©",
  ];
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
  const common = { unk_token: mostly(["<unk>"], ["none", null])(random), byte_fallback: flag(random) };
  switch (random.below(4)) {
    case 0:
      return {
        type: "Unigram",
        unk_id: id(random),
        byte_fallback: flag(random),
        vocab: pieces.map((piece) => [piece, mostly([-1, -2.5, 0], [1e308, -1e308])(random)]),
      };
    case 1:
      return {
        type: "WordPiece",
        vocab,
        ...common,
        continuing_subword_prefix: mostly(["##", ""], strings)(random),
        max_input_chars_per_word: mostly([100, 1e9], counts)(random),
      };
    case 2:
      return { type: "WordLevel", vocab, ...common };
    default: {
      const merges = [
        ["a", "a"],
        ["aa", "aa"],
        ["a", "b"],
        ["▁", "a"],
        ["Ġ", "a"],
      ].filter(() => random.next() < 0.8);
      const more = {
        fuse_unk: flag(random),
        ignore_merges: flag(random),
        end_of_word_suffix: random.pick(["", null, "</w>"]),
      };
      return {
        type: "BPE",
        vocab,
        merges: random.next() < 0.5 ? merges.map((pair) => pair.join(" ")) : merges,
        ...common,
        ...more,
      };
    }
  }
}

function addedTokens(random) {
  return Array.from({ length: random.below(4) }, (_, i) => ({
    id: mostly([18 + i], counts)(random),
    content: mostly(["<x>", "tool", "a", " a ", "😀"], strings)(random),
    special: flag(random),
    normalized: flag(random),
    lstrip: flag(random),
    rstrip: flag(random),
    single_word: flag(random),
  }));
}

const texts = ["", "a ab  é\u0301 日本 <x> tool 😀 aab  don't 12345\r\n\r\n", `${"a".repeat(3000)}b`, " ".repeat(2000), "ab".repeat(1500), "\u0301".repeat(500), "ﷺ".repeat(200), "\ud800a\udc00"]; // biome-ignore format: a table

/** The reader of whole pipelines; a seed is the number its tokenizer is made from. */
export function pipelineReader({ createTokenizer, parseJsonObject }) {
  return {
    name: "pipelines of tokenizer.json",
    seeds: tokenizers.map((json) => JSON.stringify(json)),
    mutate(seed, random) {
      const json = JSON.parse(seed);
      for (const part of Object.keys(steps)) {
        if (random.next() < 0.6) json[part] = random.next() < 0.1 ? null : step(part, random);
      }
      if (random.next() < 0.7) json.model = model(random);
      if (random.next() < 0.5) json.added_tokens = addedTokens(random);
      if (random.next() < 0.15) mutateValue(json, random);
      const text = random.pick(texts);
      return JSON.stringify({ json, text, pair: random.next() < 0.3 ? random.pick(texts) : undefined });
    },
    read(input) {
      const { json, text, pair } = parseJsonObject(input, "fuzz", 1e9);
      const config = { added_tokens_decoder: { 30: { content: "tool", special: true } }, eos_token: "<x>" };
      const tokenizer = createTokenizer(json, config);
      const encoded = tokenizer.encode(text, pair === undefined ? {} : { pair });
      if (encoded.offsets.length !== encoded.ids.length || encoded.typeIds.length !== encoded.ids.length) {
        throw new Error(`${encoded.ids.length} ids, ${encoded.offsets.length} offsets`);
      }
      tokenizer.decode(encoded.ids.slice(0, 2000));
      const stream = tokenizer.streamDecoder({ skipSpecialTokens: true });
      for (const id of encoded.ids.slice(0, 200)) stream.push(id);
      stream.flush();
    },
  };
}

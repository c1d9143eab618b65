/**
 * The tokenizer that a GGUF file holds: a vocabulary, its kind (`tokenizer.ggml.model`) and, for byte pairs, the name of
 * the expression that cuts a text into words (`tokenizer.ggml.pre`), which stands for a table in llama.cpp
 * (src/llama-vocab.cpp).
 */
import { type JsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { checkPieces, pieceTypes, type SentencePieceModel } from "../sentencepiece/model.ts";
import { createSentencePieceTokenizer } from "../sentencepiece/tokenizer.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";
import { qwenWords } from "./byte-pairs.ts";
import { endsTemplate } from "./ends.ts";
import { wordPieceJson } from "./word-pieces.ts";

/** Names of tokens by their keys in tokenizer_config.json. */
export const namedTokens = {
  bos_token: "bos",
  eos_token: "eos",
  unk_token: "unknown",
  pad_token: "padding",
  sep_token: "seperator",
  cls_token: "cls",
  mask_token: "mask",
} as const;

/** The entries `tokenizer.ggml.…` of the metadata. */
export interface GgufVocabulary {
  readonly model: string;
  readonly pre: string | undefined;
  readonly tokens: readonly string[];
  readonly scores: ArrayLike<number> | undefined;
  readonly types: ArrayLike<number> | undefined;
  readonly merges: readonly string[] | undefined;
  /** Texts of the named tokens that there are. */
  readonly named: Readonly<Partial<Record<keyof typeof namedTokens, string>>>;
  readonly addBos: boolean | undefined;
  readonly addEos: boolean | undefined;
  readonly addSpacePrefix: boolean | undefined;
  readonly removeExtraWhitespaces: boolean | undefined;
  readonly charsMap: Uint8Array | undefined;
  /** The file, for messages. */
  readonly where: string;
}

/** How byte pairs cut a text into words before they are merged. */
interface Words {
  /** `gpt2` is built into the step that makes bytes of a text. */
  readonly pattern: "gpt2" | { readonly Regex: string };
  readonly digits?: true;
  readonly nfc?: true;
  /** A word that is in the vocabulary is taken whole. */
  readonly ignoreMerges?: true;
  readonly addBos?: true;
}

const gpt2: Words = { pattern: "gpt2" };
const digits: Words = { pattern: "gpt2", digits: true };
const llama3: Words = {
  pattern: { Regex: qwenWords.replace("\\p{N}|", "\\p{N}{1,3}|") },
  ignoreMerges: true,
  addBos: true,
};
const qwen: Words = { pattern: { Regex: qwenWords }, nfc: true };

/** Words whose letters change from small to large are cut there; `ends` may follow a word, `number` is one of digits. */
const byCase = (ends: string, number: string): string => {
  const [large, small] = ["[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]", "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"];
  const before = "[^\\r\\n\\p{L}\\p{N}]?";
  const rest = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  return `${before}${large}*${small}+${ends}|${before}${large}+${small}*${ends}|${number}|${rest}`;
};

const preTokenizers: Readonly<Record<string, Words>> = {
  "gpt-2": gpt2,
  "phi-2": gpt2,
  mellum: gpt2,
  "modern-bert": gpt2,
  "roberta-bpe": gpt2,
  olmo: { ...gpt2, nfc: true },
  smollm: digits,
  starcoder: digits,
  "command-r": digits,
  refact: digits,
  "llama-bpe": llama3,
  llama3,
  "llama-v3": llama3,
  falcon3: llama3,
  pixtral: llama3,
  qwen2: qwen,
  "deepseek-r1-qwen": qwen,
  tekken: { pattern: { Regex: byCase("", "\\p{N}") }, ignoreMerges: true, addBos: true },
  "gpt-4o": { pattern: { Regex: byCase("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "\\p{N}{1,3}") } },
  llama4: { pattern: { Regex: byCase("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "\\p{N}{1,3}") }, addBos: true },
};

/** What to say of a vocabulary of byte pairs that does not tell how texts are cut. */
export function vocabularyWarning({ model, pre }: Pick<GgufVocabulary, "model" | "pre">): string | undefined {
  if (model !== "gpt2" || (pre !== undefined && pre !== "default")) return undefined;
  return "the file does not say how texts are cut into words (tokenizer.ggml.pre); GPT-2's way is taken, which may be the wrong one: convert the model anew";
}

function wordsOf({ pre, where }: GgufVocabulary): Words {
  if (pre === undefined || pre === "default") return gpt2;
  if (Object.hasOwn(preTokenizers, pre)) return preTokenizers[pre]!;
  return fail("unsupported", `the way ${shown(pre)} of cutting texts into words is not known here`, {
    where: `${where}, key "tokenizer.ggml.pre"`,
    hint: `known: ${Object.keys(preTokenizers).join(", ")}`,
  });
}

/** Tokens that are found in a text as they are: control tokens, and those of whoever made the vocabulary. */
function addedTokens({ tokens, types }: GgufVocabulary) {
  return tokens.flatMap((content, id) => {
    const type = types?.[id];
    const special = type === pieceTypes.control;
    if ((!special && type !== pieceTypes.userDefined) || content === "") return [];
    return [{ id, content, special, normalized: false }];
  });
}

const settingsOf = (v: GgufVocabulary, addBos: boolean, addEos: boolean): JsonObject => ({
  ...v.named,
  add_bos_token: v.addBos ?? addBos,
  add_eos_token: v.addEos ?? addEos,
});

function bytePairs(v: GgufVocabulary): Tokenizer {
  const { where } = v;
  const merges = v.merges ?? fail("corrupt_file", 'key "tokenizer.ggml.merges" is missing', { where });
  const words = wordsOf(v);
  const vocab = Object.fromEntries(v.tokens.map((token, id) => [token, id]));
  const config = settingsOf(v, words.addBos ?? false, false);
  const idOf = (content: string): number | undefined => (Object.hasOwn(vocab, content) ? vocab[content] : undefined);
  const builtIn = words.pattern === "gpt2";
  const prefix = v.addSpacePrefix ?? false;
  const toBytes = { type: "ByteLevel", add_prefix_space: prefix, trim_offsets: true, use_regex: builtIn };
  const steps = [
    ...(words.digits ? [{ type: "Digits", individual_digits: true }] : []),
    ...(builtIn ? [] : [{ type: "Split", pattern: words.pattern, behavior: "Isolated", invert: false }]),
    toBytes,
  ];
  const json = {
    added_tokens: addedTokens(v),
    normalizer: words.nfc ? { type: "NFC" } : null,
    pre_tokenizer: { type: "Sequence", pretokenizers: steps },
    post_processor: endsTemplate({ config }, idOf),
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      vocab,
      merges,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: words.ignoreMerges ?? false,
    },
  };
  return createTokenizer(json, v.named);
}

function sentencePiece(v: GgufVocabulary, kind: "bpe" | "unigram"): Tokenizer {
  const { tokens, where } = v;
  const scores = v.scores ?? fail("corrupt_file", 'key "tokenizer.ggml.scores" is missing', { where });
  const types = Uint8Array.from({ length: tokens.length }, (_, id) => {
    const type = v.types?.[id] ?? pieceTypes.normal;
    const known = Number.isInteger(type) && type >= pieceTypes.normal && type <= pieceTypes.byte;
    return known ? type : fail("corrupt_file", `token ${id} has the unknown type ${type}`, { where });
  });
  for (let id = 0; id < tokens.length; id++) {
    if (!Number.isFinite(scores[id])) fail("corrupt_file", `token ${id} has the score ${scores[id]}`, { where });
    if (tokens[id] === "") fail("corrupt_file", `token ${id} is empty`, { where });
  }
  // Converters mark the unknown piece as a control token where the model's settings list it among its special ones.
  const unknownId = v.named.unk_token === undefined ? -1 : tokens.indexOf(v.named.unk_token);
  if (unknownId >= 0 && !types.includes(pieceTypes.unknown)) types[unknownId] = pieceTypes.unknown;
  const byteFallback = types.includes(pieceTypes.byte);
  const model: SentencePieceModel = {
    kind,
    pieces: tokens,
    scores: Float32Array.from(scores),
    types,
    unknownId: checkPieces({ pieces: [...tokens], types: [...types] }, byteFallback, where),
    byteFallback,
    whitespaceAsSuffix: false,
    charsMap: v.charsMap ?? new Uint8Array(0),
    addDummyPrefix: v.addSpacePrefix ?? true,
    removeExtraWhitespaces: v.removeExtraWhitespaces ?? kind === "unigram",
    escapeWhitespaces: true,
  };
  const t5 = kind === "unigram";
  // A name that the file leaves open would be taken as the class has it, and added where the vocabulary lacks it.
  const unknown = tokens[model.unknownId]!;
  const usual = { unk_token: unknown, eos_token: unknown, ...(t5 ? { pad_token: unknown } : { bos_token: unknown }) };
  const added = addedTokens(v).map(({ id, ...token }) => [id, token] as const);
  const config = {
    ...usual,
    ...settingsOf(v, !t5, t5),
    tokenizer_class: t5 ? "T5Tokenizer" : "LlamaTokenizer",
    extra_ids: 0,
    added_tokens_decoder: Object.fromEntries(t5 ? added : added.filter(([, token]) => token.special)),
  };
  return createSentencePieceTokenizer(model, config, where);
}

/** Pieces that begin a word are stored behind "▁", those that go on with one as they are. */
function wordPieces(v: GgufVocabulary): Tokenizer {
  const { tokens, types, named, where } = v;
  const pieces = tokens.map((token, id) => {
    if (types !== undefined && types[id] !== pieceTypes.normal) return token;
    if (types === undefined && /^\[.+\]$/.test(token)) return token;
    return token.startsWith("▁") ? token.slice(1) : `##${token}`;
  });
  if (pieces.some((piece) => piece.includes("\n"))) fail("corrupt_file", "a token holds the end of a line", { where });
  // Nothing says whether texts are put into small letters: a vocabulary without large ones was made of such texts.
  const large = pieces.some((piece) => /\p{Lu}/u.test(piece) && !/^(##)?\[.+\]$/.test(piece));
  const config = { ...named, do_lower_case: !large };
  const about = { has: () => false, tokenizerClass: "BertTokenizer", modelType: "bert", vocabularySize: undefined };
  return createTokenizer(wordPieceJson(pieces.join("\n"), { config }, about, where), config);
}

const kinds: Readonly<Record<string, (v: GgufVocabulary) => Tokenizer>> = {
  gpt2: bytePairs,
  llama: (v) => sentencePiece(v, "bpe"),
  t5: (v) => sentencePiece(v, "unigram"),
  bert: wordPieces,
};

/**
 * Build the tokenizer.
 * @throws corrupt_file with the key or token; unsupported for kinds and ways of cutting that are not run here
 */
export function ggufTokenizer(v: GgufVocabulary): Tokenizer {
  const kind = Object.hasOwn(kinds, v.model) ? kinds[v.model] : undefined;
  if (kind) return kind(v);
  return fail("unsupported", `a tokenizer of the kind ${shown(v.model)} is not run here`, {
    where: `${v.where}, key "tokenizer.ggml.model"`,
    hint: `known: ${Object.keys(kinds).join(", ")}`,
  });
}

/** Which tokenizer a model folder holds: a table by what is in it. */
import { type JsonObject, jsonLimits, parseJsonObject } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { createSentencePieceTokenizer } from "../sentencepiece/tokenizer.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";
import type { FolderAbout } from "./about.ts";
import { bytePairsJson } from "./byte-pairs.ts";
import { createByteTokenizer } from "./bytes.ts";
import type { Settings } from "./declared.ts";
import { marianTokenizer, mbartTokenizer, pegasusTokenizer } from "./renumbered.ts";
import { wordPieceJson } from "./word-pieces.ts";

/** What a kind is built from. */
interface Sources {
  bytes(name: string): Uint8Array;
  readonly settings: Settings;
  readonly about: FolderAbout;
  /** The folder or address, for messages. */
  readonly where: string;
}

export interface TokenizerKind {
  /** Files that are read, all of which must be there. */
  readonly files: readonly string[];
  /** Whether the folder holds this kind, its files being there. Default: it does. */
  readonly fits?: (about: FolderAbout) => boolean;
  open(sources: Sources): Tokenizer;
}

/** Read beside any kind where they are there: see {@link Settings}. */
export const settingFiles = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"] as const;

/** Every file of a folder that belongs to its tokenizer: what is read here, and what other programs read. */
export const tokenizerFileNames: readonly string[] = [
  "tokenizer.json",
  ...settingFiles,
  "spiece.model",
  "tokenizer.model",
  "sentencepiece.bpe.model",
  "source.spm",
  "target.spm",
  "target_vocab.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "tekken.json",
  "chat_template.jinja",
  "chat_template.json",
];

const text = (bytes: Uint8Array, where: string): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    return fail("corrupt_file", "is not UTF-8", { where, cause });
  }
};

const json = ({ bytes, where }: Sources, name: string): JsonObject =>
  parseJsonObject(text(bytes(name), `${where}/${name}`), `${where}/${name}`, jsonLimits.tokenizer);

const sentencePiece = (name: string): TokenizerKind => ({
  files: [name],
  open: ({ bytes, settings: { config = {}, ...beside }, where }) =>
    createSentencePieceTokenizer(bytes(name), config, `${where}/${name}`, beside),
});

const built = (made: JsonObject, { config = {}, ...beside }: Settings): Tokenizer =>
  createTokenizer(made, config, beside);

/** ByT5: by its class, or a T5 with a vocabulary of bytes and no file at all. */
const isBytes = ({ has, tokenizerClass, modelType, vocabularySize }: FolderAbout): boolean => {
  if (tokenizerClass !== undefined) return tokenizerClass === "ByT5Tokenizer";
  const bare = !tokenizerFileNames.some((name) => has(name) && !(settingFiles as readonly string[]).includes(name));
  return bare && (modelType === "t5" || modelType === "mt5") && vocabularySize === 384;
};

/** By the class, or where none is named by the model. */
const isOf = ({ tokenizerClass, modelType }: FolderAbout, named: RegExp, type: string): boolean =>
  tokenizerClass === undefined ? modelType === type : named.test(tokenizerClass);

/** mBART-50 by its class, or by a vocabulary that has room for its languages. */
const fiftyLanguages = ({ tokenizerClass, vocabularySize }: FolderAbout): boolean =>
  tokenizerClass === undefined ? (vocabularySize ?? 0) >= 250054 : tokenizerClass.startsWith("MBart50");

/** In the order they are tried. A new kind is one more row. */
const table: readonly TokenizerKind[] = [
  { files: [], fits: isBytes, open: ({ settings }) => createByteTokenizer(settings) },
  { files: ["tokenizer.json"], open: (sources) => built(json(sources, "tokenizer.json"), sources.settings) },
  ...[["target_vocab.json"], []].map(
    (more): TokenizerKind => ({
      files: ["source.spm", "target.spm", "vocab.json", ...more],
      open: (sources) =>
        marianTokenizer(
          {
            source: sources.bytes("source.spm"),
            target: sources.bytes("target.spm"),
            vocabulary: json(sources, "vocab.json"),
            ...(more.length > 0 && { written: json(sources, "target_vocab.json") }),
          },
          sources.settings,
          sources.where,
        ),
    }),
  ),
  {
    files: ["sentencepiece.bpe.model"],
    fits: (about) => isOf(about, /^MBart(50)?Tokenizer(Fast)?$/, "mbart"),
    open: ({ bytes, settings, about, where }) =>
      mbartTokenizer(
        bytes("sentencepiece.bpe.model"),
        settings,
        `${where}/sentencepiece.bpe.model`,
        fiftyLanguages(about),
      ),
  },
  {
    files: ["spiece.model"],
    fits: (about) => isOf(about, /^PegasusTokenizer(Fast)?$/, "pegasus"),
    open: ({ bytes, settings, where }) => pegasusTokenizer(bytes("spiece.model"), settings, `${where}/spiece.model`),
  },
  sentencePiece("spiece.model"),
  sentencePiece("tokenizer.model"),
  {
    files: ["vocab.txt"],
    open: (sources) => {
      const { bytes, settings, about, where } = sources;
      return built(
        wordPieceJson(text(bytes("vocab.txt"), `${where}/vocab.txt`), settings, about, `${where}/vocab.txt`),
        settings,
      );
    },
  },
  {
    files: ["vocab.json", "merges.txt"],
    open: (sources) => {
      const { bytes, settings, about, where } = sources;
      const merges = text(bytes("merges.txt"), `${where}/merges.txt`);
      return built(bytePairsJson(json(sources, "vocab.json"), merges, settings, about, where), settings);
    },
  },
];

/** The files of each kind that has some, in the order they are tried: for places that cannot be listed. */
export const tokenizerKindFiles: readonly (readonly string[])[] = table.flatMap(({ files }) =>
  files.length > 0 ? [files] : [],
);

/**
 * The kind of tokenizer that a folder holds.
 * @throws not_found when it holds none
 */
export function tokenizerKind(about: FolderAbout, where: string): TokenizerKind {
  const found = table.find(({ files, fits }) => files.every((name) => about.has(name)) && (fits?.(about) ?? true));
  if (found) return found;
  const there = tokenizerFileNames.filter((name) => about.has(name));
  return fail(
    "not_found",
    "neither tokenizer.json nor spiece.model, vocab.txt, or vocab.json with merges.txt" +
      (there.length > 0 ? `; there is ${there.join(", ")}` : ""),
    { where, hint: "is the download complete?" },
  );
}

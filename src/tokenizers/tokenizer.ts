/**
 * A tokenizer.json as text → ids → text, with offsets. Normalising, pre-tokenizing and the models are here, because ids
 * and places must be the reference's; what is put around a text and decoding are @huggingface/tokenizers.
 */

import type { JsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import { broken, matcher, split } from "./added.ts";
import { type Aligned, original, rangeOf, slice } from "./aligned.ts";
import { type AddedToken, checkTokenizerJson, contentOf } from "./check.ts";
import { guarded, loadEnds, type Span, trimsOf } from "./ends.ts";
import { createModel, type Word } from "./models.ts";
import { createNormalizer } from "./normalizers.ts";
import { createPreTokenizer } from "./pretokenizers.ts";
import { type StreamDecoder, streamDecoder } from "./stream.ts";

export interface EncodeOptions {
  /** Add what the post-processor adds (end of sequence, …). Default true. */
  readonly addSpecialTokens?: boolean;
  /** Let special tokens be recognised in the text. false for text from strangers: it can then never become one. */
  readonly allowSpecial?: boolean;
}

export interface Encoded {
  readonly ids: number[];
  readonly pieces: string[];
  /** Where each piece lies in the text, [start, end) in UTF-16 units; [0, 0] for added special tokens. Made on demand. */
  readonly offsets: (readonly [start: number, end: number])[];
}

export interface Tokenizer {
  /** @throws bad_input for a character outside a vocabulary without an unknown token */
  encode(text: string, options?: EncodeOptions): Encoded;
  /** @throws bad_input for what is not an id */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  streamDecoder(options?: { readonly skipSpecialTokens?: boolean }): StreamDecoder;
  /** One more than the greatest id. */
  readonly vocabularySize: number;
  tokenId(piece: string): number | undefined;
  /** undefined for ids no piece has. */
  piece(id: number): string | undefined;
  /** Content to id. */
  readonly specialTokens: ReadonlyMap<string, number>;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
  readonly unknownId: number | undefined;
}

/** Told of every piece of a text, in order. */
interface Sink {
  added(token: AddedToken, start: number, end: number): void;
  word(text: Aligned, word: Word): void;
}

const cacheWords = 30_000;
const cacheLength = 64;

/** Added tokens as they are looked for: in the text as it stands, or in the normalised text. */
function searchOf(tokens: ReadonlyMap<string, AddedToken>) {
  const plain = [...tokens].filter(([, token]) => !token.special).map(([spelling]) => spelling);
  const [all, some] = [matcher([...tokens.keys()]), matcher(plain)];
  return (text: string, allowSpecial: boolean) => split(text, allowSpecial ? all : some, tokens);
}

/** The way from text to words with their ids. */
function createEncoder(json: JsonObject, added: readonly AddedToken[]) {
  const model = createModel(json.model as JsonObject);
  const normalizer = createNormalizer(json.normalizer as JsonObject | null);
  const preTokenize = createPreTokenizer(json.pre_tokenizer as JsonObject | null);
  const normalize = (text: Aligned): Aligned => normalizer?.(text) ?? text;
  const asWritten = new Map<string, AddedToken>();
  const afterwards = new Map<string, AddedToken>();
  for (const token of added) {
    if (!token.normalized || !normalizer) {
      asWritten.set(token.content, token);
      continue;
    }
    const spelling = normalize(original(token.content, 0, token.content.length, false)).text;
    if (spelling !== "") afterwards.set(spelling, token);
  }
  const before = searchOf(asWritten);
  const after = searchOf(afterwards);
  const special = matcher(added.filter((token) => token.special).map((token) => token.content));
  // Only a prefix for the text's first word needs to know where a word was before it is asked for.
  const alwaysTracked = JSON.stringify(json.pre_tokenizer).includes('"first"');
  const cache = new Map<string, Word>();

  const wordOf = (text: string): Word => {
    const known = cache.get(text);
    if (known) return known;
    const made = model.encode(text);
    if (text.length <= cacheLength) {
      if (cache.size >= cacheWords) cache.clear();
      cache.set(text, made);
    }
    return made;
  };
  const cutInto = (text: Aligned, parts: Iterable<string>, sink: Sink): void => {
    let at = 0;
    for (const part of parts) {
      sink.word(slice(text, at, at + part.length), wordOf(part));
      at += part.length;
    }
  };
  const encodeWord = (text: Aligned, allowSpecial: boolean, sink: Sink): void => {
    if (!allowSpecial && special) cutInto(text, broken(text.text, special), sink);
    else if (model.boundary && text.text.length > 8) cutInto(text, text.text.split(model.boundary), sink);
    else if (text.text !== "") sink.word(text, wordOf(text.text));
  };

  const encode = (text: string, allowSpecial: boolean, places: boolean, sink: Sink): void => {
    for (const part of before(text, allowSpecial)) {
      if (part.token) {
        sink.added(part.token, part.start, part.end);
        continue;
      }
      const content = normalize(original(text, part.start, part.end, places || alwaysTracked));
      for (const { start, end, token } of after(content.text, allowSpecial)) {
        if (token) sink.added(token, ...(rangeOf(content, start, end) ?? [0, 0]));
        else for (const word of preTokenize(slice(content, start, end))) encodeWord(word, allowSpecial, sink);
      }
    }
  };
  return { model, encode };
}

/**
 * Build a tokenizer from a parsed tokenizer.json and, for the names of the end and padding tokens, its
 * tokenizer_config.json. Text is decoded as it was stored: no spaces are tidied up.
 * @throws corrupt_file with the key's path, unsupported for kinds that are not run here
 */
export function createTokenizer(tokenizerJson: JsonObject, tokenizerConfig: JsonObject = {}): Tokenizer {
  const { json, added } = checkTokenizerJson(tokenizerJson);
  const { model, encode } = guarded(() => createEncoder(json, added));
  const unigram = (json.model as JsonObject).type === "Unigram";
  const bySpelling = new Map(added.map((token) => [token.content, token]));
  const specialTokens = new Map(added.filter((token) => token.special).map((token) => [token.content, token.id]));
  const specialIds = new Set(specialTokens.values());
  const byId = new Map(added.map((token) => [token.id, token.content]));
  const pieceOf = (id: number): string | undefined => byId.get(id) ?? model.pieces[id];
  const tokenId = (piece: string): number | undefined => bySpelling.get(piece)?.id ?? model.ids.get(piece);
  const ends = loadEnds(json);
  const idOf = (piece: string): number =>
    tokenId(piece) ??
    fail("corrupt_file", `${JSON.stringify(piece.slice(0, 60))} is not in the vocabulary`, {
      where: "tokenizer.json, post_processor",
    });
  const around = { before: ends.before.map(idOf), after: ends.after.map(idOf) };
  const trim = trimsOf(json.post_processor);

  const idsOf = (text: string, allowSpecial: boolean, addSpecialTokens: boolean): number[] => {
    const ids = addSpecialTokens ? [...around.before] : [];
    guarded(() =>
      encode(text, allowSpecial, false, {
        added: ({ id }) => ids.push(id),
        word(_, word) {
          for (const id of word.ids) ids.push(id);
        },
      }),
    );
    if (addSpecialTokens) ids.push(...around.after);
    return ids;
  };

  /** Pieces and places: a second walk, made when somebody asks. */
  const placesOf = (text: string, allowSpecial: boolean, addSpecialTokens: boolean) => {
    const pieces: string[] = [];
    const offsets: Span[] = [];
    /** Pieces with an added token as it stands in the text, with the spaces that belong to it. */
    const spelt: string[] = [];
    encode(text, allowSpecial, true, {
      added({ content }, start, end) {
        pieces.push(content);
        spelt.push(text.slice(start, end));
        offsets.push([start, end]);
      },
      word(aligned, { ids, starts, ends: to }) {
        for (const [i, id] of ids.entries()) {
          const unknown = unigram && id === model.unknownId;
          pieces.push(unknown ? aligned.text.slice(starts[i], to[i]) : (model.pieces[id] ?? ""));
          spelt.push(pieces.at(-1)!);
          offsets.push(rangeOf(aligned, starts[i]!, to[i]!) ?? [aligned.shift, aligned.shift]);
        }
      },
    });
    trim(text, spelt, offsets);
    if (!addSpecialTokens) return { pieces, offsets };
    const none = (tokens: readonly string[]): Span[] => tokens.map(() => [0, 0]);
    return {
      pieces: [...ends.before, ...pieces, ...ends.after],
      offsets: [...none(ends.before), ...offsets, ...none(ends.after)],
    };
  };

  const decode = (list: readonly number[], skipSpecialTokens: boolean): string => {
    const pieces: string[] = [];
    for (const id of list) {
      if (!Number.isSafeInteger(id) || id < 0) fail("bad_input", `${id} is not a token id`);
      const piece = skipSpecialTokens && specialIds.has(id) ? undefined : pieceOf(id);
      if (piece !== undefined) pieces.push(piece);
    }
    return pieces.length === 0 ? "" : guarded(() => ends.decode(pieces));
  };

  const named = (key: string, usual: readonly string[]): number | undefined => {
    const content = contentOf(tokenizerConfig[key]);
    if (content !== undefined) return tokenId(content);
    return specialTokens.get(usual.find((spelling) => specialTokens.has(spelling)) ?? "");
  };

  return {
    encode(text, { addSpecialTokens = true, allowSpecial = true } = {}) {
      let places: ReturnType<typeof placesOf> | undefined;
      const found = () => {
        places ??= placesOf(text, allowSpecial, addSpecialTokens);
        return places;
      };
      return {
        ids: idsOf(text, allowSpecial, addSpecialTokens),
        get pieces() {
          return found().pieces;
        },
        get offsets() {
          return found().offsets;
        },
      };
    },
    decode: (list, { skipSpecialTokens = false } = {}) => decode(list, skipSpecialTokens),
    streamDecoder: ({ skipSpecialTokens = false } = {}) => streamDecoder((list) => decode(list, skipSpecialTokens)),
    vocabularySize: added.reduce((most, { id }) => Math.max(most, id + 1), model.pieces.length),
    tokenId,
    piece: pieceOf,
    specialTokens,
    eosId: named("eos_token", ["</s>", "<|endoftext|>", "<eos>", "[SEP]"]),
    padId: named("pad_token", ["<pad>", "[PAD]"]),
    unknownId: model.unknownId,
  };
}

/**
 * A tokenizer.json as text → ids → text, with places: ids and places are the reference's, the tokenizers library of
 * Python and Rust.
 */
import type { JsonObject } from "../base/json.ts";
import { fail, ZerothError } from "../errors.ts";
import { broken, createSplitter, type Ranges, touches } from "./added.ts";
import { type Aligned, original, rangeOf, slice } from "./aligned.ts";
import { type AddedToken, checkTokenizerJson } from "./check.ts";
import { createDecoder } from "./decoders.ts";
import { declarationsOf, joinAdded, namedToken, namedTokens, type Settings } from "./formats/declared.ts";
import { withEnds } from "./formats/ends.ts";
import { createGrowth } from "./growth.ts";
import { createModel, type Model, type Word } from "./models.ts";
import { createNormalizer } from "./normalizers.ts";
import { createPostProcessor, type Item, type Span } from "./postprocess.ts";
import { createPreTokenizer } from "./pretokenizers.ts";
import { type StreamDecoder, streamDecoder } from "./stream.ts";
import { type TokenBytes, tokenBytes } from "./token-bytes.ts";
import { createFinder } from "./trie.ts";

export interface EncodeOptions {
  /** A second text, for models that compare two: what stands between them is the tokenizer's. */
  readonly pair?: string;
  /** Add what the post-processor adds (end of sequence, …). Default true. */
  readonly addSpecialTokens?: boolean;
  /** Let special tokens be recognised in the text. false for text from strangers: it can then never become one. */
  readonly allowSpecial?: boolean;
  /**
   * Parts of the text (not of the pair) that come from strangers, [start, end) in UTF-16 units, in order: no special
   * token is recognised that has a character in one of them.
   */
  readonly plain?: Ranges;
  /** The text is one that a model writes, for those that have other pieces for it than for what they read (Marian). */
  readonly written?: boolean;
}

export interface Encoded {
  readonly ids: number[];
  readonly pieces: string[];
  /**
   * Where each piece lies in its text, [start, end) in UTF-16 units; [0, 0] for added special tokens. Made on demand,
   * as pieces and sequences are.
   */
  readonly offsets: (readonly [start: number, end: number])[];
  /** For models that are told which text a token belongs to: mostly 0 for the first, 1 for the second, as the file says. */
  readonly typeIds: number[];
  /** Which text each piece is of: 0, 1 for the pair; undefined for added special tokens. */
  readonly sequences: (0 | 1 | undefined)[];
}

export interface Tokenizer {
  /** @throws bad_input for a character outside a vocabulary without an unknown token */
  encode(text: string, options?: EncodeOptions): Encoded;
  /** @throws bad_input for what is not an id */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  streamDecoder(options?: { readonly skipSpecialTokens?: boolean }): StreamDecoder;
  /** What each token writes. @throws unsupported where that depends on the tokens beside it */
  tokenBytes(): TokenBytes;
  /** One more than the greatest id. */
  readonly vocabularySize: number;
  tokenId(piece: string): number | undefined;
  /** undefined for ids no piece has. */
  piece(id: number): string | undefined;
  /** Content to id. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Content of the tokens that the settings name, by name: `bos_token`, `eos_token`, … */
  readonly named: ReadonlyMap<string, string>;
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

/** Where special tokens are recognised: everywhere, nowhere, or outside of some ranges. */
type Special = boolean | Ranges;

const specialOf = ({ allowSpecial = true, plain = [] }: EncodeOptions): Special =>
  allowSpecial && plain.length > 0 ? plain : allowSpecial;

/** Added tokens as they are looked for: in the text as it stands, or in the normalised text. */
function searchOf(tokens: ReadonlyMap<string, AddedToken>) {
  const all = createSplitter(tokens);
  const plain = createSplitter(new Map([...tokens].filter(([, token]) => !token.special)));
  /** `placeOf` gives a stretch of this text as a range of the original one. */
  return (
    text: string,
    special: Special,
    placeOf: (start: number, end: number) => Span = (start, end) => [start, end],
  ) =>
    typeof special === "boolean"
      ? (special ? all : plain)(text)
      : all(text, (token, start, end) => token.special && touches(special, ...placeOf(start, end)));
}

/** A step over hostile settings may fail in any way: it then fails as a damaged file. */
function guarded<T>(step: () => T): T {
  try {
    return step();
  } catch (cause) {
    if (cause instanceof ZerothError) throw cause;
    return fail("corrupt_file", `cannot be applied: ${(cause as Error).message.slice(0, 300)}`, {
      where: "tokenizer.json",
      cause,
    });
  }
}

/** The way from text to words with their ids. */
function createEncoder(json: JsonObject, model: Model, added: readonly AddedToken[]) {
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
    const { content } = token;
    const growth = createGrowth(content.length);
    const spelling = normalize(original(content, 0, content.length, false, growth)).text;
    if (spelling !== "") afterwards.set(spelling, token);
  }
  // Only special tokens that are looked for in the normalised text need to know where it stood before.
  const rewritten = [...afterwards.values()].some((token) => token.special);
  const before = searchOf(asWritten);
  const after = searchOf(afterwards);
  const special = createFinder(added.filter((token) => token.special).map((token) => token.content));
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
  const encodeWord = (text: Aligned, allowed: Special, sink: Sink): void => {
    // What is special in the text has been taken out before, but for what must not be.
    if (allowed !== true && special) cutInto(text, broken(text.text, special), sink);
    else if (model.boundary && text.text.length > 8) cutInto(text, text.text.split(model.boundary), sink);
    else if (text.text !== "") sink.word(text, wordOf(text.text));
  };

  const encode = (text: string, allowed: Special, places: boolean, sink: Sink): void => {
    const growth = createGrowth(text.length);
    const tracked = places || alwaysTracked || (rewritten && typeof allowed !== "boolean");
    for (const part of before(text, allowed)) {
      if (part.token) {
        sink.added(part.token, part.start, part.end);
        continue;
      }
      growth.part(part.end - part.start);
      const content = normalize(original(text, part.start, part.end, tracked, growth));
      const placeOf = (start: number, end: number): Span => rangeOf(content, start, end) ?? [part.start, part.end];
      for (const { start, end, token } of after(content.text, allowed, placeOf)) {
        if (token) {
          sink.added(token, ...(rangeOf(content, start, end) ?? [0, 0]));
          continue;
        }
        const words = preTokenize(slice(content, start, end));
        growth.keep(words.reduce((sum, word) => sum + word.text.length, 0));
        for (const word of words) encodeWord(word, allowed, sink);
      }
    }
  };
  return encode;
}

/** What ends a text where no setting names it. */
const endTokens = ["</s>", "<|endoftext|>", "<eos>", "[SEP]"] as const;

/**
 * Build a tokenizer from a parsed tokenizer.json. Text is decoded as it was stored: no spaces are tidied up. Padding
 * and truncation in the file are not applied: how long a row may be is its model's to say.
 * @param config tokenizer_config.json: names of the end and padding tokens, and added tokens
 * @param beside other files that declare added tokens
 * @throws corrupt_file with the key's path, unsupported for kinds that are not run here
 */
export function createTokenizer(
  tokenizerJson: JsonObject,
  config: JsonObject = {},
  beside: Omit<Settings, "config"> = {},
): Tokenizer {
  const { json, added: own } = checkTokenizerJson(tokenizerJson);
  const settings = { ...beside, config };
  const model = guarded(() => createModel(json.model as JsonObject));
  const added = joinAdded(own, declarationsOf(settings), {
    ids: model.ids,
    size: model.pieces.length,
    has: (id) => model.pieces[id] !== undefined,
  });
  const encode = guarded(() => createEncoder(json, model, added));
  const unigram = (json.model as JsonObject).type === "Unigram";
  const bySpelling = new Map(added.map((token) => [token.content, token]));
  const specialTokens = new Map(added.filter((token) => token.special).map((token) => [token.content, token.id]));
  const specialIds = new Set(specialTokens.values());
  const byId = new Map(added.map((token) => [token.id, token.content]));
  const pieceOf = (id: number): string | undefined => byId.get(id) ?? model.pieces[id];
  const tokenId = (piece: string): number | undefined => bySpelling.get(piece)?.id ?? model.ids.get(piece);
  const decodePieces = guarded(() => createDecoder(json.decoder as JsonObject | null));
  const around = createPostProcessor(withEnds(json.post_processor as JsonObject | null, settings, tokenId));

  const itemsOf = ({ pair, addSpecialTokens = true }: EncodeOptions): readonly Item[] => {
    const templates = pair === undefined ? around.single : around.pair;
    return (
      templates?.[addSpecialTokens ? 1 : 0] ??
      fail("unsupported", "this tokenizer does not say how two texts are joined", {
        where: "tokenizer.json, post_processor",
      })
    );
  };

  const idsOf = (text: string, allowed: Special): number[] => {
    const ids: number[] = [];
    guarded(() =>
      encode(text, allowed, false, {
        added: ({ id }) => ids.push(id),
        word(_, word) {
          for (const id of word.ids) ids.push(id);
        },
      }),
    );
    return ids;
  };

  /** Pieces and places: a second walk, made when they are first read. */
  const placesOf = (text: string, allowed: Special) => {
    const pieces: string[] = [];
    const offsets: Span[] = [];
    /** Pieces with an added token as it stands in the text, with the spaces that belong to it. */
    const spelt: string[] = [];
    guarded(() =>
      encode(text, allowed, true, {
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
      }),
    );
    around.trim(text, spelt, offsets);
    return { pieces, offsets };
  };

  const decode = (list: readonly number[], skipSpecialTokens: boolean, unfinished = false): string => {
    const pieces: string[] = [];
    for (const id of list) {
      if (!Number.isSafeInteger(id) || id < 0) fail("bad_input", `${id} is not a token id`);
      const piece = skipSpecialTokens && specialIds.has(id) ? undefined : pieceOf(id);
      if (piece !== undefined) pieces.push(piece);
    }
    return pieces.length === 0 ? "" : guarded(() => decodePieces(pieces, unfinished));
  };

  const named = (key: string, usual: readonly string[]): number | undefined => {
    const content = namedToken(settings, key);
    if (content !== undefined) return tokenId(content);
    return specialTokens.get(usual.find((spelling) => specialTokens.has(spelling)) ?? "");
  };

  return {
    encode(text, options = {}) {
      const { pair } = options;
      const special = (which: number) => specialOf(which === 0 ? options : { ...options, plain: [] });
      const items = itemsOf(options);
      const texts = pair === undefined ? [text] : [text, pair];
      const found = texts.map((one, which) => idsOf(one, special(which)));
      /** One list of what belongs to the tokens put in and of what belongs to the texts. */
      const joined = <T>(put: (token: string, id: number) => T, lists: readonly (readonly T[])[]): T[] => {
        if (items.length === 1 && "sequence" in items[0]!) return [...lists[items[0].sequence]!];
        const out: T[] = [];
        for (const item of items) {
          if ("token" in item) out.push(put(item.token, item.id));
          else for (const value of lists[item.sequence]!) out.push(value);
        }
        return out;
      };
      let places: ReturnType<typeof placesOf>[] | undefined;
      const placed = () => {
        places ??= texts.map((one, which) => placesOf(one, special(which)));
        return places;
      };
      return {
        ids: joined((_, id) => id, found),
        get pieces() {
          return joined(
            (token) => token,
            placed().map(({ pieces }) => pieces),
          );
        },
        get offsets() {
          return joined<Span>(
            () => [0, 0],
            placed().map(({ offsets }) => offsets),
          );
        },
        get typeIds() {
          return items.flatMap((item) => ("token" in item ? [item.type] : found[item.sequence]!.map(() => item.type)));
        },
        get sequences() {
          return joined<0 | 1 | undefined>(
            () => undefined,
            found.map((ids, which) => ids.map(() => (which === 0 ? 0 : 1))),
          );
        },
      };
    },
    decode: (list, { skipSpecialTokens = false } = {}) => decode(list, skipSpecialTokens),
    streamDecoder: ({ skipSpecialTokens = false } = {}) =>
      streamDecoder((list) => decode(list, skipSpecialTokens, true)),
    tokenBytes: () =>
      tokenBytes(json.decoder as JsonObject | null, (id) =>
        specialIds.has(id) || id === model.unknownId ? undefined : pieceOf(id),
      ),
    vocabularySize: added.reduce((most, { id }) => Math.max(most, id + 1), model.pieces.length),
    tokenId,
    piece: pieceOf,
    specialTokens,
    named: namedTokens(settings),
    eosId: named("eos_token", endTokens),
    padId: named("pad_token", ["<pad>", "[PAD]"]),
    unknownId: model.unknownId,
  };
}

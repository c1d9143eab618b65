/**
 * A tokenizer.json as text → ids → text, with offsets. Normalising, pre-tokenizing, the model and decoding are
 * @huggingface/tokenizers; around it: checks before loading, added tokens found in the original text, a cache of words,
 * Metaspace's splitting and Unigram's byte fallback (both absent there), and texts of any length.
 */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { fail, ZerothError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { broken, matcher, split } from "./tokenizer-added.ts";
import { type AddedToken, checkTokenizerJson, contentOf } from "./tokenizer-check.ts";
import { type EncodedSection, offsetsOf } from "./tokenizer-offsets.ts";
import { type StreamDecoder, streamDecoder } from "./tokenizer-stream.ts";
import { createUnigram, type Segments } from "./unigram.ts";

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

interface Word {
  readonly ids: readonly number[];
  readonly pieces: readonly string[];
}

/** What the library's model object offers beyond its declared type. */
interface LibraryModel {
  (words: string[]): string[];
  vocab: (string | undefined)[];
  tokens_to_ids: Map<string, number>;
  unk_token_id: number | undefined;
  unk_token: string | undefined;
}

type UnigramVocabulary = readonly (readonly [string, number])[];

const cacheWords = 30_000;
const cacheLength = 64;

/** Whether the reference starts a new word at every replacement character (its default, unless "split" is false). */
function metaspaceOf(step: unknown): string | undefined {
  if (!isJsonObject(step)) return undefined;
  if (step.type === "Sequence" && Array.isArray(step.pretokenizers)) {
    for (const item of step.pretokenizers) {
      const found = metaspaceOf(item);
      if (found) return found;
    }
  }
  const replacement = step.replacement ?? "▁";
  return step.type === "Metaspace" && step.split !== false && typeof replacement === "string" ? replacement : undefined;
}

function load(json: JsonObject, config: JsonObject): Library {
  try {
    return new Library(json as object, config as object);
  } catch (cause) {
    const { message } = cause as Error;
    const code = /^Unknown .* type/i.test(message) ? "unsupported" : "corrupt_file";
    return fail(code, `cannot be built: ${message.slice(0, 300)}`, { where: "tokenizer.json", cause });
  }
}

/**
 * A library over a Unigram vocabulary that it never reads: its own trie takes most of the time of opening a tokenizer.
 * It is built over one piece and given the vocabulary afterwards, for decoding; {@link createUnigram} segments.
 */
function loadUnigram(json: JsonObject, config: JsonObject, vocabulary: UnigramVocabulary): Library {
  const settings = json.model as JsonObject;
  const unknown = typeof settings.unk_id === "number" ? settings.unk_id : undefined;
  const library = load({ ...json, model: { ...settings, vocab: [["", 0]], unk_id: 0 } }, config);
  const model = library.model as unknown as LibraryModel;
  const { vocab: added } = model;
  const ids = new Map<string, number>();
  const vocab: (string | undefined)[] = new Array(vocabulary.length);
  for (let id = 0; id < vocabulary.length; id++) {
    const piece = vocabulary[id]![0];
    vocab[id] = piece;
    ids.set(piece, id);
  }
  for (const { content, id } of json.added_tokens as { content: string; id: number }[]) {
    vocab[id] = added[id];
    ids.set(content, id);
  }
  model.vocab = vocab;
  model.tokens_to_ids = ids;
  model.unk_token_id = unknown;
  model.unk_token = unknown === undefined ? undefined : vocab[unknown];
  return library;
}

/** The library's byte decoders drop a leading U+FEFF, which is a character like any other here. */
function keepByteOrderMarks(decoder: unknown): void {
  const step = decoder as { text_decoder?: TextDecoder; decoders?: unknown[] } | null;
  if (step?.text_decoder) step.text_decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const inner of step?.decoders ?? []) keepByteOrderMarks(inner);
}

/** A step of the library over hostile settings may fail in any way: it then fails as a damaged file. */
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

/**
 * Build a tokenizer from a parsed tokenizer.json and, for the names of the end and padding tokens, its
 * tokenizer_config.json. Text is decoded as it was stored: no spaces are tidied up.
 * @throws corrupt_file with the key's path, unsupported for kinds that are not run here
 */
export function createTokenizer(tokenizerJson: JsonObject, tokenizerConfig: JsonObject = {}): Tokenizer {
  const { json, added } = checkTokenizerJson(tokenizerJson);
  const settings = json.model as JsonObject;
  const pieces = settings.type === "Unigram" ? (settings.vocab as UnigramVocabulary) : undefined;
  const names = { eos_token: contentOf(tokenizerConfig.eos_token) };
  const library = pieces ? loadUnigram(json, names, pieces) : load(json, names);
  keepByteOrderMarks(library.decoder);
  const model = library.model as unknown as LibraryModel;
  const segment = pieces && createUnigram(pieces);
  const ids = model.tokens_to_ids;
  const unknown = model.unk_token_id ?? undefined;
  const byteIds =
    pieces && settings.byte_fallback === true
      ? Array.from({ length: 256 }, (_, byte) => ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`))
      : undefined;
  const useBytes = byteIds?.every((id) => id !== undefined) === true;
  const bySpelling = new Map(added.map((token) => [token.content, token]));
  const special = added.filter((token) => token.special);
  const specialTokens = new Map(special.map((token) => [token.content, token.id]));
  const specialIds = new Set(specialTokens.values());
  const raw = added.filter((token) => !token.normalized || !library.normalizer);
  const patterns = {
    all: matcher(raw.map((token) => token.content)),
    plain: matcher(raw.filter((token) => !token.special).map((token) => token.content)),
    special: matcher(special.map((token) => token.content)),
  };
  const normalize = (text: string): string => (library.normalizer ? guarded(() => library.normalizer!(text)) : text);
  const normalized = new Map<string, AddedToken>();
  for (const token of added) {
    if (token.normalized && library.normalizer) {
      const spelling = normalize(token.content);
      if (spelling !== "") normalized.set(spelling, token);
    }
  }
  const normalizedPattern = matcher([...normalized.keys()]);
  const plainNormalized = matcher([...normalized].filter(([, token]) => !token.special).map(([spelling]) => spelling));
  const metaspace = metaspaceOf(json.pre_tokenizer);
  const boundary = metaspace ? new RegExp(`(?=${metaspace.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")})`) : undefined;
  const cache = new Map<string, Word>();

  const idOf = (piece: string): number => {
    const id = bySpelling.get(piece)?.id ?? ids.get(piece) ?? unknown;
    if (id === undefined) {
      fail("bad_input", `${JSON.stringify(piece.slice(0, 20))} is not in the vocabulary, which has no unknown token`, {
        where: "tokenizer.json",
      });
    }
    return id;
  };

  const unigram = (word: string, { ids: found, ends }: Segments): Word => {
    const out: { ids: number[]; pieces: string[] } = { ids: [], pieces: [] };
    let fused = "";
    const close = (): void => {
      if (fused === "") return;
      if (useBytes) {
        for (const byte of new TextEncoder().encode(fused)) {
          out.ids.push(byteIds![byte]!);
          out.pieces.push(model.vocab[byteIds![byte]!]!);
        }
      } else {
        out.ids.push(idOf(fused));
        out.pieces.push(fused);
      }
      fused = "";
    };
    for (let i = 0, start = 0; i < found.length; start = ends[i]!, i++) {
      const id = found[i]!;
      const piece = word.slice(start, ends[i]!);
      if (id < 0 || id === unknown) {
        fused += piece;
      } else {
        close();
        out.ids.push(id);
        out.pieces.push(piece);
      }
    }
    close();
    return out;
  };

  const encodeWord = (word: string): Word => {
    const known = cache.get(word);
    if (known) return known;
    const made = guarded(() => {
      if (segment) return unigram(word, segment(word));
      const pieces = model([word]);
      return { ids: pieces.map(idOf), pieces };
    });
    if (word.length <= cacheLength) {
      if (cache.size >= cacheWords) cache.clear();
      cache.set(word, made);
    }
    return made;
  };

  const words = (text: string, first: boolean, allowSpecial: boolean): string[] => {
    const cut = library.pre_tokenizer
      ? guarded(() => library.pre_tokenizer!(text, { section_index: first ? 0 : 1 }) as string[])
      : [text];
    const whole = boundary ? cut.flatMap((word) => word.split(boundary)) : cut;
    if (allowSpecial || !patterns.special) return whole;
    return whole.flatMap((word) => [...broken(word, patterns.special!)]);
  };

  const encodeSections = (text: string, allowSpecial: boolean): EncodedSection[] => {
    const sections: EncodedSection[] = [];
    for (const part of split(text, allowSpecial ? patterns.all : patterns.plain, bySpelling)) {
      const { start, end, token } = part;
      if (token) {
        sections.push({
          start,
          end,
          text: undefined,
          words: [{ word: token.content, ids: [token.id], pieces: [token.content] }],
        });
        continue;
      }
      const content = normalize(text.slice(start, end));
      const made: { word: string; ids: readonly number[]; pieces: readonly string[] }[] = [];
      for (const inner of split(content, allowSpecial ? normalizedPattern : plainNormalized, normalized)) {
        if (inner.token) {
          const { id, content: spelling } = inner.token;
          made.push({ word: content.slice(inner.start, inner.end), ids: [id], pieces: [spelling] });
        } else if (inner.end > inner.start) {
          const first = start === 0 && inner.start === 0;
          for (const word of words(content.slice(inner.start, inner.end), first, allowSpecial)) {
            if (word !== "") made.push({ word, ...encodeWord(word) });
          }
        }
      }
      sections.push({ start, end, text: content, words: made });
    }
    return sections;
  };

  /** What the post-processor puts before and after one text: asked once, with a stand-in for the text. */
  const frame = guarded(() => {
    if (!library.post_processor) return { before: [], after: [] };
    const marker = "\u0000";
    const { tokens } = library.post_processor([marker], null, true) as { tokens: string[] };
    const at = tokens.indexOf(marker);
    if (at < 0 || tokens.some((token) => typeof token !== "string")) {
      fail("corrupt_file", "the result is not the text with tokens around it", {
        where: "tokenizer.json, post_processor",
      });
    }
    return { before: tokens.slice(0, at), after: tokens.slice(at + 1) };
  });
  const wrapped = { before: frame.before.map(idOf), after: frame.after.map(idOf) };

  const decode = (list: readonly number[], skipSpecialTokens: boolean): string => {
    const kept: number[] = [];
    for (const id of list) {
      if (!Number.isSafeInteger(id) || id < 0) fail("bad_input", `${id} is not a token id`);
      if (!(skipSpecialTokens && specialIds.has(id))) kept.push(id);
    }
    if (kept.length === 0) return "";
    return guarded(() => library.decode(kept, { clean_up_tokenization_spaces: false } as object));
  };

  const named = (key: string, usual: readonly string[]): number | undefined => {
    const content = contentOf(tokenizerConfig[key]);
    if (content !== undefined) return ids.get(content);
    return specialTokens.get(usual.find((spelling) => specialTokens.has(spelling)) ?? "");
  };

  return {
    encode(text, { addSpecialTokens = true, allowSpecial = true } = {}) {
      const sections = encodeSections(text, allowSpecial);
      const out = { ids: [] as number[], pieces: [] as string[] };
      if (addSpecialTokens) {
        out.ids.push(...wrapped.before);
        out.pieces.push(...frame.before);
      }
      for (const section of sections) {
        for (const word of section.words) {
          for (const id of word.ids) out.ids.push(id);
          for (const piece of word.pieces) out.pieces.push(piece);
        }
      }
      if (addSpecialTokens) {
        out.ids.push(...wrapped.after);
        out.pieces.push(...frame.after);
      }
      let offsets: (readonly [number, number])[] | undefined;
      return {
        ...out,
        get offsets() {
          if (!offsets) {
            const none = (tokens: readonly string[]) => tokens.map(() => [0, 0] as const);
            const inside = offsetsOf(text, sections, normalize);
            offsets = addSpecialTokens ? [...none(frame.before), ...inside, ...none(frame.after)] : inside;
          }
          return offsets;
        },
      };
    },
    decode: (list, { skipSpecialTokens = false } = {}) => decode(list, skipSpecialTokens),
    streamDecoder: ({ skipSpecialTokens = false } = {}) => streamDecoder((list) => decode(list, skipSpecialTokens)),
    vocabularySize: Math.max(model.vocab.length, ...added.map((token) => token.id + 1)),
    tokenId: (piece) => bySpelling.get(piece)?.id ?? ids.get(piece),
    piece: (id) => model.vocab[id],
    specialTokens,
    eosId: named("eos_token", ["</s>", "<|endoftext|>", "<eos>", "[SEP]"]),
    padId: named("pad_token", ["<pad>", "[PAD]"]),
    unknownId: unknown,
  };
}

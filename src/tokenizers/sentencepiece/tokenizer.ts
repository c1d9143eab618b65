/** A SentencePiece file with the special tokens that T5's and Llama's tokenizers put around it, as one {@link Tokenizer}. */

import { type JsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { createSearch, isPythonSpace } from "../added.ts";
import type { AddedToken } from "../check.ts";
import { declarationsOf, namedToken, namedTokens, type Settings } from "../formats/declared.ts";
import { streamDecoder } from "../stream.ts";
import type { Encoded, EncodeOptions, Tokenizer } from "../tokenizer.ts";
import { createSentencePiece, type SentencePieces } from "./encode.ts";
import { pieceTypes, readSentencePieceModel, type SentencePieceModel } from "./model.ts";

/** What differs between the tokenizer classes that wrap a SentencePiece file. */
interface Family {
  readonly special: readonly (readonly [key: string, content: string])[];
  readonly extraIds: number;
  readonly addBos: boolean;
  readonly addEos: boolean;
  /** The type of a second text. */
  readonly pairType: 0 | 1;
  /** Whether the class can leave the space piece away after a special token (`legacy: false`). */
  readonly legacy: boolean;
}

const eos = ["eos_token", "</s>"] as const;
const unknown = ["unk_token", "<unk>"] as const;
const families: readonly (readonly [RegExp, Family])[] = [
  [
    /^M?T5Tokenizer(Fast)?$/,
    {
      special: [eos, unknown, ["pad_token", "<pad>"]],
      extraIds: 100,
      addBos: false,
      addEos: true,
      pairType: 0,
      legacy: true,
    },
  ],
  [
    /^(Code)?LlamaTokenizer(Fast)?$/,
    {
      special: [["bos_token", "<s>"], eos, unknown],
      extraIds: 0,
      addBos: true,
      addEos: false,
      pairType: 1,
      legacy: true,
    },
  ],
  [
    /^GemmaTokenizer(Fast)?$/,
    {
      special: [["bos_token", "<bos>"], ["eos_token", "<eos>"], unknown, ["pad_token", "<pad>"]],
      extraIds: 0,
      addBos: true,
      addEos: false,
      pairType: 1,
      legacy: false,
    },
  ],
];

const maxExtra = 100_000;

/** All tokens that are found in a text before SentencePiece sees it, as the class's constructor collects them. */
function collectAdded(family: Family, settings: Settings, names: ReadonlyMap<string, number>): AddedToken[] {
  const tokens = new Map<string, AddedToken>();
  const count = names.size;
  const { extra_ids: given = family.extraIds } = settings.config ?? {};
  if (!Number.isSafeInteger(given) || (given as number) < 0 || (given as number) > maxExtra) {
    fail("corrupt_file", `extra_ids must be a count up to ${maxExtra}, got ${shown(String(given))}`, {
      where: "tokenizer_config.json",
    });
  }
  const plain = { special: true, normalized: false, lstrip: false, rstrip: false, singleWord: false };
  const extra = given as number;
  for (let i = 0; i < extra; i++) {
    const content = `<extra_id_${i}>`;
    tokens.set(content, { ...plain, content, id: count - 1 + extra - i, lstrip: true, rstrip: true });
  }
  const { numbered, special } = declarationsOf(settings);
  const byId = new Map([...tokens.values()].map((token) => [token.id, token.content]));
  for (const [id, token] of numbered) {
    const old = byId.get(id);
    if (old !== undefined) tokens.delete(old);
    byId.set(id, token.content);
    tokens.set(token.content, { ...token, id });
  }
  let next = count;
  for (const { id } of tokens.values()) next = Math.max(next, id + 1);
  // Named ones first, those that the class has by itself included.
  const own = family.special.map(([key, content]) => ({ ...plain, content: namedToken(settings, key) ?? content }));
  const declared = new Map(special.map((token) => [token.content, token]));
  for (const one of [...own, ...special]) {
    const token = declared.get(one.content) ?? one;
    if (!tokens.has(token.content)) tokens.set(token.content, { ...token, id: names.get(token.content) ?? next++ });
  }
  return [...tokens.values()];
}

/**
 * Build a tokenizer from a SentencePiece file.
 * @param source the file (`spiece.model`, `tokenizer.model`), or what was read of it
 * @param config tokenizer_config.json. `tokenizer_class` decides what is put around a text: T5's and mT5's (also
 *   without a class), Llama's or Gemma's
 * @param beside other files that declare added tokens
 * @throws corrupt_file for a damaged file, unsupported for kinds that are not run here
 */
export function createSentencePieceTokenizer(
  source: Uint8Array | SentencePieceModel,
  config: JsonObject = {},
  where = "spiece.model",
  beside: Omit<Settings, "config"> = {},
): Tokenizer {
  const settings = { ...beside, config };
  const kind = typeof config.tokenizer_class === "string" ? config.tokenizer_class : "T5Tokenizer";
  const family = families.find(([pattern]) => pattern.test(kind))?.[1];
  if (!family) {
    return fail("unsupported", `a SentencePiece file for the tokenizer class ${shown(kind)}`, {
      where: "tokenizer_config.json, tokenizer_class",
      hint: "save it once as tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)",
    });
  }
  const model = source instanceof Uint8Array ? readSentencePieceModel(source, where) : source;
  const legacy = !family.legacy || config.legacy !== false;
  const engine = createSentencePiece(model, legacy ? {} : { addDummyPrefix: false }, where);
  const ids = new Map(model.pieces.map((piece, id) => [piece, id]));
  const tokens = collectAdded(family, settings, ids);
  const contents = new Map(tokens.map((token) => [token.content, token]));
  const special = tokens.filter((token) => token.special);
  const specialTokens = new Map(special.map((token) => [token.content, token.id]));
  const specialIds = new Set(specialTokens.values());
  // The unknown piece stands for what is not text: it is left out with the special tokens.
  for (const [id, type] of model.types.entries()) {
    if (type === pieceTypes.control) specialIds.add(id);
  }
  const byId = new Map(tokens.map((token) => [token.id, token.content]));
  const search = createSearch(contents, isPythonSpace);
  const named = (key: string): number | undefined => {
    const content = namedToken(settings, key) ?? family.special.find(([name]) => name === key)?.[1];
    return content === undefined ? undefined : (contents.get(content)?.id ?? ids.get(content));
  };
  const [bosId, eosId] = [named("bos_token"), named("eos_token")];
  const addBos = (config.add_bos_token ?? family.addBos) === true && bosId !== undefined;
  const addEos = (config.add_eos_token ?? family.addEos) === true && eosId !== undefined;
  const unknownText = namedToken(settings, "unk_token") ?? "<unk>";
  const unknownPieces = legacy ? 0 : engine.encode(unknownText).ids.length;
  const prefixed = !legacy && config.add_prefix_space !== false;

  /** One stretch of text between added tokens. */
  const encodePart = (text: string, start: number, end: number): SentencePieces => {
    const part = text.slice(start, end);
    const shifted = (made: SentencePieces, by: number, from = 0): SentencePieces => ({
      ids: made.ids.slice(from),
      pieces: made.pieces.slice(from),
      offsets: made.offsets
        .slice(from)
        .map(([a, b]): [number, number] => [Math.max(start, a + by), Math.max(start, b + by)]),
    });
    if (legacy) return start === 0 ? engine.encode(part) : shifted(engine.encode(part), start);
    // `legacy: false`: spaces are kept by putting the unknown token's text in front, whose pieces are then dropped.
    const spaced = part.replaceAll("▁", " ");
    const front = start === 0 && prefixed ? "▁" : "";
    if (front === "" && !spaced.startsWith(" ")) return shifted(engine.encode(spaced), start);
    const made = engine.encode(unknownText + front + spaced);
    const drop = made.ids.length >= unknownPieces ? unknownPieces : 0;
    return shifted(made, start - unknownText.length - front.length, drop);
  };

  const encode = (text: string, options: EncodeOptions): SentencePieces => {
    const parts = search(text, options);
    if (parts.length === 1 && !parts[0]!.token) return encodePart(text, 0, text.length);
    const out: SentencePieces = { ids: [], pieces: [], offsets: [] };
    for (const { start, end, token } of parts) {
      if (token) {
        out.ids.push(token.id);
        out.pieces.push(token.content);
        out.offsets.push([start, end]);
        continue;
      }
      const made = encodePart(text, start, end);
      for (const id of made.ids) out.ids.push(id);
      for (const piece of made.pieces) out.pieces.push(piece);
      for (const span of made.offsets) out.offsets.push(span);
    }
    return out;
  };

  const decode = (list: readonly number[], skipSpecialTokens: boolean, start = true): string => {
    const kept: number[] = [];
    for (const id of list) {
      if (!Number.isSafeInteger(id) || id < 0) fail("bad_input", `${id} is not a token id`);
      if (!(skipSpecialTokens && specialIds.has(id))) kept.push(id);
    }
    return engine.decode(kept, start, byId);
  };

  /** A text with the tokens around it, and which of its tokens are its own: [first, after the last). */
  const around = (text: string, options: EncodeOptions) => {
    const { addSpecialTokens = true } = options;
    const out = encode(text, options);
    const bos = addSpecialTokens && addBos;
    // T5's tokenizer adds no second end token; Llama's does.
    const ended = family.addEos && out.ids.at(-1) === eosId;
    const end = addSpecialTokens && addEos && !ended;
    const own = [bos ? 1 : 0, out.ids.length + (bos ? 1 : 0)] as const;
    const put = <T>(list: T[], first: T, last: T): T[] =>
      bos || end ? [...(bos ? [first] : []), ...list, ...(end ? [last] : [])] : list;
    const name = (id: number | undefined): string => byId.get(id!) ?? model.pieces[id!] ?? "";
    return {
      ids: put(out.ids, bosId!, eosId!),
      pieces: put(out.pieces, name(bosId), name(eosId)),
      offsets: put(out.offsets, [0, 0], [0, 0]),
      own,
    };
  };

  return {
    encode(text, options = {}): Encoded {
      const first = around(text, options);
      const second = options.pair === undefined ? undefined : around(options.pair, { ...options, plain: [] });
      const parts = second ? [first, second] : [first];
      return {
        ids: second ? [...first.ids, ...second.ids] : first.ids,
        pieces: second ? [...first.pieces, ...second.pieces] : first.pieces,
        offsets: second ? [...first.offsets, ...second.offsets] : first.offsets,
        get typeIds() {
          return parts.flatMap(({ ids }, which) => ids.map(() => (which === 1 ? family.pairType : 0)));
        },
        get sequences() {
          return parts.flatMap(({ ids, own: [from, to] }, which) =>
            ids.map((_, i): 0 | 1 | undefined => (i < from || i >= to ? undefined : which === 1 ? 1 : 0)),
          );
        },
      };
    },
    decode: (list, { skipSpecialTokens = false } = {}) => decode(list, skipSpecialTokens),
    streamDecoder: ({ skipSpecialTokens = false } = {}) =>
      streamDecoder((list, start) => decode(list, skipSpecialTokens, start)),
    tokenBytes: () => ({
      bytes: (id) => (specialIds.has(id) ? undefined : engine.bytes(id, byId)),
      dropsFirstSpace: engine.dropsFirstSpace,
      differsFirst: () => false,
    }),
    vocabularySize: tokens.reduce((most, { id }) => Math.max(most, id + 1), model.pieces.length),
    tokenId: (piece) => contents.get(piece)?.id ?? ids.get(piece),
    piece: (id) => byId.get(id) ?? model.pieces[id],
    specialTokens,
    named: new Map([...family.special, ...namedTokens(settings)]),
    eosId,
    padId: named("pad_token"),
    unknownId: model.unknownId,
  };
}

/** The tokenizers that number a SentencePiece file's pieces anew: Marian's, mBART's and Pegasus's. */
import { type JsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { AddedToken } from "../check.ts";
import { createSentencePiece } from "../sentencepiece/encode.ts";
import { readSentencePieceModel } from "../sentencepiece/model.ts";
import { renumberedTokenizer, type Side } from "../sentencepiece/renumbered.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { maxId, namedToken, type Settings, settingOf } from "./declared.ts";

const plain = { special: true, normalized: false, lstrip: false, rstrip: false, singleWord: false };
const added = (content: string, id: number): AddedToken => ({ ...plain, content, id });

function engineOf(bytes: Uint8Array, where: string) {
  const model = readSentencePieceModel(bytes, where);
  const { encode } = createSentencePiece(model, {}, where);
  return { model, pieces: encode };
}

/** Ids by pieces. @throws corrupt_file for what is none */
function idsOf(json: JsonObject, where: string): Map<string, number> {
  for (const [piece, id] of Object.entries(json)) {
    if (Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < maxId) continue;
    fail("corrupt_file", `${shown(piece)} has ${shown(String(id))}, which is not an id`, { where });
  }
  return new Map(Object.entries(json) as [string, number][]);
}

const inverse = (ids: ReadonlyMap<string, number>) => new Map([...ids].map(([piece, id]) => [id, piece]));
const sizeOf = (ids: Iterable<number>) => [...ids].reduce((most, id) => Math.max(most, id + 1), 0);

/**
 * Marian's: two SentencePiece files, for what is read and what is written, over one vocabulary or two. A text may begin
 * with `>>xxx<<`, a language, which is a token.
 */
export function marianTokenizer(
  files: {
    readonly source: Uint8Array;
    readonly target: Uint8Array;
    readonly vocabulary: JsonObject;
    /** Of what is written, where it has a vocabulary of its own. */
    readonly written?: JsonObject | undefined;
  },
  settings: Settings,
  where: string,
): Tokenizer {
  const ids = idsOf(files.vocabulary, `${where}/vocab.json`);
  const writtenIds = files.written ? idsOf(files.written, `${where}/target_vocab.json`) : ids;
  const texts = (["eos_token", "unk_token", "pad_token"] as const).map(
    (key, i) => namedToken(settings, key) ?? ["</s>", "<unk>", "<pad>"][i]!,
  );
  const [eos, unknown, pad] = texts as [string, string, string];
  const idIn = (all: ReadonlyMap<string, number>, piece: string, file: string): number =>
    all.get(piece) ?? fail("corrupt_file", `has no ${piece}`, { where: `${where}/${file}` });
  const side = (bytes: Uint8Array, all: ReadonlyMap<string, number>, names: readonly [string, string]): Side => {
    const unknownId = idIn(all, unknown, names[1]);
    return { pieces: engineOf(bytes, `${where}/${names[0]}`).pieces, idOf: (piece) => all.get(piece) ?? unknownId };
  };
  const names = inverse(writtenIds);
  const eosId = idIn(ids, eos, "vocab.json");
  return renumberedTokenizer({
    source: side(files.source, ids, ["source.spm", "vocab.json"]),
    target: side(files.target, writtenIds, ["target.spm", files.written ? "target_vocab.json" : "vocab.json"]),
    pieceOf: (id) => names.get(id),
    tokenId: (piece) => ids.get(piece),
    size: sizeOf([...ids.values(), ...writtenIds.values()]),
    added: [eos, unknown, pad].flatMap((content) => {
      const id = ids.get(content);
      return id === undefined ? [] : [added(content, id)];
    }),
    before: [],
    after: [eosId],
    prefix: (text) => (text.startsWith(">>") && text.includes("<<") ? text.indexOf("<<") + 2 : 0),
    eosId,
    padId: ids.get(pad),
    unknownId: ids.get(unknown),
  });
}

/** Pegasus's: pieces stand behind the tokens that hid words and sentences in its training. */
export function pegasusTokenizer(bytes: Uint8Array, settings: Settings, where: string): Tokenizer {
  const { model, pieces } = engineOf(bytes, where);
  const offset = settings.config?.offset ?? 103;
  if (!Number.isSafeInteger(offset) || (offset as number) < 0 || (offset as number) > 100_000) {
    fail("corrupt_file", `offset must be a count, got ${shown(String(offset))}`, { where: "tokenizer_config.json" });
  }
  const by = offset as number;
  const named = (key: string, usual: string) => namedToken(settings, key) ?? usual;
  const fixed = [
    named("pad_token", "<pad>"),
    named("eos_token", "</s>"),
    ...(by > 0 ? [named("mask_token_sent", "<mask_1>"), named("mask_token", "<mask_2>")] : []),
    ...Array.from({ length: Math.max(0, by - 2) }, (_, i) => `<unk_${i + 2}>`),
  ];
  const special = [...fixed.map(added), added(named("unk_token", "<unk>"), model.unknownId + by)];
  const ids = new Map(model.pieces.map((piece, id) => [piece, id + by]));
  const side: Side = { pieces, idOf: (_, own) => own + by };
  return renumberedTokenizer({
    source: side,
    pieceOf: (id) => (id < fixed.length ? fixed[id] : model.pieces[id - by]),
    tokenId: (piece) => ids.get(piece),
    size: model.pieces.length + by,
    added: special,
    before: [],
    after: [1],
    eosId: 1,
    padId: 0,
    unknownId: model.unknownId + by,
  });
}

/** mBART's languages in the order of their ids; mBART-50 has those of the second list besides. */
const languages25 =
  "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN";
const languages50 =
  "af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN mn_MN mr_IN pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI";

/**
 * mBART's: fairseq's ids, languages behind the pieces. A text is followed by its end and its language; in mBART-50 the
 * language stands before it. `src_lang` of tokenizer_config.json says which it is; English without.
 */
export function mbartTokenizer(bytes: Uint8Array, settings: Settings, where: string, fifty: boolean): Tokenizer {
  const { model, pieces } = engineOf(bytes, where);
  const codes = [...languages25.split(" "), ...(fifty ? languages50.split(" ") : [])];
  const first = model.pieces.length + 1;
  const languages = codes.map((code, i) => added(code, first + i));
  const given = settingOf(settings, "src_lang") ?? "en_XX";
  const language = languages.find(({ content }) => content === given);
  if (!language) {
    fail("corrupt_file", `src_lang is ${shown(String(given))}, which is no language of this model`, {
      where: "tokenizer_config.json",
      hint: `known: ${codes.join(", ")}`,
    });
  }
  const special = [
    ...["<s>", "<pad>", "</s>", "<unk>"].map(added),
    ...languages,
    { ...added("<mask>", first + codes.length), lstrip: true },
  ];
  const ids = new Map(model.pieces.map((piece, id) => [piece, id + 1]));
  const side: Side = { pieces, idOf: (_, own) => (own === model.unknownId ? 3 : own + 1) };
  return renumberedTokenizer({
    source: side,
    pieceOf: (id) => (id > 3 ? model.pieces[id - 1] : undefined),
    tokenId: (piece) => ids.get(piece),
    size: first + codes.length + 1,
    added: special,
    before: fifty ? [language.id] : [],
    after: fifty ? [2] : [2, language.id],
    eosId: 2,
    padId: 1,
    unknownId: 3,
  });
}

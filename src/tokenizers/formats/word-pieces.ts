/** A vocab.txt, a piece a line, as the tokenizer.json that BERT's classes make of it. */
import { isJsonObject, type JsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { FolderAbout } from "./about.ts";
import { namedToken, type Settings, settingOf } from "./declared.ts";

/** What differs between the classes that read a vocab.txt. */
interface Family {
  readonly cls: string;
  readonly sep: string;
  readonly pad: string;
  readonly mask: string;
  /** Between two texts, and of which type the second is. */
  readonly between: 1 | 2;
  readonly pairType: 0 | 1;
}

const bert: Family = { cls: "[CLS]", sep: "[SEP]", pad: "[PAD]", mask: "[MASK]", between: 1, pairType: 1 };
const families: readonly (readonly [class_: RegExp, type: RegExp, Family])[] = [
  [
    /^MPNetTokenizer(Fast)?$/,
    /^mpnet$/,
    { cls: "<s>", sep: "</s>", pad: "<pad>", mask: "<mask>", between: 2, pairType: 0 },
  ],
  [
    /^(Bert|DistilBert|Electra|MobileBert|ConvBert|Retri|LayoutLM|SqueezeBert|Ernie|DPR(Question|Context)Encoder|DPRReader)Tokenizer(Fast)?$/,
    /^(bert|distilbert|electra|mobilebert|convbert|ernie|dpr)$/,
    bert,
  ],
];

/**
 * @param text the file
 * @throws unsupported for a class that is not BERT's or one of its relatives
 */
export function wordPieceJson(text: string, settings: Settings, about: FolderAbout, where: string): JsonObject {
  const { tokenizerClass: kind, modelType: type } = about;
  const row = families.find(([class_, model]) => (kind !== undefined ? class_.test(kind) : model.test(type ?? "bert")));
  if (!row) {
    return fail("unsupported", `a vocab.txt for the tokenizer ${shown(kind ?? type ?? "")}`, {
      where,
      hint: "save it once as tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)",
    });
  }
  const family = row[2];
  const vocab: Record<string, number> = Object.create(null) as Record<string, number>;
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.at(-1) === "") lines.pop();
  for (const [id, piece] of lines.entries()) vocab[piece] = id;
  const setting = (key: string, fallback: unknown): unknown => settingOf(settings, key) ?? fallback;
  const unknown = namedToken(settings, "unk_token") ?? "[UNK]";
  const cls = namedToken(settings, "cls_token") ?? family.cls;
  const sep = namedToken(settings, "sep_token") ?? family.sep;
  const pad = namedToken(settings, "pad_token") ?? family.pad;
  const mask = namedToken(settings, "mask_token") ?? family.mask;
  const added: { id: number; content: string; special: boolean; normalized: boolean; lstrip: boolean }[] = [];
  let next = lines.length;
  for (const content of new Set([pad, unknown, cls, sep, mask])) {
    const given = settingOf(settings, "mask_token");
    const lstrip = content === mask && (isJsonObject(given) ? given.lstrip === true : family.between === 2);
    added.push({ id: vocab[content] ?? next++, content, special: true, normalized: false, lstrip });
  }
  const idOf = (content: string): number => added.find((token) => token.content === content)!.id;
  const token = (content: string, type_id: number) => ({ SpecialToken: { id: content, type_id } });
  const first = [token(cls, 0), { Sequence: { id: "A", type_id: 0 } }, token(sep, 0)];
  const { between, pairType } = family;
  const second = [{ Sequence: { id: "B", type_id: pairType } }, token(sep, pairType)];
  const named = (content: string) => [content, { id: content, ids: [idOf(content)], tokens: [content] }] as const;
  return {
    added_tokens: added,
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: setting("tokenize_chinese_chars", true),
      strip_accents: setting("strip_accents", null),
      lowercase: setting("do_lower_case", true),
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: first,
      pair: [...first, ...(between === 2 ? [token(sep, pairType)] : []), ...second],
      special_tokens: Object.fromEntries([named(cls), named(sep)]),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      vocab,
      unk_token: unknown,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
    },
  };
}

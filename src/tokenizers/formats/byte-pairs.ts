/** A vocab.json with its merges.txt, as the tokenizer.json that GPT-2's classes and their relatives make of them. */
import { type JsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { FolderAbout } from "./about.ts";
import { namedToken, type Settings, settingOf } from "./declared.ts";
import { endsTemplate } from "./ends.ts";

/** How Qwen's tokenizers cut a text into words: a number is a word a digit. */
export const qwenWords =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** What differs between the classes that read these two files. */
interface Family {
  /** Named tokens with the texts they have where no setting names them; an lstrip one takes spaces before it. */
  readonly named: readonly (readonly [key: string, content: string, lstrip?: true])[];
  readonly words: "gpt2" | "qwen2";
  /** Whether a text stands between RoBERTa's two tokens. */
  readonly framed: boolean;
}

const endOfText = "<|endoftext|>";
const roberta: Family = {
  named: [
    ["bos_token", "<s>"],
    ["eos_token", "</s>"],
    ["sep_token", "</s>"],
    ["cls_token", "<s>"],
    ["unk_token", "<unk>"],
    ["pad_token", "<pad>"],
    ["mask_token", "<mask>", true],
  ],
  words: "gpt2",
  framed: true,
};
const gpt2: Family = {
  named: [
    ["unk_token", endOfText],
    ["bos_token", endOfText],
    ["eos_token", endOfText],
  ],
  words: "gpt2",
  framed: false,
};
const qwen2: Family = {
  named: [
    ["unk_token", endOfText],
    ["eos_token", endOfText],
    ["pad_token", endOfText],
  ],
  words: "qwen2",
  framed: false,
};
const families: readonly (readonly [class_: RegExp, type: RegExp, Family])[] = [
  [/^(Roberta|Bart|Longformer|LED)Tokenizer(Fast)?$/, /^(roberta|bart|longformer|led)$/, roberta],
  [/^Qwen2Tokenizer(Fast)?$/, /^qwen[23]$/, qwen2],
  [/^GPT2Tokenizer(Fast)?$/, /^(gpt2|gpt_neo|gptj)$/, gpt2],
];

/**
 * @param merges the file: two pieces a line, the better ones first
 * @throws unsupported for a class that is none of these; corrupt_file for lines that are no merges
 */
export function bytePairsJson(
  vocabulary: JsonObject,
  merges: string,
  settings: Settings,
  about: FolderAbout,
  where: string,
): JsonObject {
  const { tokenizerClass: kind, modelType: type } = about;
  const row = families.find(([class_, model]) => (kind !== undefined ? class_.test(kind) : model.test(type ?? "gpt2")));
  if (!row) {
    return fail("unsupported", `a vocab.json with merges.txt for the tokenizer ${shown(kind ?? type ?? "")}`, {
      where,
      hint: "save it once as tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)",
    });
  }
  const family = row[2];
  const pairs: string[] = [];
  for (const [i, line] of merges.split("\n").entries()) {
    const merge = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (merge === "" || merge.startsWith("#version")) continue;
    if (merge.split(" ").length !== 2) {
      fail("corrupt_file", `must be two pieces, got ${shown(merge)}`, { where: `${where}/merges.txt, line ${i + 1}` });
    }
    pairs.push(merge);
  }
  const ids = new Map(Object.entries(vocabulary));
  let next = 0;
  for (const id of ids.values()) if (typeof id === "number") next = Math.max(next, id + 1);
  const added = new Map<string, { id: unknown; content: string; special: true; normalized: false; lstrip: boolean }>();
  const texts = new Map<string, string>();
  for (const [key, usual, lstrip = false] of family.named) {
    const content = namedToken(settings, key) ?? usual;
    texts.set(key, content);
    if (added.has(content)) continue;
    const given = settingOf(settings, key);
    const flags = typeof given === "object" && given !== null ? (given as JsonObject) : {};
    const strips = typeof flags.lstrip === "boolean" ? flags.lstrip : lstrip;
    added.set(content, { id: ids.get(content) ?? next++, content, special: true, normalized: false, lstrip: strips });
  }
  const prefix = settingOf(settings, "add_prefix_space") === true;
  const end = (key: string) => [texts.get(key)!, added.get(texts.get(key)!)!.id];
  const byteLevel = { type: "ByteLevel", add_prefix_space: prefix, trim_offsets: true, use_regex: true };
  const split = { type: "Split", pattern: { Regex: qwenWords }, behavior: "Isolated", invert: false };
  const idOf = (content: string): number | undefined => {
    const id = added.get(content)?.id ?? ids.get(content);
    return typeof id === "number" ? id : undefined;
  };
  return {
    added_tokens: [...added.values()],
    normalizer: family.words === "qwen2" ? { type: "NFC" } : null,
    pre_tokenizer:
      family.words === "qwen2"
        ? { type: "Sequence", pretokenizers: [split, { ...byteLevel, use_regex: false }] }
        : byteLevel,
    post_processor: family.framed
      ? {
          type: "RobertaProcessing",
          sep: end("sep_token"),
          cls: end("cls_token"),
          trim_offsets: settingOf(settings, "trim_offsets") !== false,
          add_prefix_space: prefix,
        }
      : endsTemplate({ ...settings, special: { ...Object.fromEntries(texts), ...settings.special } }, idOf),
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", vocab: vocabulary, merges: pairs, unk_token: null, fuse_unk: false, byte_fallback: false },
  };
}

/** The pre-tokenizers of tokenizer.json, as the reference library has them: text into words that know their places. */
import type { JsonObject } from "../base/json.ts";
import { type Aligned, type Behavior, cut, prepend, replaceAll, rewrite, slice, unitsOf } from "./aligned.ts";
import { bad, booleanOf, listOf, patternOf, stringOf } from "./settings.ts";

export type PreTokenizer = (text: Aligned) => Aligned[];

const gpt2Words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
const wordsAndSigns =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;
const whiteSpace = /\p{White_Space}/gu;
const punctuation = /[\p{P}!-/:-@[-`{-~]/gu;
const numeric = /\p{N}/gu;
const behaviors: readonly Behavior[] = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"];

/** Printable stand-ins for the 256 bytes: those of Latin-1 that can be seen stand for themselves. */
const byteCharacters: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const seen = (byte > 32 && byte < 127) || (byte > 160 && byte < 256 && byte !== 173);
    return String.fromCharCode(seen ? byte : next++);
  });
})();

/** Every character as the stand-ins of its bytes. */
export function toBytes(text: Aligned): Aligned {
  if (/^[!-~]*$/.test(text.text)) return text;
  const out = rewrite(text);
  for (let i = 0; i < text.text.length; ) {
    const code = text.text.codePointAt(i)!;
    if (code < 0x80) {
      out.put(byteCharacters[code]!, i++);
      continue;
    }
    const lone = code >= 0xd800 && code < 0xe000;
    const length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    let made = "";
    for (let rest = lone ? 0xfffd : code, k = length - 1; k >= 0; k--, rest >>>= 6) {
      const byte = k > 0 ? 0x80 | (rest & 63) : ((0xf00 >> length) & 0xff) | rest;
      made = byteCharacters[byte]! + made;
    }
    out.put(made, i);
    i += code > 0xffff ? 2 : 1;
  }
  return out.finish();
}

function behaviorOf(value: unknown, path: string): Behavior {
  return behaviors.find((name) => name === value) ?? bad(path, `must be one of ${behaviors.join(", ")}`);
}

function metaspace(step: JsonObject, path: string): PreTokenizer {
  const replacement = stringOf(step.replacement, "▁", `${path}.replacement`);
  if (replacement === "") bad(`${path}.replacement`, "is empty");
  const usual = booleanOf(step.add_prefix_space, true, `${path}.add_prefix_space`) ? "always" : "never";
  const scheme = stringOf(step.prepend_scheme, usual, `${path}.prepend_scheme`);
  const split = booleanOf(step.split, true, `${path}.split`);
  const pattern = patternOf({ String: replacement }, path);
  return (text) => {
    let out = replaceAll(text, / /g, replacement);
    const wanted = scheme === "always" || (scheme === "first" && out.shift === 0);
    if (wanted && !out.text.startsWith(replacement)) out = prepend(out, replacement);
    return split ? cut(out, pattern, "MergedWithNext") : [out];
  };
}

function chunks(text: Aligned, length: number): Aligned[] {
  const out: Aligned[] = [];
  let from = 0;
  let count = 0;
  for (let i = 0; i < text.text.length; ) {
    i += unitsOf(text.text, i);
    if (++count === length || i === text.text.length) {
      out.push(slice(text, from, i));
      from = i;
      count = 0;
    }
  }
  return out;
}

/** The pre-tokenizer that a step of tokenizer.json describes; null keeps the text whole. */
export function createPreTokenizer(step: JsonObject | null, path = "pre_tokenizer"): PreTokenizer {
  if (step === null) return (text) => [text];
  switch (step.type) {
    case "Sequence": {
      const steps = listOf(step.pretokenizers, `${path}.pretokenizers`).map((item, i) =>
        createPreTokenizer(item, `${path}.pretokenizers[${i}]`),
      );
      return (text) => steps.reduce((parts, apply) => parts.flatMap(apply), [text]);
    }
    case "ByteLevel": {
      const prefix = booleanOf(step.add_prefix_space, true, `${path}.add_prefix_space`);
      const words = booleanOf(step.use_regex, true, `${path}.use_regex`);
      return (text) => {
        const spaced = prefix && !text.text.startsWith(" ") ? prepend(text, " ") : text;
        return (words ? cut(spaced, gpt2Words, "Isolated") : [spaced]).map(toBytes);
      };
    }
    case "Metaspace":
      return metaspace(step, path);
    case "Whitespace":
      return (text) => cut(text, wordsAndSigns, "Removed", true);
    case "WhitespaceSplit":
      return (text) => cut(text, whiteSpace, "Removed");
    case "BertPreTokenizer":
      return (text) => cut(text, whiteSpace, "Removed").flatMap((word) => cut(word, punctuation, "Isolated"));
    case "Punctuation": {
      const behavior = behaviorOf(step.behavior ?? "Isolated", `${path}.behavior`);
      return (text) => cut(text, punctuation, behavior);
    }
    case "Digits": {
      const single = booleanOf(step.individual_digits, false, `${path}.individual_digits`);
      return (text) => cut(text, numeric, single ? "Isolated" : "Contiguous");
    }
    case "Split": {
      const pattern = patternOf(step.pattern, `${path}.pattern`);
      const behavior = behaviorOf(step.behavior, `${path}.behavior`);
      const invert = booleanOf(step.invert, false, `${path}.invert`);
      return (text) => cut(text, pattern, behavior, invert);
    }
    case "CharDelimiterSplit": {
      const pattern = patternOf({ String: stringOf(step.delimiter, "", `${path}.delimiter`) }, `${path}.delimiter`);
      return (text) => cut(text, pattern, "Removed");
    }
    case "FixedLength": {
      const { length } = step;
      if (!Number.isSafeInteger(length) || (length as number) < 1) bad(`${path}.length`, "must be a positive integer");
      return (text) => chunks(text, length as number);
    }
    default:
      return bad(`${path}.type`, `${JSON.stringify(step.type)?.slice(0, 60)} is not run here`, "unsupported");
  }
}

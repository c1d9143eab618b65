/** The pre-tokenizers of tokenizer.json, as the reference library has them: text into words that know their places. */
import type { JsonObject } from "../base/json.ts";
import { literal, native } from "../base/regex/pattern.ts";
import { type Aligned, type Behavior, cut, prepend, replaceAll, rewrite, slice, unitsOf } from "./aligned.ts";
import { maxSteps } from "./growth.ts";
import { bad, booleanOf, characterOf, listOf, patternOf, stringOf } from "./settings.ts";

export type PreTokenizer = (text: Aligned) => Aligned[];

const gpt2Words = native(
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
);
const wordsAndSigns = native(
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu,
);
const whiteSpace = native(/\p{White_Space}/gu);
const punctuation = native(/[\p{P}!-/:-@[-`{-~]/gu);
const numeric = native(/\p{N}/gu);
const blanks = literal(" ");
const behaviors: readonly Behavior[] = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"];

/** Printable stand-ins for the 256 bytes: those of Latin-1 that can be seen stand for themselves. */
export const byteCharacters: readonly string[] = (() => {
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
  const replacement = characterOf(step.replacement, "▁", `${path}.replacement`);
  const usual = booleanOf(step.add_prefix_space, true, `${path}.add_prefix_space`) ? "always" : "never";
  const scheme = stringOf(step.prepend_scheme, usual, `${path}.prepend_scheme`);
  if (!["always", "first", "never"].includes(scheme)) {
    bad(`${path}.prepend_scheme`, "must be one of always, first, never", "corrupt_file");
  }
  const split = booleanOf(step.split, true, `${path}.split`);
  const pattern = literal(replacement);
  return (text) => {
    let out = replaceAll(text, blanks, replacement);
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

/** All steps of a pre-tokenizer, one after the other, sequences within sequences taken apart. */
function stepsOf(step: JsonObject, path: string): PreTokenizer[] {
  if (step.type !== "Sequence") return [createStep(step, path)];
  return listOf(step.pretokenizers, `${path}.pretokenizers`).flatMap((item, i) =>
    stepsOf(item, `${path}.pretokenizers[${i}]`),
  );
}

/** The pre-tokenizer that a step of tokenizer.json describes; null keeps the text whole. */
export function createPreTokenizer(step: JsonObject | null): PreTokenizer {
  if (step === null) return (text) => [text];
  const steps = stepsOf(step, "pre_tokenizer");
  const most = maxSteps.pre_tokenizer;
  if (steps.length > most) bad("pre_tokenizer", `has ${steps.length} steps, at most ${most} are run`, "unsupported");
  return (text) =>
    steps.reduce(
      (parts, apply) => {
        // What all parts together become is one step's work.
        text.growth.begin();
        return parts.flatMap(apply);
      },
      [text],
    );
}

function createStep(step: JsonObject, path: string): PreTokenizer {
  switch (step.type) {
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
      const pattern = literal(stringOf(step.delimiter, "", `${path}.delimiter`));
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

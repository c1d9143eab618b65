/** The normalisers of tokenizer.json, each as the reference library has it, over text that knows where it came from. */

import type { JsonObject } from "../base/json.ts";
import { type Aligned, prepend, replaceAll, rewrite, unitsOf } from "./aligned.ts";
import { createCharsMap } from "./charsmap.ts";
import { maxSteps } from "./growth.ts";
import { toBytes } from "./pretokenizers.ts";
import { bad, booleanOf, listOf, patternOf, stringOf } from "./settings.ts";
import { beyondAscii, type Placed, putPlaced, type Run, toForm } from "./unicode-forms.ts";

export type Normalizer = (text: Aligned) => Aligned;

const chinese =
  /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b820}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/u;
const space = /\p{White_Space}/u;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Every character anew: itself (undefined), other text in its place, or nothing (""). */
function mapCharacters(old: Aligned, change: (char: string) => string | undefined): Aligned {
  const { text } = old;
  let out: ReturnType<typeof rewrite> | undefined;
  let done = 0;
  for (let i = 0; i < text.length; ) {
    const units = unitsOf(text, i);
    const char = text.slice(i, i + units);
    const made = change(char);
    if (made !== undefined && made !== char) {
      out ??= rewrite(old);
      out.keep(done, i);
      out.put(made, i);
      done = i + units;
    }
    i += units;
  }
  if (!out) return old;
  out.keep(done, text.length);
  return out.finish();
}

function lowercase(old: Aligned): Aligned {
  return mapCharacters(old, (char) => char.toLowerCase());
}

function bertNormalizer(step: JsonObject, path: string): Normalizer {
  const clean = booleanOf(step.clean_text, true, `${path}.clean_text`);
  const spaced = booleanOf(step.handle_chinese_chars, true, `${path}.handle_chinese_chars`);
  const lower = booleanOf(step.lowercase, true, `${path}.lowercase`);
  const strip = booleanOf(step.strip_accents, lower, `${path}.strip_accents`);
  const cleaned = (char: string): string | undefined => {
    if (/[\t\n\r]/.test(char)) return " ";
    if (char === "\ufffd" || /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u.test(char)) return "";
    return space.test(char) ? " " : undefined;
  };
  return (text) => {
    let out = text;
    if (clean) out = mapCharacters(out, (char) => (char >= " " && char <= "~" ? undefined : cleaned(char)));
    if (spaced) out = mapCharacters(out, (char) => (chinese.test(char) ? ` ${char} ` : undefined));
    if (strip) out = mapCharacters(toForm(out, "NFD"), (char) => (/\p{Mn}/u.test(char) ? "" : undefined));
    return lower ? lowercase(out) : out;
  };
}

function strip(text: Aligned, left: boolean, right: boolean): Aligned {
  let start = 0;
  let end = text.text.length;
  while (left && start < end && space.test(text.text[start]!)) start++;
  while (right && end > start && space.test(text.text[end - 1]!)) end--;
  if (end - start === text.text.length) return text;
  const out = rewrite(text);
  out.keep(start, end);
  return out.finish();
}

/**
 * SentencePiece's table as the reference library applies it, which is not as SentencePiece itself does: a grapheme
 * below six bytes becomes what its *shortest* key becomes, the rest of it is lost; others go character by character.
 */
function precompiled(step: JsonObject, path: string): Normalizer {
  const at = `${path}.precompiled_charsmap`;
  const base64 = step.precompiled_charsmap ?? "";
  if (typeof base64 !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return bad(at, "is not base64");
  if (base64 === "") return (text) => text;
  const binary = atob(base64);
  const bytes = Uint8Array.from({ length: binary.length }, (_, i) => binary.charCodeAt(i));
  const map = createCharsMap(bytes, `tokenizer.json, ${at}`);
  const encoder = new TextEncoder();
  const known = new Map<string, string | undefined>();
  const becomes = (text: string): string | undefined => {
    if (known.has(text)) return known.get(text);
    const made = map.find(text, 0, true);
    if (known.size > 30_000) known.clear();
    known.set(text, made);
    return made;
  };
  const untouched = Array.from({ length: 128 }, (_, code) => becomes(String.fromCharCode(code)) === undefined);

  return (text) => {
    const source = text.text;
    const list: (Placed | Run)[] = [];
    let changed = false;
    /** Characters from..to stay: one more entry, or the last one longer. */
    const stay = (from: number, to: number): void => {
      const last = list.at(-1);
      if (last && "to" in last && last.to === from) last.to = to;
      else if (to > from) list.push({ from, to });
    };
    const change = (from: number, to: number): boolean => {
      const old = source.slice(from, to);
      const made = becomes(old);
      if (made === undefined) return false;
      changed = true;
      const characters = [...made];
      const more = characters.length - [...old].length;
      const first = characters.length - Math.max(0, more);
      for (const [i, char] of characters.entries()) list.push({ char, change: i < first ? 0 : 1 });
      if (more >= 0 || list.length === 0) return true;
      // What is lost goes with the character before; where there is none, the reference forgets it, and all places after.
      let last = list.at(-1)!;
      if ("to" in last) {
        const at = last.to - (last.to - 2 >= last.from && unitsOf(source, last.to - 2) === 2 ? 2 : 1);
        const char = source.slice(at, last.to);
        last.to = at;
        last = { char, change: 0 };
        list.push(last);
      }
      last.change += more;
      return true;
    };
    const grapheme = (from: number, to: number): void => {
      if (to - from < 6 && encoder.encode(source.slice(from, to)).length < 6 && change(from, to)) return;
      for (let i = from; i < to; ) {
        const next = i + unitsOf(source, i);
        if (!change(i, next)) stay(i, next);
        i = next;
      }
    };
    const plain = (from: number, to: number): void => {
      let done = from;
      for (let i = from; i < to; i++) {
        const code = source.charCodeAt(i);
        const pair = code === 13 && source.charCodeAt(i + 1) === 10;
        if (!pair && untouched[code]) continue;
        stay(done, i);
        done = pair ? i + 2 : i + 1;
        grapheme(i, done);
        i = done - 1;
      }
      stay(done, to);
    };
    let reached = 0;
    for (const { 0: run, index } of source.matchAll(beyondAscii)) {
      plain(reached, index);
      for (const [from, to] of clusters(run)) grapheme(index + from, index + to);
      reached = index + run.length;
    }
    plain(reached, source.length);
    if (!changed) return text;
    const out = rewrite(text);
    putPlaced(out, source, 0, list);
    return out.finish();
  };
}

/**
 * Grapheme clusters of a text. The platform's segmenter takes time that grows with the square of what it is given, so
 * it is given windows; the last cluster of a window is found again in the next one, where it is whole.
 */
function* clusters(text: string): Generator<[from: number, to: number]> {
  let size = 64;
  for (let at = 0; at < text.length; ) {
    const window = text.slice(at, at + size);
    const last = at + window.length === text.length;
    const found: [number, number][] = [];
    for (const { segment, index } of graphemes.segment(window)) found.push([at + index, at + index + segment.length]);
    if (!last && found.length < 2) {
      size *= 2;
      continue;
    }
    if (!last) at = found.pop()![0];
    else at = text.length;
    yield* found;
    size = 64;
  }
}

const nmtSpaces = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/u;

/** All steps of a normaliser, one after the other, sequences within sequences taken apart. */
function stepsOf(step: JsonObject, path: string): Normalizer[] {
  if (step.type !== "Sequence") return [createStep(step, path)];
  return listOf(step.normalizers, `${path}.normalizers`).flatMap((item, i) =>
    stepsOf(item, `${path}.normalizers[${i}]`),
  );
}

/** The normaliser that a step of tokenizer.json describes; null is none. */
export function createNormalizer(step: JsonObject | null): Normalizer | undefined {
  if (step === null) return undefined;
  const steps = stepsOf(step, "normalizer");
  const most = maxSteps.normalizer;
  if (steps.length > most) bad("normalizer", `has ${steps.length} steps, at most ${most} are run`, "unsupported");
  return (text) =>
    steps.reduce((made, apply) => {
      text.growth.begin();
      return apply(made);
    }, text);
}

function createStep(step: JsonObject, path: string): Normalizer {
  switch (step.type) {
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const form = step.type;
      return (text) => toForm(text, form);
    }
    case "Lowercase":
      return lowercase;
    case "StripAccents":
      return (text) => mapCharacters(text, (char) => (/\p{M}/u.test(char) ? "" : undefined));
    case "Strip": {
      const left = booleanOf(step.strip_left, true, `${path}.strip_left`);
      const right = booleanOf(step.strip_right, true, `${path}.strip_right`);
      return (text) => strip(text, left, right);
    }
    case "Replace": {
      const pattern = patternOf(step.pattern, `${path}.pattern`);
      const content = stringOf(step.content, "", `${path}.content`);
      return (text) => replaceAll(text, pattern, content);
    }
    case "Prepend": {
      const prefix = stringOf(step.prepend, "", `${path}.prepend`);
      return (text) => prepend(text, prefix);
    }
    case "Nmt":
      return (text) =>
        mapCharacters(text, (char) => (nmtSpaces.test(char) ? " " : /\p{Cc}/u.test(char) ? "" : undefined));
    case "ByteLevel":
      return toBytes;
    case "BertNormalizer":
      return bertNormalizer(step, path);
    case "Precompiled":
      return precompiled(step, path);
    default:
      return bad(`${path}.type`, `${JSON.stringify(step.type)?.slice(0, 60)} is not run here`, "unsupported");
  }
}

/** The decoders of tokenizer.json, each as the reference library has it: pieces to text. */
import type { JsonObject } from "../base/json.ts";
import { createGrowth, type Growth, maxSteps } from "./growth.ts";
import { byteCharacters } from "./pretokenizers.ts";
import { bad, booleanOf, characterOf, listOf, patternOf, stringOf } from "./settings.ts";

/** One step; what it writes is told to `growth` before it is held. */
type Step = (pieces: readonly string[], growth: Growth, unfinished: boolean) => string[];

const encoder = new TextEncoder();
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
const bytesOf = new Map(byteCharacters.map((char, byte) => [char, byte]));

/** A step that makes one piece of one piece. */
const each =
  (change: (piece: string, index: number, count: number) => string): Step =>
  (pieces, growth) =>
    pieces.map((piece, i) => {
      const made = change(piece, i, pieces.length);
      growth.take(made.length);
      return made;
    });

/** Stand-ins back to bytes; a piece with any other character stands for its own bytes. */
const byteLevel: Step = (pieces, growth) => {
  const bytes: number[] = [];
  for (const piece of pieces) {
    const own = Array.from(piece, (char) => bytesOf.get(char));
    const found = own.includes(undefined) ? encoder.encode(piece) : (own as number[]);
    growth.take(found.length);
    for (const byte of found) bytes.push(byte);
  }
  return [lossy.decode(Uint8Array.from(bytes))];
};

/** @param unfinished more may come: a character in the making does not spoil those before it */
const byteFallback = (pieces: readonly string[], unfinished: boolean): string[] => {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    try {
      out.push((unfinished ? lossy : strict).decode(Uint8Array.from(bytes)));
    } catch {
      for (const _ of bytes) out.push("\ufffd");
    }
    bytes = [];
  };
  for (const piece of pieces) {
    const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece)?.[1];
    if (hex !== undefined) {
      bytes.push(Number.parseInt(hex, 16));
    } else {
      flush();
      out.push(piece);
    }
  }
  flush();
  return out;
};

const tidied = [" .", " ?", " !", " ,"] as const;
const shortened = [" n't", " 'm", " do not", " 's", " 've", " 're"] as const;

/** Spaces before signs, as English does without. */
function cleanUp(text: string): string {
  if (!text.includes(" ")) return text;
  let out = text;
  for (const spaced of tidied) out = out.replaceAll(spaced, spaced.slice(1));
  out = out.replaceAll(" ' ", "'");
  for (const spaced of shortened) out = out.replaceAll(spaced, spaced === " do not" ? " don't" : spaced.slice(1));
  return out;
}

function wordPiece(step: JsonObject, path: string): Step {
  const prefix = stringOf(step.prefix, "##", `${path}.prefix`);
  const clean = booleanOf(step.cleanup, true, `${path}.cleanup`);
  return each((piece, i) => {
    const joined = i > 0 && piece.startsWith(prefix);
    const text = joined ? piece.slice(prefix.length) : i > 0 ? ` ${piece}` : piece;
    return clean ? cleanUp(text) : text;
  });
}

function metaspace(step: JsonObject, path: string): Step {
  const replacement = characterOf(step.replacement, "▁", `${path}.replacement`);
  const usual = booleanOf(step.add_prefix_space, true, `${path}.add_prefix_space`) ? "always" : "never";
  const prefixed = stringOf(step.prepend_scheme, usual, `${path}.prepend_scheme`) !== "never";
  return each((piece, i) => piece.replaceAll(replacement, i === 0 && prefixed ? "" : " "));
}

function strip(step: JsonObject, path: string): Step {
  const content = characterOf(step.content, " ", `${path}.content`);
  const count = (value: unknown, key: string): number => {
    if (value === undefined || value === null) return 0;
    return Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : bad(`${path}.${key}`, "must be a count");
  };
  const [start, stop] = [count(step.start, "start"), count(step.stop, "stop")];
  return each((piece) => {
    let from = 0;
    for (let n = 0; n < start && piece.startsWith(content, from); n++) from += content.length;
    let to = piece.length;
    for (let n = 0; n < stop && to > from && piece.endsWith(content, to); n++) to -= content.length;
    return piece.slice(from, to);
  });
}

function replace(step: JsonObject, path: string): Step {
  const pattern = patternOf(step.pattern, `${path}.pattern`);
  const content = stringOf(step.content, "", `${path}.content`);
  return (pieces, growth) =>
    pieces.map((piece) => {
      const found = pattern(piece);
      growth.take(piece.length + (found.length / 2) * content.length);
      let out = "";
      let from = 0;
      for (let i = 0; i < found.length; i += 2) {
        out += piece.slice(from, found[i]) + content;
        from = found[i + 1]!;
      }
      return out + piece.slice(from);
    });
}

function ctc(step: JsonObject, path: string): Step {
  const pad = stringOf(step.pad_token, "<pad>", `${path}.pad_token`);
  const delimiter = stringOf(step.word_delimiter_token, "|", `${path}.word_delimiter_token`);
  const clean = booleanOf(step.cleanup, true, `${path}.cleanup`);
  const change = each((piece) => {
    const rest = pad === "" ? piece : piece.replaceAll(pad, "");
    if (!clean) return rest;
    return delimiter === "" ? cleanUp(rest) : cleanUp(rest).replaceAll(delimiter, " ");
  });
  return (pieces, growth) =>
    change(
      pieces.filter((piece, i) => piece !== pieces[i - 1]),
      growth,
      false,
    ).filter((piece) => piece !== "");
}

function createStep(step: JsonObject, path: string): Step {
  switch (step.type) {
    case "ByteLevel":
      return byteLevel;
    case "ByteFallback":
      return (pieces, _, unfinished) => byteFallback(pieces, unfinished);
    case "Fuse":
      return (pieces) => [pieces.join("")];
    case "WordPiece":
      return wordPiece(step, path);
    case "Metaspace":
      return metaspace(step, path);
    case "Strip":
      return strip(step, path);
    case "Replace":
      return replace(step, path);
    case "BPEDecoder": {
      const suffix = stringOf(step.suffix, "</w>", `${path}.suffix`);
      return each((piece, i, count) => piece.replaceAll(suffix, i === count - 1 ? "" : " "));
    }
    case "CTC":
      return ctc(step, path);
    default:
      return bad(`${path}.type`, `${JSON.stringify(step.type)?.slice(0, 60)} is not run here`, "unsupported");
  }
}

function stepsOf(step: JsonObject, path: string): Step[] {
  if (step.type !== "Sequence") return [createStep(step, path)];
  return listOf(step.decoders, `${path}.decoders`).flatMap((item, i) => stepsOf(item, `${path}.decoders[${i}]`));
}

/**
 * The decoder that a step of tokenizer.json describes; null puts spaces between pieces. Its function is told whether
 * the text may go on.
 * @throws corrupt_file or unsupported for what cannot be built; on use, for texts that grow without measure
 */
export function createDecoder(step: JsonObject | null): (pieces: readonly string[], unfinished: boolean) => string {
  if (step === null) return (pieces) => pieces.join(" ");
  const steps = stepsOf(step, "decoder");
  const most = maxSteps.decoder;
  if (steps.length > most) bad("decoder", `has ${steps.length} steps, at most ${most} are run`, "unsupported");
  return (pieces, unfinished) => {
    // A piece may get a space of its own: pieces are counted with the characters in them.
    const growth = createGrowth(pieces.reduce((sum, piece) => sum + piece.length + 1, 0));
    let made = pieces;
    for (const apply of steps) {
      growth.begin();
      made = apply(made, growth, unfinished);
    }
    return made.join("");
  };
}

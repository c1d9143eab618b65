/** Both ends of a tokenizer.json: what its post-processor puts around a text, and its decoder. */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { fail, ZerothError } from "../errors.ts";
import { bad, booleanOf, stringOf } from "./settings.ts";

export type Span = [start: number, end: number];

/** A step over hostile settings may fail in any way: it then fails as a damaged file. */
export function guarded<T>(step: () => T): T {
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

/** What the library's decoders offer beyond their declared type. */
interface DecoderStep {
  config: JsonObject;
  text_decoder?: TextDecoder;
  decoders?: DecoderStep[];
  decode_chain(tokens: string[]): string[];
}

/**
 * Two things are other than in the reference: byte decoders drop a leading U+FEFF, and Metaspace's takes one space off
 * the first piece, also where none is put there, instead of all.
 */
function correct(step: DecoderStep, path: string): void {
  if (step.text_decoder) step.text_decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const [i, inner] of (step.decoders ?? []).entries()) correct(inner, `${path}.decoders[${i}]`);
  if (step.config.type !== "Metaspace") return;
  const replacement = stringOf(step.config.replacement, "▁", `${path}.replacement`);
  const usual = booleanOf(step.config.add_prefix_space, true, `${path}.add_prefix_space`) ? "always" : "never";
  const prefixed = stringOf(step.config.prepend_scheme, usual, `${path}.prepend_scheme`) !== "never";
  step.decode_chain = (tokens) =>
    tokens.map((token, i) => token.replaceAll(replacement, i === 0 && prefixed ? "" : " "));
}

/**
 * The ends of a checked tokenizer.json.
 * @throws corrupt_file or unsupported for what the library cannot build
 */
export function loadEnds(json: JsonObject): { before: string[]; after: string[]; decode(pieces: string[]): string } {
  // The library is built over an empty vocabulary: it never sees a text.
  const model = { type: "BPE", vocab: {}, merges: [] };
  let library: Library;
  try {
    library = new Library({ ...json, normalizer: null, pre_tokenizer: null, model, added_tokens: [] } as object, {});
  } catch (cause) {
    const { message } = cause as Error;
    const code = /^Unknown .* type/i.test(message) ? "unsupported" : "corrupt_file";
    return fail(code, `cannot be built: ${message.slice(0, 300)}`, { where: "tokenizer.json", cause });
  }
  const decoder = library.decoder as unknown as (DecoderStep & ((tokens: string[]) => string)) | null;
  if (decoder) guarded(() => correct(decoder, "decoder"));
  const decode = (pieces: string[]): string => (decoder ? decoder(pieces) : pieces.join(" "));
  return guarded(() => {
    if (!library.post_processor) return { before: [], after: [], decode };
    const marker = "\u0000";
    const { tokens } = library.post_processor([marker], null, true) as { tokens: string[] };
    const at = tokens.indexOf(marker);
    if (at < 0 || tokens.some((token) => typeof token !== "string")) {
      bad("post_processor", "the result is not the text with tokens around it");
    }
    return { before: tokens.slice(0, at), after: tokens.slice(at + 1), decode };
  });
}

const blank = /[Ġ\p{White_Space}]/u;

/** The place `count` characters from `at`, forwards or (below 0) backwards. */
function moved(text: string, at: number, count: number): number {
  let to = at;
  for (let n = Math.abs(count); n > 0; n--) {
    if (count > 0) to += (text.codePointAt(to) ?? 0) > 0xffff ? 2 : 1;
    else to -= to > 1 && (text.codePointAt(to - 2) ?? 0) > 0xffff ? 2 : 1;
  }
  return to;
}

function trimSpaces(text: string, pieces: readonly string[], offsets: Span[], prefixed: boolean): void {
  for (const [i, piece] of pieces.entries()) {
    const [start, end] = offsets[i]!;
    const { length } = piece;
    let leading = 0;
    while (leading < length && blank.test(piece[leading]!)) leading++;
    let trailing = 0;
    while (trailing < length && blank.test(piece[length - 1 - trailing]!)) trailing++;
    // One space before the text is what was put there; more of them are the text's own.
    if (leading === 1 && prefixed && (i === 0 || start === 0)) leading = 0;
    const from = Math.min(moved(text, start, leading), end);
    const to = trailing > 0 ? moved(text, end, -trailing) : end;
    offsets[i] = [from, to >= 0 ? Math.max(to, from) : end];
  }
}

/** What a post-processor does with offsets: some leave the spaces at the ends of pieces out. */
export function trimsOf(step: unknown): (text: string, pieces: readonly string[], offsets: Span[]) => void {
  if (!isJsonObject(step)) return () => undefined;
  if (step.type === "Sequence" && Array.isArray(step.processors)) {
    const steps = step.processors.map(trimsOf);
    return (text, pieces, offsets) => {
      for (const trim of steps) trim(text, pieces, offsets);
    };
  }
  if ((step.type !== "ByteLevel" && step.type !== "RobertaProcessing") || step.trim_offsets === false) {
    return () => undefined;
  }
  return (text, pieces, offsets) => trimSpaces(text, pieces, offsets, step.add_prefix_space !== false);
}

/** The words that a text hides behind mask tokens. */
import { fail, ZerothError } from "../../errors.ts";
import type { EncodedText } from "../../models/kinds/encoder.ts";
import type { Encoded, Tokenizer } from "../../tokenizers/tokenizer.ts";
import { attempt } from "../jobs.ts";
import { type EncodeJob, encodeText, inputOf, type Reader, type Scores, scoreAll, softmax } from "./reader.ts";

export interface FilledWord {
  readonly token: number;
  readonly piece: string;
  readonly probability: number;
}

export interface Filled {
  /** The text with the likeliest word for every mask. */
  readonly text: string;
  /** For every mask the likeliest words, likeliest first. */
  readonly masks: readonly (readonly FilledWord[])[];
}

export interface FillOptions extends EncodeJob {
  /** Words for every mask. Default 5. */
  readonly count?: number;
}

export interface MaskReader extends Omit<Reader, "scores"> {
  /** What the head gives at these places of texts together. */
  scoresAt(texts: readonly EncodedText[], places: readonly (readonly number[])[]): Promise<Scores[]>;
}

const maskNames = ["[MASK]", "<mask>"] as const;

function maskOf(tokenizer: Tokenizer): { id: number; name: string } | undefined {
  const name = maskNames.find((one) => tokenizer.tokenId(one) !== undefined);
  return name && { id: tokenizer.tokenId(name)!, name };
}

/** The largest few, largest first. */
function top(shares: readonly number[], count: number): number[] {
  const best: number[] = [];
  shares.forEach((share, token) => {
    if (best.length === count && share <= shares[best.at(-1)!]!) return;
    const at = best.findIndex((other) => share > shares[other]!);
    best.splice(at < 0 ? best.length : at, 0, token);
    if (best.length > count) best.pop();
  });
  return best;
}

/** The text with words in the places of its masks; a word that begins with a space keeps it where none stands there. */
function filledText(text: string, { offsets }: Encoded, places: readonly number[], words: readonly string[]): string {
  let [out, at] = ["", 0];
  places.forEach((place, i) => {
    const [start, end] = offsets[place]!;
    const before = text.slice(at, start) + /^\s*/.exec(text.slice(start, end))![0];
    const word = words[i]!;
    out += before + (word.startsWith(" ") && !/(^|\s)$/.test(out + before) ? word : word.trimStart());
    at = end;
  });
  return out + text.slice(at);
}

/** What a token says inside of a text: "ing" of BERT's "##ing", " warm" of GPT-2's and T5's. */
function wordOf(tokenizer: Tokenizer, token: number): string {
  const piece = tokenizer.piece(token) ?? "";
  if (piece.startsWith("##")) return piece.slice(2);
  const text = tokenizer.decode([token]);
  return /^[\u0120\u2581]/.test(piece) && !text.startsWith(" ") ? ` ${text}` : text;
}

export function filler(reader: MaskReader) {
  const { tokenizer } = reader;
  return async (
    texts: readonly string[],
    { count = 5, ...options }: FillOptions = {},
  ): Promise<(Filled | ZerothError)[]> => {
    if (!(Number.isInteger(count) && count > 0))
      fail("bad_input", `count is ${count}; expected a whole number above 0`);
    const mask = maskOf(tokenizer);
    const read = texts.map((text) =>
      attempt(() => {
        const encoded = encodeText(reader, text);
        const places = encoded.ids.flatMap((id, i) => (id === mask?.id ? [i] : []));
        if (places.length === 0) {
          const sign = mask?.name ?? maskNames[0];
          fail("bad_input", "the text has no mask token", {
            hint: `write ${sign} where a word is to be told: "Snow is ${sign}."`,
          });
        }
        return { encoded, places };
      }),
    );
    const good = read.flatMap((one) => (one instanceof ZerothError ? [] : [one]));
    const found = await scoreAll(
      read.map((one) => (one instanceof ZerothError ? one : [inputOf(one.encoded)])),
      options,
      (inputs, rows) =>
        reader.scoresAt(
          inputs,
          rows.map((row) => good[row]!.places),
        ),
    );
    return texts.map((text, t) => {
      const [one, scores] = [read[t]!, found[t]!];
      if (one instanceof ZerothError) return one;
      if (scores instanceof ZerothError) return scores;
      const masks = scores[0]!.map((z) => {
        const shares = softmax(z);
        return top(shares, count).map((token) => ({
          token,
          piece: tokenizer.piece(token) ?? "",
          probability: shares[token]!,
        }));
      });
      const words = masks.map(([best]) => wordOf(tokenizer, best!.token));
      return { text: filledText(text, one.encoded, one.places, words), masks };
    });
  };
}

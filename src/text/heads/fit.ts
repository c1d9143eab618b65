/** Texts that are too long, cut where the model's reading ends. */
import { fail } from "../../errors.ts";
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";

/** The longest beginning that fits, of a text that is `over` tokens too long; undefined where none does. */
function beginning(
  tokenizer: Pick<Tokenizer, "encode">,
  text: string,
  over: number,
  fits: (part: string) => boolean,
): string | undefined {
  const { offsets } = tokenizer.encode(text, { addSpecialTokens: false });
  for (let count = offsets.length - over; count > 0; count--) {
    // Joined anew, a part may be a token longer.
    const part = text.slice(0, offsets[count - 1]![1]);
    if (fits(part)) return part;
  }
  return undefined;
}

/** A text as far as the model reads. */
export function fittingText(tokenizer: Pick<Tokenizer, "encode">, longest: number, text: string): string {
  const lengthOf = (part: string) => tokenizer.encode(part).ids.length;
  const over = lengthOf(text) - longest;
  return over <= 0 ? text : (beginning(tokenizer, text, over, (part) => lengthOf(part) <= longest) ?? "");
}

/**
 * The passage as far as it fits behind the question.
 * @param longest tokens that the model reads
 * @throws too_long where the question leaves no room
 */
export function fittingPair(
  tokenizer: Pick<Tokenizer, "encode">,
  longest: number,
  query: string,
  passage: string,
  where: string,
): string {
  const lengthOf = (part: string) => tokenizer.encode(query, { pair: part }).ids.length;
  const over = lengthOf(passage) - longest;
  if (over <= 0) return passage;
  const part = beginning(tokenizer, passage, over, (one) => lengthOf(one) <= longest);
  return (
    part ?? fail("too_long", `the question leaves no room for a passage: the model reads ${longest} tokens`, { where })
  );
}

/** A second text that is too long beside the first, cut where the model's reading ends. */
import { fail } from "../../errors.ts";
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";

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
  const length = tokenizer.encode(query, { pair: passage }).ids.length;
  if (length <= longest) return passage;
  const { offsets } = tokenizer.encode(passage, { addSpecialTokens: false });
  const room = offsets.length - (length - longest);
  if (room < 1)
    fail("too_long", `the question leaves no room for a passage: the model reads ${longest} tokens`, { where });
  // The token behind the last that fits begins where the passage ends; joined anew, it may be a token longer.
  for (let count = room; count > 0; count--) {
    const part = passage.slice(0, offsets[count - 1]![1]);
    if (tokenizer.encode(query, { pair: part }).ids.length <= longest) return part;
  }
  return "";
}

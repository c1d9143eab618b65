/** An input and an answer to it as a reward model reads them. */
import { fail } from "../../errors.ts";
import type { EncodedText, ReaderArchitecture } from "../../models/kinds/encoder.ts";
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";

export interface RewardReader {
  /** The input is cut at its end where both are too long: an answer is judged whole. @throws too_long for an answer that is too long alone */
  encode(text: string, answer: string): EncodedText;
  /** Inputs that were cut. */
  cut(): number;
}

/** Least tokens of the input that are read beside an answer. */
const least = 8;

/**
 * An encoder reads a pair of texts; a decoder one text, a blank line between the two. Equal inputs and answers give one
 * object.
 */
export function rewardReader(
  tokenizer: Tokenizer,
  { kind }: Pick<ReaderArchitecture, "kind">,
  longest: number,
): RewardReader {
  const known = new Map<string, EncodedText>();
  let cut = 0;
  const asPair = (text: string, answer: string): EncodedText => {
    if (kind === "decoder") return { ids: tokenizer.encode(`${text}\n\n${answer}`).ids };
    const { ids, typeIds } = tokenizer.encode(text, { pair: answer });
    return { ids, types: typeIds };
  };
  /** The beginning of a text that has so many tokens. */
  const shortened = (text: string, room: number): string => {
    const { offsets } = tokenizer.encode(text, { addSpecialTokens: false });
    return offsets.length <= room ? text : text.slice(0, offsets[room - 1]![1]);
  };
  const fitted = (text: string, answer: string): EncodedText => {
    const whole = asPair(text, answer);
    if (whole.ids.length <= longest) return whole;
    cut++;
    const without = asPair("", answer).ids.length;
    // Tokens may join where texts do: what is left is measured and taken away again.
    for (let room = longest - without; room >= least; room -= 4) {
      const shorter = asPair(shortened(text, room), answer);
      if (shorter.ids.length <= longest) return shorter;
    }
    return fail("too_long", `an answer has ${without} tokens, the model reads ${longest} with its input`, {
      hint: "a model that reads more, or shorter answers",
    });
  };
  return {
    encode(text, answer) {
      const key = JSON.stringify([text, answer]);
      const found = known.get(key) ?? fitted(text, answer);
      known.set(key, found);
      return found;
    },
    cut: () => cut,
  };
}

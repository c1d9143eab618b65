/** A model's tokens, as writers count them. */
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";
import type { Writer } from "./writer.ts";

export interface TokenCounts extends Required<Pick<Writer, "count" | "starts" | "unknownShare">> {
  /** Ids of a prompt: nothing that stands in a book becomes a special token. */
  promptIds(text: string): readonly number[];
}

const mostKept = 5000;
const alone = { addSpecialTokens: false, allowSpecial: false } as const;

export function tokenCounts(tokenizer: Tokenizer): TokenCounts {
  const counts = new Map<string, number>();
  return {
    count(text) {
      const known = counts.get(text);
      if (known !== undefined) return known;
      const tokens = tokenizer.encode(text, alone).ids.length;
      if (counts.size > mostKept) counts.clear();
      counts.set(text, tokens);
      return tokens;
    },
    starts: (text) => tokenizer.encode(text, alone).offsets.map(([start]) => start),
    unknownShare(text) {
      const { ids } = tokenizer.encode(text, alone);
      return ids.length === 0 ? 0 : ids.filter((id) => id === tokenizer.unknownId).length / ids.length;
    },
    promptIds: (text) => tokenizer.encode(text, { plain: [[0, text.length]] }).ids,
  };
}

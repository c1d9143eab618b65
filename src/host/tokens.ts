/** Single tokens as a person is shown them. */

import { ZerothError } from "../errors.ts";
import type { TokenShown } from "../text/live/request.ts";
import type { TokenBytes } from "../tokenizers/token-bytes.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How the tokens of a tokenizer are shown, each alone. */
export function tokenShower(tokenizer: Pick<Tokenizer, "decode" | "piece" | "tokenBytes">): (id: number) => TokenShown {
  let known: TokenBytes | undefined | null = null;
  const bytesOf = (id: number): Uint8Array | undefined => {
    if (known === null) {
      try {
        known = tokenizer.tokenBytes();
      } catch (error) {
        // Where a token's text depends on those beside it, it is what it is alone.
        if (!(error instanceof ZerothError)) throw error;
        known = undefined;
      }
    }
    return known?.bytes(id);
  };
  return (id) => {
    const bytes = bytesOf(id);
    if (bytes !== undefined) return { id, text: decoder.decode(bytes), bytes: [...bytes] };
    const text = tokenizer.piece(id) ?? "";
    return { id, text, bytes: [...encoder.encode(text)] };
  };
}

/** Single tokens as a person is shown them, and how likely they were. */
import { ZerothError } from "../../errors.ts";
import { needNumbers } from "../../models/kinds/language.ts";
import type { TokenBytes } from "../../tokenizers/token-bytes.ts";
import { logSumExp } from "../choose.ts";
import type { TextCodec } from "../options.ts";
import type { TokenChance, TokenShown, TokenTold } from "./request.ts";

/** Tokens whose texts are kept. */
const kept = 100_000;

/** Texts and bytes of a tokenizer's tokens; special tokens have the text that stands for them. */
export function tokensShown(codec: TextCodec): (id: number) => TokenShown {
  const known = new Map<number, TokenShown>();
  const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
  let table: TokenBytes | undefined | null;
  const bytesOf = (id: number): Uint8Array | undefined => {
    if (table === undefined) {
      try {
        table = codec.tokenBytes?.() ?? null;
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        // A token's text depends on its neighbours there: what it is alone is shown.
        table = null;
      }
    }
    return table?.bytes(id);
  };
  return (id) => {
    const found = known.get(id);
    if (found) return found;
    const bytes = bytesOf(id);
    const text = bytes ? decoder.decode(bytes) : codec.decode([id], { skipSpecialTokens: false });
    const shown = { id, text, bytes: [...(bytes ?? encoder.encode(text))] };
    if (known.size >= kept) known.clear();
    known.set(id, shown);
    return shown;
  };
}

/** The `count` greatest of these numbers, the greatest first, the lower id first on ties. */
export function likeliest(scores: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let id = 0; id < scores.length && count > 0; id++) {
    if (best.length === count && !(scores[id]! > scores[best.at(-1)!]!)) continue;
    let at = best.length;
    while (at > 0 && scores[best[at - 1]!]! < scores[id]!) at--;
    best.splice(at, 0, id);
    if (best.length > count) best.pop();
  }
  return best;
}

/** A token by the logits of its place, [vocabulary], with the `count` likeliest ones there. */
export function toldBy(show: (id: number) => TokenShown, logits: Float32Array, count: number) {
  const norm = logSumExp(logits);
  needNumbers([norm]);
  const chance = (id: number): TokenChance => ({ ...show(id), logprob: logits[id]! - norm });
  const top = likeliest(logits, count).map(chance);
  return (id: number): TokenTold => ({ ...chance(id), top });
}

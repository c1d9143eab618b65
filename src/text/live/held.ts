/** What was read of prompts, kept for later ones that begin alike: of one owner each, the least recently used go first. */
import { commonBegin } from "../../models/kinds/decoding/memory.ts";
import type { Kept } from "../../models/kinds/live/places.ts";

interface Held {
  readonly owner: string;
  /** The tokens that are held, whole pieces. */
  readonly ids: readonly number[];
  readonly kept: Kept;
}

export interface HeldPrefixes {
  readonly bytes: number;
  /** The longest beginning of a prompt that this owner's requests have read, in whole pieces and not all of it. */
  find(owner: string, prompt: readonly number[]): { readonly kept: Kept; readonly tokens: number } | undefined;
  /** Hold the whole pieces of a prompt that has been read; `keep` copies so many of its tokens. */
  hold(owner: string, prompt: readonly number[], keep: (tokens: number) => Kept): void;
}

/** In `budget` bytes; prompts are read in pieces of so many tokens. */
export function heldPrefixes(budget: number, piece: number): HeldPrefixes {
  const wholePieces = (tokens: number): number => tokens - (tokens % piece);
  /** The one used last at the end. */
  let all: Held[] = [];
  let bytes = 0;
  const drop = (held: Held) => {
    all = all.filter((other) => other !== held);
    bytes -= held.kept.bytes;
  };
  const touch = (held: Held) => {
    all = [...all.filter((other) => other !== held), held];
  };
  return {
    get bytes() {
      return bytes;
    },
    find(owner, prompt) {
      let best: { held: Held; tokens: number } | undefined;
      for (const held of all) {
        if (held.owner !== owner) continue;
        // The last token is always computed: its logits are asked for.
        const tokens = wholePieces(Math.min(commonBegin(held.ids, prompt), prompt.length - 1));
        if (tokens > (best?.tokens ?? 0)) best = { held, tokens };
      }
      if (!best) return undefined;
      touch(best.held);
      return { kept: best.held.kept, tokens: best.tokens };
    },
    hold(owner, prompt, keep) {
      const ids = prompt.slice(0, wholePieces(prompt.length));
      if (ids.length === 0) return;
      const own = all.filter((held) => held.owner === owner);
      const longer = own.find((held) => commonBegin(ids, held.ids) === ids.length);
      if (longer) {
        touch(longer);
        return;
      }
      for (const held of own) if (commonBegin(held.ids, ids) === held.ids.length) drop(held);
      const kept = keep(ids.length);
      if (kept.bytes > budget) return;
      all.push({ owner, ids, kept });
      bytes += kept.bytes;
      while (bytes > budget) drop(all[0]!);
    },
  };
}

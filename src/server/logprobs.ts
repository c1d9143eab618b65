/**
 * Log-probabilities in the two forms clients know. They are of the model's own distribution at temperature 1, before
 * any rule, bias or sampling.
 */
import { z } from "@hono/zod-openapi";
import type { TokenChance, TokenShown, TokenTold } from "../text/live/request.ts";

export const legacySchema = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullable(),
  text_offset: z.array(z.int()),
});
export type Legacy = z.infer<typeof legacySchema>;

/** For a token that is not possible at all: JSON has no infinity. */
const least = -9999;
const finite = (logprob: number): number => Math.max(logprob, least);

const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`;

/** A token as a key: a part of a character by its bytes, so that two parts are two keys. */
const nameOf = ({ text, bytes }: TokenShown): string =>
  text.includes("\ufffd") ? `bytes:${bytes.map(hex).join("")}` : text;

/** The likeliest tokens by their names, and the chosen one among them. */
function mapOf(top: readonly TokenChance[], chosen: TokenTold): Record<string, number> {
  const map = new Map<string, number>();
  // The likeliest first: of two tokens that look alike, it is the one that stays.
  for (const token of top) if (!map.has(nameOf(token))) map.set(nameOf(token), finite(token.logprob));
  const own = finite(chosen.logprob ?? least);
  map.set(nameOf(chosen), Math.max(own, map.get(nameOf(chosen)) ?? own));
  return Object.fromEntries(map);
}

const continues = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** How many of `bytes` follow `at` in `text`; all that the text still has count as all where it ends within them. */
function matched(text: Uint8Array, at: number, bytes: readonly number[]): number {
  const rest = Math.min(bytes.length, text.length - at);
  for (let i = 0; i < rest; i++) if (text[at + i] !== bytes[i]) return 0;
  return rest;
}

/** Bytes as a text shows them, with a sign for those that are no character, and those at the end that may become one. */
function shownAs(bytes: readonly number[]): { readonly shown: Uint8Array; readonly open: readonly number[] } {
  const all = Uint8Array.from(bytes);
  const text = new TextDecoder().decode(all, { stream: true });
  let open = 0;
  while (new TextDecoder().decode(all.subarray(0, all.length - open)) !== text) open++;
  return { shown: new TextEncoder().encode(text), open: bytes.slice(bytes.length - open) };
}

/**
 * Finds tokens in the text they make up, one after another: before how many whole characters each begins. A token may
 * hold a part of a character; where a text ends within one, the rest of it begins the next text.
 */
export function offsets(): (text: string, tokens: readonly TokenShown[], from: number) => readonly number[] {
  let left: readonly number[] = [];
  /** Bytes that the text does not have as they are: they are no character yet, or never. */
  let odd: readonly number[] = [];
  return (text, tokens, from) => {
    const bytes = new TextEncoder().encode(text);
    let at = matched(bytes, 0, left);
    left = left.slice(at);
    let whole = 0;
    let counted = 0;
    return tokens.map((token) => {
      for (; counted < at; counted++) if (!continues(bytes[counted])) whole++;
      const begins = from + whole - (continues(bytes[at]) ? 1 : 0);
      // Pieces of words have a space before them that a text does not begin with.
      const spaced = odd.length === 0 && token.bytes[0] === 0x20 && bytes[at] !== 0x20;
      const own = spaced ? token.bytes.slice(1) : [...odd, ...token.bytes];
      const passed = matched(bytes, at, own);
      if (passed > 0) {
        at += passed;
        odd = [];
        if (passed < own.length) left = own.slice(passed);
        return begins;
      }
      const { shown, open } = shownAs(own);
      const fits = matched(bytes, at, [...shown]) === shown.length;
      at += fits ? shown.length : 0;
      // Tokens such as <s> are in no text.
      odd = fits ? open : [];
      return begins;
    });
  };
}

/**
 * The four arrays of /v1/completions.
 * @param from characters before these tokens' text in what is answered
 */
export function legacy(text: string, tokens: readonly TokenTold[], from: number, find = offsets()): Legacy {
  return {
    tokens: tokens.map(nameOf),
    token_logprobs: tokens.map(({ logprob }) => (logprob === undefined ? null : finite(logprob))),
    top_logprobs: tokens.map((token) => (token.logprob === undefined ? null : mapOf(token.top ?? [], token))),
    text_offset: [...find(text, tokens, from)],
  };
}

const chanceSchema = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()).nullable() });
export const chatLogprobsSchema = z.object({
  content: z.array(chanceSchema.extend({ top_logprobs: z.array(chanceSchema) })).nullable(),
  refusal: z.null(),
});
export type ChatToken = z.infer<typeof chanceSchema> & {
  readonly top_logprobs: readonly z.infer<typeof chanceSchema>[];
};

const chance = ({
  text,
  bytes,
  logprob,
}: TokenShown & { readonly logprob?: number }): z.infer<typeof chanceSchema> => ({
  token: text,
  logprob: finite(logprob ?? least),
  bytes: [...bytes],
});

/** Tokens as /v1/chat/completions and /v1/responses tell them. */
export const chatTokens = (tokens: readonly TokenTold[]): readonly ChatToken[] =>
  tokens.map((token) => ({ ...chance(token), top_logprobs: (token.top ?? []).map(chance) }));

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

const characters = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

/** Finds tokens in the text they make up, one after another: where each begins, in characters. */
export function offsets(): (text: string, tokens: readonly TokenShown[], from: number) => readonly number[] {
  let pending: number[] = [];
  return (text, tokens, from) => {
    let at = 0;
    let offset = from;
    const pass = (part: string): void => {
      at += part.length;
      offset += characters(part);
    };
    return tokens.map((token) => {
      const begins = offset;
      pending.push(...token.bytes);
      const whole = new TextDecoder().decode(Uint8Array.from(pending));
      if (!whole.endsWith("\ufffd")) pending = [];
      // Pieces of words have a space before them that a text does not begin with; tokens such as <s> are in no text.
      const bare = whole.replace(/^ /, "");
      if (whole !== "" && text.startsWith(whole, at)) pass(whole);
      else if (bare !== "" && text.startsWith(bare, at)) pass(bare);
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

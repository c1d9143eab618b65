/** Tokens of OpenAI's two forms of chunks. A chunk without log-probabilities is one token as far as the page knows. */
import type { Chance, Token } from "./client.ts";
import type { ChatChance, ChatChunk, CompletionChunk } from "./wire.ts";

/**
 * The tokens of a chunk with the text that the chunk adds: a token that ends the answer adds none, and halves of a
 * character add it together.
 */
function fitted(tokens: readonly Token[], text: string): readonly Token[] {
  if (tokens.map((token) => token.text).join("") === text) return tokens;
  return tokens.map((token, i) => ({ ...token, text: i === tokens.length - 1 ? text : "" }));
}

const chanceOf = ({ token, logprob }: ChatChance): Chance => ({ text: token, logprob });

export function chatTold({ choices }: ChatChunk): readonly Token[] {
  const [choice] = choices ?? [];
  const tokens = choice?.logprobs?.content;
  if (tokens?.length) {
    const told = tokens.map(({ token, logprob, top_logprobs }) => ({
      text: token,
      logprob,
      ...(top_logprobs && { top: top_logprobs.map(chanceOf) }),
    }));
    return fitted(told, choice?.delta?.content ?? "");
  }
  const text = choice?.delta?.content;
  return text ? [{ text }] : [];
}

export function completionTold({ choices }: CompletionChunk): readonly Token[] {
  const [choice] = choices ?? [];
  const { tokens, token_logprobs, top_logprobs } = choice?.logprobs ?? {};
  if (tokens?.length) {
    const told = tokens.map((text, i) => {
      const [logprob, top] = [token_logprobs?.[i], top_logprobs?.[i]];
      const likeliest = top && Object.entries(top).map(([text, logprob]) => ({ text, logprob }));
      return {
        text,
        ...(typeof logprob === "number" && { logprob }),
        ...(likeliest && { top: likeliest.sort((a, b) => b.logprob - a.logprob) }),
      };
    });
    return fitted(told, choice?.text ?? "");
  }
  return choice?.text ? [{ text: choice.text }] : [];
}

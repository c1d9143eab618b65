/** The token that ends a turn, as the chat template writes it behind an answer. */
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";
import { attempt } from "../jobs.ts";
import { type ChatTemplate, renderChat } from "./render.ts";

/** Turn ends of known templates, for one that does not render a conversation by itself. */
const known = ["<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<turn|>", "<|end|>", "<|end_of_turn|>"] as const;

const question = "Which word?";
const answer = "Zeroth.";

/**
 * The template's turn end: what stands right behind an assistant's message, where that is a token.
 * @returns its spelling and id; undefined where the template writes none
 */
export function turnEnd(
  template: ChatTemplate,
  tokenizer: Pick<Tokenizer, "specialTokens" | "named" | "tokenId">,
): { readonly content: string; readonly id: number } | undefined {
  const found = (content: string | undefined) => {
    const id = content === undefined ? undefined : tokenizer.tokenId(content);
    return content === undefined || id === undefined ? undefined : { content, id };
  };
  const messages = [
    { role: "user", content: question },
    { role: "assistant", content: answer },
  ];
  const rendered = attempt(() =>
    renderChat(template, messages, { addGenerationPrompt: false }, { special: [], names: tokenizer.named }),
  );
  if ("text" in rendered) {
    const at = rendered.text.lastIndexOf(answer);
    const rest = at < 0 ? "" : rendered.text.slice(at + answer.length).trimStart();
    const special = [...tokenizer.specialTokens.keys()].filter((content) => content !== "" && rest.startsWith(content));
    // The longest: `<|end|>` before one that only begins like it.
    special.sort((a, b) => b.length - a.length);
    // A token need not be marked as special to end a turn.
    return found(special[0] ?? /^(?:<[^<>\s]{1,60}>|\[[^[\]\s]{1,60}\])/.exec(rest)?.[0]);
  }
  return found(known.find((content) => template.source.includes(content) && tokenizer.tokenId(content) !== undefined));
}

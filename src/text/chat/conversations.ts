/** Answers in conversations as a model is taught them. */
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";
import type { PromptMaker } from "./prompt.ts";
import { turnEnd } from "./turn-end.ts";

/** What a reply is put into words by. */
export interface Conversations {
  readonly maker: PromptMaker;
  readonly tokenizer: Tokenizer;
  /** Ends an answer: the template's end of a turn, or the model's own. */
  readonly end: number | undefined;
}

/** @param end the model's own end, where its template has none for a turn */
export function conversations(maker: PromptMaker, tokenizer: Tokenizer, end: number | undefined): Conversations {
  const template = maker.template();
  return { maker, tokenizer, end: (template && turnEnd(template, tokenizer)?.id) ?? end };
}

/** The tokens of an answer with what ends it. No text of it becomes a special token, as none of a prompt does. */
export function idsOfAnswer({ tokenizer, end }: Pick<Conversations, "tokenizer" | "end">, answer: string): number[] {
  const { ids } = tokenizer.encode(answer, { addSpecialTokens: false, written: true, plain: [[0, answer.length]] });
  return end === undefined ? [...ids] : [...ids, end];
}

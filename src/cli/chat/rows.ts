/** Rows of conversations, and what comes of them. */
import type { InputRow } from "../../data/cli-rows-node.ts";
import { fail } from "../../errors.ts";
import type { ChatAnswer, ChatRow } from "../../text/chat/chat.ts";
import { checkMessages } from "../../text/chat/messages.ts";
import type { Output } from "../output.ts";
import { givenTexts } from "../stdin.ts";

/** The one message of the command line: its argument, standard input, or the one before the other. */
export async function messageOf(args: readonly string[], output: Output, signal: AbortSignal): Promise<string> {
  const [message, ...more] = await givenTexts(args, { output, signal, joined: true });
  if (more.length > 0) {
    fail("wrong_use", `${args.length} messages, expected one`, { hint: "put the message in quotes" });
  }
  if (message === undefined) {
    return fail("wrong_use", "there is no message", {
      hint: 'try: zeroth chat "Is this a fact or an opinion? Snow is cold."',
    });
  }
  if (message.trim() === "") fail("wrong_use", "the message is empty");
  return message;
}

function listOf(row: InputRow, key: string): { readonly [key: string]: readonly unknown[] } {
  const value = row[key];
  if (value === undefined || value === null) return {};
  return Array.isArray(value) ? { [key]: value } : fail("bad_input", `"${key}" must be a list`);
}

/** @param system goes before messages that begin with none */
export function conversationOf(row: InputRow, system: string | undefined): ChatRow {
  const messages = checkMessages(row.messages);
  const before = system === undefined || messages[0]!.role === "system" ? [] : [{ role: "system", content: system }];
  return { messages: [...before, ...messages], ...listOf(row, "tools"), ...listOf(row, "documents") };
}

export const toldRow = ({ message, tokens, finish, promptTokens, score }: ChatAnswer): object => ({
  message,
  tokens,
  finish,
  prompt_tokens: promptTokens,
  ...(score === undefined ? {} : { score }),
});

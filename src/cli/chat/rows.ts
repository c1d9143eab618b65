/** Rows of conversations, and what comes of them. */
import { text as wholeText } from "node:stream/consumers";
import type { InputRow } from "../../data/cli-rows-node.ts";
import { fail, throwIfAborted } from "../../errors.ts";
import type { ChatAnswer, ChatRow } from "../../text/chat/chat.ts";
import { checkMessages } from "../../text/chat/messages.ts";

/** The one message of the command line: its arguments, or all of stdin. */
export async function messageOf(args: readonly string[], signal: AbortSignal): Promise<string> {
  if (args.length > 1) {
    fail("wrong_use", `${args.length} messages, expected one`, { hint: "put the message in quotes" });
  }
  if (args[0] === undefined && process.stdin.isTTY) {
    fail("wrong_use", "there is no message", {
      hint: 'try: zeroth chat "Is this a fact or an opinion? Snow is cold."',
    });
  }
  const message = args[0] ?? (await wholeText(process.stdin)).replace(/\n$/, "");
  throwIfAborted(signal);
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

export const toldRow = (id: unknown, { message, tokens, finish, promptTokens, score }: ChatAnswer): object => ({
  ...(id === undefined ? {} : { id }),
  message,
  tokens,
  finish,
  prompt_tokens: promptTokens,
  ...(score === undefined ? {} : { score }),
});

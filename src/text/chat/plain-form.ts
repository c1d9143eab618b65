/**
 * How a conversation is written for a model that has no chat template. One user message alone is the prompt as it is,
 * which is what models that were taught by prompts know. Otherwise the system message comes first, then `User: …` and
 * `Assistant: …` with an empty line between, and `Assistant:` at the end.
 */
import { fail } from "../../errors.ts";
import { type ChatMessage, textOf } from "./messages.ts";

const names: Readonly<Record<string, string>> = { user: "User", assistant: "Assistant" };

/** What would begin the next turn: where it appears, the answer has ended. */
export const plainStops: readonly string[] = ["\nUser:"];

/** @throws bad_input for a role that this form does not know, or a conversation that does not end with a user message */
export function plainForm(messages: readonly ChatMessage[]): string {
  const last = messages.at(-1);
  if (last?.role !== "user") {
    fail("bad_input", "the last message must be the user's", { hint: "the model answers what the user says" });
  }
  if (messages.length === 1) return textOf(messages[0]!);
  const parts = messages.map((message, i) => {
    const text = textOf(message);
    if (message.role === "system" && i === 0) return text;
    const name = names[message.role];
    if (name !== undefined) return `${name}: ${text}`;
    return fail("bad_input", `the role "${message.role.slice(0, 40)}"`, {
      where: `message ${i + 1}`,
      hint: "a model without a chat template is given a system message first, then user and assistant messages",
    });
  });
  return [...parts, "Assistant:"].join("\n\n");
}

/** Messages as OpenAI's clients send them, as templates read them. */
import { isJsonObject } from "../../base/json.ts";
import type { ChatMessage } from "../../text/chat/messages.ts";
import { checkText } from "../completions/prompts.ts";
import type { Limits } from "../context.ts";
import { invalid } from "../errors.ts";
import type { Message } from "./schema.ts";

/** A content as one text: models here read nothing else. */
function textOf(content: Message["content"], limits: Limits, where: string): string | null {
  if (content === null || content === undefined) return null;
  if (typeof content === "string") {
    checkText(content, limits, where);
    return content;
  }
  const texts = content.map((part, i): string => {
    const { type } = part;
    if (type === "text" && typeof part.text === "string") return part.text;
    if (type === "refusal" && typeof part.refusal === "string") return part.refusal;
    return invalid(
      `${where}[${i}]`,
      type === "text"
        ? `'${where}[${i}].text': a text is needed`
        : `'${where}[${i}]': a part of the type "${type.slice(0, 40)}"; models here are given texts`,
      "unsupported_value",
    );
  });
  checkText(texts.join(""), limits, where);
  return texts.join("");
}

/** Arguments of a call as an object, as templates expect; a text that is none stays one. */
function argumentsOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : text;
  } catch {
    return text;
  }
}

/**
 * The conversation for the engine.
 * @param developer whether the model's template knows the role `developer`; else it is told as `system`
 */
export function chatMessages(messages: readonly Message[], limits: Limits, developer: boolean): readonly ChatMessage[] {
  return messages.map((message, i): ChatMessage => {
    const where = `messages[${i}].content`;
    const content = textOf(message.content, limits, where);
    const named = typeof message.name === "string" ? { name: message.name } : {};
    if (message.role === "tool") return { role: "tool", content, tool_call_id: message.tool_call_id, ...named };
    if (message.role !== "assistant") {
      return { role: message.role === "developer" && !developer ? "system" : message.role, content, ...named };
    }
    const calls = message.tool_calls ?? [];
    if (content === null && calls.length === 0 && typeof message.refusal !== "string") {
      return invalid(
        where,
        `'${where}': an assistant's message needs a content or tool_calls`,
        "missing_required_parameter",
      );
    }
    const tool_calls = calls.map(({ id, type, function: called }) => ({
      ...{ id, type },
      function: { name: called.name, arguments: argumentsOf(called.arguments) },
    }));
    return {
      ...{ role: "assistant", content: content ?? message.refusal ?? (calls.length > 0 ? "" : null), ...named },
      ...(calls.length > 0 && { tool_calls }),
    };
  });
}

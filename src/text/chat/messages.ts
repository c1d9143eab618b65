/** Conversations as they are given: checked, and as templates are to see them. */
import { type Value, valueFrom } from "../../data/values.ts";
import { fail } from "../../errors.ts";

export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

/** One message. Keys beside these (`name`, `tool_calls`, `tool_call_id`) are the template's to read. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, `tool`, or what else the model's template knows. */
  readonly role: string;
  readonly content?: string | readonly TextPart[] | null;
  readonly [key: string]: unknown;
}

/**
 * Roles that are the conversation's own words. Templates put them together with their tokens (`<|user|>`); any other
 * text as a role counts as given by somebody.
 */
export const knownRoles: ReadonlySet<string> = new Set([
  ...["system", "developer", "user", "assistant", "model", "tool", "tools", "function", "ipython", "environment"],
]);

type Message = Readonly<Record<string, unknown>>;

const isMessage = (value: unknown): value is Message =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function checkPart(part: unknown, where: string): string {
  if (!isMessage(part) || typeof part.type !== "string") {
    return fail("bad_input", 'a part of "content" must be an object with a "type"', { where });
  }
  if (part.type !== "text") {
    return fail("unsupported", `a part of the type "${part.type.slice(0, 40)}"`, {
      where,
      hint: "models are given texts here: leave images and sounds out",
    });
  }
  return typeof part.text === "string" ? part.text : fail("bad_input", 'a text part needs a "text"', { where });
}

/** Whether a template knows that a content may be a list of parts: it asks for their type, or whether it is a text. */
const readsParts = (template: string): boolean =>
  /["']type["']|\.type\b|\bis\s+(?:not\s+)?(?:string|iterable|sequence|mapping)\b/.test(template);

/**
 * A conversation from data of any origin.
 * @throws bad_input with the message's number for what is no conversation, unsupported for parts that are no text
 */
export function checkMessages(given: unknown): readonly ChatMessage[] {
  if (!Array.isArray(given) || given.length === 0) {
    return fail("bad_input", '"messages" must be a list of at least one message', {
      hint: '[{"role": "user", "content": "…"}]',
    });
  }
  return given.map((message: unknown, i): ChatMessage => {
    const where = `message ${i + 1}`;
    if (!isMessage(message)) return fail("bad_input", "a message must be an object", { where });
    const { role, content } = message;
    if (typeof role !== "string" || role === "") return fail("bad_input", 'a message needs a "role"', { where });
    if (Array.isArray(content)) for (const part of content) checkPart(part, where);
    else if (content !== undefined && content !== null && typeof content !== "string") {
      return fail("bad_input", '"content" must be a text or a list of text parts', { where });
    }
    if (content === undefined && message.tool_calls === undefined) {
      return fail("bad_input", 'a message needs a "content"', { where });
    }
    return message as ChatMessage;
  });
}

/** The text of a message: its parts one after another. */
export function textOf({ content }: ChatMessage): string {
  if (typeof content === "string") return content;
  return (content ?? []).map(({ text }) => text).join("");
}

/** Messages for a template: parts joined where it knows of none. */
export const forTemplate = (messages: readonly ChatMessage[], template: string): readonly Value[] =>
  messages.map((message) =>
    valueFrom(
      Array.isArray(message.content) && !readsParts(template) ? { ...message, content: textOf(message) } : message,
    ),
  );

/** Items of a request as the messages of a conversation. */
import type { Message } from "../chat/schema.ts";
import { check } from "../check.ts";
import { invalid } from "../errors.ts";
import { type InputItem, inputItem, type ResponseRequest } from "./schema.ts";
import type { KeptResponse, Responses } from "./store.ts";

type Content = string | readonly { readonly type: string; readonly [key: string]: unknown }[];

/** Texts of a content, joined; models here read nothing else. */
function textOf(content: Content, where: string): string {
  if (typeof content === "string") return content;
  return content
    .map((part, i): string => {
      if (/^(?:input|output)_text$|^text$/.test(part.type) && typeof part.text === "string") return part.text;
      if (part.type === "refusal" && typeof part.refusal === "string") return part.refusal;
      return invalid(
        `${where}[${i}]`,
        `'${where}[${i}]': a part of the type "${part.type.slice(0, 40)}"; models here are given texts`,
        "unsupported_value",
      );
    })
    .join("");
}

type ToolCalls = NonNullable<Extract<Message, { role: "assistant" }>["tool_calls"]>;

/** Messages of items. Calls that follow one another, or a text of the model's, are one message. */
function messagesOf(items: readonly InputItem[]): Message[] {
  const messages: Message[] = [];
  for (const [i, item] of items.entries()) {
    const where = `input[${i}]`;
    if (item.type === "function_call") {
      const call: ToolCalls[number] = {
        id: item.call_id,
        type: "function",
        function: { name: item.name, arguments: item.arguments },
      };
      const last = messages.at(-1);
      if (last?.role === "assistant")
        messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), call] };
      else messages.push({ role: "assistant", content: null, tool_calls: [call] });
    } else if (item.type === "function_call_output") {
      messages.push({ role: "tool", tool_call_id: item.call_id, content: textOf(item.output, `${where}.output`) });
    } else messages.push({ role: item.role, content: textOf(item.content, `${where}.content`) });
  }
  return messages;
}

const known = new Set(["message", "function_call", "function_call_output"]);

/** The items of a request; what is none that is served is refused by its type. */
function itemsOf(input: ResponseRequest["input"]): readonly InputItem[] {
  if (typeof input === "string") return [{ type: "message", role: "user", content: input }];
  return input.flatMap((item, i): InputItem | [] => {
    // What was looked for is in no conversation: it is looked for again.
    if (item.type === "file_search_call") return [];
    if (item.type === undefined || known.has(item.type)) {
      // The schema lets items of other types through; those of these types must be whole.
      if ("role" in item || "call_id" in item) return item as InputItem;
      return invalid(
        `input[${i}]`,
        `'input[${i}]': an item of the type "${item.type}" lacks its fields`,
        "invalid_value",
      );
    }
    return invalid(
      `input[${i}].type`,
      `'input[${i}].type': items of the type "${item.type.slice(0, 40)}" are not known here`,
      "unsupported_value",
    );
  });
}

/** Kept answers of a conversation, the first one first. */
async function before(id: string, owner: string, store: Responses): Promise<readonly KeptResponse[]> {
  const chain: KeptResponse[] = [];
  for (let next: string | undefined = id; next !== undefined; ) {
    const kept: KeptResponse | undefined = await store.get(owner, next);
    if (!kept) {
      return invalid(
        "previous_response_id",
        `there is no response "${next.slice(0, 80)}" that is kept`,
        "previous_response_not_found",
      );
    }
    if (kept.response.status === "queued" || kept.response.status === "in_progress") {
      return invalid(
        "previous_response_id",
        `the response "${next.slice(0, 80)}" is still being written; wait until it is "completed"`,
        "previous_response_not_ready",
      );
    }
    chain.unshift(kept);
    next = kept.previous;
  }
  return chain;
}

const newId = (prefix: string): string => `${prefix}_${crypto.randomUUID().replaceAll("-", "")}`;

/** Items with ids, as they are kept and listed. */
export const withIds = (items: readonly InputItem[]): readonly Readonly<Record<string, unknown>>[] =>
  items.map((item) => {
    const prefix = item.type === "function_call" ? "fc" : item.type === "function_call_output" ? "fco" : "msg";
    const { id = newId(prefix), ...rest } = { ...item, ...(item.id === null && { id: undefined }) };
    if (rest.type !== undefined && rest.type !== "message") return { id, status: "completed", ...rest };
    const content =
      typeof rest.content === "string"
        ? [{ type: rest.role === "assistant" ? "output_text" : "input_text", text: rest.content }]
        : rest.content;
    return { id, status: "completed", ...rest, type: "message", content };
  });

/** The whole conversation of a request, and its own items. */
export async function conversationOf(
  { input, instructions, previous_response_id }: ResponseRequest,
  owner: string,
  store: Responses,
): Promise<{ readonly messages: readonly Message[]; readonly items: readonly InputItem[] }> {
  const items = itemsOf(input);
  const chain = typeof previous_response_id === "string" ? await before(previous_response_id, owner, store) : [];
  const past = chain.flatMap(({ input: own, response }) =>
    [...own, ...(response.output as readonly { readonly type?: unknown }[])]
      .filter(({ type }) => type !== "file_search_call")
      .map((item) => check(inputItem, item) as InputItem),
  );
  const system: readonly Message[] =
    typeof instructions === "string" ? [{ role: "system", content: instructions }] : [];
  // Its own items first, so that a message about one of them has the number its sender knows.
  const own = messagesOf(items);
  return { messages: [...system, ...messagesOf(past), ...own], items };
}

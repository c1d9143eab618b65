/** Conversations in files: JSON that people and programs read, in the form that chat interfaces use. */
import { writeFileSafely } from "../../base/files-node.ts";
import { isJsonObject, parseJsonObject } from "../../base/json.ts";
import { readTextFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import type { ChatMessage } from "../../text/chat/messages.ts";
import { checkMessages } from "../../text/chat/messages.ts";

const mostBytes = 64 << 20;

export interface SavedChat {
  /** Name of the model that answered. */
  readonly model?: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly messages: readonly ChatMessage[];
}

export async function saveChat(path: string, { model, settings, messages }: SavedChat): Promise<void> {
  await writeFileSafely(path, `${JSON.stringify({ model, settings, messages }, undefined, 2)}\n`);
}

/**
 * Read what {@link saveChat} wrote, or any object with `messages`.
 * @throws not_found; bad_input for what is no conversation, too_long for a file of more than 64 MiB
 */
export function loadChat(path: string): SavedChat {
  const saved = parseJsonObject(readTextFile(path, mostBytes), path, mostBytes);
  const { model, settings = {}, messages } = saved;
  if (!isJsonObject(settings)) fail("bad_input", '"settings" must be an object', { where: path });
  if (model !== undefined && typeof model !== "string") fail("bad_input", '"model" must be a name', { where: path });
  return { ...(model !== undefined && { model }), settings, messages: checkMessages(messages) };
}

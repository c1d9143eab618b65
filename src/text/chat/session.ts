/** One conversation that goes on: what was said is remembered, and read by the model once. */
import { createMemory } from "../../models/kinds/decoding/memory.ts";
import type { Chat, ChatAnswer, ChatOptions } from "./chat.ts";
import type { ChatMessage } from "./messages.ts";

export interface ChatSession {
  /** What was said so far, the system message first where there is one. */
  readonly messages: readonly ChatMessage[];
  /** Tokens of the conversation that the model need not read again. */
  readonly held: number;
  /**
   * Say something and hear the answer piece by piece. Question and answer join the conversation when the answer has
   * ended; one that fails or is stopped leaves it as it was, but `keep` keeps what was heard of it until it stopped.
   */
  say(text: string, options?: ChatOptions & { readonly keep?: boolean }): AsyncGenerator<string, ChatAnswer>;
  /** Set the system message, or take it away; what was said stays. */
  system(text: string | undefined): void;
  /** Forget what was said; the system message stays. */
  clear(): void;
}

/** A conversation with a model, going on from messages where there are some. */
export function createSession(
  chat: Chat,
  { system, messages = [] }: { readonly system?: string | undefined; readonly messages?: readonly ChatMessage[] } = {},
): ChatSession {
  const memory = createMemory();
  let first: readonly ChatMessage[] = messages[0]?.role === "system" ? messages.slice(0, 1) : [];
  let said: readonly ChatMessage[] = messages.slice(first.length);
  const session: ChatSession = {
    get messages() {
      return [...first, ...said];
    },
    get held() {
      return memory.tokens;
    },
    async *say(text, { keep = false, ...options } = {}) {
      const question: ChatMessage = { role: "user", content: text };
      const before = said;
      let heard = "";
      let whole = false;
      try {
        const stream = chat.stream([...first, ...before, question], { memory, ...options });
        let step = await stream.next();
        for (; !step.done; step = await stream.next()) {
          heard += step.value;
          yield step.value;
        }
        whole = true;
        said = [...before, question, step.value.message];
        return step.value;
      } finally {
        if (!whole && keep && heard !== "") said = [...before, question, { role: "assistant", content: heard }];
      }
    },
    system(text) {
      first = text === undefined ? [] : [{ role: "system", content: text }];
    },
    clear() {
      said = [];
      memory.clear();
    },
  };
  if (system !== undefined) session.system(system);
  return session;
}

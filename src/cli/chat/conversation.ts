/** What a prompt on a terminal talks with: a model, its settings, and what was said. */
import { type Chat, type ChatAnswer, createChat } from "../../text/chat/chat.ts";
import type { ChatMessage } from "../../text/chat/messages.ts";
import { type ChatSession, createSession } from "../../text/chat/session.ts";
import type { GenerateOptions } from "../../text/options.ts";
import type { Opened } from "../engine.ts";
import { closeQuietly } from "./quietly.ts";
import type { ChatFlags } from "./settings.ts";

/** What is needed of an open model. */
export type Answering = AsyncDisposable &
  Pick<Opened, "name" | "kind" | "model" | "tokenizer" | "generation" | "config" | "chatTemplates" | "weights">;

/** What each answer is asked for. @throws wrong_use for settings that do not go together */
export type OptionsFor = (chat: Chat, opened: Answering, flags: ChatFlags) => GenerateOptions;

export interface Conversation {
  readonly opened: Answering;
  readonly chat: Chat;
  readonly flags: ChatFlags;
  /**
   * Whether an answer follows from what was said before. A model that was not taught to talk answers each prompt on its
   * own, as it was trained to.
   */
  readonly remembers: boolean;
  /** What was said, the system message first where there is one. */
  readonly messages: readonly ChatMessage[];
  say(text: string, signal: AbortSignal): AsyncGenerator<string, ChatAnswer>;
  system(text: string | undefined): void;
  clear(): void;
  /** Change settings; on an error they stay. */
  set(flags: ChatFlags): void;
  /** Go on from these messages. */
  load(messages: readonly ChatMessage[]): void;
  /** Go on with another model, which is this conversation's from now on; on an error the old one stays. */
  use(next: Answering): Promise<void>;
}

export interface ConversationOptions {
  readonly opened: Answering;
  readonly flags: ChatFlags;
  readonly system: string | undefined;
  readonly optionsFor: OptionsFor;
  /** Also decoders without a chat template go on from what was said, in a plain form. */
  readonly plainTalk: boolean;
}

const isSystem = ({ role }: ChatMessage): boolean => role === "system";

/** @throws as `createChat` and `optionsFor` do */
export function createConversation({
  opened: first,
  flags: given,
  system,
  optionsFor,
  plainTalk,
}: ConversationOptions): Conversation {
  let flags = given;
  /** What was said where the session forgets it. */
  let said: readonly ChatMessage[] = [];
  const withModel = (opened: Answering, messages: readonly ChatMessage[]) => {
    const chat = createChat(opened);
    const remembers = chat.templates.length > 0 || (plainTalk && opened.kind === "decoder");
    const options = optionsFor(chat, opened, flags);
    const kept = remembers ? messages : messages.filter(isSystem);
    const session: ChatSession = createSession(chat, { messages: kept });
    said = remembers ? [] : messages.filter((message) => !isSystem(message));
    return { opened, chat, remembers, options, session };
  };
  let now = withModel(first, system === undefined ? [] : [{ role: "system", content: system }]);
  const messages = () => (now.remembers ? now.session.messages : [...now.session.messages.filter(isSystem), ...said]);

  return {
    get opened() {
      return now.opened;
    },
    get chat() {
      return now.chat;
    },
    get flags() {
      return flags;
    },
    get remembers() {
      return now.remembers;
    },
    get messages() {
      return messages();
    },
    async *say(text, signal) {
      const { session, remembers, options } = now;
      if (!remembers) session.clear();
      try {
        return yield* session.say(text, { ...options, signal, keep: true });
      } finally {
        if (!remembers) said = [...said, ...session.messages.filter((message) => !isSystem(message))];
      }
    },
    system: (text) => now.session.system(text),
    clear() {
      said = [];
      now.session.clear();
    },
    set(next) {
      const options = optionsFor(now.chat, now.opened, next);
      now = { ...now, options };
      flags = next;
    },
    load(loaded) {
      now = withModel(now.opened, loaded);
    },
    async use(next) {
      const before = now.opened;
      try {
        now = withModel(next, messages());
      } catch (error) {
        await closeQuietly(next);
        throw error;
      }
      await closeQuietly(before);
    },
  };
}

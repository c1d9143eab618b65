/** `zeroth chat` on a terminal: a conversation that the model reads on, not anew. */
import { type Chat, type ChatAnswer, createChat } from "../../text/chat/chat.ts";
import { type ChatSession, createSession } from "../../text/chat/session.ts";
import type { GenerateOptions } from "../../text/options.ts";
import type { EngineFlags, Opened } from "../engine.ts";
import type { Output } from "../output.ts";
import { closeQuietly, converse, ownStreams, type Streams, tell } from "../terminal.ts";

const help = `  /system TEXT  what the model is told beforehand, from the next answer on; without TEXT nothing
  /clear        forget what was said
  /model NAME   go on with another model
  /help         this text
  /quit         leave, as Ctrl-D does
  Ctrl-C        stop an answer; what came of it stays
`;

type Answering = AsyncDisposable &
  Pick<Opened, "kind" | "model" | "tokenizer" | "generation" | "config" | "chatTemplates">;

export interface Setting {
  readonly opened: Answering;
  readonly system: string | undefined;
  /** Open another model. */
  readonly open: (flags: EngineFlags, signal: AbortSignal) => Promise<Answering>;
  /** What each answer is asked for, said once a model. */
  readonly optionsFor: (chat: Chat, opened: Answering) => GenerateOptions;
}

/** Talk until Ctrl-D; gives the exit code. */
export async function openChat(output: Output, setting: Setting, streams: Streams = ownStreams): Promise<number> {
  let opened = setting.opened;
  let options: GenerateOptions;
  let session: ChatSession;
  const begin = (next: Answering, from: Parameters<typeof createSession>[1]) => {
    const chat = createChat(next);
    for (const note of chat.notes) output.say(output.dim(note));
    options = setting.optionsFor(chat, next);
    session = createSession(chat, from);
    opened = next;
  };
  const told = new Set<string>();
  const close = ({ finish, tokens, warnings }: ChatAnswer) => {
    output.text("\n");
    for (const warning of warnings) if (!told.has(warning)) output.say(warning);
    for (const warning of warnings) told.add(warning);
    if (finish === "length") output.say(output.dim(`stopped after ${tokens.length} tokens (--max-new-tokens)`));
  };

  const commands: Readonly<Record<string, (rest: string, signal: AbortSignal) => Promise<void> | void>> = {
    "/help": () => output.text(help),
    "/clear": () => {
      session.clear();
      output.text(`${output.dim("What was said is forgotten.")}\n`);
    },
    "/system": (rest) => {
      session.system(rest === "" ? undefined : rest);
      output.text(`${output.dim(rest === "" ? "There is no system message." : "The system message is set.")}\n`);
    },
    "/model": async (rest, signal) => {
      const next = await setting.open({ model: rest || "zeroth-nano" }, signal);
      const before = opened;
      try {
        begin(next, { messages: session.messages });
      } catch (error) {
        await closeQuietly(next);
        throw error;
      }
      await closeQuietly(before);
    },
  };

  try {
    begin(opened, { system: setting.system });
    output.text(`${output.dim("Say something, or /help. Ctrl-D leaves.")}\n`);
    await converse(output, streams, {
      history: "chat-history",
      async line(text, signal) {
        const [word = ""] = text.split(/\s/, 1);
        if (word === "/quit" || word === "/exit") return { leave: true };
        if (Object.hasOwn(commands, word)) {
          await commands[word]!(text.slice(word.length).trim(), signal);
          return {};
        }
        if (/^\/[a-z]+$/.test(word)) {
          output.say(`there is no ${word}; /help says what there is`);
          return {};
        }
        try {
          const answer = session.say(text, { ...options, signal, keep: true });
          let step = await answer.next();
          for (; !step.done; step = await answer.next()) output.answer(step.value);
          close(step.value);
        } catch (error) {
          output.text("\n");
          tell(error, output);
        }
        return { remember: text };
      },
    });
  } finally {
    await closeQuietly(opened);
  }
  output.text("\n");
  return 0;
}

/** A conversation held alike in Node and in the browser, so that the two can be compared. */
import { type ChatOptions, type ChatSource, createChat, createSession } from "../../src/browser.ts";

export interface Heard {
  /** What came piece by piece, joined. */
  readonly streamed: string;
  readonly pieces: number;
  readonly text: string;
  readonly tokens: readonly number[];
  readonly finish: string;
  readonly promptTokens: number;
  /** Tokens that need not be read again when the turn has ended. */
  readonly held: number;
}

export interface Talk {
  /** Tokens that end an answer, the template's turn end among them. */
  readonly ends: readonly number[];
  readonly turns: readonly Heard[];
}

/** Say one thing after the other in one session. */
export async function talk(source: ChatSource, said: readonly string[], options: ChatOptions): Promise<Talk> {
  const chat = createChat(source);
  const session = createSession(chat);
  const turns: Heard[] = [];
  for (const text of said) {
    const stream = session.say(text, options);
    let [streamed, pieces] = ["", 0];
    let step = await stream.next();
    for (; !step.done; step = await stream.next(), pieces++) streamed += step.value;
    const { message, tokens, finish, promptTokens } = step.value;
    turns.push({ streamed, pieces, text: message.content, tokens, finish, promptTokens, held: session.held });
  }
  return { ends: chat.ends, turns };
}

/** The prompt on a terminal: ask, read the answer as it comes, ask again. `zeroth` and `zeroth chat` alike. */
import type { ChatAnswer } from "../../text/chat/chat.ts";
import type { EngineFlags } from "../engine.ts";
import type { Output } from "../output.ts";
import { openEditor, ownStreams, type Streams } from "../terminal/editor.ts";
import { openHistory } from "../terminal/history.ts";
import { commandIn, commands, completions, type Situation } from "./commands.ts";
import { type Answering, createConversation, type OptionsFor } from "./conversation.ts";
import { closeQuietly, tell } from "./quietly.ts";
import type { ChatFlags } from "./settings.ts";
import { paragraph } from "./table.ts";
import { examples, inviting, isEmbedded, modelLine } from "./welcome.ts";

export interface Setting {
  readonly opened: Answering;
  readonly system: string | undefined;
  readonly flags: ChatFlags;
  /** Open another model. */
  readonly open: (flags: Pick<EngineFlags, "model">, signal: AbortSignal) => Promise<Answering>;
  readonly optionsFor: OptionsFor;
  /** Also decoders without a chat template go on from what was said. */
  readonly plainTalk: boolean;
}

/** Talk until it is left; gives the exit code. */
export async function openChat(output: Output, setting: Setting, streams: Streams = ownStreams()): Promise<number> {
  const conversation = await started(setting);
  const history = openHistory("history", output.say);
  const editor = openEditor(streams, {
    history,
    complete: completions,
    hint: output.dim("Ctrl-C again or Ctrl-D leaves."),
  });
  const columns = () => ("columns" in streams.screen && Number(streams.screen.columns)) || 80;
  const introduce = () => {
    const { chat, remembers } = conversation;
    if (remembers && chat.templates.length > 0) for (const note of chat.notes) output.say(output.dim(note));
    output.text(`${output.dim(paragraph(modelLine(conversation), columns()))}\n`);
  };
  const told = new Set<string>();
  const close = ({ finish, tokens, warnings }: ChatAnswer) => {
    output.text("\n");
    for (const warning of warnings) if (!told.has(warning)) output.say(warning);
    for (const warning of warnings) told.add(warning);
    if (finish === "length")
      output.say(output.dim(`stopped after ${tokens.length} tokens (/set max-new-tokens N for longer answers)`));
  };
  const answer = async (text: string, signal: AbortSignal) => {
    const answering = conversation.say(text, signal);
    try {
      let step = await answering.next();
      for (; !step.done; step = await answering.next()) output.answer(step.value);
      close(step.value);
    } catch (error) {
      // A terminal that is gone is not written to.
      if (editor.left === undefined) output.text("\n");
      tell(error, output);
    }
  };
  const situation = (signal: AbortSignal): Situation => ({
    conversation,
    output,
    columns: columns(),
    signal,
    open: setting.open,
    confirm: async (question) => /^y(es)?$/i.test(((await editor.ask(question)) ?? "").trim()),
    introduce,
  });

  try {
    introduce();
    output.text(`${output.dim(paragraph(inviting(conversation), columns()))}\n`);
    for (let text = await editor.read(); text !== undefined; text = await editor.read()) {
      if (text.trim() === "") continue;
      const leave = await one(text).catch((error: unknown) => tell(error, output));
      if (leave === true || editor.left !== undefined) break;
    }
  } finally {
    editor.close();
    await closeQuietly(conversation.opened);
  }
  if (editor.left === 0) output.text("\n");
  return editor.left ?? 0;

  /** Do what a text asks for; true to leave. */
  async function one(text: string): Promise<boolean> {
    const example = isEmbedded(conversation) ? examples[Number(text) - 1] : undefined;
    if (example !== undefined) output.text(`${output.dim(example)}\n`);
    const prompt = example ?? text;
    let command: ReturnType<typeof commandIn>;
    try {
      command = commandIn(prompt);
    } finally {
      // A mistyped command comes back with the arrow, to be mended.
      if (command?.name !== "/quit") history.add(prompt);
    }
    if (command?.name === "/quit") return true;
    if (command === undefined) await editor.during((signal) => answer(prompt, signal));
    else {
      const { name, rest } = command;
      await editor.during(async (signal) => commands[name]!.run(rest, situation(signal)));
    }
    return false;
  }
}

/** A model whose settings or template do not work is closed again. */
async function started({ opened, flags, system, optionsFor, plainTalk }: Setting) {
  try {
    return createConversation({ opened, flags, system, optionsFor, plainTalk });
  } catch (error) {
    await closeQuietly(opened);
    throw error;
  }
}

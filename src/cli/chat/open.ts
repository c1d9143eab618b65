/** Opening the prompt for a command that was given nothing to answer. */
import type { Flags } from "../command.ts";
import { openForCommand } from "../engine.ts";
import { talkOptions } from "../generation.ts";
import type { engine, greedy, model, writing } from "../options.ts";
import type { Output } from "../output.ts";
import { structuredOptions } from "../structured.ts";
import { openChat } from "./interactive.ts";

type PromptFlags = Flags<readonly [...typeof writing, typeof greedy, ...typeof engine, typeof model]> & {
  readonly system?: string | undefined;
  readonly template?: string | undefined;
};

/** Whether a person sits before the program, to be asked. */
export const atTerminal = (output: Output): boolean =>
  Boolean(process.stdin.isTTY && process.stdout.isTTY) && !output.json;

/** Open the model and talk. @param plainTalk as of a conversation */
export async function openPrompt(
  flags: PromptFlags,
  { output, signal, plainTalk }: { readonly output: Output; readonly signal: AbortSignal; readonly plainTalk: boolean },
): Promise<number> {
  const structured = await structuredOptions(flags);
  const { model: _model, system, template, ...settings } = flags;
  const told = new Set<string>();
  const once: Output = {
    ...output,
    say(text) {
      if (!told.has(text)) output.say(text);
      told.add(text);
    },
  };
  return openChat(output, {
    opened: await openForCommand(flags, output, signal),
    system,
    flags: settings,
    open: (other, stop) => openForCommand({ ...flags, ...other }, output, stop),
    // Says what the model's makers recommend, once.
    optionsFor: (chat, { generation }, given) => ({
      ...talkOptions(given, once, { recommended: generation, drawing: chat.drawing }),
      ...structured,
      ...(template === undefined ? {} : { template }),
    }),
    plainTalk,
  });
}

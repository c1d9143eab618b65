/** `zeroth chat`: talk with a model, on a terminal, once, or for the conversations of a file. */
import { fail, ZerothError } from "../../errors.ts";
import type { Chat } from "../../text/chat/chat.ts";
import { defineCommand } from "../define.ts";
import type { Opened } from "../engine.ts";
import { adapter, engine, greedy, model, rows, writing } from "../options.ts";

export default defineCommand({
  group: "use",
  summary: "Talk with a model",
  arguments: "[message...]",
  extraHint: (argument) => `put the message in quotes, so that "${argument}" is a part of it`,
  options: [
    model,
    { flags: "--system <text>", help: "what the model is told beforehand" },
    { flags: "--template <name>", help: "which of the model's chat templates, where it has several" },
    ...rows,
    ...writing,
    greedy,
    adapter,
    ...engine,
  ],
  rows: '`{"messages":[{"role","content"},…]}`, also `"tools":[…]`, `"documents":[…]` → `{"message":{"role","content"},"tokens","finish","prompt_tokens","score"?}`',
  example: 'zeroth chat "Is this a fact or an opinion? Snow is cold."',
  async run({ args, flags, output, signal }) {
    if (args.length > 0 && flags.input) fail("wrong_use", "give a message or --input, not both");
    const { atTerminal, openPrompt } = await import("../chat/open.ts");
    if (args.length === 0 && !flags.input && atTerminal(output))
      return openPrompt(flags, { output, signal, plainTalk: true });
    const { talkOptions } = await import("../generation.ts");
    const { sayIncomplete, structuredOptions } = await import("../structured.ts");
    const { openForCommand } = await import("../engine.ts");
    const { createChat } = await import("../../text/chat/chat.ts");
    const { system, input: file } = flags;
    const bound = flags.jsonSchema !== undefined || flags.grammar !== undefined;
    const structured = await structuredOptions(flags);
    // Says what the model's makers recommend: asked for once a model.
    const optionsFor = (chat: Chat, { generation }: Pick<Opened, "generation">) => ({
      ...talkOptions(flags, output, { recommended: generation, drawing: chat.drawing }),
      ...structured,
      ...(flags.template === undefined ? {} : { template: flags.template }),
    });
    const { conversationOf, messageOf, toldRow } = await import("../chat/rows.ts");
    const { jobsOf } = await import("../jobs.ts");
    const { modelOf, openRowJob } = await import("../rows/run.ts");
    const message = file === undefined ? await messageOf(args, output, signal) : undefined;
    const given = message === undefined ? [] : [{ messages: [{ role: "user", content: message }] }];
    const job = await openRowJob("chat", { flags, given, output, signal });
    if (job === undefined) return 0;
    await using opened = await openForCommand(flags, output, signal);
    const chat = createChat(opened);
    for (const note of chat.notes) output.say(note);
    const options = { ...optionsFor(chat, opened), signal };
    const told = new Set<string>();
    const warn = (warnings: readonly string[]) => {
      for (const warning of warnings) {
        if (!told.has(warning)) output.say(warning);
        told.add(warning);
      }
    };

    if (message !== undefined && !output.json) {
      const stream = chat.stream(
        conversationOf({ messages: [{ role: "user", content: message }] }, system).messages,
        options,
      );
      let step = await stream.next();
      for (; !step.done; step = await stream.next()) output.answer(step.value);
      output.text("\n");
      warn(step.value.warnings);
      if (bound) sayIncomplete(structured, step.value.finish === "length" ? 1 : 0, 1, output);
      return 0;
    }

    let cut = 0;
    let answered = 0;
    const code = await job.run({
      model: modelOf(opened),
      things: "conversations",
      async batch(inputs, { before, onDone }) {
        const jobs = jobsOf(inputs, (row) => conversationOf(row, system));
        const good = jobs.flatMap((one) => (one instanceof ZerothError ? [] : [one]));
        const answers = await chat.answerAll(good, { ...options, onDone, firstRow: before });
        return jobs.map((one) => {
          const result = one instanceof ZerothError ? one : answers.shift()!;
          if (result instanceof ZerothError) return result;
          warn(result.warnings);
          if (result.finish === "length") cut++;
          answered++;
          return { row: toldRow(result), show: () => output.answer(`${result.message.content}\n`) };
        });
      },
      showError(error, row) {
        if (output.json) return;
        output.text("\n");
        output.say(`row ${row}: ${error.message}`);
      },
    });
    if (bound) sayIncomplete(structured, cut, answered, output);
    return code;
  },
});

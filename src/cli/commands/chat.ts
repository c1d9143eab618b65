/** `zeroth chat`: talk with a model, on a terminal, once, or for the conversations of a file. */
import { fail, ZerothError } from "../../errors.ts";
import type { Chat } from "../../text/chat/chat.ts";
import { defineCommand } from "../define.ts";
import type { Opened } from "../engine.ts";
import { adapter, engine, input, model, writing } from "../options.ts";

export default defineCommand({
  group: "use",
  summary: "Talk with a model",
  arguments: "[message...]",
  extraHint: (argument) => `put the message in quotes, so that "${argument}" is a part of it`,
  options: [
    model,
    { flags: "--system <text>", help: "what the model is told beforehand" },
    { flags: "--template <name>", help: "which of the model's chat templates, where it has several" },
    input,
    ...writing,
    { flags: "--greedy", help: "take the likeliest token, whatever the model's makers recommend" },
    adapter,
    ...engine,
  ],
  rows: '`{"messages":[{"role","content"},…]}`, also `"tools":[…]`, `"documents":[…]` → `{"message":{"role","content"},"tokens","finish","prompt_tokens","score"?}`',
  example: 'zeroth chat "Is this a fact or an opinion? Snow is cold."',
  async run({ args, flags, output, signal }) {
    const { talkOptions } = await import("../generation.ts");
    const { sayIncomplete, structuredOptions } = await import("../structured.ts");
    const { openForCommand } = await import("../engine.ts");
    const { createChat } = await import("../../text/chat/chat.ts");
    if (args.length > 0 && flags.input) fail("wrong_use", "give a message or --input, not both");
    const talking = args.length === 0 && !flags.input;
    const terminal = Boolean(process.stdin.isTTY && process.stdout.isTTY) && !output.json;
    const { system, input: file } = flags;
    const bound = flags.jsonSchema !== undefined || flags.grammar !== undefined;
    const structured = await structuredOptions(flags);
    // Says what the model's makers recommend: asked for once a model.
    const optionsFor = (chat: Chat, { generation }: Pick<Opened, "generation">) => ({
      ...talkOptions(flags, output, { recommended: generation, drawing: chat.drawing }),
      ...structured,
      ...(flags.template === undefined ? {} : { template: flags.template }),
    });
    if (talking && terminal) {
      const { openChat } = await import("../chat/interactive.ts");
      const opened = await openForCommand(flags, output, signal);
      return openChat(output, {
        opened,
        system,
        open: (other, stop) => openForCommand({ ...flags, ...other }, output, stop),
        optionsFor,
      });
    }
    const { conversationOf, messageOf, toldRow } = await import("../chat/rows.ts");
    const { inputBatches, jobsOf } = await import("../jobs.ts");
    const { errorRow } = await import("../report.ts");
    const message = file === undefined ? await messageOf(args, signal) : undefined;
    const batches = await inputBatches(
      file,
      message === undefined ? [] : [{ messages: [{ role: "user", content: message }] }],
      { output, signal },
    );
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

    let failed = false;
    let before = 0;
    let cut = 0;
    for await (const rows of batches) {
      const jobs = jobsOf(rows, (row) => conversationOf(row, system));
      const good = jobs.flatMap((job) => (job instanceof ZerothError ? [] : [job]));
      const onDone = (done: number, total: number) =>
        output.progress(`${before + done} of ${before + total}${file === undefined ? "" : " or more"} conversations`);
      const answers = await chat.answerAll(good, { ...options, onDone, firstRow: before });
      for (const [i, job] of jobs.entries()) {
        const result = job instanceof ZerothError ? job : answers.shift()!;
        const row = rows[i]!;
        const id = row instanceof ZerothError ? undefined : row.id;
        if (result instanceof ZerothError) {
          if (file === undefined) throw result;
          failed = true;
          output.row(errorRow(result, id));
          if (!output.json) {
            output.text("\n");
            output.say(`row ${before + i + 1}: ${result.message}`);
          }
          continue;
        }
        warn(result.warnings);
        if (result.finish === "length") cut++;
        output.row(toldRow(id, result));
        output.answer(`${result.message.content}\n`);
      }
      before += rows.length;
    }
    if (bound) sayIncomplete(structured, cut, before, output);
    return failed ? 1 : 0;
  },
});

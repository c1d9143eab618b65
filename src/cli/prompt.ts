/** `zeroth` alone on a terminal: ask, read the answer as it comes, ask again. */
import { type EngineFlags, type Opened, openForCommand } from "./engine.ts";
import type { Output } from "./output.ts";
import { closeQuietly, converse, ownStreams, type Streams, tell } from "./terminal.ts";

const suggestions = [
  "Is this review positive or negative? A warm, funny film that I would gladly see again.",
  "Is this a fact or an opinion? The bridge was opened in 1932.",
  "What does this question ask for: abbreviation, thing, description, person, place or number? Who wrote Hamlet?",
];

const help = `  1, 2, 3      ask one of the examples
  /model NAME  use another model
  /help        this text
  Ctrl-C       stop an answer
  Ctrl-D       leave
`;

/** Where a question comes from and an answer goes. */
interface Terminal extends Streams {
  readonly open: (flags: EngineFlags, output: Output) => Promise<Answering>;
}

/** What the prompt needs of an open model. */
type Answering = AsyncDisposable & { readonly text: Pick<Opened["text"], "stream"> };

/** Ask and answer until Ctrl-D; gives the exit code. Ctrl-C stops the answer under way and nothing else. */
export async function openPrompt(
  output: Output,
  { open, ...streams }: Terminal = { ...ownStreams, open: openForCommand },
): Promise<number> {
  let model = await open({}, output);
  output.text(`${output.bold("Ask something.")} Three to try:\n`);
  suggestions.forEach((text, i) => {
    output.text(`  ${output.dim(`${i + 1}`)} ${text}\n`);
  });
  output.text(`${output.dim("Type one of the numbers, a prompt of your own, or /help.")}\n`);
  try {
    await converse(output, streams, {
      history: "history",
      async line(text, signal) {
        if (text === "/help") {
          output.text(help);
          return {};
        }
        if (text.startsWith("/model")) {
          const next = await open({ model: text.slice("/model".length).trim() || "zeroth-nano" }, output);
          await closeQuietly(model);
          model = next;
          return {};
        }
        const chosen = suggestions[Number(text) - 1] ?? text;
        if (chosen !== text) output.text(`${output.dim(chosen)}\n`);
        try {
          for await (const piece of model.text.stream(chosen, { signal })) output.answer(piece);
        } catch (error) {
          tell(error, output);
        }
        output.text("\n");
        return { remember: chosen };
      },
    });
  } finally {
    await closeQuietly(model);
  }
  output.text("\n");
  return 0;
}

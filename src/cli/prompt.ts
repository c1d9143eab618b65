/** `zeroth` alone on a terminal: ask, read the answer as it comes, ask again. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { makeFolder } from "../base/files-node.ts";
import { type EngineFlags, type Opened, openForCommand } from "./engine.ts";
import type { Output } from "./output.ts";
import { asKnown } from "./report.ts";

const suggestions = [
  "Is this review positive or negative? A warm, funny film that I would gladly see again.",
  "Is this a fact or an opinion? The bridge was opened in 1932.",
  "What does this question ask for: abbreviation, thing, description, person, place or number? Who wrote Hamlet?",
];

function historyFile(): string {
  const state = process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state");
  return join(process.env.ZEROTH_HOME ?? join(state, "zeroth"), "history");
}

/** Earlier prompts, newest first, as readline wants them; none where they cannot be read. */
function readHistory(path: string): string[] {
  try {
    // Opening a pipe would wait for a writer.
    if (!statSync(path).isFile()) return [];
    return readFileSync(path, "utf8").split("\n").filter(Boolean).reverse().slice(0, 500);
  } catch {
    return [];
  }
}

/** Keep the prompts. A place where nothing can be written is no failure: what was asked has been answered. */
function writeHistory(path: string, asked: readonly string[], output: Output): void {
  try {
    makeFolder(dirname(path));
    writeFileSync(path, `${asked.slice(-500).join("\n")}\n`, { mode: 0o600 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    output.say(`the history is not kept: ${why}; ZEROTH_HOME names another place`);
  }
}

const help = `  1, 2, 3      ask one of the examples
  /model NAME  use another model
  /help        this text
  Ctrl-C       stop an answer
  Ctrl-D       leave
`;

/** Where a question comes from and an answer goes: the program's own streams, or those of a test. */
interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly screen: NodeJS.WritableStream;
  readonly open: (flags: EngineFlags, output: Output) => Promise<Answering>;
}

/** What the prompt needs of an open model. */
type Answering = AsyncDisposable & { readonly text: Pick<Opened["text"], "stream"> };

/** Close a model. What could not be opened fails again when it is closed: that was told when it was first needed. */
async function close(model: Answering): Promise<void> {
  try {
    await model[Symbol.asyncDispose]();
  } catch (error) {
    if (asKnown(error) === undefined) throw error;
  }
}

/** Ask and answer until Ctrl-D; gives the exit code. Ctrl-C stops the answer under way and nothing else. */
export async function openPrompt(
  output: Output,
  { input, screen, open }: Terminal = { input: process.stdin, screen: process.stdout, open: openForCommand },
): Promise<number> {
  let model = await open({}, output);
  const path = historyFile();
  const lines = readHistory(path);
  const asked: string[] = [...lines].reverse();
  output.text(`${output.bold("Ask something.")} Three to try:\n`);
  suggestions.forEach((text, i) => {
    output.text(`  ${output.dim(`${i + 1}`)} ${text}\n`);
  });
  output.text(`${output.dim("Type one of the numbers, a prompt of your own, or /help.")}\n`);
  const reader = createInterface({
    input,
    output: screen,
    terminal: true,
    prompt: "> ",
    history: lines,
    historySize: 500,
  });
  let stop: AbortController | undefined;
  reader.on("SIGINT", () => {
    if (stop) stop.abort();
    else {
      output.text(`\n${output.dim("Ctrl-D leaves.")}\n`);
      reader.prompt();
    }
  });
  reader.prompt();
  try {
    for await (const line of reader) {
      const text = line.trim();
      const chosen = suggestions[Number(text) - 1] ?? text;
      if (text === "/help") output.text(help);
      else if (text.startsWith("/model")) {
        try {
          const next = await open({ model: text.slice("/model".length).trim() || "zeroth-nano" }, output);
          await close(model);
          model = next;
        } catch (error) {
          const known = asKnown(error);
          if (!known) throw error;
          output.say(`${known.message}${known.hint ? `\n  → ${known.hint}` : ""}`);
        }
      } else if (text !== "") {
        if (chosen !== text) output.text(`${output.dim(chosen)}\n`);
        asked.push(chosen);
        stop = new AbortController();
        try {
          for await (const piece of model.text.stream(chosen, { signal: stop.signal })) output.answer(piece);
        } catch (error) {
          const known = asKnown(error);
          if (!known) throw error;
          if (known.code !== "interrupted") output.say(`${known.message}${known.hint ? `\n  → ${known.hint}` : ""}`);
        }
        stop = undefined;
        output.text("\n");
      }
      reader.prompt();
    }
  } finally {
    reader.close();
    await close(model);
    writeHistory(path, asked, output);
  }
  output.text("\n");
  return 0;
}

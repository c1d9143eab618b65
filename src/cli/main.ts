/** The program: what was typed to a command, and every ending to an exit code. */
import { nearest } from "../base/nearest.ts";
import { errorCodes, fail, ZerothError } from "../errors.ts";
import type { Command, Commands } from "./command.ts";
import { commands as all } from "./command-list.ts";
import { help, version } from "./help.ts";
import { createOutput, fitted, flushed } from "./output.ts";
import { reportError } from "./report.ts";

/** What the first word means: a command, or a question for `generate`. */
function commandOf(
  argv: readonly string[],
  commands: Commands,
): { name: string; command: Command; rest: readonly string[] } {
  const [first = ""] = argv;
  const named = Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (named) return { name: first, command: named, rest: argv.slice(1) };
  const { generate } = commands;
  // A command is one word: whatever has a space in it, or begins with an option, is for generate.
  if (generate && (/\s/.test(first) || first.startsWith("-"))) {
    return { name: "generate", command: generate, rest: argv };
  }
  const near = nearest(first, Object.keys(commands));
  return fail("wrong_use", `there is no command "${first}"`, {
    hint: near
      ? `did you mean zeroth ${near}?`
      : 'zeroth --help lists the commands; a question goes in quotes: zeroth "…?"',
  });
}

/** Ctrl-C asks the running work to stop after its step; a second one leaves at once. */
function interruptible(): { signal: AbortSignal; done(): void } {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
      return;
    }
    controller.abort(new ZerothError("interrupted", "stopped on request"));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    done() {
      process.removeListener("SIGINT", onSignal);
      process.removeListener("SIGTERM", onSignal);
    },
  };
}

/** Relative paths mean nothing in a folder that was deleted; making one there never ends (Node's `mkdir`). */
function needFolder(): void {
  try {
    process.cwd();
  } catch (cause) {
    fail("not_found", "the folder you are in does not exist any more", { hint: "change to one that does", cause });
  }
}

/** What cannot be written is said in one line, and only where there is somebody to read it. */
function watchStreams(wanted: { json: boolean; debug: boolean }): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that goes away (head, less) ends the program without a message.
    if (error.code === "EPIPE") process.exit(0);
    const parts = { where: "standard output", cause: error };
    process.exit(reportError(new ZerothError("bad_input", `cannot be written (${error.code})`, parts), wanted));
  });
  // Nobody reads what the program says: its exit code still tells how it ended.
  process.stderr.on("error", () => {});
}

/**
 * What the program's name alone asks for: the prompt on a terminal, elsewhere the answer to what stands in standard
 * input; undefined where nothing does.
 */
async function unasked(signal: AbortSignal): Promise<readonly string[] | undefined> {
  if (process.stdin.isTTY) return process.stdout.isTTY ? ["generate"] : undefined;
  const { readStdin } = await import("./stdin.ts");
  const text = await readStdin(createOutput({}), signal);
  return text.trim() === "" ? undefined : ["generate", "--", text];
}

/** Run the program; sets the exit code. */
export async function run(argv: readonly string[], commands: Commands = all): Promise<void> {
  const wanted = { json: argv.includes("--json"), debug: argv.includes("--debug") };
  watchStreams(wanted);
  const { signal, done } = interruptible();
  try {
    const only = argv.length === 1 ? argv[0] : undefined;
    if (only === "--version" || only === "-V") process.stdout.write(`${version()}\n`);
    else if (only === "--help" || only === "-h" || argv[0] === "help") {
      process.stdout.write(fitted(help(commands, argv[0] === "help" ? argv[1] : undefined), process.stdout));
    } else {
      const words = argv.length > 0 ? argv : await unasked(signal);
      if (words === undefined) {
        process.stdout.write(fitted(help(commands), process.stdout));
        process.exitCode = errorCodes.wrong_use.exit;
        return;
      }
      const { name, command, rest } = commandOf(words, commands);
      if (argv.length > 0 && (rest.includes("--help") || rest.includes("-h"))) {
        const own = await command.describe?.(rest.filter((word) => word !== "--help" && word !== "-h"));
        const shown = own === undefined ? commands : { ...commands, [name]: { ...command, ...own } };
        process.stdout.write(fitted(help(shown, name), process.stdout));
      } else {
        needFolder();
        process.exitCode = await command.start(name, rest, signal, commands);
      }
    }
  } catch (error) {
    await flushed();
    process.exitCode = reportError(error, wanted);
  } finally {
    done();
  }
}

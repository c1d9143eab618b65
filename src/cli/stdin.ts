/** Texts of the command line: its arguments, and what is written to the program's standard input. */
import { fstatSync } from "node:fs";
import { wholeText } from "../data/utf8.ts";
import { fail, throwIfAborted } from "../errors.ts";
import type { Output } from "./output.ts";

/** The most of a prompt, in bytes: any model's length is reached long before. */
const most = 16 << 20;
/** Milliseconds until it is said what is waited for. */
const patience = 2000;
/** Milliseconds for the first byte of a pipe that need not mean anything: whoever started the program may keep one open. */
const mostWait = 5000;

let taken = false;

/** Whether something was handed to the program beside its arguments: a file or a pipe of a shell. */
function isHanded(): boolean {
  try {
    const stat = fstatSync(0);
    return stat.isFile() || stat.isFIFO();
  } catch {
    return false;
  }
}

/**
 * All of standard input as a text, without the line break at its end; "" where it has been read, or nothing comes that
 * need not come.
 * @throws bad_input for what is not UTF-8; too_long; interrupted
 */
export async function readStdin(output: Output, signal: AbortSignal, optional = false): Promise<string> {
  if (taken) return "";
  taken = true;
  const { stdin } = process;
  const waiting = setTimeout(() => output.say("reading standard input for the prompt, until it ends"), patience);
  const stop = () => stdin.destroy();
  const giveUp = setTimeout(
    () => {
      output.say(`nothing came from standard input in ${mostWait / 1000} s: going on without it (< /dev/null says so)`);
      stop();
    },
    optional ? mostWait : 0x7fffffff,
  );
  signal.addEventListener("abort", stop);
  const pieces: Buffer[] = [];
  try {
    let size = 0;
    for await (const piece of stdin as AsyncIterable<Buffer>) {
      clearTimeout(giveUp);
      size += piece.length;
      if (size > most) fail("too_long", `is longer than ${most >> 20} MiB`, { where: "standard input" });
      pieces.push(piece);
    }
  } catch (error) {
    throwIfAborted(signal);
    // Given up before the first byte.
    if (!(optional && pieces.length === 0 && stdin.destroyed)) throw error;
  } finally {
    clearTimeout(waiting);
    clearTimeout(giveUp);
    signal.removeEventListener("abort", stop);
  }
  throwIfAborted(signal);
  return wholeText(Buffer.concat(pieces), "standard input").replace(/\r?\n$/, "");
}

/**
 * What a command is to work on. `-` is standard input, and so is no argument at all where that is no terminal; with
 * `joined`, a single argument goes before a file or a pipe's text, as in `zeroth "Summarise this:" < letter.txt`.
 */
export async function givenTexts(
  args: readonly string[],
  {
    output,
    signal,
    joined = false,
  }: { readonly output: Output; readonly signal: AbortSignal; readonly joined?: boolean },
): Promise<readonly string[]> {
  const dash = args.indexOf("-");
  if (dash < 0 && args.length > 0 && !(joined && args.length === 1 && isHanded())) return args;
  if (dash < 0 && args.length === 0 && process.stdin.isTTY) return args;
  if (args.filter((arg) => arg === "-").length > 1) fail("wrong_use", "- stands twice: standard input is read once");
  const text = await readStdin(output, signal, dash < 0 && args.length > 0);
  if (text.trim() === "") return dash < 0 ? args : fail("wrong_use", "standard input is empty", { where: "-" });
  const all = dash < 0 ? [...args, text] : args.map((arg) => (arg === "-" ? text : arg));
  return joined && all.length === 2 ? [all.join("\n\n")] : all;
}

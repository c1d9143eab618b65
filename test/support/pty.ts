/** The built program in a real pseudo-terminal, which util-linux's `script` makes, as a person has it before them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { environment, program } from "./cli.ts";
import { watcher } from "./watcher.ts";

export const keys = {
  enter: "\r",
  ctrlC: "\u0003",
  ctrlD: "\u0004",
  ctrlG: "\u0007",
  ctrlR: "\u0012",
  up: "\u001b[A",
  left: "\u001b[D",
  tab: "\t",
  backspace: "\u007f",
  altEnter: "\u001b\r",
  paste: (text: string) => `\u001b[200~${text.replaceAll("\n", "\r")}\u001b[201~`,
} as const;

export interface Sitting {
  type(text: string): void;
  /** Wait until the pattern is on the screen, behind what was waited for before. */
  until(pattern: RegExp): Promise<string>;
  /** A new line is asked for. */
  ready(): Promise<string>;
  /** Send the program, not the terminal, a signal. */
  kill(signal: NodeJS.Signals): void;
  /** The exit code, when it has ended. */
  readonly end: Promise<number | null>;
  /** All that was shown. */
  readonly shown: () => string;
}

/** Start `zeroth ARGS` in a terminal. @param columns of the window */
export function sit(
  folder: string,
  args: readonly string[],
  { columns = 80, env = {} }: { readonly columns?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Sitting {
  const quoted = [process.execPath, program, ...args].map((word) => `'${word}'`).join(" ");
  // Its number first, then the program in the shell's place; what the terminal is like afterwards last. Ctrl-C of a
  // terminal that hands lines over whole is a signal to the shell around it, too, which some shells end with.
  const line = `trap : INT; stty cols ${columns}; sh -c 'echo $$ > "${folder}/pid"; exec "$@"' sh ${quoted}; code=$?; stty -a > "${folder}/after"; exit $code`;
  const child = spawn("script", ["-qfec", line, "/dev/null"], {
    cwd: folder,
    env: { ...environment(folder), TERM: "xterm", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const screen = watcher();
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    screen.add(text);
  });
  return {
    type: (text) => void child.stdin.write(text),
    until: screen.until,
    ready: () => screen.until(/> /),
    kill: (signal) => void process.kill(Number(readFileSync(`${folder}/pid`, "utf8")), signal),
    end: (async () => ((await once(child, "close")) as [number | null])[0])(),
    shown: () => shown,
  };
}

/** Time for what was typed to reach the program, where nothing on the screen tells. */
export const settle = () => delay(150);

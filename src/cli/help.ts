/** Help texts, printed from the table of commands. */
import { readFileSync } from "node:fs";
import { type Command, type CommandName, commands, common, type OptionSpec } from "./commands.ts";

export function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

const optionLines = (options: readonly OptionSpec[]): string => {
  const width = Math.max(...options.map(({ flags }) => flags.length));
  return options.map(({ flags, help }) => `  ${flags.padEnd(width)}  ${help}`).join("\n");
};

/** Help of one command, or of the program. */
export function help(name?: string): string {
  if (name !== undefined && Object.hasOwn(commands, name)) {
    const command: Command = commands[name as CommandName];
    const own = command.options.length > 0 ? `\n${optionLines(command.options)}\n` : "";
    return `zeroth ${name} ${command.arguments}\n\n${command.summary}.\n${own}\n${optionLines(common)}\n\nExample: ${command.example}\n`;
  }
  const names = Object.keys(commands) as CommandName[];
  const width = Math.max(...names.map((key) => key.length));
  return `zeroth: open models you can actually use

  zeroth                 ask questions on a terminal
  zeroth "a question"    the answer of the embedded model

${names.map((key) => `  ${key.padEnd(width)}  ${commands[key].summary}`).join("\n")}

zeroth COMMAND --help shows a command's options.
`;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The name that was probably meant, if one is near enough. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => ({ name, far: distance(typed, name) })).sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best && best.far <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined;
}

/** Help texts, printed from the commands' definitions. */
import { readFileSync } from "node:fs";
import { type Command, type Commands, groups, type OptionSpec } from "./command.ts";
import { common } from "./options.ts";

export function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** The commands under their headings; in a group by name. */
export function grouped(commands: Commands): { heading: string; members: [name: string, command: Command][] }[] {
  return Object.entries(groups)
    .map(([group, heading]) => ({
      heading,
      members: Object.entries(commands)
        .filter(([, command]) => command.group === group)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    }))
    .filter(({ members }) => members.length > 0);
}

const optionLines = (options: readonly OptionSpec[]): string => {
  const width = Math.max(...options.map(({ flags }) => flags.length));
  return options.map(({ flags, help }) => `  ${flags.padEnd(width)}  ${help}`).join("\n");
};

/** "zeroth scan <model>": how a command is called. */
export const usage = (name: string, command: Command): string => `zeroth ${name} ${command.arguments}`.trimEnd();

/** Help of one command, or of the program. */
export function help(commands: Commands, name?: string): string {
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (name !== undefined && command) {
    const own = command.options.length > 0 ? `\n${optionLines(command.options)}\n` : "";
    return `${usage(name, command)}\n\n${command.summary}.\n${own}\n${optionLines(common)}\n\nExample: ${command.example}\n`;
  }
  const width = Math.max(...Object.keys(commands).map((key) => key.length));
  const lists = grouped(commands).map(
    ({ heading, members }) =>
      `${heading}\n${members.map(([key, { summary }]) => `  ${key.padEnd(width)}  ${summary}`).join("\n")}\n`,
  );
  return `zeroth: open models you can actually use

  zeroth                 ask questions on a terminal; --model NAME asks that model
  zeroth "a question"    the answer of the embedded model

${lists.join("\n")}
zeroth COMMAND --help shows a command's options.
`;
}

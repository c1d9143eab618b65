/**
 * What a command is. Each file of `commands/` exports one by default and is called like it; parsing, `--help`,
 * completion and docs/command-line.md follow from the definitions, and nothing else lists the commands.
 */
import type { Output } from "./output.ts";

export interface OptionSpec {
  /** As typed: "--max-new-tokens <n>", "--json", "--stop <text...>" for one that may be repeated. */
  readonly flags: string;
  readonly help: string;
  /** How the value is read; text when absent. */
  readonly as?: "number" | "integer" | "list" | "repeat";
  /** The only values it takes: others are refused. */
  readonly values?: readonly string[];
}

type LongName<F extends string> = F extends `${string}--${infer Rest}`
  ? Rest extends `${infer Name} ${string}`
    ? Name
    : Rest
  : never;

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** `maxNewTokens` of "--max-new-tokens <n>", `eos` of "--no-eos", `noRepeatNgram` of "--no-repeat-ngram <n>". */
type FlagName<F extends string> = F extends `${string}<${string}`
  ? CamelCase<LongName<F>>
  : LongName<F> extends `no-${infer Name}`
    ? CamelCase<Name>
    : CamelCase<LongName<F>>;

type FlagValue<S extends OptionSpec> = S["flags"] extends `${string}<${string}`
  ? S extends { readonly as: "number" | "integer" }
    ? number
    : S extends { readonly as: "list" | "repeat" }
      ? readonly string[]
      : S extends { readonly values: readonly (infer Value)[] }
        ? Value
        : string
  : boolean;

/** What was typed for these options, by their names in camel case. */
export type Flags<O extends readonly OptionSpec[]> = {
  readonly [S in O[number] as FlagName<S["flags"]>]?: FlagValue<S>;
};

/** Headings under which the help texts and the reference list the commands, in this order. */
export const groups = {
  use: "Use a model",
  search: "Search documents",
  models: "Get and change models",
  train: "Train and evaluate",
  program: "This machine and program",
} as const;

/** What help texts, completion and the reference are made of. */
export interface CommandDescription {
  readonly group: keyof typeof groups;
  readonly summary: string;
  /** As in the usage line: "[prompt...]", "<model>". More than these are refused. */
  readonly arguments: string;
  /** The hint for an argument too many, where a better one is known. */
  readonly extraHint?: (argument: string) => string;
  /** What the first argument may be, where it is a word that says what to do. */
  readonly words?: readonly string[];
  /** What its arguments complete to, asked when Tab is pressed. */
  readonly names?: () => Promise<readonly string[]>;
  readonly options: readonly OptionSpec[];
  /** The rows that go in and come out, in Markdown. */
  readonly rows: string;
  readonly example: string;
}

/** A call of a command. */
export interface Invocation<O extends readonly OptionSpec[]> {
  readonly args: readonly string[];
  readonly flags: Flags<O>;
  readonly output: Output;
  /** Ctrl-C: the work stops between two steps. */
  readonly signal: AbortSignal;
  /** Every command of the program. */
  readonly commands: Commands;
}

/** A command whose own options nobody outside of it needs to know. */
export interface Command extends CommandDescription {
  /** What help shows of it, where that depends on its first argument. */
  describe?(argv: readonly string[]): Promise<CommandDescription>;
  /** Parse what was typed and run it; gives the exit code. */
  start(name: string, argv: readonly string[], signal: AbortSignal, commands: Commands): Promise<number>;
}

export type Commands = Readonly<Record<string, Command>>;

/** "--max-new-tokens" of "--max-new-tokens <n>". */
export function longFlag(option: OptionSpec): string {
  return option.flags.split(/[ ,]+/).find((part) => part.startsWith("--"))!;
}

/** "maxNewTokens" of "--max-new-tokens <n>": the name of an option's value. */
export function flagName(option: OptionSpec): string {
  return longFlag(option)
    .slice(2)
    .replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

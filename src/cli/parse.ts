/** What was typed to a command, by its options; commander does the parsing of dashes, equals signs and negations. */
import { CommanderError, Command as Parser } from "commander";
import { nearest } from "../base/nearest.ts";
import { fail } from "../errors.ts";
import { type CommandDescription, type Flags, longFlag, type OptionSpec } from "./command.ts";
import { common } from "./options.ts";

/** "a, b or c". */
const either = (words: readonly string[]): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/** One of the words, or wrong use that names them all and the one that was probably meant. */
export function oneOf<W extends string>(what: string, typed: string, words: readonly W[]): W {
  const word = words.find((known) => known === typed);
  if (word !== undefined) return word;
  const near = nearest(typed, words);
  return fail("wrong_use", `${what} ${typed}: expected ${either(words)}`, {
    ...(near ? { hint: `did you mean ${what} ${near}?` } : {}),
  });
}

/** An option's value as it was typed. @throws wrong_use with what was expected */
export function readValue(option: OptionSpec, text: string): unknown {
  const flag = longFlag(option);
  if (option.as === "number" || option.as === "integer") {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || (option.as === "integer" && !Number.isInteger(value))) {
      fail("wrong_use", `${flag} ${text}: expected a ${option.as === "integer" ? "whole number" : "number"}`);
    }
    return value;
  }
  if (option.as === "list") {
    const list = text.split(",").map((item) => item.trim());
    if (list.some((item) => item === "")) fail("wrong_use", `${flag} ${text}: an item is empty`);
    return list;
  }
  return option.values === undefined ? text : oneOf(flag, text, option.values);
}

/** Refuse more arguments than the usage line has: nothing that was typed is ignored. */
function checkArguments(name: string, command: CommandDescription, args: readonly string[]): void {
  const places = command.arguments.split(/ (?=[<[])/).filter(Boolean);
  if (places.some((place) => place.includes("..."))) return;
  const extra = args[places.length];
  if (extra === undefined) return;
  const most = places.length === 0 ? "takes no argument" : `takes ${command.arguments} and no more`;
  fail("wrong_use", `zeroth ${name} ${most}: "${extra}" is one too many`, {
    hint: command.extraHint?.(extra) ?? `zeroth ${name} --help shows what it takes; a text with spaces goes in quotes`,
  });
}

export interface Parsed<O extends readonly OptionSpec[]> {
  readonly args: readonly string[];
  readonly flags: Flags<O>;
  /** What was typed of the options that every command has. */
  readonly shared: Flags<typeof common>;
}

/**
 * Arguments and options of a command.
 * @throws wrong_use for what the command does not take, with the name that was probably meant
 */
export async function parse<O extends readonly OptionSpec[]>(
  name: string,
  command: CommandDescription & { readonly options: O },
  argv: readonly string[],
): Promise<Parsed<O>> {
  const parser = new Parser(name)
    .exitOverride()
    .helpOption(false)
    .showSuggestionAfterError(false)
    .allowExcessArguments(true);
  parser.configureOutput({ writeErr: () => {}, writeOut: () => {} });
  const options: readonly OptionSpec[] = [...command.options, ...common];
  for (const option of options) {
    if (option.as === "repeat") {
      const gather = (text: string, before: string[] | undefined) => [...(before ?? []), text];
      parser.option(option.flags, option.help, gather);
    } else if (option.flags.includes("<")) {
      const spec = parser.createOption(option.flags, option.help).argParser((text: string) => readValue(option, text));
      // "--no-repeat-ngram <n>" is the name of a number, not the opposite of an option.
      spec.negate = false;
      parser.addOption(spec);
    } else parser.option(option.flags, option.help);
  }
  parser.argument("[rest...]");
  try {
    parser.parse([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const typed = /'(-[^ ']*)/.exec(error.message)?.[1] ?? "";
    const near = nearest(typed, options.map(longFlag));
    fail("wrong_use", error.message.replace(/^error: /, ""), {
      hint: near ? `did you mean ${near}?` : `zeroth ${name} --help lists the options`,
    });
  }
  checkArguments(name, command, parser.args);
  return { args: parser.args, flags: parser.opts<Flags<O>>(), shared: parser.opts<Flags<typeof common>>() };
}

/** Settings of a conversation: the options of the command line that say how an answer is written. */
import { nearest } from "../../base/nearest.ts";
import { fail } from "../../errors.ts";
import { type Flags, flagName, longFlag, type OptionSpec } from "../command.ts";
import { greedy, writing } from "../options.ts";
import { readValue } from "../parse.ts";

export type ChatFlags = Flags<readonly [...typeof writing, typeof greedy]>;

/** Files are read when the program starts; the opposite of a setting is that setting off. */
const left = new Set(["--json-schema", "--grammar", "--no-lookup"]);
const settings: readonly OptionSpec[] = [...writing, greedy].filter((option) => !left.has(longFlag(option)));

const nameOf = (option: OptionSpec): string => longFlag(option).slice(2);
const isSwitch = (option: OptionSpec): boolean => !option.flags.includes("<");
const held = (flags: ChatFlags): Readonly<Record<string, unknown>> => flags;

export const settingNames: readonly string[] = settings.map(nameOf);

/** What may be typed behind a setting's name. */
export function settingValues(name: string): readonly string[] {
  const option = settings.find((one) => nameOf(one) === name);
  if (option === undefined) return [];
  return [...(option.values ?? (isSwitch(option) ? ["on", "off"] : [])), "default"];
}

function settingOf(name: string): OptionSpec {
  const plain = name.replace(/^--/, "");
  const option = settings.find((one) => nameOf(one) === plain);
  if (option !== undefined) return option;
  const near = nearest(plain, settingNames);
  return fail("wrong_use", `there is no setting ${name}`, {
    hint: near ? `did you mean /set ${near}?` : "/set lists the settings",
  });
}

function valueTyped(option: OptionSpec, text: string): unknown {
  if (!isSwitch(option)) return option.as === "repeat" ? [text] : readValue(option, text);
  if (text === "on" || text === "true") return true;
  if (text === "off" || text === "false") return false;
  return fail("wrong_use", `${nameOf(option)} ${text}: expected on, off or default`);
}

/** The flags with one of them set, or as if it had not been given for `default`. @throws wrong_use */
export function withSetting(flags: ChatFlags, name: string, text: string): ChatFlags {
  const option = settingOf(name);
  const { [flagName(option)]: _, ...others } = held(flags);
  return text === "default" ? others : { ...others, [flagName(option)]: valueTyped(option, text) };
}

/** A value as it is typed. */
const shown = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(String).join(", ");
  return typeof value === "boolean" ? (value ? "on" : "off") : String(value);
};

/** What each setting is and means, those of one name where it is given. @throws wrong_use */
export function settingRows(flags: ChatFlags, name?: string): (readonly [name: string, meaning: string])[] {
  const options = name === undefined ? settings : [settingOf(name)];
  return options.map((option) => {
    const value = held(flags)[flagName(option)];
    return [value === undefined ? nameOf(option) : `${nameOf(option)} ${shown(value)}`, option.help];
  });
}

/** Settings that are not the default, by their names, as a saved conversation holds them. */
export function settingsHeld(flags: ChatFlags): Readonly<Record<string, unknown>> {
  const given = settings.filter((option) => held(flags)[flagName(option)] !== undefined);
  return Object.fromEntries(given.map((option) => [nameOf(option), held(flags)[flagName(option)]]));
}

/** The flags of a saved conversation. @throws wrong_use for what is no setting, or has not its kind of value */
export function settingsFrom(flags: ChatFlags, saved: Readonly<Record<string, unknown>>): ChatFlags {
  let read = flags;
  for (const [name, value] of Object.entries(saved)) {
    const text = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value;
    read = withSetting(read, name, String(text));
  }
  return read;
}

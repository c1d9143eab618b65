/** What begins with a slash at the prompt: each command with its words, its meaning and what it does. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { nearest } from "../../base/nearest.ts";
import { fail } from "../../errors.ts";
import type { EngineFlags } from "../engine.ts";
import { modelNames } from "../options.ts";
import type { Output } from "../output.ts";
import type { Answering, Conversation } from "./conversation.ts";
import { loadChat, saveChat } from "./saved.ts";
import { settingNames, settingRows, settingsFrom, settingsHeld, settingValues, withSetting } from "./settings.ts";
import { meanings, paragraph } from "./table.ts";
import { examples, isEmbedded, modelLine } from "./welcome.ts";

/** What a command has to do with. */
export interface Situation {
  readonly conversation: Conversation;
  readonly output: Output;
  /** Columns of the window. */
  readonly columns: number;
  readonly signal: AbortSignal;
  readonly open: (flags: Pick<EngineFlags, "model">, signal: AbortSignal) => Promise<Answering>;
  /** Ask a question that is answered by yes or no. */
  readonly confirm: (question: string) => Promise<boolean>;
  /** Tell what a model says about itself, once it is this conversation's. */
  readonly introduce: () => void;
}

interface SlashCommand {
  readonly usage: string;
  readonly help: string;
  /** @param rest what was typed behind the command */
  run(rest: string, situation: Situation): Promise<void> | void;
  /** What may be typed behind it; `rest` is what is there already. */
  complete?(rest: string): Promise<readonly string[]> | readonly string[];
}

const needName = (rest: string, command: string): string =>
  rest === "" ? fail("wrong_use", "a file's name is missing", { hint: `try: ${command} talk.json` }) : inHome(rest);

const inHome = (path: string): string => (/^~(\/|$)/.test(path) ? join(homedir(), path.slice(1)) : path);

/** Files and folders whose names begin like this. */
function paths(rest: string): string[] {
  const folder = rest.endsWith("/") ? rest : rest.includes("/") ? `${dirname(rest)}/` : "";
  try {
    return readdirSync(inHome(folder) || ".", { withFileTypes: true })
      .slice(0, 1000)
      .map((entry) => folder + entry.name + (entry.isDirectory() ? "/" : ""));
  } catch {
    return [];
  }
}

export const commands: Readonly<Record<string, SlashCommand>> = {
  "/help": {
    usage: "/help",
    help: "this text",
    run(_, { conversation, output, columns }) {
      output.text(
        meanings([...Object.values(commands).map(({ usage, help }) => [usage, help] as const), ...keys], columns),
      );
      if (isEmbedded(conversation)) {
        output.text("Examples, asked by their number:\n");
        output.text(
          meanings(
            examples.map((text, i) => [`${i + 1}`, text] as const),
            columns,
          ),
        );
      }
    },
  },
  "/model": {
    usage: "/model [NAME]",
    help: "go on with another model, downloaded if need be; alone: which there are",
    complete: () => modelNames(),
    async run(rest, { conversation, output, columns, open, signal, introduce }) {
      if (rest === "") {
        output.text(`${paragraph(modelLine(conversation), columns)}\n`);
        const others = (await modelNames()).filter((name) => name !== conversation.opened.name);
        if (others.length > 0) {
          output.text(`${paragraph(`also on this machine: ${others.slice(0, 20).join(", ")}`, columns)}\n`);
        }
        return;
      }
      await conversation.use(await open({ model: rest }, signal));
      introduce();
    },
  },
  "/system": {
    usage: "/system [TEXT]",
    help: "what the model is told beforehand, from the next answer on; alone: nothing",
    run(rest, { conversation, output }) {
      conversation.system(rest === "" ? undefined : rest);
      output.text(`${output.dim(rest === "" ? "There is no system message." : "The system message is set.")}\n`);
    },
  },
  "/set": {
    usage: "/set [NAME [VALUE]]",
    help: "a setting of the answers, as the option of that name; default takes it back; alone: all of them",
    complete(rest) {
      const [name = "", ...value] = rest.split(" ");
      return value.length === 0
        ? settingNames.map((one) => `${one} `)
        : settingValues(name).map((word) => `${name} ${word}`);
    },
    run(rest, { conversation, output, columns }) {
      const [, name = "", value = ""] = /^(\S*)\s*=?\s*(.*)$/s.exec(rest)!;
      if (value !== "") conversation.set(withSetting(conversation.flags, name, value));
      output.text(meanings(settingRows(conversation.flags, name === "" ? undefined : name), columns));
    },
  },
  "/save": {
    usage: "/save FILE",
    help: "write the conversation as JSON",
    complete: paths,
    async run(rest, { conversation, output, confirm }) {
      const path = needName(rest, "/save");
      const { messages, opened, flags } = conversation;
      if (messages.length === 0) fail("wrong_use", "nothing was said yet");
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) fail("bad_input", "is a folder", { where: path });
      if (existsSync(path) && !(await confirm(`${path} is there already. Replace it? [y/N] `))) {
        output.text(`${output.dim("Not saved.")}\n`);
        return;
      }
      await saveChat(path, { model: opened.name, settings: settingsHeld(flags), messages });
      output.text(`${output.dim(`${messages.length} messages are in ${path}; /load goes on from them.`)}\n`);
    },
  },
  "/load": {
    usage: "/load FILE",
    help: "go on from a saved conversation, in place of this one",
    complete: paths,
    run(rest, { conversation, output }) {
      const { model, settings, messages } = loadChat(needName(rest, "/load"));
      conversation.set(settingsFrom(conversation.flags, settings));
      conversation.load(messages);
      const other = model !== undefined && model !== conversation.opened.name;
      const hint = other ? ` They were said with ${model}: /model ${model} goes on with it.` : "";
      output.text(`${output.dim(`${messages.length} messages; the last one: ${lastOf(messages)}.${hint}`)}\n`);
    },
  },
  "/clear": {
    usage: "/clear",
    help: "forget what was said; the system message stays",
    run(_, { conversation, output }) {
      conversation.clear();
      output.text(`${output.dim("What was said is forgotten.")}\n`);
    },
  },
  "/quit": { usage: "/quit", help: "leave, as Ctrl-D does", run() {} },
};

/** Keys, and texts of several lines. */
const keys: readonly (readonly [string, string])[] = [
  ["Ctrl-C", "stop an answer (what came of it stays) or clear the line; twice: leave"],
  ["Ctrl-R", "search what was typed earlier; the arrows go through it"],
  ["Tab", "complete commands, models, settings and files"],
  ['"""', "begins and ends a text of several lines; so does a \\ at the end of each, or Alt-Enter between them"],
];

function lastOf(messages: Conversation["messages"]): string {
  const { role, content } = messages.at(-1)!;
  const text = typeof content === "string" ? content : JSON.stringify(content ?? "");
  const line = text.replace(/\s+/g, " ").trim();
  return `${role}: ${line.length > 60 ? `${line.slice(0, 59)}…` : line}`;
}

/** Words that mean a command without its slash, and its other names. */
const meant: Readonly<Record<string, string>> = {
  exit: "/quit",
  quit: "/quit",
  help: "/help",
  "?": "/help",
  "/exit": "/quit",
  "/bye": "/quit",
  "/?": "/help",
};

/** The command that a typed text calls, with what follows it; undefined for what is said to the model. @throws wrong_use */
export function commandIn(text: string): { readonly name: string; readonly rest: string } | undefined {
  const typed = text.trim();
  const word = /^\S*/.exec(typed)![0];
  const rest = typed.slice(word.length).trim();
  const name = rest === "" ? (meant[typed.toLowerCase()] ?? word) : word;
  if (Object.hasOwn(commands, name)) return { name, rest };
  // A path or a fraction is something to talk about.
  if (!/^\/[a-z?]+$/i.test(word)) return undefined;
  const near = nearest(word.toLowerCase(), Object.keys(commands));
  return fail("wrong_use", `there is no ${word}`, {
    hint: near ? `did you mean ${near}?` : "/help says what there is",
  });
}

/** What the beginning of a line may become, and the part of it that is replaced. */
export async function completions(line: string): Promise<[string[], string]> {
  const [, name = "", rest] = /^(\/\S*)(?:\s+(.*))?$/s.exec(line) ?? [];
  if (name === "") return [[], line];
  if (rest === undefined)
    return [
      Object.keys(commands)
        .filter((command) => command.startsWith(name))
        .map((c) => `${c} `),
      line,
    ];
  const words = Object.hasOwn(commands, name) ? ((await commands[name]!.complete?.(rest)) ?? []) : [];
  return [words.filter((word) => word.startsWith(rest)), rest];
}

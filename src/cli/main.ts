/** The program: what was typed to a command, and every ending to an exit code. */
import { errorCodes, fail, ZerothError } from "../errors.ts";
import { type Command, type CommandName, commands, common, longFlag, type OptionSpec } from "./commands.ts";
import { help, nearest, version } from "./help.ts";
import { createOutput, flushed, type Output, reportError } from "./output.ts";

type Flags = Record<string, unknown>;

function read(option: OptionSpec, text: string): unknown {
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
  return text;
}

/** Options and the rest, by the table; commander does the parsing of dashes, equals signs and negations. */
async function parse(name: CommandName, argv: readonly string[]): Promise<{ flags: Flags; rest: string[] }> {
  const { Command: Parser, CommanderError } = await import("commander");
  const parser = new Parser(name)
    .exitOverride()
    .helpOption(false)
    .showSuggestionAfterError(false)
    .allowExcessArguments(true);
  parser.configureOutput({ writeErr: () => {}, writeOut: () => {} });
  const command: Command = commands[name];
  for (const option of [...command.options, ...common]) {
    if (option.as === "repeat") {
      parser.option(option.flags, option.help, (text: string, before: string[] | undefined) => [
        ...(before ?? []),
        text,
      ]);
    } else if (option.flags.includes("<"))
      parser.option(option.flags, option.help, (text: string) => read(option, text));
    else parser.option(option.flags, option.help);
  }
  parser.argument("[rest...]");
  try {
    parser.parse([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof ZerothError) throw error;
    if (!(error instanceof CommanderError)) throw error;
    const typed = /'(-[^ ']*)/.exec(error.message)?.[1] ?? "";
    const flagsKnown = [...command.options, ...common].map(longFlag);
    const near = nearest(typed, flagsKnown);
    fail("wrong_use", error.message.replace(/^error: /, ""), {
      hint: near ? `did you mean ${near}?` : `zeroth ${name} --help lists the options`,
    });
  }
  return { flags: parser.opts(), rest: parser.args };
}

/** Run a command; modules are loaded only when they are needed, so --help is instant. */
async function dispatch(
  name: CommandName,
  rest: string[],
  flags: Flags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  switch (name) {
    case "generate":
      return (await import("./generate.ts")).generate(rest, flags, output, signal);
    case "score":
      return (await import("./score.ts")).score(rest, flags, output, signal);
    case "tokenize":
      return (await import("./tokenize.ts")).tokenize(rest, flags, output, signal);
    case "inspect":
      return (await import("./inspect.ts")).inspect(rest, flags, output, signal);
    case "pull":
      return (await import("./pull.ts")).pull(rest, flags, output, signal);
    case "cache":
      return (await import("./cache.ts")).cache(rest, flags, output, signal);
    case "train":
      return (await import("./train.ts")).train(flags, output, signal);
    case "mixture":
      return (await import("./mixture.ts")).mixture(rest, flags, output, signal);
    case "export":
      return (await import("./export.ts")).exportModel(rest, flags, output, signal);
    case "quantize":
      return (await import("./quantize.ts")).quantize(rest, flags, output, signal);
    case "plan":
      return (await import("./plan.ts")).plan(rest, flags, output, signal);
    case "scan":
      return (await import("./scan.ts")).scanModel(rest, output);
    case "bench":
      return (await import("./bench.ts")).bench(rest, flags, output, signal);
    case "doctor":
      return (await import("./doctor.ts")).doctor(output);
    case "prompts":
      return (await import("./prompts.ts")).prompts(rest, flags, output, signal);
    case "eval":
      return (await import("./eval.ts")).evaluateCommand(rest, flags, output, signal);
    case "completion":
      process.stdout.write(await (await import("./completion.ts")).completion(rest[0]));
      return 0;
  }
}

/** What the first word means: a command, or a question for `generate`. */
function commandOf(argv: readonly string[]): { name: CommandName; rest: readonly string[] } {
  const [first = ""] = argv;
  if (Object.hasOwn(commands, first)) return { name: first as CommandName, rest: argv.slice(1) };
  // A command is one word: whatever has a space in it, or begins with an option, is for generate.
  if (/\s/.test(first) || first.startsWith("-")) return { name: "generate", rest: argv };
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

export async function run(argv: readonly string[]): Promise<void> {
  // A reader that goes away (head, less) ends the program without a word.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  const wanted = { json: argv.includes("--json"), debug: argv.includes("--debug") };
  const { signal, done } = interruptible();
  try {
    const only = argv.length === 1 ? argv[0] : undefined;
    if (only === "--version" || only === "-V") process.stdout.write(`${version()}\n`);
    else if (argv.length === 0 && process.stdin.isTTY && process.stdout.isTTY) {
      done();
      process.exitCode = await (await import("./prompt.ts")).openPrompt(createOutput({}));
    } else if (argv.length === 0 || only === "--help" || only === "-h" || argv[0] === "help") {
      process.stdout.write(help(argv[0] === "help" ? argv[1] : undefined));
      if (argv.length === 0) process.exitCode = errorCodes.wrong_use.exit;
    } else {
      const { name, rest } = commandOf(argv);
      if (rest.includes("--help") || rest.includes("-h")) process.stdout.write(help(name));
      else {
        const parsed = await parse(name, rest);
        const output = createOutput(parsed.flags as { json?: boolean; quiet?: boolean; color?: boolean });
        process.exitCode = await dispatch(name, parsed.rest, parsed.flags, output, signal);
      }
    }
  } catch (error) {
    await flushed();
    process.exitCode = reportError(error, wanted);
  } finally {
    done();
  }
}

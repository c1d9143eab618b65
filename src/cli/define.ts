/** Defining a command. */
import type { CommandDescription, Commands, Invocation, OptionSpec } from "./command.ts";
import { createOutput } from "./output.ts";

interface Definition<O extends readonly OptionSpec[]> extends CommandDescription {
  readonly options: O;
  /** Does the work and gives the exit code. Imports what is heavy when it is called, so that `--help` stays fast. */
  run(invocation: Invocation<O>): Promise<number>;
}

/** Define a command; the types of its flags follow from its options. */
export function defineCommand<const O extends readonly OptionSpec[]>(definition: Definition<O>) {
  return {
    ...definition,
    async start(name: string, argv: readonly string[], signal: AbortSignal, commands: Commands): Promise<number> {
      const { parse } = await import("./parse.ts");
      const { args, flags, shared } = await parse(name, definition, argv);
      const output = createOutput(shared);
      try {
        return await definition.run({ args, flags, output, signal, commands });
      } finally {
        // What comes next, an error or the shell's own line, begins on a line of its own.
        output.progress("");
      }
    },
  };
}

/** Options of `zeroth run` whatever the job. */
import type { Flags, OptionSpec } from "../command.ts";

export const options = [
  { flags: "--store <where>", help: "where results are: a folder, or s3://BUCKET/PREFIX" },
  { flags: "--partition <name>", help: "only this one; may be repeated", as: "repeat" },
  { flags: "--all", help: "every partition" },
  { flags: "--workers <n>", help: "processes at once, each with a model of its own (1)", as: "integer" },
  { flags: "--keep-going", help: "go on with the others where one fails; exit code 4" },
  { flags: "--list", help: "print the partitions and do nothing" },
  { flags: "--dry-run", help: "print partitions, keys, and which are there already" },
  { flags: "--settings <file>", help: "the job's options, a file of JSON or YAML or {…}; what is typed wins" },
  { flags: "--asset <name>", help: "note results as the latest of this asset (the job's name)" },
  { flags: "--work <folder>", help: "where unfinished attempts are kept (in the store, where it is a folder)" },
] as const satisfies readonly OptionSpec[];

export type RunFlags = Flags<typeof options>;

/** Options of `zeroth eval`. */
import type { Flags, OptionSpec } from "../command.ts";
import { engine, model } from "../options.ts";
import { overwriting } from "../targets.ts";

export const evalOptions = [
  model,
  {
    flags: "--task <a,b>",
    help: "data sets with templates, such as super_glue/rte; superglue: all of it; FILE.yaml: your own",
    as: "list",
  },
  {
    flags: "--data <path>",
    help: "rows: .jsonl, .csv, .tsv (also .gz), .parquet, or -; or a folder of TASK.SPLIT.jsonl",
  },
  { flags: "--split <name>", help: "of a folder or a data set of the hub (validation)" },
  { flags: "--templates <which>", help: "original (default), all, or names with commas between" },
  { flags: "--limit <n>", help: "only the first n rows", as: "integer" },
  {
    flags: "--normalize <how>",
    help: "rank choices by sum (default), tokens, characters, unconditional or calibrated",
    values: ["sum", "tokens", "characters", "unconditional", "calibrated"],
  },
  { flags: "--null-prompt <text>", help: "unconditional: the prompt that says nothing (the end token alone)" },
  { flags: "--prompt-end", help: "add the end token to prompts (as the model was trained, if its folder says so)" },
  { flags: "--no-prompt-end", help: "do not add it, as in T0's evaluation" },
  { flags: "--no-eos", help: "do not append the end token to choices and count it, as lm-evaluation-harness" },
  {
    flags: "--delimiter <text>",
    help: 'put this between a prompt and its choices and read both as one text (lm-evaluation-harness: " ")',
  },
  { flags: "--window <n>", help: "longest prompt in tokens; the rest is cut, with a notice (1024)", as: "integer" },
  { flags: "--max-new-tokens <n>", help: "longest written answer in tokens (256)", as: "integer" },
  { flags: "--seed <n>", help: "of the intervals, and of templates that choose at random (0)", as: "integer" },
  { flags: "--html <file>", help: "write a report with plots" },
  { flags: "--out <folder>", help: "write results.json, T0's files, and every example's scores" },
  overwriting,
  { flags: "--folder <path>", help: "templates from here, such as a promptsource checkout" },
  { flags: "--no-cache", help: "compute anew what was computed before" },
  ...engine,
] as const satisfies readonly OptionSpec[];

export type EvalFlags = Flags<typeof evalOptions>;

/** Options of `zeroth prompts`. */
import type { Flags, OptionSpec } from "../command.ts";

export const promptsOptions = [
  { flags: "--template <name>", help: "FILE.yaml:NAME or DATASET/NAME; render: also a whole file or data set" },
  { flags: "--data <file>", help: "rows: .jsonl, .csv, .tsv (each also .gz), .parquet, or - for JSON lines on stdin" },
  { flags: "--input <file>", help: "the same as --data" },
  { flags: "--row <n>", help: "show: the row to preview, from 1 (1)", as: "integer" },
  { flags: "--watch", help: "show: again whenever the file of templates changes" },
  { flags: "--limit <n>", help: "render, check: so many rows (all; check: 100)", as: "integer" },
  { flags: "--seed <n>", help: "for templates that choose at random (0)", as: "integer" },
  { flags: "--no-truncate", help: "keep values longer than 2048 characters whole" },
  { flags: "--folder <path>", help: "templates from here, such as a promptsource checkout, not the package's own" },
  { flags: "-m, --model <name>", help: "show: count the tokens of this model" },
] as const satisfies readonly OptionSpec[];

export type PromptsFlags = Flags<typeof promptsOptions>;

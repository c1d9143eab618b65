/** The options of `zeroth ask`. */
import type { OptionSpec } from "../command.ts";
import { engine, rows } from "../options.ts";
import { backendOptions } from "./backend-options.ts";

export const askOptions = [
  { flags: "--store <file>", help: "the index's file, of zeroth index build" },
  {
    flags: "-m, --model <name>",
    help: "the model that writes the answer; without one the answer is the sentence of the documents that fits best",
  },
  ...backendOptions,
  ...rows,
  { flags: "-k, --k <n>", help: "passages that the answer is made of (4)", as: "integer" },
  {
    flags: "--mode <mode>",
    help: "how passages are found: hybrid (default), dense or bm25",
    values: ["hybrid", "dense", "bm25"],
  },
  {
    flags: "--rerank <model>",
    help: "order the best 50 passages by a ranker that reads question and passage together",
  },
  { flags: "--label <name>", help: "of a ranker with several classes the one that is the score" },
  { flags: "--filter <expression>", help: 'only from these: path ~ "guides/" and modified > 2024-01-01' },
  { flags: "--index-model <name>", help: "where the index's model is now, if it has moved; of --backend the model" },
  { flags: "--query-model <name>", help: "where its model of questions is now, if it has one" },
  { flags: "--extract", help: "the answer is the sentence that fits best, whatever the model" },
  {
    flags: "--support <s>",
    help: "least support of a sentence that counts as supported, 0 to 1 (0.6)",
    as: "number",
  },
  { flags: "--max-new-tokens <n>", help: "longest answer in tokens (200)", as: "integer" },
  ...engine,
] as const satisfies readonly OptionSpec[];

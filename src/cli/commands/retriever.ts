/** `zeroth retriever`: a retriever trained on one's own documents, and judged. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { engine } from "../options.ts";

const words = ["eval", "warmup", "mine", "distil", "ar2", "import"] as const;

export default defineCommand({
  group: "search",
  summary: "Judge a retriever on a data set, and train one: warm-up, hard negatives, a ranker's knowledge",
  arguments: "<eval|warmup|mine|distil|ar2|import> [file]",
  words,
  options: [
    { flags: "--config <file>", help: "of a training: its configuration (docs/search.md)" },
    { flags: "--resume", help: "go on with a training that was interrupted" },
    { flags: "--data <folder>", help: "eval: a data set as BEIR has it, or a .json file of DPR's" },
    { flags: "--split <name>", help: "eval: its judgements (test)" },
    { flags: "-m, --model <name>", help: "eval: the encoder; without one words alone" },
    { flags: "--query-model <name>", help: "eval: the encoder of questions, where it is another one" },
    { flags: "--run <file>", help: "eval: judge this run, a file of TREC's" },
    { flags: "--compare <file>", help: "eval: a run of TREC's to be compared with, question by question" },
    {
      flags: "--mode <mode>",
      help: "eval: hybrid, dense or bm25 (hybrid, without a model bm25)",
      values: ["hybrid", "dense", "bm25"],
    },
    {
      flags: "--metrics <a,b>",
      help: "eval: ndcg, mrr, map, recall, hit, precision, each @k (ndcg@10,mrr@10,recall@100)",
      as: "list",
    },
    { flags: "--depth <n>", help: "eval: hits of each question (100)", as: "integer" },
    { flags: "--rerank <model>", help: "eval: order the best 50 by this ranker" },
    {
      flags: "--stem <language>",
      help: "eval: endings are taken off words: english (none)",
      values: ["none", "english"],
    },
    { flags: "--write-run <file>", help: "eval: write what was found as a file of TREC's" },
    { flags: "--out <folder>", help: "import: write the folders question and passage into this one" },
    ...engine,
  ],
  rows: '`eval`: `{"metric","k","value","n"}` each, with --compare also `{"metric","k","difference","low","high","p"}`; training: `{"stage","step","loss","lr","grad_norm","seconds"}` a step, last `{"done":true,"retriever"?,"ranker"?,"mined"?}`; `import`: `{"done":true,"question","passage"}`',
  example: "zeroth retriever eval --data scifact --split test --model sentence-transformers/all-MiniLM-L6-v2",
  async run({ args: [action, file], flags, output, signal }) {
    if (action === undefined) fail("wrong_use", "what is to be done?", { hint: "zeroth retriever eval --data FOLDER" });
    const { oneOf } = await import("../parse.ts");
    const todo = oneOf("zeroth retriever", action, words);
    if (todo === "eval") return (await import("../retrieve/evaluate.ts")).evaluate({ flags, output, signal });
    if (todo === "import") return (await import("../retrieve/native.ts")).importNative(file, { flags, output, signal });
    return (await import("../retrieve/train.ts")).train(todo, { flags, output, signal });
  },
});

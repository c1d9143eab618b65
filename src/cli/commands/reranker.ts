/** `zeroth reranker train`: a cross-encoder that tells the right passage from those that are found with it. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";

const words = ["train"] as const;

export default defineCommand({
  group: "search",
  summary: "Train a ranker that reads question and passage together",
  arguments: "<train>",
  words,
  options: [
    { flags: "--config <file>", help: "the configuration (docs/search.md)" },
    { flags: "--resume", help: "go on with a training that was interrupted" },
  ],
  rows: '`{"stage","step","loss","lr","grad_norm","seconds"}` a step, last `{"done":true,"ranker"}`',
  example: "zeroth reranker train --config ranker.json",
  async run({ args: [action], flags, output, signal }) {
    if (action === undefined) fail("wrong_use", "what is to be done?", { hint: "zeroth reranker train --config FILE" });
    const { oneOf } = await import("../parse.ts");
    oneOf("zeroth reranker", action, words);
    return (await import("../retrieve/train.ts")).train("ranker", { flags, output, signal });
  },
});

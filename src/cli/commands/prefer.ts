/** `zeroth prefer`: what people prefer, as reward models and as models that write it. */
import { fail } from "../../errors.ts";
import { formatNames } from "../../prefer/data/formats.ts";
import { defineCommand } from "../define.ts";
import { engine, model, rows } from "../options.ts";

const words = ["check", "convert", "reward", "score", "dpo"] as const;

export default defineCommand({
  group: "train",
  summary: "Learn from comparisons: check them, train a reward model, score, teach a model what is preferred (DPO)",
  arguments: "<check|convert|reward|score|dpo> [file]",
  words,
  options: [
    model,
    { flags: "--data <file>", help: "comparisons to learn from: our rows, summarize-from-feedback's, or TRL's" },
    { flags: "--eval <file>", help: "comparisons of other books to judge by" },
    {
      flags: "--split <share>",
      help: "without --eval: hold out books with this share of the pairs (0.1)",
      as: "number",
    },
    { flags: "--out <folder>", help: "reward, dpo: where the model or adapter is written" },
    { flags: "--format <name>", help: "convert: what to write", values: formatNames },
    { flags: "--demonstrations <file>", help: "reward: rows {prompt, completion} whose mean reward becomes 0" },
    {
      flags: "--method <name>",
      help: "reward: full (default), lora, head; dpo: lora (default), full",
      values: ["full", "lora", "head"],
    },
    { flags: "--beta <x>", help: "dpo: how closely to stay to the model as it was (0.1)", as: "number" },
    { flags: "--rank <r>", help: "LoRA: rank (8)", as: "integer" },
    { flags: "--alpha <a>", help: "LoRA: scale times rank (as the rank)", as: "number" },
    { flags: "--targets <a,b>", help: "LoRA: ends of products' names, or all-linear", as: "list" },
    {
      flags: "--lr <rate>",
      help: "learning rate (reward: 3e-5, lora 5e-4, head 1e-3; dpo: 1e-4, full 1e-6)",
      as: "number",
    },
    {
      flags: "--schedule <name>",
      help: "cosine (default), linear, constant",
      values: ["cosine", "linear", "constant"],
    },
    { flags: "--warmup <steps>", help: "steps in which the rate rises (0)", as: "integer" },
    { flags: "--batch <n>", help: "pairs a step (8)", as: "integer" },
    { flags: "--accumulate <n>", help: "batches added up before a step (1)", as: "integer" },
    { flags: "--epochs <n>", help: "passes over the pairs (1)", as: "integer" },
    { flags: "--steps <n>", help: "instead of epochs", as: "integer" },
    { flags: "--patience <n>", help: "end after n evaluations without a better one", as: "integer" },
    { flags: "--eval-every <steps>", help: "evaluate after so many steps (an epoch)", as: "integer" },
    { flags: "--clip <norm>", help: "greatest norm of the gradients (1)", as: "number" },
    { flags: "--weight-decay <rate>", help: "decoupled (0)", as: "number" },
    { flags: "--dropout <rate>", help: "in training (the model's own)", as: "number" },
    { flags: "--seed <n>", help: "for starts, order, dropout and the split (0)", as: "integer" },
    { flags: "--no-shuffle", help: "pairs in the file's order" },
    {
      flags: "--max-length <n>",
      help: "most tokens of an input with its answer (reward 512, dpo 1024)",
      as: "integer",
    },
    { flags: "--recompute", help: "less memory: cheap values are computed twice" },
    ...rows,
    ...engine,
  ],
  rows: '`check`: `{"rows","books","pairs","ties","skipped","duplicates","contradictions","between":{"share","n","interval"},"within","kappa","longer","first"}`; `score`: `{"prompt","completions":[…]}` → `{"scores":[…],"best":index}`; `reward`, `dpo`: `{"step","loss","lr",…}` a step, `{"step","metric","value",…}` an evaluation, last `{"done":true,"model"|"adapter",…}`; `convert`: `{"file","rows"}`',
  example: "zeroth prefer reward --model sentence-transformers/all-MiniLM-L6-v2 --data choices.jsonl --out taste",
  async run({ args: [first, file, more], flags, output, signal }) {
    if (first === undefined) fail("wrong_use", "what is to be done?", { hint: `one of ${words.join(", ")}` });
    const { oneOf } = await import("../parse.ts");
    const action = oneOf("zeroth prefer", first, words);
    if (more !== undefined || (file !== undefined && action !== "check" && action !== "convert")) {
      fail("wrong_use", `"${(more ?? file)!.slice(0, 60)}" is one argument too many`);
    }
    if (action === "check" || action === "convert") {
      const { check, convert } = await import("../prefer/rows.ts");
      const given =
        file ?? flags.data ?? fail("wrong_use", "which file?", { hint: `zeroth prefer ${action} choices.jsonl` });
      return action === "check" ? check(given, output) : convert(given, flags, output);
    }
    if (action === "score") return (await import("../prefer/score.ts")).score(flags, output, signal);
    return (await import("../prefer/train.ts"))[action](flags, output, signal);
  },
});

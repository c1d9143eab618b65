/** `zeroth tune`: a frozen model and a person's rows to an adapter. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { model } from "../options.ts";

export default defineCommand({
  group: "train",
  summary: "Teach a frozen model with your rows: an adapter of a few numbers, or a head",
  arguments: "",
  options: [
    model,
    {
      flags: "--method <name>",
      help: "p-tuning-v2 (default), prefix, prompt, lora, head, full",
      values: ["p-tuning-v2", "prefix", "prompt", "lora", "head", "full"],
    },
    {
      flags: "--task <name>",
      help: "what the rows are for, where their columns do not tell",
      values: ["seq-cls", "token-cls", "qa", "choice", "seq2seq", "causal"],
    },
    { flags: "--data <file>", help: "rows to learn from: .jsonl, .csv, .tsv (each also .gz), .parquet, .conll" },
    { flags: "--eval <file>", help: "rows to judge by" },
    {
      flags: "--with <files>",
      help: "further tasks over one prefix, each with a head and a folder of its own",
      as: "list",
    },
    { flags: "--with-eval <files>", help: "rows that these are judged by, in their order", as: "list" },
    { flags: "--split <share>", help: "without --eval: hold out this share of the rows (0.1)", as: "number" },
    { flags: "--out <folder>", help: "where the adapter is written" },
    { flags: "--from <adapter>", help: "go on from this adapter's numbers" },
    { flags: "--resume", help: "go on with the tuning in --out" },
    { flags: "--n <length>", help: "virtual tokens of prefixes and prompts (20)", as: "integer" },
    { flags: "--sites <a,b>", help: "of encoder-decoders: encoder, decoder, cross (encoder,decoder)", as: "list" },
    { flags: "--counted", help: "positions count on behind the prefix (always but for encoder-decoders)" },
    { flags: "--projection <n>", help: "make the prefix by two layers with n channels", as: "integer" },
    { flags: "--rank <r>", help: "LoRA: rank (8)", as: "integer" },
    { flags: "--alpha <a>", help: "LoRA: scale times rank (as the rank)", as: "number" },
    { flags: "--targets <a,b>", help: "LoRA: ends of products' names, or all-linear", as: "list" },
    { flags: "--init <start>", help: "normal(0.02), normal(1), uniform(0.5), zero, text, vocabulary, labels" },
    { flags: "--init-text <text>", help: "the text that --init text starts from" },
    { flags: "--lr <rate>", help: "learning rate (1e-2; prompt 3e-2, lora 1e-3, full 5e-5)", as: "number" },
    {
      flags: "--schedule <name>",
      help: "linear (default), exp, constant, cosine",
      values: ["linear", "exp", "constant", "cosine"],
    },
    { flags: "--optimizer <name>", help: "adamw (default), adafactor", values: ["adamw", "adafactor"] },
    { flags: "--no-factored", help: "adafactor: a second moment for every number, as for prompts of Lester et al." },
    { flags: "--warmup <steps>", help: "steps in which the rate rises (0)", as: "integer" },
    { flags: "--batch <n>", help: "rows a step (32)", as: "integer" },
    { flags: "--accumulate <n>", help: "batches added up before a step (1)", as: "integer" },
    { flags: "--epochs <n>", help: "passes over the rows (10)", as: "integer" },
    { flags: "--steps <n>", help: "instead of epochs", as: "integer" },
    {
      flags: "--metric <name>",
      help: "of text: accuracy among the targets, or exact_match, f1, rouge1, rouge2, rougeL, bleu of answers",
      values: ["accuracy", "exact_match", "f1", "rouge1", "rouge2", "rougeL", "bleu"],
    },
    { flags: "--patience <n>", help: "end after n evaluations without a better one", as: "integer" },
    { flags: "--eval-every <steps>", help: "evaluate after so many steps (an epoch)", as: "integer" },
    { flags: "--clip <norm>", help: "greatest norm of the gradients (1)", as: "number" },
    { flags: "--weight-decay <rate>", help: "decoupled, of what is learnt (0)", as: "number" },
    { flags: "--z-loss <weight>", help: "of text: weight of squared sums of the logits (0)", as: "number" },
    { flags: "--dropout <rate>", help: "in training (the model's own)", as: "number" },
    { flags: "--seed <n>", help: "for starts, order and dropout (0)", as: "integer" },
    { flags: "--no-shuffle", help: "rows in the file's order, none held out" },
    { flags: "--max-length <n>", help: "most tokens of a text (what the model reads, 512 at most)", as: "integer" },
    {
      flags: "--too-long <what>",
      help: "rows beyond that: error, skip, cut, windows (of answers and tags; there the default)",
      values: ["error", "skip", "cut", "windows"],
    },
    { flags: "--stride <tokens>", help: "tokens that two windows of a row share (128)", as: "integer" },
    { flags: "--recompute", help: "less memory: cheap values are computed twice" },
    { flags: "--dtype <type>", help: "frozen weights in a copy of int8 or int4", values: ["int8", "int4"] },
    { flags: "--threads <n>", help: "threads of the engine", as: "integer" },
    { flags: "--search <rates>", help: "try these learning rates (or: usual) with every --inits", as: "list" },
    { flags: "--inits <a,b>", help: "starts that --search tries", as: "list" },
    { flags: "--budget <seconds>", help: "for all of --search together", as: "integer" },
  ],
  rows: '`{"text"[,"text_pair"],"label"}`, `{"tokens","tags"}`, `{"question","context","answers"}`, `{"text","choices","label"}` or `{"prompt","target"}`; `{"step","loss","lr",…}` a step, `{"step","metric","value",…}` an evaluation, last `{"done":true,"adapter","best","trainable","parameters"}`',
  example: "zeroth tune --model google-bert/bert-base-uncased --data reviews.csv --out my-adapter",
  async run({ flags, output, signal }) {
    const { data, out } = flags;
    if (!data) fail("wrong_use", "--data is missing", { hint: "a file of rows, each with text and label, say" });
    if (!out) fail("wrong_use", "--out is missing", { hint: "the folder that the adapter is written to" });
    if (flags.model === undefined) fail("wrong_use", "--model is missing", { hint: "a folder, or a name of the hub" });
    const { runTune } = await import("../tune/run.ts");
    return runTune({ ...flags, model: flags.model, data, out }, output, signal);
  },
});

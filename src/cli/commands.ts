/** Every command with its options: one table, from which parsing, --help, completion and the documentation follow. */

export interface OptionSpec {
  /** As typed: "--max-new-tokens <n>", "--json", "--stop <text...>" for one that may be repeated. */
  readonly flags: string;
  readonly help: string;
  /** How the value is read; text when absent. */
  readonly as?: "number" | "integer" | "list" | "repeat";
}

export interface Command {
  readonly summary: string;
  /** "[prompt...]", "<model>": as in the usage line. */
  readonly arguments: string;
  readonly options: readonly OptionSpec[];
  readonly example: string;
}

const model: OptionSpec = {
  flags: "-m, --model <name>",
  help: "folder, hub name (downloaded if need be), or zeroth-nano (default)",
};
const input: OptionSpec = {
  flags: "--input <file>",
  help: "rows to do: .jsonl, .csv, .parquet, or - for JSON lines on stdin",
};

const engine: readonly OptionSpec[] = [
  { flags: "--device <name>", help: "cpu, webgpu, cuda or auto" },
  { flags: "--threads <n>", help: "threads of the engine", as: "integer" },
  {
    flags: "--dtype <type>",
    help: "fp32 or bf16: weights in this precision; int8, int4: in a copy, made once and kept",
  },
];

/** Options of every command. */
export const common: readonly OptionSpec[] = [
  { flags: "--json", help: "JSON on stdout, one object a line; talk goes to stderr" },
  { flags: "-q, --quiet", help: "no status lines" },
  { flags: "--debug", help: "show where an error came from" },
  { flags: "--no-color", help: "no colours" },
];

const generation: readonly OptionSpec[] = [
  { flags: "--max-new-tokens <n>", help: "longest answer in tokens (256)", as: "integer" },
  { flags: "--min-new-tokens <n>", help: "shortest answer in tokens", as: "integer" },
  { flags: "--num-beams <k>", help: "beam search with k beams", as: "integer" },
  { flags: "--length-penalty <a>", help: "beams: scores divided by length^a (1)", as: "number" },
  { flags: "--early-stopping", help: "beams: stop when k have finished" },
  { flags: "--sample", help: "draw tokens instead of taking the likeliest" },
  { flags: "--temperature <t>", help: "sampling: below 1 is bolder, above 1 is wilder (1)", as: "number" },
  { flags: "--top-k <k>", help: "sampling: among the k likeliest", as: "integer" },
  { flags: "--top-p <p>", help: "sampling: among the likeliest that make up p", as: "number" },
  { flags: "--repetition-penalty <r>", help: "make what was said less likely (1 is off)", as: "number" },
  { flags: "--seed <n>", help: "for sampling", as: "integer" },
  { flags: "--stop <text>", help: "end before this text; may be repeated", as: "repeat" },
  { flags: "--choices <a,b>", help: "answer with exactly one of these", as: "list" },
  { flags: "--max-input <n>", help: "refuse prompts longer than this many tokens", as: "integer" },
  { flags: "--no-prompt-end", help: "do not add the end token to prompts" },
];

export const commands = {
  generate: {
    summary: "Answer prompts",
    arguments: "[prompt...]",
    options: [model, input, ...generation, { flags: "--stats", help: "show speeds afterwards" }, ...engine],
    example: 'zeroth generate "Is this review positive or negative? A warm, funny film."',
  },
  score: {
    summary: "How likely each choice is as the answer",
    arguments: "[prompt]",
    options: [
      model,
      input,
      { flags: "--choices <a,b>", help: "the answers to compare", as: "list" },
      { flags: "--target <text>", help: "one answer, token by token" },
      { flags: "--no-eos", help: "do not append and count the end token" },
      { flags: "--no-prompt-end", help: "do not add the end token to prompts" },
      ...engine,
    ],
    example: 'zeroth score "Is this a fact or an opinion? Snow is cold." --choices fact,opinion',
  },
  tokenize: {
    summary: "Text as the model sees it",
    arguments: "[text...]",
    options: [model, input, { flags: "--no-special", help: "without special tokens" }],
    example: 'zeroth tokenize "Hello there"',
  },
  inspect: {
    summary: "What a model folder holds",
    arguments: "[model]",
    options: [{ flags: "--tensors", help: "list every tensor" }],
    example: "zeroth inspect zeroth-nano",
  },
  pull: {
    summary: "Download a model into the cache",
    arguments: "<model>",
    options: [
      { flags: "--revision <name>", help: "branch, tag or commit (main)" },
      {
        flags: "--include <glob>",
        help: "only files that fit, instead of those a run needs; repeatable",
        as: "repeat",
      },
    ],
    example: "zeroth pull google/flan-t5-small",
  },
  cache: {
    summary: "List cached models, data sets and what was made of them, or remove one",
    arguments: "<list|remove> [name]",
    options: [{ flags: "-y, --yes", help: "remove without asking" }],
    example: "zeroth cache remove google/flan-t5-small",
  },
  train: {
    summary: "Train a model from a configuration",
    arguments: "",
    options: [
      { flags: "--config <file>", help: "the configuration (docs/train.md)" },
      { flags: "--resume", help: "continue from the latest checkpoint" },
    ],
    example: "zeroth train --config train.json --resume",
  },
  mixture: {
    summary: "What a mixture file mixes: tasks, shares, examples",
    arguments: "<file>",
    options: [
      { flags: "--examples <n>", help: "show the first n pairs of its stream (2)", as: "integer" },
      { flags: "--check", help: "put every row into every wording, and count" },
      { flags: "--validation", help: "the tasks' validation files instead of those for training" },
      { flags: "--seed <n>", help: "of the order (0)", as: "integer" },
    ],
    example: "zeroth mixture mixture.json --check",
  },
  export: {
    summary: "Write a model in another form",
    arguments: "[model]",
    options: [
      { flags: "--format <name>", help: "onnx, safetensors or transformers.js" },
      { flags: "--out <folder>", help: "where to" },
    ],
    example: "zeroth export zeroth-nano --format onnx --out nano-onnx",
  },
  quantize: {
    summary: "Write a model in 8 or 4 bits",
    arguments: "[model]",
    options: [
      { flags: "--dtype <type>", help: "int8 or int4" },
      { flags: "--out <folder>", help: "where to" },
      { flags: "--overwrite", help: "replace a model that is there" },
    ],
    example: "zeroth quantize google/flan-t5-base --dtype int8 --out flan-t5-base-int8",
  },
  plan: {
    summary: "How big a model is, whether it fits and how fast it could be",
    arguments: "[model|config.json]",
    options: [
      { flags: "--machine <what>", help: "this (measured, default), or 24GB,46GB/s[,480GFLOP/s[,2GB/s of disk]]" },
      { flags: "--dtype <type>", help: "fp32, bf16, int8 or int4; q8, q4: blocks as other programs have them" },
      { flags: "--context <n>", help: "tokens of an input (512)", as: "integer" },
      { flags: "--max-new-tokens <n>", help: "tokens of an answer (128)", as: "integer" },
      { flags: "--batch <n>", help: "inputs at a time (1)", as: "integer" },
      { flags: "--train <name>", help: "optimiser: adam (default), adafactor, sgd or none" },
      { flags: "--tune <method>", help: "lora (default), prefix or prompt" },
      { flags: "--rank <r>", help: "of LoRA's matrices (8)", as: "integer" },
      { flags: "--virtual-tokens <n>", help: "of a prefix or prompt (20)", as: "integer" },
      { flags: "--tokens <n>", help: "tokens of a training set: how long it takes", as: "integer" },
      { flags: "--plot <file>", help: "write the comparison as SVG" },
      { flags: "--threads <n>", help: "threads that measure this machine", as: "integer" },
      {
        flags: "--architecture <name>",
        help: "sizes instead of a model: t5, switch_transformers, gpt2, llama, bert, vit",
      },
      { flags: "--width <d>", help: "of the model", as: "integer" },
      { flags: "--feed-forward <f>", help: "width inside feed-forward networks (4 × width)", as: "integer" },
      { flags: "--layers <n>", help: "of the model, or of its encoder", as: "integer" },
      { flags: "--decoder-layers <n>", help: "where they are not as many as the encoder's", as: "integer" },
      { flags: "--heads <n>", help: "of attention", as: "integer" },
      { flags: "--head-size <k>", help: "width of a head (width / heads)", as: "integer" },
      { flags: "--key-heads <n>", help: "heads of keys and values that the others share", as: "integer" },
      { flags: "--vocabulary <n>", help: "rows of the embedding", as: "integer" },
      { flags: "--positions <n>", help: "longest text that positions are learned for", as: "integer" },
      { flags: "--gated", help: "feed-forward networks with a gate, as in T5 v1.1" },
      { flags: "--tied", help: "the output matrix is the embedding" },
      { flags: "--untied", help: "the output matrix is its own" },
      { flags: "--experts <n>", help: "in each sparse layer", as: "integer" },
      { flags: "--sparse-layers <n>", help: "sparse layers of each stack (every second)", as: "integer" },
      { flags: "--image <pixels>", help: "side of an image (224)", as: "integer" },
      { flags: "--patch <pixels>", help: "side of a patch", as: "integer" },
      { flags: "--classes <n>", help: "of an image classifier (0: none)", as: "integer" },
    ],
    example: "zeroth plan google/flan-t5-xl --machine 24GB,46GB/s",
  },
  scan: {
    summary: "Whether a model folder or file is safe: exit 0 safe, 1 unsafe, 2 cannot be told",
    arguments: "<model>",
    options: [],
    example: "zeroth scan ./a-folder-somebody-sent",
  },
  bench: {
    summary: "How fast this machine runs a model",
    arguments: "[model]",
    options: [{ flags: "--tokens <n>", help: "prompt length in tokens (128)", as: "integer" }, ...engine],
    example: "zeroth bench zeroth-nano",
  },
  doctor: {
    summary: "What this machine offers and whether all is well",
    arguments: "",
    options: [],
    example: "zeroth doctor",
  },
  prompts: {
    summary: "Prompt templates: list them, show one, render rows, check a file",
    arguments: "<list|show|render|check> [template...]",
    options: [
      { flags: "--template <name>", help: "FILE.yaml:NAME or DATASET/NAME; render: also a whole file or data set" },
      { flags: "--data <file>", help: "rows: .jsonl (also .gz), .csv, .parquet, or - for JSON lines on stdin" },
      { flags: "--input <file>", help: "the same as --data" },
      { flags: "--row <n>", help: "show: the row to preview, from 1 (1)", as: "integer" },
      { flags: "--watch", help: "show: again whenever the file of templates changes" },
      { flags: "--limit <n>", help: "render, check: so many rows (all; check: 100)", as: "integer" },
      { flags: "--seed <n>", help: "for templates that choose at random (0)", as: "integer" },
      { flags: "--no-truncate", help: "keep values longer than 2048 characters whole" },
      { flags: "--folder <path>", help: "templates from here, such as a promptsource checkout, not the package's own" },
      { flags: "-m, --model <name>", help: "show: count the tokens of this model" },
    ],
    example: 'zeroth prompts render --template "ag_news/pick a desk" --data news.jsonl --json',
  },
  eval: {
    summary: "Evaluate a model on a task, zero-shot, under every wording",
    arguments: "",
    options: [
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
      },
      { flags: "--null-prompt <text>", help: "unconditional: the prompt that says nothing (the end token alone)" },
      { flags: "--prompt-end", help: "add the end token to prompts (as the model was trained, if its folder says so)" },
      { flags: "--no-prompt-end", help: "do not add it, as in T0's evaluation" },
      { flags: "--window <n>", help: "longest prompt in tokens; the rest is cut, with a notice (1024)", as: "integer" },
      { flags: "--max-new-tokens <n>", help: "longest written answer in tokens (256)", as: "integer" },
      { flags: "--seed <n>", help: "of the intervals, and of templates that choose at random (0)", as: "integer" },
      { flags: "--html <file>", help: "write a report with plots" },
      { flags: "--out <folder>", help: "write results.json, T0's files, and every example's scores" },
      { flags: "--folder <path>", help: "templates from here, such as a promptsource checkout" },
      { flags: "--no-cache", help: "compute anew what was computed before" },
      ...engine,
    ],
    example: "zeroth eval --task super_glue/rte --data rte.validation.jsonl",
  },
  completion: {
    summary: "Shell completion: bash, zsh, fish or powershell",
    arguments: "<shell>",
    options: [],
    example: 'eval "$(zeroth completion bash)"',
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;

/** "--max-new-tokens" of "--max-new-tokens <n>". */
export function longFlag(option: OptionSpec): string {
  return option.flags.split(/[ ,]+/).find((part) => part.startsWith("--"))!;
}

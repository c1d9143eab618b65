/** Options that several commands share, and the names that their arguments complete to. */
import type { OptionSpec } from "./command.ts";

/** Options of every command. */
export const common = [
  { flags: "--json", help: "JSON on stdout, one object a line; talk goes to stderr" },
  { flags: "-q, --quiet", help: "no status lines" },
  { flags: "--debug", help: "show where an error came from" },
  { flags: "--no-color", help: "no colours" },
] as const satisfies readonly OptionSpec[];

export const model = {
  flags: "-m, --model <name>",
  help: "folder, hub name (downloaded if need be), or zeroth-nano (default)",
} as const satisfies OptionSpec;

export const input = {
  flags: "--input <file>",
  help: "rows to do: .jsonl, .csv, .tsv (each also .gz), .parquet, or - for JSON lines on stdin",
} as const satisfies OptionSpec;

/** What a person has tuned a model with. */
export const adapter = {
  flags: "--adapter <folder>",
  help: "put this adapter into the model: what zeroth tune or PEFT wrote; also --model NAME:FOLDER",
} as const satisfies OptionSpec;
/** Rows in, and where the results go. */
export const rows = [
  input,
  { flags: "--output <file>", help: "results of --input as JSON lines in this file, which is there when it is whole" },
  { flags: "--resume", help: "go on with an --output that was interrupted, after its last whole rows" },
  { flags: "--overwrite", help: "replace an --output that is there" },
] as const satisfies readonly OptionSpec[];

/** How a model is run. */
export const engine = [
  { flags: "--device <name>", help: "cpu, webgpu, cuda or auto", values: ["cpu", "webgpu", "cuda", "auto"] },
  { flags: "--threads <n>", help: "threads of the engine, at most the machine's cores", as: "integer" },
  {
    flags: "--dtype <type>",
    help: "fp32 or bf16: weights in this precision; int8, int4: in a copy, made once and kept",
    values: ["fp32", "bf16", "int8", "int4"],
  },
  {
    flags: "--activations <type>",
    help: "of a GGUF file: fp32 (exact, default), or int8: faster, rounded to 8 bits in products",
    values: ["fp32", "int8"],
  },
] as const satisfies readonly OptionSpec[];

/** How an answer is written, in whatever form the prompt is. */
export const writing = [
  { flags: "--max-new-tokens <n>", help: "longest answer in tokens (256)", as: "integer" },
  { flags: "--min-new-tokens <n>", help: "shortest answer in tokens", as: "integer" },
  {
    flags: "--max-length <n>",
    help: "longest prompt and answer together, where --max-new-tokens is not given",
    as: "integer",
  },
  { flags: "--min-length <n>", help: "shortest prompt and answer together", as: "integer" },
  { flags: "--num-beams <k>", help: "beam search with k beams", as: "integer" },
  { flags: "--length-penalty <a>", help: "beams: scores divided by length^a (1)", as: "number" },
  { flags: "--early-stopping", help: "beams: stop when k have finished" },
  { flags: "--sample", help: "draw tokens instead of taking the likeliest" },
  { flags: "--temperature <t>", help: "sampling: below 1 is bolder, above 1 is wilder (1)", as: "number" },
  { flags: "--top-k <k>", help: "sampling: among the k likeliest", as: "integer" },
  { flags: "--top-p <p>", help: "sampling: among the likeliest that make up p", as: "number" },
  { flags: "--min-p <p>", help: "sampling: among those with this share of the likeliest's probability", as: "number" },
  { flags: "--typical-p <p>", help: "sampling: among the most typical that make up p", as: "number" },
  { flags: "--json-schema <file>", help: "answer with JSON that fits this schema" },
  { flags: "--grammar <file>", help: "answer with a text that fits this grammar (GBNF)" },
  { flags: "--no-repeat-ngram <n>", help: "no n tokens in a row are written twice", as: "integer" },
  { flags: "--repetition-penalty <r>", help: "make what was said less likely (1 is off)", as: "number" },
  { flags: "--seed <n>", help: "for sampling", as: "integer" },
  { flags: "--stop <text>", help: "end before this text; may be repeated", as: "repeat" },
  { flags: "--lookup", help: "several tokens a run where the text repeats itself (default where numbers are exact)" },
  { flags: "--no-lookup", help: "one token a run everywhere" },
  { flags: "--max-input <n>", help: "refuse prompts longer than this many tokens", as: "integer" },
] as const satisfies readonly OptionSpec[];

export const greedy = {
  flags: "--greedy",
  help: "take the likeliest token, whatever the model's makers recommend",
} as const satisfies OptionSpec;

/** How an answer to a prompt is written. */
export const generation = [
  ...writing,
  { flags: "--choices <a,b>", help: "answer with exactly one of these", as: "list" },
  { flags: "--no-prompt-end", help: "do not add the end token to prompts" },
  { flags: "--model-defaults", help: "what the model's makers recommend, where nothing else is asked for" },
] as const satisfies readonly OptionSpec[];

/** Models on this machine, for completion. */
export async function modelNames(): Promise<readonly string[]> {
  const { listModels } = await import("../hub/find-node.ts");
  return listModels();
}

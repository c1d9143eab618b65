/** Options of `zeroth plan`. */
import type { Flags, OptionSpec } from "../command.ts";
import { overwriting } from "../targets.ts";

export const planOptions = [
  { flags: "--machine <what>", help: "this (measured, default), or 24GB,46GB/s[,480GFLOP/s[,2GB/s of disk]]" },
  {
    flags: "--dtype <type>",
    help: "fp32, bf16, int8 or int4; q8, q4: blocks as other programs have them",
    values: ["fp32", "bf16", "int8", "int4", "q8", "q4"],
  },
  { flags: "--context <n>", help: "tokens of an input (512)", as: "integer" },
  { flags: "--max-new-tokens <n>", help: "tokens of an answer (128)", as: "integer" },
  { flags: "--batch <n>", help: "inputs at a time (1)", as: "integer" },
  {
    flags: "--train <name>",
    help: "optimiser: adam (default), adafactor, sgd or none",
    values: ["adam", "adafactor", "sgd", "none"],
  },
  { flags: "--tune <method>", help: "lora (default), prefix or prompt", values: ["lora", "prefix", "prompt"] },
  { flags: "--rank <r>", help: "of LoRA's matrices (8)", as: "integer" },
  { flags: "--virtual-tokens <n>", help: "of a prefix or prompt (20)", as: "integer" },
  { flags: "--tokens <n>", help: "tokens of a training set: how long it takes", as: "integer" },
  { flags: "--plot <file>", help: "write the comparison as SVG" },
  overwriting,
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
] as const satisfies readonly OptionSpec[];

export type PlanFlags = Flags<typeof planOptions>;

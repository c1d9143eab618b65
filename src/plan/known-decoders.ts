/**
 * Well-known decoders by what matters for their counts in config.json: their networks are built here, so they need no
 * formula. Sizes by the configurations that their makers published; each total was checked against the published one.
 */
import type { JsonObject } from "../base/json.ts";

export interface KnownConfig {
  /** What a person types. */
  readonly name: string;
  readonly title: string;
  /** Names on the hub of models with this shape. */
  readonly hub: readonly string[];
  /** The total as it was published. */
  readonly published: string;
  readonly config: JsonObject;
  readonly note?: string;
}

/** [layers, width, heads, heads of keys, feed-forward, vocabulary]. */
type Sizes = readonly [number, number, number, number, number, number];

const gated = (
  model_type: string,
  sizes: Sizes,
  tied: boolean,
  max_position_embeddings: number,
  more: object = {},
) => ({
  model_type,
  num_hidden_layers: sizes[0],
  hidden_size: sizes[1],
  num_attention_heads: sizes[2],
  num_key_value_heads: sizes[3],
  intermediate_size: sizes[4],
  vocab_size: sizes[5],
  tie_word_embeddings: tied,
  max_position_embeddings,
  ...more,
});

/** The model and the one that was taught to follow instructions. */
const both = (name: string): readonly string[] => [name, `${name}-Instruct`];

const smol = (size: string, title: string, sizes: Sizes): KnownConfig => ({
  name: `smollm2-${size}`,
  title: `SmolLM2 ${title}`,
  hub: both(`HuggingFaceTB/SmolLM2-${title}`),
  published: title,
  config: gated("llama", sizes, true, 8192),
});

const pythia = (size: string, layers: number, width: number, heads: number, vocabulary: number): KnownConfig => ({
  name: `pythia-${size}`,
  title: `Pythia ${size.toUpperCase()}`,
  hub: [`EleutherAI/pythia-${size}`, `EleutherAI/pythia-${size}-deduped`],
  published: size.toUpperCase(),
  config: {
    model_type: "gpt_neox",
    num_hidden_layers: layers,
    hidden_size: width,
    num_attention_heads: heads,
    intermediate_size: 4 * width,
    vocab_size: vocabulary,
    max_position_embeddings: 2048,
  },
});

const neo = (size: string, layers: number, width: number, heads: number): KnownConfig => ({
  name: `gpt-neo-${size.toLowerCase()}`,
  title: `GPT-Neo ${size}`,
  hub: [`EleutherAI/gpt-neo-${size}`],
  published: size,
  config: {
    model_type: "gpt_neo",
    num_layers: layers,
    hidden_size: width,
    num_heads: heads,
    attention_types: [[["global", "local"], layers / 2]],
  },
});

const qwen25 = (size: string, sizes: Sizes, tied: boolean): KnownConfig => ({
  name: `qwen2.5-${size.toLowerCase()}`,
  title: `Qwen2.5 ${size}`,
  hub: both(`Qwen/Qwen2.5-${size}`),
  published: size,
  config: gated("qwen2", sizes, tied, 32768),
});

const qwen3 = (size: string, sizes: Sizes, tied: boolean): KnownConfig => ({
  name: `qwen3-${size.toLowerCase()}`,
  title: `Qwen3 ${size}`,
  hub: [`Qwen/Qwen3-${size}`, `Qwen/Qwen3-${size}-Base`],
  published: size,
  config: gated("qwen3", sizes, tied, 40960, { head_dim: 128 }),
});

/** `text`: the model reads no images. */
const gemma = (size: string, sizes: Sizes, positions: number, window: number, text: boolean): KnownConfig => ({
  name: `gemma-3-${size.toLowerCase()}`,
  title: `Gemma 3 ${size}`,
  hub: [`google/gemma-3-${size.toLowerCase()}${text ? "" : "-pt"}`, `google/gemma-3-${size.toLowerCase()}-it`],
  published: size,
  config: gated("gemma3_text", sizes, true, positions, { head_dim: 256, sliding_window: window }),
  ...(!text && { note: "the text model alone, without the part that reads images" }),
});

export const knownDecoders: readonly KnownConfig[] = [
  smol("135m", "135M", [30, 576, 9, 3, 1536, 49152]),
  smol("360m", "360M", [32, 960, 15, 5, 2560, 49152]),
  smol("1.7b", "1.7B", [24, 2048, 32, 32, 8192, 49152]),
  {
    name: "tinyllama-1.1b",
    title: "TinyLlama 1.1B",
    hub: ["TinyLlama/TinyLlama-1.1B-Chat-v1.0", "TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T"],
    published: "1.1B",
    config: gated("llama", [22, 2048, 32, 4, 5632, 32000], false, 2048),
  },
  pythia("70m", 6, 512, 8, 50304),
  pythia("160m", 12, 768, 12, 50304),
  pythia("410m", 24, 1024, 16, 50304),
  pythia("1b", 16, 2048, 8, 50304),
  pythia("1.4b", 24, 2048, 16, 50304),
  pythia("2.8b", 32, 2560, 32, 50304),
  pythia("6.9b", 32, 4096, 32, 50432),
  pythia("12b", 36, 5120, 40, 50688),
  neo("125M", 12, 768, 12),
  neo("1.3B", 24, 2048, 16),
  neo("2.7B", 32, 2560, 20),
  {
    name: "gpt-j-6b",
    title: "GPT-J 6B",
    hub: ["EleutherAI/gpt-j-6b"],
    published: "6B",
    config: { model_type: "gptj", n_layer: 28, n_embd: 4096, n_head: 16, vocab_size: 50400, n_positions: 2048 },
  },
  {
    name: "mistral-7b",
    title: "Mistral 7B",
    hub: ["mistralai/Mistral-7B-v0.1", "mistralai/Mistral-7B-Instruct-v0.1", "mistralai/Mistral-7B-Instruct-v0.2"],
    published: "7B",
    config: gated("mistral", [32, 4096, 32, 8, 14336, 32000], false, 32768),
  },
  {
    name: "mistral-7b-v0.3",
    title: "Mistral 7B v0.3",
    hub: ["mistralai/Mistral-7B-v0.3", "mistralai/Mistral-7B-Instruct-v0.3"],
    published: "7B",
    config: gated("mistral", [32, 4096, 32, 8, 14336, 32768], false, 32768, { sliding_window: null }),
  },
  qwen25("0.5B", [24, 896, 14, 2, 4864, 151936], true),
  qwen25("1.5B", [28, 1536, 12, 2, 8960, 151936], true),
  qwen25("3B", [36, 2048, 16, 2, 11008, 151936], true),
  qwen25("7B", [28, 3584, 28, 4, 18944, 152064], false),
  qwen25("14B", [48, 5120, 40, 8, 13824, 152064], false),
  qwen25("32B", [64, 5120, 40, 8, 27648, 152064], false),
  qwen25("72B", [80, 8192, 64, 8, 29568, 152064], false),
  qwen3("0.6B", [28, 1024, 16, 8, 3072, 151936], true),
  qwen3("1.7B", [28, 2048, 16, 8, 6144, 151936], true),
  qwen3("4B", [36, 2560, 32, 8, 9728, 151936], true),
  qwen3("8B", [36, 4096, 32, 8, 12288, 151936], false),
  qwen3("14B", [40, 5120, 40, 8, 17408, 151936], false),
  qwen3("32B", [64, 5120, 64, 8, 25600, 151936], false),
  gemma("270M", [18, 640, 4, 1, 2048, 262144], 32768, 512, true),
  gemma("1B", [26, 1152, 4, 1, 6912, 262144], 32768, 512, true),
  gemma("4B", [34, 2560, 8, 4, 10240, 262208], 131072, 1024, false),
  {
    name: "phi-3-mini",
    title: "Phi-3 mini",
    hub: ["microsoft/Phi-3-mini-4k-instruct", "microsoft/Phi-3-mini-128k-instruct"],
    published: "3.8B",
    config: gated("phi3", [32, 3072, 32, 32, 8192, 32064], false, 4096),
  },
];

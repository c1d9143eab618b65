/**
 * Well-known models and the shapes that were published for them. Sizes and published totals: Radford et al. 2019;
 * Brown et al. 2020 (arXiv 2005.14165, table 2.1); Narayanan et al. 2021 (2104.04473, table 1); Smith et al. 2022
 * (2201.11990); Raffel et al. 2019 (1910.10683); Fedus et al. 2021 (2101.03961); Sanh et al. 2021 (2110.08207);
 * Thoppilan et al. 2022 (2201.08239); Zhai et al. 2021 (2106.04560); Lewis et al. 2019 (1910.13461); Liu et al. 2020
 * (2001.08210); Zhang et al. 2019 (1912.08777); Xue et al. 2021 (2105.13626); Chung et al. 2023 (2304.09151); Wu Dao 2.0 by its announcement of June 2021.
 */
import type { JsonObject } from "../base/json.ts";
import { knownDecoders } from "./known-decoders.ts";
import { knownEncoders } from "./known-encoders.ts";
import type { BartShape, GptShape, T5Shape, VitShape, WrittenShape } from "./shapes.ts";

export interface KnownModel {
  /** What a person types. */
  readonly name: string;
  /** What a person reads. */
  readonly title: string;
  /** Further names: on the hub of models with this shape, and shorter ones. */
  readonly hub: readonly string[];
  /** The total as it was published. */
  readonly published: string;
  /** Other names that people say. */
  readonly also?: readonly string[];
  /** Absent where no layer table was published, and where `config` says it. */
  readonly shape?: WrittenShape;
  /** Entries of config.json of a model whose network is built here. */
  readonly config?: JsonObject;
  /** Parameters that were claimed and cannot be checked. */
  readonly claimed?: number;
  /** What the count leaves out or takes on trust. */
  readonly note?: string;
  /** Shown beside every plan. */
  readonly landmark?: boolean;
}

type More = Partial<Pick<KnownModel, "hub" | "also" | "note" | "landmark">>;

const entry = (name: string, title: string, published: string, shape: WrittenShape, more: More = {}): KnownModel => ({
  hub: [],
  ...more,
  name,
  title,
  published,
  shape,
});

const gptShape = (
  layers: number,
  width: number,
  heads: number,
  headSize: number,
  vocabulary: number,
  positions: number,
): GptShape => ({ family: "gpt", layers, width, feedForward: 4 * width, heads, headSize, vocabulary, positions });

const gpt2 = (layers: number, width: number, heads: number) =>
  gptShape(layers, width, heads, width / heads, 50257, 1024);
const gpt3 = (layers: number, width: number, heads: number, headSize: number) =>
  gptShape(layers, width, heads, headSize, 50257, 2048);
const megatron = (layers: number, width: number, heads: number) =>
  gptShape(layers, width, heads, width / heads, 51200, 2048);

/** [name, layers, width, heads, published]. GPT-3's head sizes are the paper's; 13B is 40 × 128 beside a width of 5140. */
const gptModels: readonly KnownModel[] = [
  entry("distilgpt2", "DistilGPT-2", "82M", gpt2(6, 768, 12), { hub: ["distilbert/distilgpt2"] }),
  entry("gpt2", "GPT-2", "124M", gpt2(12, 768, 12), { hub: ["openai-community/gpt2"] }),
  entry("gpt2-medium", "GPT-2 medium", "355M", gpt2(24, 1024, 16), { hub: ["openai-community/gpt2-medium"] }),
  entry("gpt2-large", "GPT-2 large", "774M", gpt2(36, 1280, 20), { hub: ["openai-community/gpt2-large"] }),
  entry("gpt2-xl", "GPT-2 XL", "1.5B", gpt2(48, 1600, 25), { hub: ["openai-community/gpt2-xl"] }),
  entry("gpt3-small", "GPT-3 small", "125M", gpt3(12, 768, 12, 64)),
  entry("gpt3-medium", "GPT-3 medium", "350M", gpt3(24, 1024, 16, 64)),
  entry("gpt3-large", "GPT-3 large", "760M", gpt3(24, 1536, 16, 96)),
  entry("gpt3-1.3b", "GPT-3 XL", "1.3B", gpt3(24, 2048, 16, 128)),
  entry("gpt3-2.7b", "GPT-3 2.7B", "2.7B", gpt3(32, 2560, 32, 80)),
  entry("gpt3-6.7b", "GPT-3 6.7B", "6.7B", gpt3(32, 4096, 32, 128)),
  entry("gpt3-13b", "GPT-3 13B", "13B", gpt3(40, 5140, 40, 128.5), {
    note: "the paper gives a width of 5140 for 40 heads of 128; counted with projections as wide as the model",
  }),
  entry("gpt3-175b", "GPT-3 175B", "174.6B", gpt3(96, 12288, 96, 128), { also: ["gpt-3", "gpt3"], landmark: true }),
  entry("megatron-1.7b", "Megatron 1.7B", "1.7B", megatron(24, 2304, 24)),
  entry("megatron-3.6b", "Megatron 3.6B", "3.6B", megatron(30, 3072, 32)),
  entry("megatron-7.5b", "Megatron 7.5B", "7.5B", megatron(36, 4096, 32)),
  entry("megatron-18b", "Megatron 18B", "18.4B", megatron(40, 6144, 48)),
  entry("megatron-39b", "Megatron 39B", "39.1B", megatron(48, 8192, 64)),
  entry("megatron-76b", "Megatron 76B", "76.1B", megatron(60, 10240, 80)),
  entry("megatron-145b", "Megatron 145B", "145.6B", megatron(80, 12288, 96)),
  entry("megatron-310b", "Megatron 310B", "310.1B", megatron(96, 16384, 128)),
  entry("megatron-1008b", "Megatron 1T", "1008B", megatron(128, 25600, 160)),
  entry("mt-nlg-530b", "Megatron-Turing NLG", "530B", megatron(105, 20480, 128), {
    also: ["megatron-530b", "mt-nlg", "megatron-turing-nlg"],
    landmark: true,
  }),
];

const t5Shape = (
  [width, feedForward, layers, heads]: readonly [number, number, number, number],
  headSize = 64,
  more: Partial<T5Shape> = {},
): T5Shape => ({
  family: "t5",
  width,
  feedForward,
  encoderLayers: layers,
  decoderLayers: layers,
  heads,
  headSize,
  vocabulary: 32128,
  gated: false,
  tied: true,
  buckets: 32,
  ...more,
});

/** T5 v1.1 and what came of it; mT5 has the same layers under a larger vocabulary. */
const v11 = { gated: true, tied: false } as const;
const sizes11 = {
  small: [512, 1024, 8, 6],
  base: [768, 2048, 12, 12],
  large: [1024, 2816, 24, 16],
  xl: [2048, 5120, 24, 32],
  xxl: [4096, 10240, 24, 64],
} as const;
type Size11 = keyof typeof sizes11;
const published11: Record<Size11, readonly [t5: string, mt5: string]> = {
  small: ["77M", "300M"],
  base: ["250M", "580M"],
  large: ["780M", "1.2B"],
  xl: ["3B", "3.7B"],
  xxl: ["11B", "13B"],
};

const t0 = ["bigscience/T0", "bigscience/T0p", "bigscience/T0pp"];
const t0Studies = ["bigscience/T0_single_prompt", "bigscience/T0_original_task_only"];

const t5Models: readonly KnownModel[] = [
  entry("t5-small", "T5 small", "60M", t5Shape([512, 2048, 6, 8]), { hub: ["google-t5/t5-small"] }),
  entry("t5-base", "T5 base", "220M", t5Shape([768, 3072, 12, 12]), { hub: ["google-t5/t5-base"] }),
  entry("t5-large", "T5 large", "770M", t5Shape([1024, 4096, 24, 16]), { hub: ["google-t5/t5-large"] }),
  entry("t5-3b", "T5 3B", "3B", t5Shape([1024, 16384, 24, 32], 128), { hub: ["google-t5/t5-3b"] }),
  entry("t5-11b", "T5 11B", "11B", t5Shape([1024, 65536, 24, 128], 128), { hub: ["google-t5/t5-11b"] }),
  ...(Object.keys(sizes11) as Size11[]).flatMap((size) => {
    const shape = t5Shape(sizes11[size], 64, v11);
    const [published, publishedMt5] = published11[size];
    const landmark = size !== "xl" && size !== "xxl";
    return [
      entry(`flan-t5-${size}`, `Flan-T5 ${size}`, published, shape, { hub: [`google/flan-t5-${size}`], landmark }),
      entry(`t5-v1.1-${size}`, `T5 v1.1 ${size}`, published, shape, {
        hub: [`google/t5-v1_1-${size}`, `google/t5-${size}-lm-adapt`],
      }),
      entry(
        `mt5-${size}`,
        `mT5 ${size}`,
        publishedMt5,
        { ...shape, vocabulary: 250112 },
        { hub: [`google/mt5-${size}`] },
      ),
    ];
  }),
  entry("t0-3b", "T0 3B", "3B", t5Shape(sizes11.xl, 64, v11), { hub: ["bigscience/T0_3B"], landmark: true }),
  entry("t0", "T0 11B", "11B", t5Shape(sizes11.xxl, 64, v11), { hub: [...t0, ...t0Studies], landmark: true }),
];

/** ByT5: an encoder three times as deep as the decoder, and bytes. [width, feed-forward, encoder, decoder, heads]. */
const byt5Sizes = {
  small: ["300M", [1472, 3584, 12, 4, 6]],
  base: ["582M", [1536, 3968, 18, 6, 12]],
  large: ["1.23B", [1536, 3840, 36, 12, 16]],
  xl: ["3.74B", [2560, 6720, 36, 12, 32]],
  xxl: ["12.9B", [4672, 12352, 36, 12, 64]],
} as const;

const uncounted = "no total was published: this is the count";

const t5Relatives: readonly KnownModel[] = [
  ...Object.entries(byt5Sizes).map(([size, [published, [width, feedForward, layers, decoderLayers, heads]]]) =>
    entry(
      `byt5-${size}`,
      `ByT5 ${size}`,
      published,
      t5Shape([width, feedForward, layers, heads], 64, { ...v11, decoderLayers, vocabulary: 384 }),
      { hub: [`google/byt5-${size}`] },
    ),
  ),
  ...(["small", "base", "xl", "xxl"] as const).map((size) =>
    entry(
      `umt5-${size}`,
      `UMT5 ${size}`,
      { small: "307M", base: "592M", xl: "3.77B", xxl: "13B" }[size],
      t5Shape(sizes11[size], 64, { ...v11, vocabulary: 256384, everyLayer: true }),
      { hub: [`google/umt5-${size}`], note: uncounted },
    ),
  ),
];

const bartShape = (
  type: BartShape["type"],
  [width, layers, heads]: readonly [number, number, number],
  vocabulary: number,
  positions = 1024,
): BartShape => ({
  family: "bart",
  ...{ type, width, feedForward: 4 * width, heads, headSize: width / heads, vocabulary, positions },
  ...{ encoderLayers: layers, decoderLayers: layers },
});

const large = [1024, 12, 16] as const;
const opus = (vocabulary: number) => bartShape("marian", [512, 6, 8], vocabulary, 512);

const bartModels: readonly KnownModel[] = [
  entry("bart-base", "BART base", "140M", bartShape("bart", [768, 6, 12], 50265), { hub: ["facebook/bart-base"] }),
  entry("bart-large", "BART large", "400M", bartShape("bart", large, 50265), { hub: ["facebook/bart-large"] }),
  entry("bart-large-cnn", "BART large for summaries", "400M", bartShape("bart", large, 50264), {
    hub: ["facebook/bart-large-cnn"],
  }),
  entry("mbart-large-cc25", "mBART", "610M", bartShape("mbart", large, 250027), {
    hub: ["facebook/mbart-large-cc25", "facebook/mbart-large-en-ro"],
  }),
  entry("mbart-large-50", "mBART-50", "610M", bartShape("mbart", large, 250054), {
    hub: ["", "-many-to-many-mmt", "-one-to-many-mmt", "-many-to-one-mmt"].map(
      (use) => `facebook/mbart-large-50${use}`,
    ),
  }),
  entry("pegasus-large", "Pegasus", "568M", bartShape("pegasus", [1024, 16, 16], 96103), {
    hub: ["google/pegasus-large", "google/pegasus-cnn_dailymail"],
  }),
  entry("pegasus-xsum", "Pegasus for summaries", "568M", bartShape("pegasus", [1024, 16, 16], 96103, 512), {
    hub: ["google/pegasus-xsum"],
  }),
  entry("opus-mt-en-de", "Opus-MT, English to German", "74M", opus(58101), {
    hub: ["Helsinki-NLP/opus-mt-en-de"],
    note: uncounted,
  }),
];

const experts = (count: number, sparse: number) => ({
  count,
  sparseEncoder: sparse,
  sparseDecoder: sparse,
  bias: false,
});

const publishedSwitch = { 8: "619M", 16: "1.07B", 32: "1.98B", 64: "3.79B", 128: "7.4B", 256: "14.7B" } as const;

const switchModels: readonly KnownModel[] = [
  ...Object.entries(publishedSwitch).map(([count, published]) =>
    entry(
      `switch-base-${count}`,
      `Switch base, ${count} experts`,
      published,
      t5Shape([768, 3072, 12, 12], 64, { experts: experts(Number(count), 6) }),
      { hub: [`google/switch-base-${count}`] },
    ),
  ),
  entry(
    "switch-xxl",
    "Switch-XXL",
    "395B",
    t5Shape([4096, 10240, 24, 64], 64, { gated: true, experts: experts(128, 12) }),
    { hub: ["google/switch-xxl-128"], landmark: true, note: "128 experts, with which the total is the published one" },
  ),
  entry("switch-c", "Switch-C", "1571B", t5Shape([2080, 6144, 15, 32], 64, { experts: experts(2048, 15) }), {
    hub: ["google/switch-c-2048"],
    landmark: true,
  }),
];

const vit = (layers: number, width: number, feedForward: number, heads: number, patch: number, classes = 1000) => {
  const shape: VitShape = {
    family: "vit",
    layers,
    width,
    feedForward,
    heads,
    headSize: width / heads,
    image: 224,
    patch,
    classToken: classes > 0,
    classes,
  };
  return shape;
};

const others: readonly KnownModel[] = [
  entry("vit-b-16", "ViT-B/16", "86M", vit(12, 768, 3072, 12, 16), { hub: ["google/vit-base-patch16-224"] }),
  entry("vit-g-14", "ViT-G/14", "1.8B", vit(48, 1664, 8192, 16, 14, 0), {
    landmark: true,
    note: "counted without a classifier or pooling, which are not part of the published sizes",
  }),
  entry(
    "lamda-137b",
    "LaMDA, FLAN 137B",
    "137B",
    { family: "lamda", layers: 64, width: 8192, feedForward: 65536, heads: 128, headSize: 128 },
    { landmark: true, note: "the layers alone: the published total leaves the embeddings away" },
  ),
  {
    name: "wu-dao-2",
    title: "Wu Dao 2.0",
    hub: [],
    also: ["wu-dao", "wu-dao-2.0", "wudao"],
    published: "1.75T",
    claimed: 1.75e12,
    landmark: true,
    note: "a mixture of experts whose layers were never published",
  },
];

/** Every model whose size is known without asking anybody. */
export const knownModels: readonly KnownModel[] = [
  ...[...t5Models, ...t5Relatives, ...bartModels, ...switchModels, ...gptModels],
  ...knownDecoders,
  ...knownEncoders,
  ...others,
];

const namesOf = ({ name, hub, also = [] }: KnownModel): readonly string[] => [name, ...hub, ...also];

/** Names that a person may type for one of them. */
export const knownNames: readonly string[] = knownModels.flatMap(namesOf);

/** The model of a name, capitals and a revision aside. */
export function findKnown(name: string): KnownModel | undefined {
  const typed = name.replace(/@.*$/, "").toLowerCase();
  return knownModels.find((model) => namesOf(model).some((known) => known.toLowerCase() === typed));
}

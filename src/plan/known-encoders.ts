/**
 * Well-known encoders: the entries of config.json that their sizes follow from, as they were released, without a head.
 * Published totals: Devlin et al. 2018 (arXiv 1810.04805); Liu et al. 2019 (1907.11692); Conneau et al. 2019 (1911.02116);
 * Martin et al. 2019 (1911.03894); Sanh et al. 2019 (1910.01108); Clark et al. 2020 (2003.10555); Song et al. 2020
 * (2004.09297); Warner et al. 2024 (2412.13663); He et al. 2021 (2111.09543), who give layers and words apart.
 */
import type { JsonObject } from "../base/json.ts";

type Sizes = readonly [width: number, layers: number, heads: number, feedForward: number];

const base: Sizes = [768, 12, 12, 3072];
const large: Sizes = [1024, 24, 16, 4096];

const sized = ([width, layers, heads, feedForward]: Sizes, more: JsonObject): JsonObject => ({
  hidden_size: width,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  intermediate_size: feedForward,
  ...more,
});

const bert = (sizes: Sizes, vocabulary: number) =>
  sized(sizes, { model_type: "bert", vocab_size: vocabulary, max_position_embeddings: 512 });
const roberta = (sizes: Sizes, vocabulary: number, type = "roberta") =>
  sized(sizes, { model_type: type, vocab_size: vocabulary, max_position_embeddings: 514, type_vocab_size: 1 });
const distilbert = (vocabulary: number): JsonObject => ({ model_type: "distilbert", vocab_size: vocabulary });
const electra = (sizes: Sizes, embedding: number) =>
  sized(sizes, { model_type: "electra", vocab_size: 30522, embedding_size: embedding });
const modernbert = (sizes: Sizes) => sized(sizes, { model_type: "modernbert", vocab_size: 50368 });
const deberta = (sizes: Sizes, vocabulary = 128100) =>
  sized(sizes, {
    ...{ model_type: "deberta-v2", vocab_size: vocabulary, position_biased_input: false, type_vocab_size: 0 },
    ...{ relative_attention: true, position_buckets: 256, norm_rel_ebd: "layer_norm" },
    ...{ share_att_key: true, pos_att_type: "p2c|c2p" },
  });
const mpnet = sized(base, { model_type: "mpnet", vocab_size: 30527, max_position_embeddings: 514 });

/** As the table of all well-known models has them. */
interface KnownEncoder {
  readonly name: string;
  readonly title: string;
  readonly published: string;
  readonly config: JsonObject;
  readonly hub: readonly string[];
}

/** Names on the hub, and shorter ones, come last. */
const entry = (name: string, title: string, published: string, config: JsonObject, ...hub: string[]): KnownEncoder => ({
  ...{ name, title, published, config, hub },
});

export const knownEncoders: readonly KnownEncoder[] = [
  entry(
    "bert-base-uncased",
    "BERT base, uncased",
    "110M",
    bert(base, 30522),
    "google-bert/bert-base-uncased",
    "bert-base",
  ),
  entry("bert-base-cased", "BERT base, cased", "110M", bert(base, 28996), "google-bert/bert-base-cased"),
  entry(
    "bert-base-multilingual-cased",
    "BERT base, multilingual",
    "178M",
    bert(base, 119547),
    "google-bert/bert-base-multilingual-cased",
  ),
  entry(
    "bert-large-uncased",
    "BERT large, uncased",
    "340M",
    bert(large, 30522),
    "google-bert/bert-large-uncased",
    "bert-large",
  ),
  entry("bert-large-cased", "BERT large, cased", "340M", bert(large, 28996), "google-bert/bert-large-cased"),
  entry(
    "all-MiniLM-L6-v2",
    "all-MiniLM, 6 layers",
    "22.7M",
    bert([384, 6, 12, 1536], 30522),
    "sentence-transformers/all-MiniLM-L6-v2",
    "all-MiniLM-L6",
  ),
  entry(
    "all-MiniLM-L12-v2",
    "all-MiniLM, 12 layers",
    "33.4M",
    bert([384, 12, 12, 1536], 30522),
    "sentence-transformers/all-MiniLM-L12-v2",
    "all-MiniLM-L12",
  ),
  entry("roberta-base", "RoBERTa base", "125M", roberta(base, 50265), "FacebookAI/roberta-base"),
  entry("roberta-large", "RoBERTa large", "355M", roberta(large, 50265), "FacebookAI/roberta-large"),
  entry(
    "distilroberta-base",
    "DistilRoBERTa",
    "82M",
    roberta([768, 6, 12, 3072], 50265),
    "distilbert/distilroberta-base",
    "distilroberta",
  ),
  entry(
    "xlm-roberta-base",
    "XLM-RoBERTa base",
    "270M",
    roberta(base, 250002, "xlm-roberta"),
    "FacebookAI/xlm-roberta-base",
  ),
  entry(
    "xlm-roberta-large",
    "XLM-RoBERTa large",
    "550M",
    roberta(large, 250002, "xlm-roberta"),
    "FacebookAI/xlm-roberta-large",
  ),
  entry(
    "camembert-base",
    "CamemBERT base",
    "110M",
    roberta(base, 32005, "camembert"),
    "almanach/camembert-base",
    "camembert",
  ),
  entry(
    "distilbert-base-uncased",
    "DistilBERT, uncased",
    "66M",
    distilbert(30522),
    "distilbert/distilbert-base-uncased",
    "distilbert-base",
  ),
  entry("distilbert-base-cased", "DistilBERT, cased", "65M", distilbert(28996), "distilbert/distilbert-base-cased"),
  entry(
    "distilbert-base-multilingual-cased",
    "DistilBERT, multilingual",
    "134M",
    distilbert(119547),
    "distilbert/distilbert-base-multilingual-cased",
  ),
  entry(
    "electra-small-discriminator",
    "ELECTRA small",
    "14M",
    electra([256, 12, 4, 1024], 128),
    "google/electra-small-discriminator",
    "electra-small",
  ),
  entry(
    "electra-base-discriminator",
    "ELECTRA base",
    "110M",
    electra(base, 768),
    "google/electra-base-discriminator",
    "electra-base",
  ),
  entry(
    "electra-large-discriminator",
    "ELECTRA large",
    "335M",
    electra(large, 1024),
    "google/electra-large-discriminator",
    "electra-large",
  ),
  entry("mpnet-base", "MPNet base", "110M", mpnet, "microsoft/mpnet-base"),
  entry("all-mpnet-base-v2", "all-mpnet-base", "109M", mpnet, "sentence-transformers/all-mpnet-base-v2"),
  entry("modernbert-base", "ModernBERT base", "149M", modernbert([768, 22, 12, 1152]), "answerdotai/ModernBERT-base"),
  entry(
    "modernbert-large",
    "ModernBERT large",
    "395M",
    modernbert([1024, 28, 16, 2624]),
    "answerdotai/ModernBERT-large",
  ),
  entry(
    "deberta-v3-xsmall",
    "DeBERTa v3 xsmall",
    "22M + 48M of words",
    deberta([384, 12, 6, 1536]),
    "microsoft/deberta-v3-xsmall",
  ),
  entry(
    "deberta-v3-small",
    "DeBERTa v3 small",
    "44M + 98M of words",
    deberta([768, 6, 12, 3072]),
    "microsoft/deberta-v3-small",
  ),
  entry("deberta-v3-base", "DeBERTa v3 base", "86M + 98M of words", deberta(base), "microsoft/deberta-v3-base"),
  entry("deberta-v3-large", "DeBERTa v3 large", "304M + 131M of words", deberta(large), "microsoft/deberta-v3-large"),
  entry(
    "mdeberta-v3-base",
    "mDeBERTa v3 base",
    "86M + 190M of words",
    deberta(base, 251000),
    "microsoft/mdeberta-v3-base",
  ),
];

/** A small BERT of random numbers that reads words of a list, as folders of sentence-transformers and of its rankers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeModelFolder } from "../../../src/folders/write-node.ts";
import { input } from "../../../src/graph/tensor.ts";
import { familyOf } from "../../../src/models/families.ts";
import { initialValue } from "../../../src/nn/initial.ts";
import { wholeRow } from "../../../src/nn/pass.ts";
import { createScope } from "../../../src/nn/scope.ts";

export interface SmallRetriever {
  readonly words: readonly string[];
  readonly width?: number;
  readonly layers?: number;
  readonly longest?: number;
  /** One score for two texts, in the place of vectors. */
  readonly ranker?: boolean;
  readonly pooling?: "cls" | "mean";
  /** Vectors of length 1, which are compared by cosine; else by their products. */
  readonly normalize?: boolean;
  readonly prompts?: Readonly<Record<string, string>>;
  readonly seed?: number;
  readonly range?: number;
}

const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] as const;

function tokenizerOf(words: readonly string[]) {
  const vocab = Object.fromEntries([...specials, ...words].map((word, i) => [word, i]));
  const special = (name: (typeof specials)[number], type_id = 0) => ({ SpecialToken: { id: name, type_id } });
  const sequence = (id: "A" | "B", type_id: number) => ({ Sequence: { id, type_id } });
  return {
    version: "1.0",
    added_tokens: specials.map((content, id) => ({ id, content, special: true })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [special("[CLS]"), sequence("A", 0), special("[SEP]")],
      pair: [special("[CLS]"), sequence("A", 0), special("[SEP]"), sequence("B", 1), special("[SEP]", 1)],
      special_tokens: Object.fromEntries(
        ["[CLS]", "[SEP]"].map((name) => [name, { id: name, ids: [vocab[name]], tokens: [name] }]),
      ),
    },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

/** Write the folder of a fresh model. Returns its path. */
export async function smallRetriever(path: string, options: SmallRetriever): Promise<string> {
  const {
    words,
    width = 16,
    layers = 1,
    longest = 32,
    ranker = false,
    pooling = "mean",
    normalize = true,
    seed = 7,
  } = options;
  const config = {
    model_type: "bert",
    architectures: [ranker ? "BertForSequenceClassification" : "BertModel"],
    ...{ vocab_size: specials.length + words.length, hidden_size: width, num_hidden_layers: layers },
    ...{ num_attention_heads: 2, intermediate_size: 2 * width, hidden_act: "gelu", layer_norm_eps: 1e-12 },
    ...{
      max_position_embeddings: longest,
      type_vocab_size: 2,
      pad_token_id: 0,
      initializer_range: options.range ?? 0.2,
    },
    ...(ranker && { id2label: { 0: "LABEL_0" }, label2id: { LABEL_0: 0 } }),
  };
  const architecture = familyOf(config, path).read(config);
  if (architecture.kind !== "encoder") throw new Error("no encoder");
  const scope = createScope();
  const network = architecture.network(scope);
  const row = (name: string) => input(name, "int64", ["batch", "length"]);
  const [ids, mask] = [row("ids"), row("mask")];
  const hidden = network.encode(ids, row("types"), wholeRow("length", { causal: false, mask }));
  if (ranker) network.heads.sequence!(hidden, { ids, mask });
  const tensors = new Map([...scope.parameters.values()].map((spec) => [spec.name, initialValue(spec, seed)]));
  await writeModelFolder(path, { config, tensors });
  writeFileSync(join(path, "tokenizer.json"), JSON.stringify(tokenizerOf(words)));
  writeFileSync(
    join(path, "tokenizer_config.json"),
    JSON.stringify({
      tokenizer_class: "BertTokenizer",
      model_max_length: longest,
      pad_token: "[PAD]",
      cls_token: "[CLS]",
      sep_token: "[SEP]",
      unk_token: "[UNK]",
    }),
  );
  if (ranker) return path;
  const module = (idx: number, folder: string, type: string) => ({
    idx,
    name: String(idx),
    path: folder,
    type: `sentence_transformers.models.${type}`,
  });
  const modules = [
    module(0, "", "Transformer"),
    module(1, "1_Pooling", "Pooling"),
    ...(normalize ? [module(2, "2_Normalize", "Normalize")] : []),
  ];
  writeFileSync(join(path, "modules.json"), JSON.stringify(modules));
  writeFileSync(
    join(path, "sentence_bert_config.json"),
    JSON.stringify({ max_seq_length: longest, do_lower_case: false }),
  );
  mkdirSync(join(path, "1_Pooling"), { recursive: true });
  writeFileSync(
    join(path, "1_Pooling", "config.json"),
    JSON.stringify({
      word_embedding_dimension: width,
      [`pooling_mode_${pooling === "cls" ? "cls_token" : "mean_tokens"}`]: true,
    }),
  );
  writeFileSync(
    join(path, "config_sentence_transformers.json"),
    JSON.stringify({
      prompts: options.prompts ?? {},
      default_prompt_name: null,
      similarity_fn_name: normalize ? "cosine" : "dot",
    }),
  );
  return path;
}

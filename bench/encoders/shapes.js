/** The shapes of encoders whose embeddings are timed, and the texts: the same for every program. */
const common = {
  architectures: ["BertModel"],
  model_type: "bert",
  hidden_act: "gelu",
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
  initializer_range: 0.02,
  layer_norm_eps: 1e-12,
  max_position_embeddings: 512,
  pad_token_id: 0,
  type_vocab_size: 2,
  vocab_size: 30522,
};

export const encoders = {
  minilm: { ...common, hidden_size: 384, intermediate_size: 1536, num_hidden_layers: 6, num_attention_heads: 12 },
  "bert-base": {
    ...common,
    hidden_size: 768,
    intermediate_size: 3072,
    num_hidden_layers: 12,
    num_attention_heads: 12,
  },
};

/** Texts of a measurement, the tokens of the shortest and the longest, and the rows of a batch of other programs. */
export const [texts, shortest, longest, rows] = [1000, 5, 200, 32];

const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** Made-up words, every one of them a piece of the vocabulary. */
const words = [..."bdfgklmnprst"]
  .flatMap((a) => [..."aeiou"].map((b) => a + b))
  .flatMap((a, _, all) => all.map((b) => a + b))
  .flatMap((word) => ["", "n", "r", "s", "t"].map((end) => word + end));

/** WordPiece as BERT has it, over the made-up words and the ends that follow some of them. */
export function wordPieces() {
  const vocab = Object.fromEntries([...special, ...words, "##mol", "##vek"].map((piece, id) => [piece, id]));
  const one = (id) => ({ Sequence: { id, type_id: 0 } });
  const mark = (id) => ({ SpecialToken: { id, type_id: 0 } });
  const pair = [mark("[CLS]"), one("A"), mark("[SEP]"), { Sequence: { id: "B", type_id: 1 } }];
  const marks = ["[CLS]", "[SEP]"].map((id) => [id, { id, ids: [vocab[id]], tokens: [id] }]);
  return {
    version: "1.0",
    added_tokens: special.map((content, id) => {
      return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
    }),
    normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, lowercase: true },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [mark("[CLS]"), one("A"), mark("[SEP]")],
      pair: [...pair, { SpecialToken: { id: "[SEP]", type_id: 1 } }],
      special_tokens: Object.fromEntries(marks),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

export const wordPieceConfig = {
  tokenizer_class: "BertTokenizer",
  pad_token: "[PAD]",
  unk_token: "[UNK]",
  cls_token: "[CLS]",
  sep_token: "[SEP]",
  mask_token: "[MASK]",
  model_max_length: 512,
};

/** Texts of 5 to 200 tokens, every length as likely, with the marks at both ends counted. */
export function madeTexts() {
  let state = 12345;
  const next = (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  return Array.from({ length: texts }, () => {
    const parts = [];
    for (let left = shortest + next(longest - shortest + 1) - 2; left > 0; left--) {
      const ended = left > 1 && next(6) === 0;
      parts.push(words[next(words.length)] + (ended ? ["mol", "vek"][next(2)] : ""));
      if (ended) left--;
    }
    return parts.join(" ");
  });
}

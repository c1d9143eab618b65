/** BERT's relatives learn from scratch, by both objectives that encoders have, and what is written opens with its head. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openEncoder } from "../text/open-node.ts";
import { parseTrainingConfig } from "./config.ts";
import { train } from "./train-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-train-encoders-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// The first two are padding, whichever a family counts its positions from.
const pieces = [
  "[PAD]",
  "[unused]",
  "[UNK]",
  "[CLS]",
  "[SEP]",
  "[MASK]",
  "snow",
  "coal",
  "is",
  "cold",
  "black",
  "white",
];
const rows = [
  { text: "snow is white", label: 1 },
  { text: "coal is black", label: 0 },
  { text: "cold snow is cold snow", label: 1 },
  { text: "black coal", label: 0 },
];

const tokenizer = join(folder, "tokenizer");
const data = join(folder, "rows.jsonl");
beforeAll(() => {
  mkdirSync(tokenizer);
  writeFileSync(join(tokenizer, "vocab.txt"), `${pieces.join("\n")}\n`);
  writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});

const bert = { hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 32 };
const ofBert = { ...bert, max_position_embeddings: 32 };

/** model_type, how its classes begin, sizes. */
const families = [
  ["roberta", "Roberta", { ...ofBert, type_vocab_size: 1 }],
  ["distilbert", "DistilBert", { dim: 16, n_layers: 2, n_heads: 2, hidden_dim: 32, max_position_embeddings: 32 }],
  ["electra", "Electra", { ...ofBert, embedding_size: 12 }],
  ["mpnet", "MPNet", ofBert],
  ["modernbert", "ModernBert", { ...bert, local_attention: 4, pad_token_id: 0, mlp_dropout: 0.1 }],
  [
    "deberta-v2",
    "DebertaV2",
    {
      ...{ ...ofBert, relative_attention: true, position_buckets: 8, share_att_key: true },
      ...{ pos_att_type: "p2c|c2p", norm_rel_ebd: "layer_norm", position_biased_input: false },
    },
  ],
] as const;

/** Train; gives the folder, and the loss of the first and the last steps. */
async function trained(type: string, objective: string, architecture: string, sizes: object) {
  const out = join(folder, `${type}-${objective}`);
  const losses: number[] = [];
  const c = parseTrainingConfig(
    {
      architecture: type,
      sizes: { vocab_size: pieces.length, architectures: [architecture], id2label: { 0: "bad", 1: "good" }, ...sizes },
      ...{ tokenizer, objective, data: { train: data }, batch: 4, steps: 40, out },
      optimizer: { name: "adamw", lr: 0.01 },
    },
    "the test",
  );
  await train(c, { events: { step: ({ loss }) => losses.push(loss) } });
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return { out, first: mean(losses.slice(0, 8)), last: mean(losses.slice(-8)) };
}

test.each(families)("%s", { timeout: 60_000 }, async (type, begin, sizes) => {
  const classes = await trained(type, "classify", `${begin}ForSequenceClassification`, sizes);
  expect(classes.last).toBeLessThan(classes.first / 2);
  await using classifier = await openEncoder(classes.out, { threads: 1 });
  const found = await classifier.encoder.classifyAll!(rows.map(({ text }) => text));
  expect(found.map((one) => "label" in one && one.label)).toEqual(["good", "bad", "good", "bad"]);

  const words = await trained(type, "masked-lm", `${begin}ForMaskedLM`, sizes);
  expect(words.last).toBeLessThan(words.first * 0.8);
  await using filler = await openEncoder(words.out, { threads: 1 });
  expect((await filler.encoder.fill!("snow is [MASK]", { count: 3 })).masks).toHaveLength(1);
});

/** MPNet (Song et al. 2020, arXiv 2004.09297): RoBERTa with a bias of relative positions, the same in all layers. */
import { biasOfDistances } from "../../nn/relative.ts";
import { normal } from "../../nn/scope.ts";
import { needConsistent, padding, readConfig, size } from "../config.ts";
import { positionBuckets } from "../encoder-decoders/t5/t5.ts";
import type { Family } from "../family.ts";
import type { LayerNames } from "./layers.ts";
import { robertaArchitecture } from "./roberta.ts";
import { bertSchema } from "./settings.ts";

/** What is padding to positions and to the table of words, whatever config.json says. */
const paddingRow = 1;

/** Distances have 32 buckets, up to 128, whatever config.json says: it sizes the table alone. */
const [buckets, furthest] = [32, 128];

const schema = bertSchema.extend({
  vocab_size: size.default(30527),
  pad_token_id: padding.default(paddingRow),
  relative_attention_num_buckets: size.default(buckets),
});

const names: LayerNames = {
  query: "attention.attn.q",
  key: "attention.attn.k",
  value: "attention.attn.v",
  mixed: "attention.attn.o",
  mixedNorm: "attention.LayerNorm",
  inner: "intermediate.dense",
  outer: "output.dense",
  outerNorm: "output.LayerNorm",
};

export const mpnet: Family = {
  title: "MPNet",
  types: ["mpnet"],
  read(json, stored) {
    const c = readConfig(schema, json, "MPNet");
    const rows = c.relative_attention_num_buckets;
    needConsistent(rows >= buckets, `relative_attention_num_buckets ${rows} and ${buckets} buckets of distances`);
    return robertaArchitecture(
      c,
      {
        type: "mpnet",
        prefix: "mpnet",
        padding: paddingRow,
        typed: false,
        names,
        bias(encoder, pass) {
          const start = normal(c.initializer_range);
          const table = encoder.at("relative_attention_bias").param("weight", [rows, c.num_attention_heads], start);
          return biasOfDistances(table, positionBuckets(true, buckets, furthest), pass);
        },
      },
      stored,
    );
  },
};

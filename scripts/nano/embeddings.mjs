/**
 * Starting embeddings for the embedded model.
 * node scripts/nano/embeddings.mjs --data DIR [--pairs 80000] --width 192 --out FILE
 * DIR/lm.jsonl, the first pairs of the stream of DIR/mixture.json, DIR/tokenizer.json
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { randomAt } from "../../dist/base/rng.js";
import { graph } from "../../dist/graph/graph.js";
import { matmul } from "../../dist/graph/operators.js";
import { input } from "../../dist/graph/tensor.js";
import { cooccurrenceEmbeddings } from "../../dist/learn/cooccurrence.js";
import { openMixture } from "../../dist/prompts/open-mixture-node.js";
import { compile } from "../../dist/runtime/compile-node.js";
import { createTokenizer } from "../../dist/tokenizers/tokenizer.js";

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    pairs: { type: "string", default: "80000" },
    width: { type: "string", default: "192" },
    scale: { type: "string", default: "1" },
    mixture: { type: "string", default: "mixture.json" },
    out: { type: "string" },
  },
});
const tokenizer = createTokenizer(JSON.parse(readFileSync(join(options.data, "tokenizer.json"), "utf8")));
const sequences = [];
const add = (text) => sequences.push(Int32Array.from(tokenizer.encode(text).ids));
for (const line of readFileSync(join(options.data, "lm.jsonl"), "utf8").trim().split("\n")) add(JSON.parse(line).text);
const mixture = await openMixture(join(options.data, options.mixture));
for (let i = 0; i < Number(options.pairs); i++) {
  const { prompt, target } = await mixture.at(i);
  add(`${prompt} ${target}`);
}
await mixture[Symbol.asyncDispose]();
const product = await compile(
  graph({ y: matmul(input("m", "float32", ["n", "n"]), input("x", "float32", ["n", "k"])) }),
);
const random = randomAt(1, 1);
const started = performance.now();
const vocabulary = tokenizer.vocabularySize;
const embeddings = await cooccurrenceEmbeddings(sequences, {
  vocabulary,
  width: Number(options.width),
  scale: Number(options.scale),
  random: random.next,
  async multiply(matrix, n, columns, k) {
    const feeds = {
      m: { dtype: "float32", shape: [n, n], data: matrix },
      x: { dtype: "float32", shape: [n, k], data: columns },
    };
    return (await product.run(feeds)).y.data;
  },
});
writeFileSync(options.out, new Uint8Array(embeddings.buffer));
const tokens = sequences.reduce((sum, ids) => sum + ids.length, 0);
console.log(`${(tokens / 1e6).toFixed(1)}M tokens, ${((performance.now() - started) / 1000).toFixed(0)} s`);

const width = Number(options.width);
const row = (id) => embeddings.subarray(id * width, (id + 1) * width);
const cosine = (a, b) => row(a).reduce((sum, x, i) => sum + x * row(b)[i], 0);
for (const word of ["good", "city", "football", "said", "why"]) {
  const id = tokenizer.tokenId(`▁${word}`);
  if (id === undefined) continue;
  const near = Array.from({ length: vocabulary }, (_, other) => other)
    .filter((other) => other !== id)
    .sort((a, b) => cosine(id, b) - cosine(id, a))
    .slice(0, 6);
  console.log(word, "~", near.map((other) => tokenizer.piece(other)).join(" "));
}

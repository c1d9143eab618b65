/**
 * Starting embeddings for the embedded model.
 * node scripts/nano/embeddings.mjs --texts FILE.jsonl[,FILE…] --tokenizer FILE --width 256 --out FILE
 */
import { createReadStream, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { graph } from "../../dist/graph/graph.js";
import { matmul } from "../../dist/graph/operators.js";
import { input } from "../../dist/graph/tensor.js";
import { createTokenizer } from "../../dist/hub/tokenizer.js";
import { compile } from "../../dist/runtime/compile-node.js";
import { cooccurrenceEmbeddings } from "../../dist/train/cooccurrence.js";
import { randomAt } from "../../dist/train/rng.js";

const { values: options } = parseArgs({
  options: {
    texts: { type: "string" },
    tokenizer: { type: "string" },
    width: { type: "string", default: "256" },
    scale: { type: "string", default: "1" },
    out: { type: "string" },
  },
});
const tokenizer = createTokenizer(JSON.parse(readFileSync(options.tokenizer, "utf8")));
const sequences = [];
for (const file of options.texts.split(",")) {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const { prompt = "", target = "", text = "" } = JSON.parse(line);
    sequences.push(Int32Array.from(tokenizer.encode(`${text}${prompt} ${target}`.trim()).ids));
  }
}
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

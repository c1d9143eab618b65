/**
 * The embedded model's tokenizer, trained on one pass of the mixture and on the language-modelling texts.
 * node scripts/nano/tokenizer.mjs --data DIR [--size 8192] [--rows 115000]
 */
import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { trainBpe } from "../../dist/train/tokenizer/bpe.js";

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    size: { type: "string", default: "8192" },
    rows: { type: "string", default: "115000" },
  },
});
if (!options.data) {
  console.error("usage: node scripts/nano/tokenizer.mjs --data DIR [--size 8192] [--rows 115000]");
  process.exit(2);
}
const texts = [];
for (const file of ["train.jsonl", "lm.jsonl"]) {
  let row = 0;
  const lines = createInterface({ input: createReadStream(join(options.data, file)), crlfDelay: Infinity });
  for await (const line of lines) {
    if (row++ === Number(options.rows)) break;
    const { prompt, target, text } = JSON.parse(line);
    texts.push(...[prompt, target, text].filter(Boolean));
  }
}
const started = performance.now();
const tokenizer = trainBpe(texts, { vocabularySize: Number(options.size), sentinels: 32 });
writeFileSync(join(options.data, "tokenizer.json"), JSON.stringify(tokenizer));
console.log(`${texts.length} texts, ${((performance.now() - started) / 1000).toFixed(1)} s`);

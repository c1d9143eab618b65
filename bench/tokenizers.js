/** `node bench/tokenizers.js`, after `npm run build`: MB/s of encoding for every kind of tokenizer in the fixtures. */
import { readdirSync, readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { createSentencePieceTokenizer } from "../dist/tokenizers/sentencepiece/tokenizer.js";
import { createTokenizer } from "../dist/tokenizers/tokenizer.js";

const root = new URL("../", import.meta.url);
const fixture = (name) =>
  JSON.parse(brotliDecompressSync(readFileSync(new URL(`test/fixtures/tokenizers/${name}.json.br`, root))).toString());
const docs = new URL("docs/", root);
const pages = readdirSync(docs).filter((name) => name.endsWith(".md"));
const page = pages.map((name) => readFileSync(new URL(name, docs), "utf8")).join("\n");
const text = page.repeat(Math.ceil(2_000_000 / page.length));

const { charsmap, kinds } = fixture("kinds");
const { models, kinds: spiece } = fixture("sentencepiece");
const whole = (json) => JSON.parse(JSON.stringify(json), (_, value) => (value === "$charsmap" ? charsmap : value));
const tokenizers = [
  ...kinds.map(({ name, json }) => [`tokenizer.json ${name}`, createTokenizer(whole(json))]),
  ...spiece.map(({ name, model, config }) => [
    `spiece.model ${name}`,
    createSentencePieceTokenizer(new Uint8Array(Buffer.from(models[model], "hex")), config),
  ]),
];
const rows = tokenizers.map(([name, tokenizer]) => {
  const rate = (length) => {
    const part = text.slice(0, length);
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      tokenizer.encode(part);
      best = Math.min(best, performance.now() - start);
    }
    return Number((Buffer.byteLength(part) / 1000 / best).toFixed(1));
  };
  return { name, "125 KB": rate(125_000), "500 KB": rate(500_000), "2 MB": rate(2_000_000) };
});
console.table(rows);

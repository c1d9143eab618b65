/**
 * Rank classification with transformers.js, beside bench/rank.js: one JSON line.
 * node bench/rank-transformers-js.js FOLDER ROWS.jsonl [--threads 2] [--batch 8]
 *
 * FOLDER is what `zeroth export --format transformers.js` writes. As T0's code does it, the whole model runs for every
 * choice; the library gives logits, so the log-probabilities of the choices' tokens are taken from them here.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { AutoModelForSeq2SeqLM, AutoTokenizer, Tensor } from "@huggingface/transformers";

const { values: options, positionals } = parseArgs({
  options: { threads: { type: "string", default: "2" }, batch: { type: "string", default: "8" } },
  allowPositionals: true,
});
const [folder, file] = positionals;
const [threads, batch] = [options.threads, options.batch].map(Number);
const path = resolve(folder);
const model = await AutoModelForSeq2SeqLM.from_pretrained(path, {
  local_files_only: true,
  dtype: "fp32",
  device: "cpu",
  session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
});
const tokenizer = await AutoTokenizer.from_pretrained(path, { local_files_only: true });
const rows = readFileSync(file, "utf8")
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line));

const encode = (text) => tokenizer.encode(text, { add_special_tokens: false });
const matrix = (lists) =>
  new Tensor("int64", BigInt64Array.from(lists.flat(), BigInt), [lists.length, lists[0].length]);
function padded(lists) {
  const width = Math.max(...lists.map(({ length }) => length));
  const filled = (list, value) => [...list, ...Array(width - list.length).fill(value)];
  return {
    ids: lists.map((list) => filled(list, 0)),
    mask: lists.map((list) =>
      filled(
        list.map(() => 1),
        0,
      ),
    ),
  };
}

async function score(part) {
  const pairs = part.flatMap(({ prompt, choices }) => choices.map((choice) => ({ prompt, choice })));
  const inputs = padded(pairs.map(({ prompt }) => encode(prompt).slice(0, 1024)));
  const targets = pairs.map(({ choice }) => [...encode(choice), 1]);
  const shifted = padded(targets.map((ids) => [0, ...ids.slice(0, -1)]));
  const { logits } = await model.forward({
    input_ids: matrix(inputs.ids),
    attention_mask: matrix(inputs.mask),
    decoder_input_ids: matrix(shifted.ids),
  });
  const [, length, words] = logits.dims;
  return targets.map((ids, row) =>
    ids.reduce((sum, id, t) => {
      const z = logits.data.subarray((row * length + t) * words, (row * length + t + 1) * words);
      let top = Number.NEGATIVE_INFINITY;
      for (const value of z) if (value > top) top = value;
      let total = 0;
      for (const value of z) total += Math.exp(value - top);
      return sum + z[id] - top - Math.log(total);
    }, 0),
  );
}

await score(rows.slice(0, batch));
const start = performance.now();
let sum = 0;
for (let at = 0; at < rows.length; at += batch) {
  for (const value of await score(rows.slice(at, at + batch))) sum += value;
}
const seconds = (performance.now() - start) / 1000;
const speed = rows.length / seconds;
console.log(
  JSON.stringify({
    program: "transformers.js",
    threads,
    batch,
    examples: rows.length,
    seconds,
    examples_per_second: speed,
    sum,
  }),
);

/**
 * Examples a second of rank classification, beside bench/peers/rank.py on the same rows, weights and threads.
 * node bench/rank.js FOLDER ROWS.jsonl [--threads 2]      (after npm run build)
 *
 * Rows are {"prompt", "choices"}: `zeroth prompts render --template super_glue/rte/suppose --data FILE --json`. Prompts
 * get no end token, as in T0's evaluation. Prints one JSON line; the sum of all scores shows that both did the same.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openModel } from "../dist/text/open-node.js";

const { values: options, positionals } = parseArgs({
  options: { threads: { type: "string", default: "2" } },
  allowPositionals: true,
});
const [folder, file] = positionals;
const threads = Number(options.threads);
const rows = readFileSync(file, "utf8")
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line));

const { text, ...opened } = await openModel(folder, { threads });
await text.scoreAll(rows.slice(0, 64), { promptEnd: false });
const start = performance.now();
const scored = await text.scoreAll(rows, { promptEnd: false });
const seconds = (performance.now() - start) / 1000;
const sum = scored.flatMap(({ scores }) => scores).reduce((a, b) => a + b, 0);
const speed = rows.length / seconds;
console.log(
  JSON.stringify({ program: "zeroth", threads, examples: rows.length, seconds, examples_per_second: speed, sum }),
);
await opened[Symbol.asyncDispose]();

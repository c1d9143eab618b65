/**
 * What packing saves: training the same pairs packed and a pair a row (rows of similar length meet in a batch).
 * node bench/packing.js [--steps 12] [--rounds 3]      (after npm run build)
 *
 * Pairs of 8 to 400 input and 1 to 60 target tokens, short ones more often than long ones. The ways take turns, so
 * that what else the machine does falls on both.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseTrainingConfig, train } from "../dist/index.js";
import { ids, median } from "./shared.js";

const { values: options } = parseArgs({
  options: { steps: { type: "string", default: "12" }, rounds: { type: "string", default: "3" } },
});
const warm = 3;
const folder = mkdtempSync(join(tmpdir(), "zeroth-packing-"));

const draws = ids(1, 4000, 30000, 1)[0].map((n) => n / 30000);
const between = (low, high, u) => Math.round(low * (high / low) ** u);
const rows = Array.from({ length: 2000 }, (_, i) => {
  const [input, target] = [between(8, 400, draws[2 * i]), between(1, 60, draws[2 * i + 1])];
  const row = { tokens: ids(1, input, 8000, i)[0], target_tokens: [...ids(1, target, 8000, i + 1)[0], 1] };
  return JSON.stringify(row);
});
writeFileSync(join(folder, "pairs.jsonl"), `${rows.join("\n")}\n`);

const config = {
  architecture: "t5",
  sizes: { vocab_size: 8192, d_model: 256, d_kv: 64, d_ff: 512, num_heads: 4, num_layers: 4 },
  tokenizer: fileURLToPath(new URL("../models/zeroth-nano/tokenizer.json", import.meta.url)),
  data: { train: join(folder, "pairs.jsonl") },
  max_input: 512,
  max_target: 128,
  save_every: 0,
  steps: warm + Number(options.steps),
};
const ways = {
  packed: { pack: true, batch: 4 },
  "a pair a row": { batch_tokens: 4 * (512 + 128) },
};

/** Text tokens a second, and a step. */
async function measure(way) {
  const out = join(folder, "run");
  let [tokens, seconds] = [0, 0];
  const step = (row) => {
    if (row.step <= warm) return;
    tokens += row.tokens;
    seconds += row.seconds;
  };
  await train(parseTrainingConfig({ ...config, ...ways[way], out }, "bench/packing.js"), { events: { step } });
  rmSync(out, { recursive: true });
  return { speed: tokens / seconds, size: tokens / Number(options.steps) };
}

try {
  const found = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const way of Object.keys(ways)) found[way].push(await measure(way));
  }
  console.log("| 2,560 places a step | text tokens a step | text tokens/s (median, least to most) |\n|---|---|---|");
  for (const [way, runs] of Object.entries(found)) {
    const speeds = runs.map(({ speed }) => Math.round(speed)).sort((a, b) => a - b);
    console.log(`| ${way} | ${Math.round(runs[0].size)} | ${median(speeds)} (${speeds[0]} to ${speeds.at(-1)}) |`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

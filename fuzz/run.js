/** `npm run fuzz [-- --cases N --seed S]`, after `npm run build`: malformed files against every reader. */
import { parseArgs } from "node:util";
import { ZerothError } from "../dist/errors.js";
import { parseJsonObject } from "../dist/hub/json.js";
import { parseSafetensorsHeader } from "../dist/hub/safetensors.js";
import { createSentencePieceTokenizer } from "../dist/hub/sentencepiece-tokenizer.js";
import { createTokenizer } from "../dist/hub/tokenizer.js";
import { readTorch } from "../dist/hub/torch/torch.js";
import { fuzz, readers } from "./cases.js";

const { values } = parseArgs({
  options: { cases: { type: "string", default: "50000" }, seed: { type: "string", default: "1" } },
});
const [cases, seed] = [Number(values.cases), Number(values.seed)];
if (!Number.isSafeInteger(cases) || cases < 1 || !Number.isSafeInteger(seed)) {
  console.error("usage: npm run fuzz -- [--cases N] [--seed S]");
  process.exit(2);
}
const start = performance.now();
const rows = fuzz(
  readers({ parseSafetensorsHeader, parseJsonObject, createTokenizer, createSentencePieceTokenizer, readTorch }),
  {
    cases,
    seed,
    expected: (error) => error instanceof ZerothError,
  },
);
console.table(
  rows.map(({ failures, slowestMs, largestBytes, ...row }) => ({
    ...row,
    failures: failures.length,
    "slowest ms": Number(slowestMs.toFixed(1)),
    "grew MiB": Number((largestBytes / 2 ** 20).toFixed(1)),
  })),
);
const failures = rows.flatMap((row) => row.failures.map((failure) => ({ reader: row.name, ...failure })));
for (const { reader, seed: at, why, input } of failures.slice(0, 10)) {
  console.log(`\n${reader}, case seed ${at}: ${why}\n  ${input.slice(0, 600)}`);
}
console.log(
  `${cases} cases, seed ${seed}, ${((performance.now() - start) / 1000).toFixed(1)} s, ${failures.length} failures`,
);
process.exitCode = failures.length > 0 ? 1 : 0;

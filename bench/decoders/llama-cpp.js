/**
 * The same of llama.cpp through node-llama-cpp, which lies in the node_modules below ZEROTH_PEERS:
 * node bench/decoders/llama-cpp.js MEASURE FILE.gguf THREADS REPEATS
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ids, report } from "../shared.js";
import { context as length, steps } from "./shapes.js";

const [measure, path, threadText, repeats] = process.argv.slice(2);
const threads = Number(threadText);
const peers = createRequire(join(process.env.ZEROTH_PEERS ?? ".", "package.json"));
const { getLlama } = await import(pathToFileURL(peers.resolve("node-llama-cpp")).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: threads });
const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
const batch = measure === "generate8" ? 8 : 1;
const size = length + steps + 8;
const context = await model.createContext({ sequences: batch, contextSize: size, batchSize: length * batch, threads });
const prompts = ids(batch, length, 30000);
const sequences = Array.from({ length: batch }, () => context.getSequence());

/** Milliseconds until the first token of every row, and of a step after it. */
async function run() {
  for (const sequence of sequences) await sequence.clearHistory();
  const start = performance.now();
  let firsts = 0;
  let [first, end] = [0, 0];
  await Promise.all(
    sequences.map(async (sequence, row) => {
      let count = 0;
      for await (const _ of sequence.evaluate(prompts[row], { temperature: 0, yieldEogToken: true })) {
        if (count === 0 && ++firsts === batch) first = performance.now();
        if (++count > steps) break;
      }
      end = performance.now();
    }),
  );
  return { prefill: first - start, step: (end - first) / steps };
}

const times = [];
for (let n = 0; n <= Number(repeats); n++) times.push((await run())[measure === "prefill" ? "prefill" : "step"]);
report(times.slice(1), { batch, context: length });
process.exit(0);

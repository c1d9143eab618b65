/**
 * Embeddings of the same texts by transformers.js, in order, 32 at a time:
 * node bench/encoders/transformers-js.js embed FOLDER THREADS REPEATS [DTYPE]
 */
import { pipeline } from "@huggingface/transformers";
import { here } from "../js-peer.js";
import { report, timed } from "../shared.js";
import { madeTexts, rows } from "./shapes.js";

const [, path, threads, repeats, dtype = "fp32"] = process.argv.slice(2);
const extract = await pipeline("feature-extraction", path, here(dtype, threads));
const texts = madeTexts();
let vectors;
const run = async () => {
  vectors = [];
  for (let from = 0; from < texts.length; from += rows) {
    const made = await extract(texts.slice(from, from + rows), { pooling: "mean", normalize: true });
    vectors.push(...made.tolist());
  }
};
const times = await timed(run, Number(repeats), 1);
report(times, { texts: texts.length, first: vectors[0].slice(0, 3) });

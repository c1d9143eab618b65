/** Embeddings of the folder's texts by ours, all at once: node bench/encoders/zeroth.js embed FOLDER THREADS REPEATS */
import { openEncoder } from "../../dist/text/open-node.js";
import { report, timed } from "../shared.js";
import { madeTexts } from "./shapes.js";

const [, path, threads, repeats] = process.argv.slice(2);
const opened = await openEncoder(path, { threads: Number(threads) });
const texts = madeTexts();
let vectors;
const run = async () => {
  vectors = await opened.encoder.embedAll(texts, { normalize: true });
};
const times = await timed(run, Number(repeats), 1);
const failed = vectors.find((vector) => vector instanceof Error);
if (failed) throw failed;
report(times, { texts: texts.length, first: [...vectors[0].slice(0, 3)] });
await opened[Symbol.asyncDispose]();

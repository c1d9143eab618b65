/** One measurement of a decoder of ours: node bench/decoders/zeroth.js prefill|generate1|generate8 FOLDER THREADS REPEATS */
import { openLanguageModel } from "../../dist/text/open-node.js";
import { ids, report, timed } from "../shared.js";
import { context, steps } from "./shapes.js";

const [measure, path, threads, repeats] = process.argv.slice(2);
const batch = measure === "generate8" ? 8 : 1;
const { model } = await openLanguageModel(path, { threads: Number(threads) });
const prompts = ids(batch, context, model.vocabulary);

/** Read the prompts; the milliseconds of a step after them. */
async function run() {
  const decoding = (await model.read(prompts)).begin(1, steps);
  let feed = await decoding.likeliest();
  const start = performance.now();
  for (let step = 0; step < steps; step++) feed = await decoding.likeliest(feed);
  return (performance.now() - start) / steps;
}

if (measure === "prefill") {
  const read = async () => (await model.read(prompts)).begin(1, steps).likeliest();
  report(await timed(read, Number(repeats), 1), { batch, tokens: context });
} else {
  const times = [];
  for (let n = 0; n <= Number(repeats); n++) times.push(await run());
  report(times.slice(1), { batch, steps, context });
}

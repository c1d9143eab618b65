/** The same of transformers.js: node bench/decoders/transformers-js.js MEASURE FOLDER THREADS REPEATS [DTYPE] */
import { AutoModelForCausalLM } from "@huggingface/transformers";
import { argmax, here, matrix } from "../js-peer.js";
import { ids, report, timed } from "../shared.js";
import { context, steps } from "./shapes.js";

const [measure, path, threads, repeats, dtype = "fp32"] = process.argv.slice(2);
const batch = measure === "generate8" ? 8 : 1;
const model = await AutoModelForCausalLM.from_pretrained(path, here(dtype, threads));
const ones = (length) => matrix(Array.from({ length: batch }, () => new Array(length).fill(1)));
const prompts = ids(batch, context, model.config.vocab_size);

/** Its forward call with its cache, without the list of logits processors that `generate` keeps. */
async function forward(rows, total, past) {
  const outputs = await model.forward({ input_ids: matrix(rows), attention_mask: ones(total), past_key_values: past });
  const kept = Object.entries(outputs).filter(([name]) => name.startsWith("present"));
  const next = Object.fromEntries(kept.map(([name, value]) => [name.replace("present", "past_key_values"), value]));
  return { feed: argmax(outputs.logits), past: next };
}

async function run() {
  let { feed, past } = await forward(prompts, context, null);
  const start = performance.now();
  for (let step = 1; step <= steps; step++) {
    ({ feed, past } = await forward(
      feed.map((id) => [id]),
      context + step,
      past,
    ));
  }
  return (performance.now() - start) / steps;
}

if (measure === "prefill") {
  report(await timed(() => forward(prompts, context, null), Number(repeats), 1), { batch, tokens: context });
} else {
  const times = [];
  for (let n = 0; n <= Number(repeats); n++) times.push(await run());
  report(times.slice(1), { batch, steps, context });
}

/** A text in, one token out, and nothing else: node bench/first-token.js zeroth|transformers.js FOLDER THREADS [DTYPE] */
import { readFileSync } from "node:fs";
import { peakRss, prompt } from "./shared.js";

const [peer, path, threads, dtype = "fp32"] = process.argv.slice(2);
let text;
if (peer === "zeroth") {
  const { openTextModel } = await import("../dist/node/index.js");
  const model = await openTextModel(path, { threads: Number(threads) });
  ({ text } = await model.generate(prompt, { maxNewTokens: 1 }));
} else {
  const { AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer } = await import("@huggingface/transformers");
  const isDecoder = !JSON.parse(readFileSync(`${path}/config.json`, "utf8")).is_encoder_decoder;
  const session_options = { intraOpNumThreads: Number(threads), interOpNumThreads: 1 };
  const options = { local_files_only: true, dtype, device: "cpu", session_options };
  const [tokenizer, model] = await Promise.all([
    AutoTokenizer.from_pretrained(path, { local_files_only: true }),
    (isDecoder ? AutoModelForCausalLM : AutoModelForSeq2SeqLM).from_pretrained(path, options),
  ]);
  const out = await model.generate({ ...tokenizer(prompt), max_new_tokens: 1 });
  text = tokenizer.batch_decode(out, { skip_special_tokens: true })[0];
}
console.log(JSON.stringify({ text, peak_rss_mib: peakRss() }));

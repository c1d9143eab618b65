/**
 * One measurement of transformers.js in a process of its own:
 * node bench/transformers-js.js encoder|decode1|decode8 FOLDER THREADS REPEATS [DTYPE]
 *
 * The decode loop is its forward call with its cache, without the list of logits processors `generate` keeps: the
 * same work as the other peers do.
 */
import { AutoModelForSeq2SeqLM, Tensor } from "@huggingface/transformers";
import { argmax, here, matrix } from "./js-peer.js";
import { ids, report, timed } from "./shared.js";

const [measure, path, threads, repeats, dtype = "fp32"] = process.argv.slice(2);
const model = await AutoModelForSeq2SeqLM.from_pretrained(path, here(dtype, threads));

const batch = measure === "decode8" ? 8 : 1;
const tokens = ids(batch, 256, model.config.vocab_size);
const inputs = { input_ids: matrix(tokens), attention_mask: matrix(tokens.map((row) => row.map(() => 1))) };
const encode = () =>
  model.sessions.model.run(
    Object.fromEntries(Object.entries(inputs).map(([name, { ort_tensor }]) => [name, ort_tensor])),
  );

if (measure === "encoder") report(await timed(encode, Number(repeats), 2), { batch, tokens: 256 });
else {
  const hidden = new Tensor((await encode()).last_hidden_state);
  const run = async () => {
    let next = new Array(batch).fill(0);
    let past = null;
    for (let step = 0; step < 64; step++) {
      const outputs = await model.forward({
        encoder_outputs: hidden,
        attention_mask: inputs.attention_mask,
        decoder_input_ids: matrix(next.map((id) => [id])),
        past_key_values: past,
      });
      next = argmax(outputs.logits);
      const kept = Object.entries(outputs).filter(([name]) => name.startsWith("present"));
      const before = past;
      past = Object.fromEntries(
        kept.map(([name, value]) => {
          const key = name.replace("present", "past_key_values");
          return [key, before && name.includes("encoder") ? before[key] : value];
        }),
      );
    }
  };
  report(await timed(run, Number(repeats)), { per: 64, batch, steps: 64, encoder_tokens: 256 });
}

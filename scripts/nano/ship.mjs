/**
 * Puts a trained model into models/zeroth-nano: weights in bf16 or fp32, configuration, tokenizer.
 * node scripts/nano/ship.mjs --model DIR [--dtype bfloat16]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fromFloat32, toFloat32 } from "../../dist/hub/convert.js";
import { writeFileSafely } from "../../dist/hub/files-node.js";
import { openModelFolder } from "../../dist/hub/folder-node.js";
import { readStored, writeSafetensors } from "../../dist/hub/safetensors-node.js";
import { t5ConfigText } from "../../dist/models/t5-config.js";
import { t5ConfigFor } from "../../dist/models/t5-model.js";

const { values: options } = parseArgs({
  options: { model: { type: "string" }, dtype: { type: "string", default: "bfloat16" } },
});
const out = fileURLToPath(new URL("../../models/zeroth-nano/", import.meta.url));
const folder = openModelFolder(options.model);
const config = t5ConfigFor(folder.config, folder.weights);
const tensors = [...folder.weights].map(([name, stored]) => [
  name,
  fromFloat32(toFloat32(readStored(stored)), options.dtype),
]);
await writeSafetensors(join(out, "model.safetensors"), tensors, { format: "pt" });
await writeFileSafely(join(out, "tokenizer.json"), readFileSync(folder.tokenizer.json, "utf8"));
const special = { pad_token: "<pad>", eos_token: "</s>", unk_token: "<unk>" };
const tokenizer = {
  tokenizer_class: "PreTrainedTokenizerFast",
  ...special,
  clean_up_tokenization_spaces: false,
  model_max_length: 256,
};
await writeFileSafely(join(out, "tokenizer_config.json"), `${JSON.stringify(tokenizer, null, 2)}\n`);
const generation = {
  decoder_start_token_id: config.start,
  eos_token_id: config.eos,
  pad_token_id: config.pad,
  max_new_tokens: 64,
};
await writeFileSafely(join(out, "generation_config.json"), `${JSON.stringify(generation, null, 2)}\n`);
await writeFileSafely(join(out, "config.json"), t5ConfigText(config));

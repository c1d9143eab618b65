/**
 * Puts a trained model into models/zeroth-nano: weights in 8 bits, configuration, tokenizer. The model card is kept.
 * node scripts/nano/ship.mjs --model DIR
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeFileSafely } from "../../dist/base/files-node.js";
import { openModelFolder } from "../../dist/folders/open-node.js";
import { quantizeFolder } from "../../dist/folders/quantize-node.js";
import { readModel } from "../../dist/models/families.js";
import { formatsOf } from "../../dist/models/kinds/formats.js";

const { values: options } = parseArgs({ options: { model: { type: "string" } } });
const out = fileURLToPath(new URL("../../models/zeroth-nano/", import.meta.url));
const folder = openModelFolder(options.model);
const { architecture } = readModel(folder.config, folder.weights, options.model);
const draft = mkdtempSync(join(tmpdir(), "zeroth-ship-"));
const choose = formatsOf(architecture, 8);
const { reports } = await quantizeFolder(folder, { out: draft, bits: 8, choose });
for (const name of ["model.safetensors", "config.json"]) copyFileSync(join(draft, name), join(out, name));
rmSync(draft, { recursive: true });
const worst = reports.reduce((a, b) => (b.error > a.error ? b : a));
console.log(`largest loss ${(100 * worst.error).toFixed(2)} % in ${worst.tensor}`);

await writeFileSafely(join(out, "tokenizer.json"), readFileSync(folder.tokenizer.json, "utf8"));
const special = { pad_token: "<pad>", eos_token: "</s>", unk_token: "<unk>" };
const tokenizer = {
  tokenizer_class: "PreTrainedTokenizerFast",
  ...special,
  clean_up_tokenization_spaces: false,
  add_eos_token: true,
  model_max_length: 256,
};
await writeFileSafely(join(out, "tokenizer_config.json"), `${JSON.stringify(tokenizer, null, 2)}\n`);
const generation = {
  decoder_start_token_id: architecture.start,
  eos_token_id: architecture.ends[0],
  pad_token_id: architecture.pad,
};
await writeFileSafely(join(out, "generation_config.json"), `${JSON.stringify(generation, null, 2)}\n`);
